#include "apple/maid_token.h"
#include "crypto/jws.h"
#include "crypto/testkit.h"
#include "fmt/base64.h"

#define HEADER "{\"alg\":\"RS256\",\"typ\":\"JWT\"}"
#define CLAIMS "{\"iss\":\"U\",\"iat\":1790000000,\"jti\":\"J\",\"service_type\":\"com.apple.maid\"}"

static const char *
parts(const char *header, const char *claims, const char *signature)
{
	return arena_printf(a, "%s.%s.%s", base64url_encode(a, bytes_str(header)),
	    base64url_encode(a, bytes_str(claims)), base64url_encode(a, bytes_str(signature)));
}

static void
test_reading(void)
{
	static const struct {
		const char *header, *claims;
		enum maid_fault fault;
		const char *rule;
	} cases[] = {
		{ HEADER, CLAIMS, MAID_FINE, "four claims and RS256 are enough" },
		{ "{\"alg\":\"RS256\"}", CLAIMS, MAID_FINE, "typ is not missed" },
		{ "{\"alg\":\"ES256\"}", CLAIMS, MAID_ALGORITHM, "another algorithm is refused" },
		{ "{\"alg\":\"none\"}", CLAIMS, MAID_ALGORITHM, "none at all, too" },
		{ "{}", CLAIMS, MAID_ALGORITHM, "and one that is not said" },
		{ "[]", CLAIMS, MAID_MALFORMED, "a header is an object" },
		{ HEADER, "nonsense", MAID_MALFORMED, "claims are JSON" },
		{ HEADER, "{\"iat\":1,\"jti\":\"J\",\"service_type\":\"com.apple.maid\"}", MAID_CLAIMS,
		    "iss is required" },
		{ HEADER, "{\"iss\":\"U\",\"iat\":1,\"service_type\":\"com.apple.maid\"}", MAID_CLAIMS,
		    "jti is required" },
		{ HEADER, "{\"iss\":\"U\",\"iat\":1,\"jti\":\"\",\"service_type\":\"com.apple.maid\"}", MAID_CLAIMS,
		    "an empty jti is none" },
		{ HEADER, "{\"iss\":\"U\",\"iat\":\"1\",\"jti\":\"J\",\"service_type\":\"com.apple.maid\"}",
		    MAID_CLAIMS, "iat is a number" },
		{ HEADER, "{\"iss\":\"U\",\"iat\":1,\"jti\":\"J\"}", MAID_CLAIMS, "service_type is required" },
		{ HEADER, "{\"iss\":\"U\",\"iat\":1,\"jti\":\"J\",\"service_type\":\"com.apple.watch.pairing\"}",
		    MAID_SERVICE, "and names this service" },
	};
	struct maid_token t;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		ok(maid_token_read(a, parts(cases[i].header, cases[i].claims, "s"), &t) == cases[i].fault, "S-31: %s",
		    cases[i].rule);
	ok(maid_token_read(a, "a.b", &t) == MAID_MALFORMED && maid_token_read(a, "a.b.c.d", &t) == MAID_MALFORMED &&
		maid_token_read(a, "", &t) == MAID_MALFORMED && maid_token_read(a, "..", &t) == MAID_MALFORMED,
	    "S-31: a compact JWS has three parts (RFC 7515 3.1)");
}

static enum maid_fault
checked(const char *text, const struct pair *by, int64_t now)
{
	struct maid_token t;
	enum maid_fault f = maid_token_read(a, text, &t);

	return f == MAID_FINE ? maid_token_check(a, &t, by->cert, now) : f;
}

static void
test_checking(void)
{
	struct pair mine = make(X509_RSA_2048, &kit_ca, NULL), other = make(X509_RSA_2048, &kit_ca, NULL),
		    ec = make(X509_P256, &kit_ca, NULL);
	char *token;

	ok(jws_rs256(a, HEADER, CLAIMS, mine.key, &token, &e) == RC_OK && checked(token, &mine, NOW) == MAID_FINE,
	    "S-31: a token by the uploaded certificate's key is accepted");
	ok(checked(token, &other, NOW) == MAID_SIGNATURE, "S-31: by another key it is not");
	ok(checked(token, &ec, NOW) == MAID_SIGNATURE, "S-31: nor against a certificate of another kind");
	ok(checked(parts(HEADER, CLAIMS, "s"), &mine, NOW) == MAID_SIGNATURE, "S-31: nor without its signature");
	ok(checked(token, &mine, NOW + MAID_WINDOW_S) == MAID_FINE &&
		checked(token, &mine, NOW + MAID_WINDOW_S + 1) == MAID_TOO_OLD,
	    "S-31: iat may be so far in the past, and not further");
	ok(checked(token, &mine, NOW - MAID_WINDOW_S) == MAID_FINE &&
		checked(token, &mine, NOW - MAID_WINDOW_S - 1) == MAID_TOO_NEW,
	    "S-31: and as far in the future");
}

int
main(void)
{
	kit_start();
	test_reading();
	test_checking();
	return kit_end();
}
