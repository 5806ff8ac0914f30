#include <string.h>

#include "acme/acme.h"
#include "base/log.h"
#include "config/config.h"

/* On every answer (RFC 8555 6.5.1, 7.1). */
static void
put_headers(struct call *c, const struct http_request *r, struct http_reply *out, const char *nonce)
{
	http_set(out, "Cache-Control", "no-store");
	http_set(
	    out, "Link", arena_printf(c->arena, "<%s/acme/%s/directory>;rel=\"index\"", c->conf->url, r->segment[0]));
	if (nonce != NULL)
		http_set(out, "Replay-Nonce", nonce);
}

static void
get_directory(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	struct bytes document;
	enum rc rc = acme_directory(c, r->segment[0], &document);

	(void)room;
	if (rc != RC_OK)
		http_fail(out, rc);
	else
		http_answer(out, 200, "application/json", document);
}

static void
get_nonce(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	const char *nonce;
	enum rc rc = acme_nonce(c, r->segment[0], &nonce);

	(void)room;
	if (rc != RC_OK) {
		http_fail(out, rc);
		return;
	}
	http_answer(out, strcmp(r->method, "HEAD") == 0 ? 200 : 204, NULL, bytes_str(""));
	put_headers(c, r, out, nonce);
}

static void
post(struct call *c, enum acme_resource what, const struct http_request *r, struct http_reply *out)
{
	const struct acme_request in = {
		.organization_id = r->segment[0],
		.id = r->segment[1],
		.url = arena_printf(c->arena, "%s%s", c->conf->url, r->path),
		.address = r->peer,
		.body = r->body,
	};
	const char *type = http_header(r, "Content-Type");
	struct acme_answer a;
	enum rc rc;

	if (type == NULL || strcmp(type, "application/jose+json") != 0) { /* RFC 8555 6.2 */
		http_answer(out, 415, "text/plain", bytes_str("application/jose+json is expected\n"));
		return;
	}
	if ((rc = acme_post(c, what, &in, &a)) != RC_OK) {
		if (rc != RC_NOT_FOUND)
			log_error("ACME request failed", "error", c->err.text);
		http_fail(out, rc);
		return;
	}
	http_answer(out, a.status, a.type, a.body);
	put_headers(c, r, out, a.nonce);
	if (a.location != NULL)
		http_set(out, "Location", a.location);
	if (a.up != NULL)
		http_set(out, "Link", arena_printf(c->arena, "<%s>;rel=\"up\"", a.up));
	if (a.status == 429)
		http_set(out, "Retry-After", "600");
}

#define DOOR(name, what) \
	static void name(struct call *c, const struct http_request *r, struct http_reply *out, void *room) \
	{ \
		(void)room; \
		post(c, what, r, out); \
	}
DOOR(post_new_account, ACME_NEW_ACCOUNT)
DOOR(post_account, ACME_ACCOUNT)
DOOR(post_new_order, ACME_NEW_ORDER)
DOOR(post_order, ACME_ORDER)
DOOR(post_authorization, ACME_AUTHORIZATION)
DOOR(post_challenge, ACME_CHALLENGE)
DOOR(post_finalize, ACME_FINALIZE)
DOOR(post_certificate, ACME_CERTIFICATE)

const struct http_route acme_routes[] = {
	{ "GET", "/acme/{}/directory", HTTP_QUICK, 0, 0, get_directory },
	{ "GET", "/acme/{}/new-nonce", HTTP_QUICK, 0, 0, get_nonce },
	{ "POST", "/acme/{}/new-account", HTTP_HEAVY, ACME_BODY_MAX, 0, post_new_account },
	{ "POST", "/acme/{}/account/{}", HTTP_HEAVY, ACME_BODY_MAX, 0, post_account },
	{ "POST", "/acme/{}/new-order", HTTP_HEAVY, ACME_BODY_MAX, 0, post_new_order },
	{ "POST", "/acme/{}/order/{}", HTTP_HEAVY, ACME_BODY_MAX, 0, post_order },
	{ "POST", "/acme/{}/authorization/{}", HTTP_HEAVY, ACME_BODY_MAX, 0, post_authorization },
	{ "POST", "/acme/{}/challenge/{}", HTTP_HEAVY, ACME_BODY_MAX, 0, post_challenge },
	{ "POST", "/acme/{}/finalize/{}", HTTP_HEAVY, ACME_BODY_MAX, 0, post_finalize },
	{ "POST", "/acme/{}/certificate/{}", HTTP_HEAVY, ACME_BODY_MAX, 0, post_certificate },
	{ .method = NULL },
};
