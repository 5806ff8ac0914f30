#include "assignment/oauth1.h"

#include <string.h>

#include "base/tap.h"

/* Answers of `openssl dgst -sha1 -mac hmac` over base strings that were written by hand after RFC 5849 3.4.1, and the key of
 * 3.4.2, "CS_8d5a%26secret%3D&AS_%2F%2B~%20x". */
static const struct {
	const char *url, *signature, *rule;
} answers[] = {
	{ "https://mdmenrollment.apple.com/session", "Vu8Ki%2FUeCwPKqYZsVnbSIYGKou4%3D",
	    "the signature is that of openssl" },
	{ "https://MDMenrollment.apple.com:443/session", "Vu8Ki%2FUeCwPKqYZsVnbSIYGKou4%3D",
	    "the host is signed in lower case, without the port that https has (RFC 5849 3.4.1.2)" },
	{ "https://localhost:2199/session", "qnRmL97rOo9ptJ1Eqf2boaciJyc%3D", "and with any other port" },
};

int
main(void)
{
	static const struct assignment_secrets s = { "CK_"
						     "48dd68d198350f51258e885ce9a5c37ab7f98543c4a697323d75682a6c10a3250"
						     "1cb247e3db08105db868f73f2c972bdb6ae77112ae"
						     "a803b9219eb52689d42e6",
		"CS_8d5a&secret=", "AT_a+b/c=", "AS_/+~ x" };
	struct arena *a = arena_new(0);
	const char *header = "";

	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		struct uri u;

		ok(uri_parse(a, answers[i].url, &u, NULL) == RC_OK, "%s can be read", answers[i].url);
		header = assignment_oauth1(a, "GET", &u, &s, 1764000000, "kllo9940pd9333jh");
		ok(strstr(header, arena_printf(a, "oauth_signature=\"%s\"", answers[i].signature)) != NULL, "S-06: %s",
		    answers[i].rule);
	}
	ok(strncmp(header, "OAuth realm=\"ADM\", oauth_consumer_key=\"CK_48", 44) == 0,
	    "S-06: the realm is ADM, and no part of what is signed (RFC 5849 3.4.1.3.1)");
	ok(strstr(header, "oauth_token=\"AT_a%2Bb%2Fc%3D\"") != NULL, "S-06: values are encoded (RFC 5849 3.5.1)");
	ok(strstr(header, "secret") == NULL && strstr(header, "AS_") == NULL, "no secret is sent");
	arena_free(a);
	return done();
}
