#include "apple/maid_token.h"

#include <string.h>

#include "crypto/jose.h"
#include "crypto/x509.h"
#include "fmt/base64.h"
#include "fmt/json.h"

static json_t *
object_of(struct arena *a, const char *part)
{
	struct bytes text = base64url_decode(a, bytes_str(part));
	json_t *j;

	return text.p != NULL && json_parse(a, text, &j, NULL) == RC_OK && json_is_object(j) ? j : NULL;
}

enum maid_fault
maid_token_read(struct arena *a, const char *text, struct maid_token *out)
{
	const char *dot = strchr(text, '.'), *second = dot != NULL ? strchr(dot + 1, '.') : NULL, *alg;
	json_t *header, *claims, *iat;

	*out = (struct maid_token){ 0 };
	if (second == NULL || strchr(second + 1, '.') != NULL || strlen(text) > MAID_TOKEN_MAX)
		return MAID_MALFORMED;
	header = object_of(a, arena_strndup(a, text, (size_t)(dot - text)));
	claims = object_of(a, arena_strndup(a, dot + 1, (size_t)(second - dot - 1)));
	out->signature = base64url_decode(a, bytes_str(second + 1));
	out->input = bytes_of(text, (size_t)(second - text));
	if (header == NULL || claims == NULL || out->signature.p == NULL)
		return MAID_MALFORMED;
	alg = json_get_text(header, "alg");
	if (alg == NULL || strcmp(alg, "RS256") != 0)
		return MAID_ALGORITHM;
	out->iss = json_get_text(claims, "iss");
	out->jti = json_get_text(claims, "jti");
	out->service_type = json_get_text(claims, "service_type");
	iat = json_object_get(claims, "iat");
	if (out->iss == NULL || out->jti == NULL || *out->jti == '\0' || out->service_type == NULL ||
	    !json_is_integer(iat))
		return MAID_CLAIMS;
	out->iat = json_integer_value(iat);
	return strcmp(out->service_type, "com.apple.maid") == 0 ? MAID_FINE : MAID_SERVICE;
}

enum maid_fault
maid_token_check(struct arena *a, const struct maid_token *t, struct bytes certificate, int64_t now)
{
	struct x509_info info;
	struct bytes key;

	if (x509_parse(a, certificate, &info, NULL) != RC_OK || x509_raw_key(a, info.spki, &key, NULL) != RC_OK ||
	    !jose_is_signed(a, "RS256", key, t->input, t->signature))
		return MAID_SIGNATURE;
	/* Compared, not subtracted: iat is a peer's. */
	if (t->iat < now - MAID_WINDOW_S)
		return MAID_TOO_OLD;
	return t->iat > now + MAID_WINDOW_S ? MAID_TOO_NEW : MAID_FINE;
}
