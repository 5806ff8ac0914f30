#include "crypto/flat_jws.h"

#include <string.h>

#include "crypto/jose.h"
#include "fmt/base64.h"

/* One of the three members, and as it is signed: the text itself. */
static enum rc
member(struct arena *a, const json_t *root, const char *name, const char **text, struct bytes *value, struct err *e)
{
	*text = json_get_text(root, name);
	*value = *text != NULL ? base64url_decode(a, bytes_str(*text)) : bytes_of(NULL, 0);
	/* The payload of a POST-as-GET is empty (RFC 8555 6.3), and empty text decodes to nothing. */
	if (*text == NULL || (value->p == NULL && **text != '\0'))
		return fail(e, RC_BAD_INPUT, "the JWS has no \"%s\" in base64url", name);
	return RC_OK;
}

static enum rc
read_header(struct arena *a, struct bytes text, struct flat_jws *out, struct err *e)
{
	const json_t *jwk;
	json_t *header;
	enum rc rc;

	if ((rc = json_parse(a, text, &header, e)) != RC_OK)
		return fail_in(e, rc, "protected header");
	/* What must be understood and is not (RFC 7515 4.1.11). "b64" is such an extension too. */
	if (json_object_get(header, "crit") != NULL)
		return fail(e, RC_BAD_INPUT, "the protected header has a critical extension");
	out->alg = json_get_text(header, "alg");
	out->kid = json_get_text(header, "kid");
	out->nonce = json_get_text(header, "nonce");
	out->url = json_get_text(header, "url");
	jwk = json_object_get(header, "jwk");
	if (out->alg == NULL || out->nonce == NULL || out->url == NULL)
		return fail(e, RC_BAD_INPUT, "the protected header lacks alg, nonce or url (RFC 8555 6.2)");
	if ((out->kid != NULL) == (jwk != NULL))
		return fail(e, RC_BAD_INPUT, "the protected header has one of kid and jwk (RFC 8555 6.2)");
	if (!jose_knows(out->alg))
		return fail(e, RC_FORBIDDEN, "the JWS is not signed with ES256, RS256 or PS256");
	if (jwk != NULL && (out->key = jose_raw_key(a, jwk)).p == NULL)
		return fail(e, RC_NOT_FOUND, "the JWK is no RSA key of 2048 to 8192 bits and no EC key on P-256");
	return RC_OK;
}

enum rc
flat_jws_read(struct arena *a, struct bytes document, struct flat_jws *out, struct err *e)
{
	const char *header, *payload, *signature;
	struct bytes header_value;
	json_t *root;
	enum rc rc;

	*out = (struct flat_jws){ 0 };
	if (document.n > FLAT_JWS_MAX)
		return fail(e, RC_TOO_LARGE, "the JWS is over %d octets", FLAT_JWS_MAX);
	if ((rc = json_parse(a, document, &root, e)) != RC_OK)
		return fail_in(e, rc, "JWS");
	/* The general form, and a header that nobody signed, are refused (RFC 8555 6.2). */
	if (json_object_get(root, "signatures") != NULL || json_object_get(root, "header") != NULL)
		return fail(e, RC_BAD_INPUT, "the JWS is not in the flattened form without an unprotected header");
	if ((rc = member(a, root, "protected", &header, &header_value, e)) != RC_OK ||
	    (rc = member(a, root, "payload", &payload, &out->payload, e)) != RC_OK ||
	    (rc = member(a, root, "signature", &signature, &out->signature, e)) != RC_OK)
		return rc;
	out->input = bytes_str(arena_printf(a, "%s.%s", header, payload));
	return read_header(a, header_value, out, e);
}

bool
flat_jws_signed(struct arena *a, const struct flat_jws *j, struct bytes key)
{
	return jose_is_signed(a, j->alg, key, j->input, j->signature);
}
