#include "assignment/client.h"

#include <string.h>

#include "assignment/assignment.h"
#include "base/tap.h"

/* Apple's words (Interpreting Automated Device Enrollment error codes; protocol 2.7), and what an administrator reads. */
static const struct {
	bool session;
	int status;
	const char *said, *retry_after;
	int64_t clock_off_s;
	enum rc rc;
	const char *sentence, *rule;
} cases[] = {
	{ true, 400, "Unsupported signature method", NULL, 0, RC_FORBIDDEN, "can't read this server's signature",
	    "OAuth parameters" },
	{ true, 401, "Invalid consumer key", NULL, 0, RC_FORBIDDEN, "does not know the server token", "consumer key" },
	{ true, 401, "Invalid or expired token", NULL, 0, RC_FORBIDDEN, "expired, or a newer one", "access token" },
	{ true, 401, "Invalid signature", NULL, 0, RC_FORBIDDEN, "does not accept the signature", "signature" },
	{ true, 401, "Invalid or used nonce", NULL, 0, RC_UNAVAILABLE, "sent before", "nonce" },
	{ true, 401, "", NULL, 3, RC_FORBIDDEN, "does not accept the server token", "no word" },
	{ true, 401, "Invalid timestamp", NULL, -600, RC_FORBIDDEN, "600 seconds behind Apple's",
	    "a clock that is late" },
	{ true, 401, "Invalid or used nonce", NULL, 600, RC_FORBIDDEN, "600 seconds ahead of Apple's",
	    "a clock that is early" },
	{ false, 403, "\"T_C_NOT_SIGNED\"", NULL, 0, RC_FORBIDDEN, "agrees to them", "T_C_NOT_SIGNED" },
	{ true, 403, "T_C_NOT_SIGNED.", NULL, 0, RC_FORBIDDEN, "agrees to them", "T_C_NOT_SIGNED for a session" },
	{ false, 403, "ACCESS_DENIED", NULL, 0, RC_FORBIDDEN, "denies this server access", "ACCESS_DENIED" },
	{ false, 401, "UNAUTHORIZED", NULL, 0, RC_UNAVAILABLE, "two sessions in a row",
	    "a session that is over at once" },
	{ false, 400, "ORG_NOT_SUPPORTED", NULL, 0, RC_FORBIDDEN, "does not offer account-driven",
	    "ORG_NOT_SUPPORTED" },
	{ false, 400, "MDM_SERVICE_DISCOVERY_URL_REQUIRED", NULL, 0, RC_BAD_INPUT, "wants a discovery URL",
	    "..._URL_REQUIRED" },
	{ false, 400, "MDM_SERVICE_DISCOVERY_URL_NOT_VALID", NULL, 0, RC_BAD_INPUT, "does not take",
	    "..._URL_NOT_VALID" },
	{ false, 404, "NOT_FOUND", NULL, 0, RC_NOT_FOUND, "postern apple discovery set", "NOT_FOUND" },
	{ false, 429, "", NULL, 0, RC_UNAVAILABLE, "too often", "429" },
	{ false, 503, "", "30", 0, RC_UNAVAILABLE, "for 30 seconds", "Retry-After" },
	{ false, 503, "", "Fri, 31 Dec", 0, RC_UNAVAILABLE, "answered 503", "Retry-After that is no number" },
	{ false, 400, "SOMETHING_NEW", NULL, 0, RC_UNAVAILABLE, "SOMETHING_NEW", "a word that nobody knows yet" },
};

static void
capabilities(struct arena *a)
{
	static const char text[] =
	    "{\"urls\":[{\"uri\":\"/session\",\"http_method\":\"GET\"},{\"uri\":7},{\"uri\":\"" ASSIGNMENT_PROFILE
	    "\",\"http_method\":[\"DELETE\",3,\"GET\"]}]}";
	json_t *account = NULL;

	ok(json_parse(a, bytes_str(text), &account, NULL) == RC_OK, "an AccountDetail can be read");
	ok(assignment_can(account, ASSIGNMENT_PROFILE, "GET"), "S-06: what urls lists may be called");
	ok(!assignment_can(account, ASSIGNMENT_PROFILE, "POST"), "S-06: and not by another method");
	ok(!assignment_can(account, "/session", "GET"), "a list of methods that is none lists nothing");
	ok(!assignment_can(NULL, ASSIGNMENT_PROFILE, "GET"), "nor does an account without urls");
}

int
main(void)
{
	struct arena *a = arena_new(0);

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct err e = { 0 };
		enum rc rc = assignment_error(
		    &e, cases[i].session, cases[i].status, cases[i].said, cases[i].retry_after, cases[i].clock_off_s);

		ok(rc == cases[i].rc && strstr(e.text, cases[i].sentence) != NULL, "S-06: %s: %s", cases[i].rule,
		    e.text);
	}
	capabilities(a);
	arena_free(a);
	return done();
}
