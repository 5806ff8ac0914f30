#include <string.h>

#include "base/log.h"
#include "crypto/hash.h"
#include "esso/esso.h"
#include "fmt/base64.h"

/* Asked by devices that have no token yet, so that it is for everybody. A change is to be seen by the next device:
 * a copy may be kept, and is asked about each time. */
static void
serve(struct call *c, const struct http_request *r, struct http_reply *out, enum esso_kind kind)
{
	const char *known = http_header(r, "If-None-Match"), *tag;
	struct esso_document document;
	enum rc rc;

	if ((rc = esso_get(c, r->segment[0], kind, &document)) != RC_OK) {
		if (rc != RC_NOT_FOUND)
			log_error("Enrollment SSO document not served", "error", c->err.text);
		http_fail(out, rc);
		return;
	}
	tag = arena_printf(c->arena, "\"%.22s\"", base64url_encode(c->arena, crypto_sha256(c->arena, document.text)));
	http_set(out, "Cache-Control", "no-cache");
	http_set(out, "ETag", tag);
	if (known != NULL && strstr(known, tag) != NULL)
		http_answer(out, 304, NULL, bytes_str(""));
	else
		http_answer(out, 200, "application/json", document.text);
}

static void
get_standard(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	(void)room;
	serve(c, r, out, ESSO_STANDARD);
}

static void
get_developer(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	(void)room;
	serve(c, r, out, ESSO_DEVELOPER);
}

const struct http_route esso_routes[] = {
	{ "GET", "/esso/{}", HTTP_QUICK, 0, 0, get_standard },
	{ "GET", "/esso/{}/developer", HTTP_QUICK, 0, 0, get_developer },
	{ .method = NULL },
};
