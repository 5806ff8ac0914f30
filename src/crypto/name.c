/* Distinguished names and the strings inside certificates. */
#include "crypto/ossl.h"

#include <openssl/err.h>

/* 0.9.2342.19200300.100.1.1; a push certificate's topic is its subject's UID. */
static const struct {
	int nid;
	size_t at;
} parts[] = {
	{ NID_organizationName, offsetof(struct x509_name, o) },
	{ NID_userId, offsetof(struct x509_name, uid) },
	{ NID_commonName, offsetof(struct x509_name, cn) },
};

X509_NAME *
ossl_name(const struct x509_name *n)
{
	X509_NAME *name = X509_NAME_new();

	if (name == NULL)
		return NULL;
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		const char *value = *(const char *const *)((const char *)n + parts[i].at);

		if (value == NULL || *value == '\0')
			continue;
		if (X509_NAME_add_entry_by_NID(
			name, parts[i].nid, MBSTRING_UTF8, (const unsigned char *)value, -1, -1, 0) != 1) {
			X509_NAME_free(name);
			return NULL;
		}
	}
	return name;
}

/* Converted to UTF-8 from whatever string type it was. A NUL inside would let "a\0b" pass for "a". */
const char *
ossl_string_text(struct arena *a, const ASN1_STRING *s)
{
	int size = s != NULL ? ASN1_STRING_length(s) : 0;
	unsigned char *utf8 = NULL;
	char *text;
	int n;

	if (s == NULL || size < 0 || size > OSSL_CERTIFICATE_MAX)
		return NULL;
	/* Reserved before the conversion: a ceiling that is hit must not leak its result. One octet
	 * of Latin-1 becomes two, two of BMPString three, four of UniversalString four. */
	text = arena_alloc(a, 2 * (size_t)size + 1);
	n = ASN1_STRING_to_UTF8(&utf8, s);
	if (n < 0 || (size_t)n > 2 * (size_t)size || memchr(utf8, 0, (size_t)n) != NULL) {
		text = NULL;
	} else if (n > 0) {
		memcpy(text, utf8, (size_t)n);
	}
	OPENSSL_free(utf8);
	ERR_clear_error();
	return text;
}

const char *
ossl_name_text(struct arena *a, const X509_NAME *n, int nid)
{
	int at = X509_NAME_get_index_by_NID(n, nid, -1);

	if (at < 0)
		return NULL;
	return ossl_string_text(a, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(n, at)));
}
