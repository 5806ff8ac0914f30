/* PEM (RFC 7468): the form of files. Read and written here, so that private keys stay out of a
 * library's buffers. */
#include "crypto/ossl.h"

#include <openssl/err.h>
#include <sodium.h>

#define PEM_CERTIFICATES_MAX 256
#define PEM_TEXT_MAX (4 * 1024 * 1024)

static char *
armour(struct arena *a, const char *label, struct bytes der)
{
	unsigned char *body = arena_alloc(a, (der.n + 2) / 3 * 4 + der.n / 48 + 2), *p = body;

	for (size_t at = 0; at < der.n; at += 48) {
		size_t n = der.n - at < 48 ? der.n - at : 48;

		p += EVP_EncodeBlock(p, der.p + at, (int)n);
		*p++ = '\n';
	}
	return arena_printf(a, "-----BEGIN %s-----\n%s-----END %s-----\n", label, (const char *)body, label);
}

char *
x509_pem(struct arena *a, struct bytes certificate)
{
	return armour(a, "CERTIFICATE", certificate);
}

char *
x509_key_pem(struct arena *a, struct bytes key)
{
	return armour(a, "PRIVATE KEY", key);
}

/* The next block with that label, decoded; *rest moves behind it. Absent: there is none.
 * NULL p with n 1: there is one, and it is damaged. */
static struct bytes
next_block(struct arena *a, const char *label, struct bytes *rest)
{
	const struct bytes damaged = { NULL, 1 };
	char begin[64], end[64];
	const uint8_t *from, *to, *last = rest->p + rest->n;
	uint8_t *out;
	size_t n = 0;

	snprintf(begin, sizeof begin, "-----BEGIN %s-----", label);
	snprintf(end, sizeof end, "-----END %s-----", label);
	if (rest->n == 0 || (from = memmem(rest->p, rest->n, begin, strlen(begin))) == NULL)
		return bytes_of(NULL, 0);
	from += strlen(begin);
	if ((to = memmem(from, (size_t)(last - from), end, strlen(end))) == NULL)
		return damaged;
	out = arena_alloc(a, (size_t)(to - from) / 4 * 3 + 3);
	if (sodium_base642bin(out, (size_t)(to - from) / 4 * 3 + 3, (const char *)from, (size_t)(to - from), " \t\r\n",
		&n, NULL, sodium_base64_VARIANT_ORIGINAL) != 0 ||
	    n == 0)
		return damaged;
	*rest = bytes_of(to + strlen(end), (size_t)(last - to) - strlen(end));
	return bytes_of(out, n);
}

enum rc
x509_from_pem(struct arena *a, struct bytes text, struct bytes **certificates, int *n, struct err *e)
{
	struct bytes *out, block;
	int count = 0;

	if (text.p == NULL || text.n > PEM_TEXT_MAX)
		return fail(e, RC_BAD_INPUT, "no PEM text");
	out = arena_array(a, PEM_CERTIFICATES_MAX, sizeof *out);
	while ((block = next_block(a, "CERTIFICATE", &text)).n > 0) {
		X509 *x = ossl_certificate(block);

		if (x == NULL)
			return fail(e, RC_BAD_INPUT, "certificate %d in the PEM text is damaged", count + 1);
		X509_free(x);
		if (count == PEM_CERTIFICATES_MAX)
			return fail(e, RC_TOO_LARGE, "over %d certificates in one PEM text", PEM_CERTIFICATES_MAX);
		out[count++] = block;
	}
	if (count == 0)
		return fail(e, RC_BAD_INPUT, "no certificate in the PEM text");
	*certificates = out;
	*n = count;
	return RC_OK;
}

/* Any private key as PKCS#8, whatever its PEM label promised. */
static enum rc
as_pkcs8(struct arena *a, struct bytes der, struct bytes *key, struct err *e)
{
	struct held *h = held_new(a);
	const unsigned char *from = der.p;
	EVP_PKEY *pkey = hold_EVP_PKEY(h, d2i_AutoPrivateKey(NULL, &from, (long)der.n));

	if (pkey == NULL || from != der.p + der.n)
		return ossl_fail(e, RC_BAD_INPUT, "the private key is damaged");
	*key = ossl_private_der(a, pkey);
	return key->p != NULL ? RC_OK : ossl_fail(e, RC_INTERNAL, "writing a key");
}

enum rc
x509_key_from_pem(struct arena *a, struct bytes text, struct bytes *key, struct err *e)
{
	static const char *const labels[] = { "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY" };

	if (text.p == NULL || text.n > PEM_TEXT_MAX)
		return fail(e, RC_BAD_INPUT, "no PEM text");
	if (memmem(text.p, text.n, "ENCRYPTED", 9) != NULL)
		return fail(e, RC_BAD_INPUT, "the private key is encrypted; remove its password first (openssl pkey)");
	for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
		struct bytes rest = text, block = next_block(a, labels[i], &rest);

		if (block.n > 0 && block.p == NULL)
			return fail(e, RC_BAD_INPUT, "the PEM text of the private key is damaged");
		if (block.p != NULL)
			return as_pkcs8(a, block, key, e);
	}
	return fail(e, RC_BAD_INPUT, "no private key in the PEM text");
}
