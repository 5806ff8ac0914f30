/* Every rule of OpenID Connect Core 3.1.3.7, each broken alone. The signature is crypto/jose_test.c's affair. */
#include "account/id_token.h"
#include "base/tap.h"
#include "crypto/hash.h"
#include "crypto/jws.h"
#include "crypto/start.h"
#include "crypto/x509.h"
#include "fmt/base64.h"

#define NOW 1790000000

static struct arena *a;
static struct err e;
static struct bytes key;
static struct jose_keys *keys;
static enum id_token_fault fault;
static enum jose_fault jose;
static struct id_token got;
static const struct id_token_expected expected = {
	.issuer = "https://id.betterbag.com",
	.client_id = "postern",
	.nonce = "n-0S6",
	.access_token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y",
	.now = NOW,
};

static void
make_keys(void)
{
	struct bytes spki, raw;
	size_t n;

	x509_key_new(a, X509_RSA_2048, &key, &e);
	x509_key_public(a, key, &spki, &e);
	x509_raw_key(a, spki, &raw, &e);
	n = (size_t)raw.p[3] << 8 | raw.p[4];
	jose_keys_parse(a,
	    bytes_str(arena_printf(a, "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"1\",\"n\":\"%s\",\"e\":\"%s\"}]}",
		base64url_encode(a, bytes_of(raw.p + 5, n)),
		base64url_encode(a, bytes_of(raw.p + 5 + n, raw.n - 5 - n)))),
	    &keys, &e);
}

/* Good claims, and over them whatever `change` has; a null there takes the claim away. */
static char *
signed_claims(const char *change)
{
	json_t *claims = json_keep(
		   a, json_pack("{s:s,s:s,s:s,s:s,s:I,s:I,s:I}", "iss", expected.issuer, "aud", expected.client_id,
			  "nonce", expected.nonce, "sub", "248289761001", "exp", (json_int_t)NOW + 3600, "iat",
			  (json_int_t)NOW - 1, "auth_time", (json_int_t)NOW - 50)),
	       *over = NULL, *v;
	const char *name;
	char *token;

	if (json_parse(a, bytes_str(change), &over, &e) != RC_OK)
		printf("# %s\n", e.text);
	json_object_foreach(over, name, v)
	{
		if (json_is_null(v))
			json_object_del(claims, name);
		else
			json_object_set(claims, name, v);
	}
	jws_rs256(a, "{\"alg\":\"RS256\",\"kid\":\"1\"}",
	    arena_strndup(a, (const char *)json_text(a, claims, 0).p, json_text(a, claims, 0).n), key, &token, &e);
	return token;
}

static enum rc
check(const char *change, const struct id_token_expected *x)
{
	return id_token_check(a, bytes_str(signed_claims(change)), keys, x, &got, &fault, &jose, &e);
}

static void
good(const char *change, const char *sentence)
{
	if (!ok(check(change, &expected) == RC_OK && fault == ID_TOKEN_fine && got.claims != NULL &&
		    strcmp(got.sub, "248289761001") == 0,
		"%s", sentence))
		printf("# %s: %s\n", id_token_fault_name(fault), e.text);
}

static void
bad(const char *change, enum id_token_fault why, const char *sentence)
{
	enum rc rc = check(change, &expected);

	if (!ok(rc == RC_BAD_INPUT && fault == why && got.claims == NULL && got.sub == NULL, "%s", sentence))
		printf("# %s: %s\n", id_token_fault_name(fault), e.text);
}

static void
who(void)
{
	bad("{\"iss\":\"https://id.betterbag.com/\"}", ID_TOKEN_issuer, "iss is compared octet by octet (rule 2)");
	bad("{\"iss\":null}", ID_TOKEN_issuer, "a token without iss is refused");
	bad("{\"iss\":[\"https://id.betterbag.com\"]}", ID_TOKEN_issuer, "iss is one text");
	good("{\"aud\":[\"postern\"]}", "aud may be a list of one");
	bad("{\"aud\":\"other\"}", ID_TOKEN_audience, "aud of another client is refused (rule 3)");
	bad("{\"aud\":[\"postern\",\"other\"]}", ID_TOKEN_audience,
	    "an audience that is not ours alone is refused (rule 3)");
	bad("{\"aud\":[]}", ID_TOKEN_audience, "an empty aud is refused");
	bad("{\"aud\":null}", ID_TOKEN_audience, "a token without aud is refused");
	good("{\"azp\":\"postern\"}", "azp may be this client");
	bad("{\"azp\":\"other\"}", ID_TOKEN_azp, "azp of another client is refused (rule 5)");
	bad("{\"azp\":7}", ID_TOKEN_azp, "azp is text");
	bad("{\"nonce\":\"another\"}", ID_TOKEN_nonce, "another sign-in's nonce is refused (rule 11)");
	bad("{\"nonce\":null}", ID_TOKEN_nonce, "a token without nonce is refused");
	bad("{\"sub\":\"\"}", ID_TOKEN_subject, "an empty sub is refused");
	bad("{\"sub\":null}", ID_TOKEN_subject, "a token without sub is refused");
	bad("{\"sub\":248289761001}", ID_TOKEN_subject, "sub is text");
	bad(arena_printf(a, "{\"sub\":\"%0256d\"}", 1), ID_TOKEN_subject, "sub over 255 octets is refused (Core 2)");
}

static void
when(void)
{
	bad(arena_printf(a, "{\"exp\":%d}", NOW - ID_TOKEN_SKEW), ID_TOKEN_expired, "exp has passed (rule 9)");
	good(arena_printf(a, "{\"exp\":%d}", NOW - ID_TOKEN_SKEW + 1), "a clock may be off by three minutes");
	bad("{\"exp\":null}", ID_TOKEN_expired, "a token without exp is refused");
	bad("{\"exp\":\"1790003600\"}", ID_TOKEN_expired, "exp is a number");
	bad("{\"exp\":1e300}", ID_TOKEN_expired, "exp is a date");
	good("{\"exp\":1790003600.5}", "a date may have a fraction (RFC 7519 2)");
	good(arena_printf(a, "{\"iat\":%d}", NOW + ID_TOKEN_SKEW), "a clock may be ahead by three minutes");
	bad(arena_printf(a, "{\"iat\":%d}", NOW + ID_TOKEN_SKEW + 1), ID_TOKEN_future,
	    "iat lies in the future (rule 10)");
	bad("{\"iat\":null}", ID_TOKEN_future, "a token without iat is refused");
	bad(arena_printf(a, "{\"nbf\":%d}", NOW + 1000), ID_TOKEN_future, "nbf lies in the future (RFC 7519 4.1.5)");
	bad(arena_printf(a, "{\"iat\":%d}", NOW - 7200), ID_TOKEN_old, "a token that is too old is refused (rule 10)");
}

static void
with_expectations(void)
{
	struct id_token_expected x = expected;

	x.max_age = 300;
	ok(check("{}", &x) == RC_OK && got.auth_time == NOW - 50, "a sign-in within max_age is good");
	ok(check(arena_printf(a, "{\"auth_time\":%d}", NOW - 300 - ID_TOKEN_SKEW - 1), &x) == RC_BAD_INPUT &&
		fault == ID_TOKEN_auth_time,
	    "an older one is refused (rule 13)");
	ok(check("{\"auth_time\":null}", &x) == RC_BAD_INPUT && fault == ID_TOKEN_auth_time,
	    "where max_age was asked for, auth_time must be there (rule 13)");
	good("{\"auth_time\":null}", "where it was not, it need not");
	bad(arena_printf(a, "{\"auth_time\":%d}", NOW + 1000), ID_TOKEN_auth_time,
	    "a sign-in of the future is refused");

	good("{\"at_hash\":\"77QmUPtjPfzWtF2AnpK9RQ\"}", "at_hash of the access token (the example of Core A.3)");
	bad("{\"at_hash\":\"77QmUPtjPfzWtF2AnpK9RA\"}", ID_TOKEN_access_token,
	    "another access token is refused (Core 3.1.3.8)");

	x = expected;
	x.tenant_claim = "tid";
	x.tenant = "9188040d-6c67-4c5b-b112-36a304b66dad";
	ok(check("{\"tid\":\"9188040d-6c67-4c5b-b112-36a304b66dad\"}", &x) == RC_OK, "the tenant's own token is good");
	ok(check("{\"tid\":\"00000000-0000-0000-0000-000000000000\"}", &x) == RC_BAD_INPUT && fault == ID_TOKEN_tenant,
	    "another tenant's is refused");
	ok(check("{}", &x) == RC_BAD_INPUT && fault == ID_TOKEN_tenant, "nobody's is refused");
}

static void
unsigned_ones(void)
{
	struct bytes token = bytes_str("eyJhbGciOiJub25lIn0.e30.");

	ok(id_token_check(a, token, keys, &expected, &got, &fault, &jose, &e) == RC_BAD_INPUT &&
		fault == ID_TOKEN_token && jose == JOSE_ALGORITHM,
	    "what is wrong with the signature is told apart from claims");
	ok(strstr(e.text, "eyJ") == NULL, "and nothing of the token is in the sentence");
}

int
main(void)
{
	crypto_start();
	a = arena_new(0);
	make_keys();
	good("{}", "a token that keeps every rule is good (OpenID Connect Core 3.1.3.7)");
	who();
	when();
	with_expectations();
	unsigned_ones();
	arena_free(a);
	return done();
}
