#include "idp/assertion.h"

#include <string.h>

#include "crypto/hash.h"
#include "crypto/jws.h"
#include "crypto/x509.h"
#include "fmt/base64.h"
#include "fmt/json.h"

static const char *
text_of(struct arena *a, json_t *made)
{
	struct bytes b = json_text(a, json_keep(a, made), 0);

	return arena_strndup(a, (const char *)b.p, b.n);
}

/* Entra ID asks for PS256 with x5t#S256; what others are registered for is RS256, the one that all must know
 * (RFC 7523 5), without a kid: the key set that is registered there has this one key. */
static enum rc
header_of(struct call *c, const struct provider *p, struct bytes pem, bool *pss, const char **out)
{
	struct bytes *certificates;
	struct err none;
	json_t *j;
	int n;

	*pss = strcmp(p->kind, "entra") == 0;
	j = json_pack("{s:s, s:s}", "alg", *pss ? "PS256" : "RS256", "typ", "JWT");
	if (x509_from_pem(c->arena, pem, &certificates, &n, &none) == RC_OK)
		json_object_set_new(
		    j, "x5t#S256", json_string(base64url_encode(c->arena, crypto_sha256(c->arena, certificates[0]))));
	*out = text_of(c->arena, j);
	if (*pss && json_object_get(j, "x5t#S256") == NULL)
		return fail(&c->err, RC_BAD_INPUT, "Entra ID knows a key by its certificate: the file must have both");
	return RC_OK;
}

enum rc
idp_assertion(struct call *c, const struct provider *p, const char *pem, const char *token_endpoint, const char **out)
{
	const char *header, *claims;
	struct bytes key;
	char *token;
	enum rc rc;
	bool pss;

	if ((rc = x509_key_from_pem(c->arena, bytes_str(pem), &key, &c->err)) != RC_OK ||
	    (rc = header_of(c, p, bytes_str(pem), &pss, &header)) != RC_OK)
		return fail_in(&c->err, rc, "key for private_key_jwt");
	claims = text_of(c->arena, json_pack("{s:s, s:s, s:s, s:s, s:I, s:I}", "iss", p->client_id, "sub", p->client_id,
				       "aud", token_endpoint, "jti", crypto_token(c->arena), "iat", (json_int_t)c->now,
				       "exp", (json_int_t)c->now + IDP_ASSERTION_LIFE_S));
	rc = (pss ? jws_ps256 : jws_rs256)(c->arena, header, claims, key, &token, &c->err);
	if (rc != RC_OK)
		return fail_in(&c->err, rc, "key for private_key_jwt");
	*out = token;
	return RC_OK;
}
