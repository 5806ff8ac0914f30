#include "acme/attest.h"

#include "crypto/hash.h"
#include "crypto/x509.h"
#include "fmt/cbor.h"
#include "fmt/utf8.h"

/* Apple's arc, 1.2.840.113635.100.8: what an extension of a leaf says as plain octets. */
#define OID_SERIAL_NUMBER "1.2.840.113635.100.8.9.1"
#define OID_UDID "1.2.840.113635.100.8.9.2"
#define OID_FRESHNESS "1.2.840.113635.100.8.11.1"
#define IDENTIFIER_MAX 64 /* octets */

static bool
is_text(const struct cbor_item *it, const char *text)
{
	return it->kind == CBOR_TEXT && bytes_eq(it->value, bytes_str(text));
}

static enum rc
read_chain(struct bytes object, struct attestation *out, struct err *e)
{
	struct cbor_item root, format, statement, list, one;
	struct bytes rest = object;

	if (!cbor_next(&rest, &root) || rest.n > 0 || !cbor_get(&root, "fmt", &format))
		return fail(e, RC_BAD_INPUT, "not an attestation object in CBOR");
	if (is_text(&format, "none"))
		return fail(e, RC_NOT_FOUND, "an attestation of the format \"none\"");
	if (!is_text(&format, "apple"))
		return fail(e, RC_BAD_INPUT, "an attestation of another format than \"apple\"");
	if (!cbor_get(&root, "attStmt", &statement) || !cbor_get(&statement, "x5c", &list))
		return fail(e, RC_NOT_FOUND, "an attestation without x5c");
	if (list.kind != CBOR_ARRAY || list.n > ATTEST_CHAIN_MAX)
		return fail(e, RC_BAD_INPUT, "x5c is no list of at most %d certificates", ATTEST_CHAIN_MAX);
	for (rest = list.value; cbor_next(&rest, &one);) {
		if (one.kind != CBOR_BYTES)
			return fail(e, RC_BAD_INPUT, "x5c holds something else than octets");
		out->chain[out->n++] = one.value;
	}
	return out->n > 0 ? RC_OK : fail(e, RC_NOT_FOUND, "an attestation without certificates");
}

/* An identifier in an extension, where there is one that can be text. Blank means that Apple could not tell. */
static const char *
identifier(struct arena *a, struct bytes leaf, const char *oid)
{
	struct bytes value;

	if (x509_extension_get(a, leaf, oid, &value, NULL) != RC_OK || value.n == 0 || value.n > IDENTIFIER_MAX ||
	    memchr(value.p, '\0', value.n) != NULL || !utf8_valid(value))
		return NULL;
	return arena_strndup(a, (const char *)value.p, value.n);
}

enum rc
attest_read(struct arena *a, struct bytes object, struct attestation *out, struct err *e)
{
	struct x509_info leaf = { 0 };
	enum rc rc;

	*out = (struct attestation){ 0 };
	if ((rc = read_chain(object, out, e)) != RC_OK || (rc = x509_parse(a, out->chain[0], &leaf, e)) != RC_OK ||
	    (rc = x509_raw_key(a, leaf.spki, &out->key, e)) != RC_OK)
		return rc;
	out->serial_number = identifier(a, out->chain[0], OID_SERIAL_NUMBER);
	out->udid = identifier(a, out->chain[0], OID_UDID);
	return RC_OK;
}

bool
attest_is_fresh(struct arena *a, const struct attestation *at, const char *token)
{
	struct bytes code;

	return x509_extension_get(a, at->chain[0], OID_FRESHNESS, &code, NULL) == RC_OK &&
	       bytes_eq(code, crypto_sha256_text(a, token));
}
