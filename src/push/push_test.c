#include "base/tap.h"
#include "push/push.h"

static struct arena *a;

static void
judged(int status, const char *body, enum push_verdict verdict, const char *reason, const char *what)
{
	const char *got;
	int64_t since;

	ok(push_judge(a, status, bytes_str(body), &got, &since) == verdict &&
		(reason == NULL ? got == NULL : got != NULL && strcmp(got, reason) == 0),
	    "S-34: %s", what);
}

int
main(void)
{
	const char *reason;
	int64_t since;

	a = arena_new(0);
	judged(200, "", PUSH_SENT, NULL, "200 is accepted");
	judged(410, "{\"reason\":\"Unregistered\",\"timestamp\":1764000000123}", PUSH_TOKEN_BAD, "Unregistered",
	    "410 ends pushing to the token");
	judged(410, "nonsense", PUSH_TOKEN_BAD, NULL, "also where its body says nothing");
	judged(
	    400, "{\"reason\":\"BadDeviceToken\"}", PUSH_TOKEN_BAD, "BadDeviceToken", "a token that is none likewise");
	judged(400, "{\"reason\":\"DeviceTokenNotForTopic\"}", PUSH_TOKEN_BAD, "DeviceTokenNotForTopic",
	    "and one of another topic");
	judged(400, "{\"reason\":\"PayloadEmpty\"}", PUSH_LATER, "PayloadEmpty",
	    "another 400 says nothing about the token");
	judged(403, "{\"reason\":\"BadCertificate\"}", PUSH_TROUBLE, "BadCertificate",
	    "403 is about the certificate: all pushes of the organization stop");
	judged(429, "{\"reason\":\"TooManyRequests\"}", PUSH_LATER, "TooManyRequests", "429 waits for this device");
	judged(500, "", PUSH_LATER, NULL, "500 is tried again");
	judged(0, "", PUSH_LATER, NULL, "no answer is tried again");
	judged(410, "{\"reason\":\"a secret: 123\"}", PUSH_TOKEN_BAD, NULL, "what is no word is not repeated");
	push_judge(a, 410, bytes_str("{\"reason\":\"Unregistered\",\"timestamp\":1764000000123}"), &reason, &since);
	ok(since == 1764000000, "S-34: 410 says since when, in milliseconds");
	arena_free(a);
	return done();
}
