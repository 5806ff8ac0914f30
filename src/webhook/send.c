#include "webhook/send.h"

#include "base/clock.h"
#include "config/config.h"
#include "crypto/hash.h"
#include "fmt/base64.h"

#define ANSWER_MAX (64 * 1024) /* octets; nobody reads it */

const char *
webhook_signature(struct arena *a, struct bytes key, const char *id, int64_t at, const char *body)
{
	const char *text = arena_printf(a, "%s.%lld.%s", id, (long long)at, body);

	return arena_printf(a, "v1,%s", base64_encode(a, crypto_hmac_sha256(a, key, bytes_str(text))));
}

enum rc
webhook_open(struct call *c, struct http_client **out)
{
	const struct http_client_settings s = {
		.ca_file = c->conf->webhook_ca,
		.user_agent = "postern",
		.timeout_ms = WEBHOOK_TIMEOUT_MS,
		.https_only = !c->conf->lab,
		.public_only = !c->conf->webhook_private,
	};

	return http_client_open(&s, out, &c->err);
}

enum rc
webhook_send(
    struct call *c, struct http_client *http, const struct webhook *w, const struct webhook_parcel *p, int *status)
{
	int64_t now = clock_now();
	struct http_client_answer x;
	struct bytes key;
	const char *headers[5];
	struct http_client_request r = { .method = "POST",
		.url = w->url,
		.headers = headers,
		.traceparent = p->trace,
		.body = bytes_str(p->body),
		.max_body = ANSWER_MAX };
	enum rc rc;
	int n = 0;

	*status = 0;
	if ((rc = webhook_secret(c, w, &key)) != RC_OK)
		return rc;
	headers[n++] = "content-type: application/json";
	headers[n++] = arena_printf(c->arena, "webhook-id: %s", p->id);
	headers[n++] = arena_printf(c->arena, "webhook-timestamp: %lld", (long long)now);
	headers[n++] =
	    arena_printf(c->arena, "webhook-signature: %s", webhook_signature(c->arena, key, p->id, now, p->body));
	headers[n] = NULL;
	if (http_client_send(http, c->arena, &r, &x, &c->err) != RC_OK)
		return RC_UNAVAILABLE;
	*status = x.status;
	if (x.status / 100 == 2)
		return RC_OK;
	return fail(&c->err, x.status == 429 || x.status >= 500 ? RC_UNAVAILABLE : RC_CONFLICT,
	    "the receiver answered %d", x.status);
}

enum rc
webhook_test(struct call *c, const char *id, int *status)
{
	const struct webhook_parcel p = {
		.id = arena_printf(c->arena, "msg_%s", crypto_id(c->arena)),
		.body = arena_printf(c->arena, "{\"type\":\"%s\",\"timestamp\":\"%s\",\"data\":{}}",
		    webhook_type_name(WEBHOOK_test), clock_rfc3339(c->arena, c->now)),
	};
	struct http_client *http;
	struct webhook w;
	enum rc rc;

	*status = 0;
	if ((rc = webhook_get(c, id, &w)) != RC_OK || (rc = webhook_open(c, &http)) != RC_OK)
		return rc;
	rc = webhook_send(c, http, &w, &p, status);
	http_client_close(http);
	return rc;
}
