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

/* How a key signs. Entra ID asks for PS256 with x5t#S256; what others are registered for is RS256, the one that all
 * must know (RFC 7523 5), or ES256 where the key is one on P-256. */
/* clang-format off */
static const struct way {
	bool entra, rsa;
	const char *alg;
	enum rc (*sign)(struct arena *a, const char *header, const char *payload, struct bytes key, char **out,
	    struct err *e);
} ways[] = {
	{ true,  true,  "PS256", jws_ps256 },
	{ false, true,  "RS256", jws_rs256 },
	{ false, false, "ES256", jws_es256 },
};
/* clang-format on */

static enum rc
header_of(struct call *c, const struct provider *p, struct bytes pem, const char *alg, const char **out)
{
	struct bytes *certificates;
	struct err none;
	json_t *j = json_pack("{s:s, s:s, s:s*}", "alg", alg, "typ", "JWT", "kid", p->key_id);
	int n;

	if (x509_from_pem(c->arena, pem, &certificates, &n, &none) == RC_OK)
		json_object_set_new(
		    j, "x5t#S256", json_string(base64url_encode(c->arena, crypto_sha256(c->arena, certificates[0]))));
	*out = text_of(c->arena, j);
	if (strcmp(p->kind, "entra") == 0 && json_object_get(j, "x5t#S256") == NULL)
		return fail(&c->err, RC_BAD_INPUT, "Entra ID knows a key by its certificate: the file must have both");
	return RC_OK;
}

enum rc
idp_assertion(struct call *c, const struct provider *p, const char *pem, const char *token_endpoint, const char **out)
{
	const char *header, *claims;
	const struct way *way = NULL;
	struct bytes key;
	char *token;
	enum rc rc;

	if ((rc = x509_key_from_pem(c->arena, bytes_str(pem), &key, &c->err)) != RC_OK)
		return fail_in(&c->err, rc, "key for private_key_jwt");
	for (size_t i = 0; i < sizeof ways / sizeof ways[0] && way == NULL; i++) {
		if (ways[i].entra == (strcmp(p->kind, "entra") == 0) && ways[i].rsa == jws_is_rsa(c->arena, key))
			way = &ways[i];
	}
	if (way == NULL)
		return fail(&c->err, RC_BAD_INPUT, "key for private_key_jwt: Entra ID takes RSA keys");
	if ((rc = header_of(c, p, bytes_str(pem), way->alg, &header)) != RC_OK)
		return fail_in(&c->err, rc, "key for private_key_jwt");
	claims = text_of(c->arena, json_pack("{s:s, s:s, s:s, s:s, s:I, s:I}", "iss", p->client_id, "sub", p->client_id,
				       "aud", token_endpoint, "jti", crypto_token(c->arena), "iat", (json_int_t)c->now,
				       "exp", (json_int_t)c->now + IDP_ASSERTION_LIFE_S));
	rc = way->sign(c->arena, header, claims, key, &token, &c->err);
	if (rc != RC_OK)
		return fail_in(&c->err, rc, "key for private_key_jwt");
	*out = token;
	return RC_OK;
}
