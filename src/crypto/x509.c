/* What a certificate says. */
#include "crypto/ossl.h"

#include <time.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "crypto/hash.h"
#include "fmt/der.h"

/* RFC 4514 text, in UTF-8 instead of \xx for every octet past ASCII. */
static const char *
name_line(struct arena *a, struct held *h, const X509_NAME *n)
{
	BIO *out = hold_BIO(h, BIO_new(BIO_s_mem()));
	struct bytes b;

	if (out == NULL || X509_NAME_print_ex(out, n, 0, XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) < 0)
		return "";
	b = ossl_bio_bytes(a, out);
	return arena_strndup(a, (const char *)b.p, b.n);
}

static bool
seconds(const ASN1_TIME *t, int64_t *out)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(t, &tm) != 1)
		return false;
	*out = (int64_t)timegm(&tm);
	return true;
}

static const char *
serial_text(struct arena *a, bool negative, struct bytes octets)
{
	char *text = arena_alloc(a, 2 * octets.n + 4), *at = text;

	if (negative)
		*at++ = '-';
	for (size_t i = 0; i < octets.n; i++, at += 2)
		snprintf(at, 3, "%02x", octets.p[i]);
	return text;
}

const char *
x509_serial(struct arena *a, struct bytes certificate)
{
	struct der_item all, signed_part, version, serial;
	struct bytes rest = certificate;

	if (!der_take(&rest, DER_SEQUENCE, &all) || rest.n > 0)
		return NULL;
	rest = all.value;
	if (!der_take(&rest, DER_SEQUENCE, &signed_part))
		return NULL;
	rest = signed_part.value;
	der_take(&rest, DER_CONTEXT_0, &version);
	if (!der_take(&rest, DER_INTEGER, &serial) || serial.value.n == 0 || serial.value.p[0] >= 0x80)
		return NULL;
	if (serial.value.n > 1 && serial.value.p[0] == 0)
		serial.value = bytes_of(serial.value.p + 1, serial.value.n - 1);
	return serial_text(a, false, serial.value);
}

enum rc
x509_parse(struct arena *a, struct bytes der, struct x509_info *out, struct err *e)
{
	struct held *h = held_new(a);
	X509 *x = hold_X509(h, ossl_certificate(der));
	const ASN1_INTEGER *serial;
	const X509_NAME *subject;

	if (x == NULL)
		return fail(e, RC_BAD_INPUT, "not a certificate");
	serial = X509_get0_serialNumber(x);
	subject = X509_get_subject_name(x);
	*out = (struct x509_info){
		.subject = name_line(a, h, subject),
		.issuer = name_line(a, h, X509_get_issuer_name(x)),
		.cn = ossl_name_text(a, subject, NID_commonName),
		.o = ossl_name_text(a, subject, NID_organizationName),
		.uid = ossl_name_text(a, subject, NID_userId),
		.serial = serial_text(a, (ASN1_STRING_type(serial) & V_ASN1_NEG) != 0,
		    bytes_of(ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial))),
		.fingerprint = crypto_sha256(a, der),
		.is_ca = (X509_get_extension_flags(x) & EXFLAG_CA) != 0,
	};
	if (!seconds(X509_get0_notBefore(x), &out->not_before) || !seconds(X509_get0_notAfter(x), &out->not_after))
		return ossl_fail(e, RC_BAD_INPUT, "a certificate's dates");
	out->spki = ossl_spki_der(a, X509_get_X509_PUBKEY(x));
	if (X509_get0_pubkey(x) == NULL || out->spki.p == NULL)
		return ossl_fail(e, RC_BAD_INPUT, "a certificate's public key");
	ERR_clear_error();
	return RC_OK;
}

enum rc
x509_extension_get(struct arena *a, struct bytes certificate, const char *oid, struct bytes *value, struct err *e)
{
	struct held *h = held_new(a);
	X509 *x = hold_X509(h, ossl_certificate(certificate));
	const ASN1_OBJECT *wanted = hold_ASN1_OBJECT(h, OBJ_txt2obj(oid, 1));
	const ASN1_OCTET_STRING *held;
	int at;

	if (x == NULL || wanted == NULL)
		return ossl_fail(e, RC_BAD_INPUT, "not a certificate");
	if ((at = X509_get_ext_by_OBJ(x, wanted, -1)) < 0)
		return fail(e, RC_NOT_FOUND, "the certificate has no extension %s", oid);
	if (X509_get_ext_by_OBJ(x, wanted, at) >= 0)
		return fail(e, RC_BAD_INPUT, "the certificate has the extension %s twice", oid);
	held = X509_EXTENSION_get_data(X509_get_ext(x, at));
	*value = arena_copy(a, bytes_of(ASN1_STRING_get0_data(held), (size_t)ASN1_STRING_length(held)));
	return RC_OK;
}
