#include "account/id_token.h"

#include <string.h>

#include "crypto/hash.h"
#include "fmt/base64.h"

#define WORDS(name, sentence) { #name, sentence },
static const struct {
	const char *name, *sentence;
} faults[] = { ID_TOKEN_FAULTS(WORDS) };
#undef WORDS

const char *
id_token_fault_name(enum id_token_fault fault)
{
	return faults[fault].name;
}

static bool
same(const json_t *claims, const char *name, const char *wanted)
{
	const char *said = json_get_text(claims, name);

	return said != NULL && wanted != NULL && strcmp(said, wanted) == 0;
}

/* Ours alone: whoever shares an audience could hand on a token that was meant for it. */
static bool
for_us(const json_t *claims, const char *client_id)
{
	const json_t *aud = json_object_get(claims, "aud");

	if (json_is_array(aud) && json_array_size(aud) == 1)
		aud = json_array_get(aud, 0);
	return json_is_string(aud) && strcmp(json_string_value(aud), client_id) == 0;
}

/* NumericDate may have a fraction. False: not a number, or none that a clock will ever show. */
static bool
date(const json_t *claims, const char *name, int64_t *out)
{
	const json_t *v = json_object_get(claims, name);
	double d = json_number_value(v);

	if (!json_is_number(v) || !(d > 0 && d < 1e11))
		return false;
	*out = (int64_t)d;
	return true;
}

/* Core 3.1.3.6: the left half of the access token's hash, which is SHA-256 for all three algorithms. */
static bool
belongs(struct arena *a, const json_t *claims, const char *access_token)
{
	struct bytes sum;

	if (access_token == NULL || json_object_get(claims, "at_hash") == NULL)
		return true;
	sum = crypto_sha256_text(a, access_token);
	return same(claims, "at_hash", base64url_encode(a, bytes_of(sum.p, sum.n / 2)));
}

static enum id_token_fault
who(const json_t *claims, const struct id_token_expected *x, struct id_token *out)
{
	if (!same(claims, "iss", x->issuer))
		return ID_TOKEN_issuer;
	if (!for_us(claims, x->client_id))
		return ID_TOKEN_audience;
	if (json_object_get(claims, "azp") != NULL && !same(claims, "azp", x->client_id))
		return ID_TOKEN_azp;
	if (x->nonce != NULL && !same(claims, "nonce", x->nonce))
		return ID_TOKEN_nonce;
	out->sub = json_get_text(claims, "sub");
	if (out->sub == NULL || out->sub[0] == '\0' || strlen(out->sub) > ID_TOKEN_SUB_MAX)
		return ID_TOKEN_subject;
	if (x->tenant_claim != NULL && !same(claims, x->tenant_claim, x->tenant))
		return ID_TOKEN_tenant;
	return ID_TOKEN_fine;
}

static enum id_token_fault
when(const json_t *claims, const struct id_token_expected *x, struct id_token *out)
{
	int64_t exp, iat, nbf = 0;

	if (!date(claims, "exp", &exp) || exp <= x->now - ID_TOKEN_SKEW)
		return ID_TOKEN_expired;
	if (!date(claims, "iat", &iat) || iat > x->now + ID_TOKEN_SKEW)
		return ID_TOKEN_future;
	if (json_object_get(claims, "nbf") != NULL && (!date(claims, "nbf", &nbf) || nbf > x->now + ID_TOKEN_SKEW))
		return ID_TOKEN_future;
	if (iat < x->now - ID_TOKEN_OLD - ID_TOKEN_SKEW)
		return ID_TOKEN_old;
	out->auth_time = 0;
	if (json_object_get(claims, "auth_time") != NULL || x->max_age > 0) {
		if (!date(claims, "auth_time", &out->auth_time) || out->auth_time > x->now + ID_TOKEN_SKEW)
			return ID_TOKEN_auth_time;
		if (x->max_age > 0 && out->auth_time < x->now - x->max_age - ID_TOKEN_SKEW)
			return ID_TOKEN_auth_time;
	}
	return ID_TOKEN_fine;
}

enum rc
id_token_check(struct arena *a, struct bytes token, const struct jose_keys *keys, const struct id_token_expected *x,
    struct id_token *out, enum id_token_fault *fault, enum jose_fault *jose, struct err *e)
{
	json_t *claims;
	enum rc rc;

	*out = (struct id_token){ 0 };
	*fault = ID_TOKEN_token;
	if ((rc = jose_verify(a, token, keys, &claims, jose, e)) != RC_OK)
		return rc;
	*fault = who(claims, x, out);
	if (*fault == ID_TOKEN_fine)
		*fault = when(claims, x, out);
	if (*fault == ID_TOKEN_fine && !belongs(a, claims, x->access_token))
		*fault = ID_TOKEN_access_token;
	if (*fault != ID_TOKEN_fine) {
		*out = (struct id_token){ 0 };
		return fail(e, RC_BAD_INPUT, "ID token: %s", faults[*fault].sentence);
	}
	out->claims = claims;
	return RC_OK;
}
