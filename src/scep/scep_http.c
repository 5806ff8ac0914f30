#include <string.h>

#include "base/log.h"
#include "fmt/base64.h"
#include "scep/scep.h"

#define MESSAGE_MAX (64 * 1024) /* octets; real ones are under 5 kB */

static void
pki_operation(struct call *c, const struct http_request *r, struct http_reply *out)
{
	struct bytes message = r->body, answer;
	const char *text;
	enum rc rc;

	if (strcmp(r->method, "POST") != 0) {
		/* A "+" of base64 may arrive unencoded. */
		text = http_query(c, r, "message", false);
		message = text != NULL ? base64_decode(c->arena, bytes_str(text), true) : (struct bytes){ NULL, 0 };
		if (message.p == NULL) {
			http_fail(out, RC_BAD_INPUT);
			return;
		}
	}
	if ((rc = scep_operation(c, r->segment[0], message, &answer)) != RC_OK) {
		log_warn("SCEP message not answered", "error", c->err.text);
		http_fail(out, rc);
		return;
	}
	http_answer(out, 200, "application/x-pki-message", answer);
}

static void
scep(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	const char *operation = http_query(c, r, "operation", true);
	struct bytes certificate;
	enum rc rc;

	(void)room;
	if (operation != NULL && strcmp(operation, "PKIOperation") == 0) {
		pki_operation(c, r, out);
	} else if (strcmp(r->method, "POST") != 0 && operation != NULL && strcmp(operation, "GetCACaps") == 0) {
		http_answer(out, 200, "text/plain", bytes_str(scep_capabilities()));
	} else if (strcmp(r->method, "POST") != 0 && operation != NULL && strcmp(operation, "GetCACert") == 0) {
		if ((rc = scep_ca_certificate(c, r->segment[0], &certificate)) != RC_OK)
			http_fail(out, rc);
		else
			http_answer(out, 200, "application/x-x509-ca-cert", certificate);
	} else {
		http_fail(out, RC_BAD_INPUT);
	}
}

const struct http_route scep_routes[] = {
	{ "GET", "/scep/{}", HTTP_HEAVY, 0, 0, scep },
	{ "POST", "/scep/{}", HTTP_HEAVY, MESSAGE_MAX, 0, scep },
	{ .method = NULL },
};
