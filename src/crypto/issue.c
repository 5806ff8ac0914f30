/* Issuing certificates (RFC 5280 4). */
#include "crypto/ossl.h"

#include <arpa/inet.h>

#include <openssl/bn.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "fmt/der.h"

#define SAN_MAX 64

/* 126 random bits below a set one: positive, never zero, and past any guess (RFC 5280 4.1.2.2 allows
 * 20 octets; 16 suit everybody's parsers). */
static bool
set_serial(X509 *x)
{
	unsigned char raw[16];
	BIGNUM *n;
	bool good;

	if (RAND_bytes(raw, sizeof raw) != 1)
		return false;
	raw[0] = (raw[0] & 0x7f) | 0x40;
	n = BN_bin2bn(raw, sizeof raw, NULL);
	good = n != NULL && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x)) != NULL;
	BN_free(n);
	return good;
}

static bool
set_times(X509 *x, int64_t from, int64_t until)
{
	return from < until && ASN1_TIME_set(X509_getm_notBefore(x), (time_t)from) != NULL &&
	       ASN1_TIME_set(X509_getm_notAfter(x), (time_t)until) != NULL;
}

static bool
add(X509 *x, int nid, void *value, bool critical)
{
	return value != NULL && X509_add1_ext_i2d(x, nid, value, critical, X509V3_ADD_APPEND) == 1;
}

static bool
add_constraints(X509 *x, const struct x509_template *t)
{
	BASIC_CONSTRAINTS *bc = BASIC_CONSTRAINTS_new();
	bool good = bc != NULL;

	if (good && t->is_ca) {
		bc->ca = 0xff;
		if (!t->allow_subordinate) {
			bc->pathlen = ASN1_INTEGER_new();
			good = bc->pathlen != NULL && ASN1_INTEGER_set(bc->pathlen, 0) == 1;
		}
	}
	good = good && add(x, NID_basic_constraints, bc, true);
	BASIC_CONSTRAINTS_free(bc);
	return good;
}

static bool
add_key_usage(X509 *x, unsigned bits)
{
	/* clang-format off */
	static const struct { unsigned use; int bit; } uses[] = {
		{ X509_USE_SIGN, 0 }, { X509_USE_ENCIPHER, 2 }, { X509_USE_CERT_SIGN, 5 }, { X509_USE_CRL_SIGN, 6 },
	};
	/* clang-format on */
	ASN1_BIT_STRING *ku;
	bool good;

	if (bits == 0)
		return true;
	good = (ku = ASN1_BIT_STRING_new()) != NULL;
	for (size_t i = 0; i < sizeof uses / sizeof uses[0] && good; i++)
		if (bits & uses[i].use)
			good = ASN1_BIT_STRING_set_bit(ku, uses[i].bit, 1) == 1;
	good = good && add(x, NID_key_usage, ku, true);
	ASN1_BIT_STRING_free(ku);
	return good;
}

static bool
add_extended_usage(X509 *x, unsigned bits)
{
	static const struct {
		unsigned use;
		int nid;
	} uses[] = {
		{ X509_EXT_SERVER, NID_server_auth },
		{ X509_EXT_CLIENT, NID_client_auth },
		{ X509_EXT_EMAIL, NID_email_protect },
	};
	EXTENDED_KEY_USAGE *eku;
	bool good;

	if (bits == 0)
		return true;
	good = (eku = EXTENDED_KEY_USAGE_new()) != NULL;
	for (size_t i = 0; i < sizeof uses / sizeof uses[0] && good; i++)
		if (bits & uses[i].use)
			good = sk_ASN1_OBJECT_push(eku, OBJ_nid2obj(uses[i].nid)) > 0;
	good = good && add(x, NID_ext_key_usage, eku, false);
	EXTENDED_KEY_USAGE_free(eku);
	return good;
}

/* A literal address is an iPAddress: clients don't look for one among DNS names (RFC 9525 6.1). */
static bool
push_name(GENERAL_NAMES *names, const char *text)
{
	unsigned char ip[16];
	int n = inet_pton(AF_INET, text, ip) == 1 ? 4 : inet_pton(AF_INET6, text, ip) == 1 ? 16 : 0;
	GENERAL_NAME *g = GENERAL_NAME_new();
	ASN1_STRING *s = n > 0 ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
	bool good = g != NULL && s != NULL &&
		    ASN1_STRING_set(s, n > 0 ? (const void *)ip : text, n > 0 ? n : (int)strlen(text)) == 1;

	if (good) {
		GENERAL_NAME_set0_value(g, n > 0 ? GEN_IPADD : GEN_DNS, s);
		s = NULL;
		good = sk_GENERAL_NAME_push(names, g) > 0;
	}
	if (!good) {
		GENERAL_NAME_free(g);
		ASN1_STRING_free(s);
	}
	return good;
}

static bool
add_names(X509 *x, const struct x509_template *t, bool nameless)
{
	GENERAL_NAMES *names;
	bool good;
	int n = 0;

	if (t->dns == NULL || t->dns[0] == NULL)
		return true;
	good = (names = GENERAL_NAMES_new()) != NULL;
	for (; good && t->dns[n] != NULL; n++)
		good = n < SAN_MAX && strlen(t->dns[n]) <= 253 && push_name(names, t->dns[n]);
	/* Critical where the subject is empty (RFC 5280 4.2.1.6). */
	good = good && add(x, NID_subject_alt_name, names, nameless);
	GENERAL_NAMES_free(names);
	return good;
}

/* RFC 5280 4.2.1.2, method 1: SHA-1 over the public key's bits, as a name and not as a promise. */
static bool
add_identifiers(X509 *x, X509 *issuer)
{
	ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
	AUTHORITY_KEYID *aki = AUTHORITY_KEYID_new();
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	bool good = id != NULL && aki != NULL && X509_pubkey_digest(x, EVP_sha1(), md, &n) == 1 &&
		    ASN1_OCTET_STRING_set(id, md, (int)n) == 1 && add(x, NID_subject_key_identifier, id, false);
	const ASN1_OCTET_STRING *by = issuer != NULL ? X509_get0_subject_key_id(issuer) : id;

	/* An issuer from outside may have none. */
	if (good && by != NULL)
		good = (aki->keyid = ASN1_OCTET_STRING_dup(by)) != NULL &&
		       add(x, NID_authority_key_identifier, aki, false);
	ASN1_OCTET_STRING_free(id);
	AUTHORITY_KEYID_free(aki);
	return good;
}

static bool
add_others(X509 *x, const struct x509_template *t)
{
	bool good = true;

	for (int i = 0; i < t->n_extensions && good; i++) {
		const struct x509_extension *from = &t->extensions[i];
		ASN1_OBJECT *oid = OBJ_txt2obj(from->oid, 1);
		ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
		X509_EXTENSION *made = NULL;

		good = oid != NULL && value != NULL &&
		       ASN1_OCTET_STRING_set(value, from->value.p, (int)from->value.n) == 1 &&
		       (made = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, value)) != NULL &&
		       X509_add_ext(x, made, -1) == 1;
		X509_EXTENSION_free(made);
		ASN1_OCTET_STRING_free(value);
		ASN1_OBJECT_free(oid);
	}
	return good;
}

/* A public key as it came: X509_set_pubkey would encode a decoded one and decode that again, 60 us. False: not of a
 * common shape. */
static bool
put_spki(X509 *x, struct bytes spki)
{
	struct der_item all, algorithm, bits;
	struct bytes rest = spki;
	const unsigned char *p;
	const ASN1_OBJECT *oid;
	const void *value;
	unsigned char *key;
	X509_ALGOR *decoded;
	bool good = false;
	int kind, type;

	if (!der_take(&rest, DER_SEQUENCE, &all) || rest.n > 0)
		return false;
	rest = all.value;
	if (!der_take(&rest, DER_SEQUENCE, &algorithm) || !der_take(&rest, DER_BIT_STRING, &bits) || rest.n > 0 ||
	    bits.value.n < 2 || bits.value.p[0] != 0) /* bits that are left out: no key has any */
		return false;
	p = algorithm.whole.p;
	decoded = d2i_X509_ALGOR(NULL, &p, (long)algorithm.whole.n);
	key = OPENSSL_memdup(bits.value.p + 1, bits.value.n - 1);
	if (decoded == NULL || key == NULL)
		goto out;
	X509_ALGOR_get0(&oid, &type, &value, decoded);
	kind = OBJ_obj2nid(oid);
	if (kind == NID_rsaEncryption && type == V_ASN1_NULL)
		value = NULL;
	else if (kind == NID_X9_62_id_ecPublicKey && type == V_ASN1_OBJECT && OBJ_obj2nid(value) != NID_undef)
		value = OBJ_nid2obj(OBJ_obj2nid(value)); /* OpenSSL's own, which nobody frees */
	else
		goto out;
	good = X509_PUBKEY_set0_param(X509_get_X509_PUBKEY(x), OBJ_nid2obj(kind), type, (void *)(uintptr_t)value, key,
		   (int)bits.value.n - 1) == 1;
	if (good)
		key = NULL; /* the certificate's now */
out:
	OPENSSL_free(key);
	X509_ALGOR_free(decoded);
	return good;
}

static bool
put_key(X509 *x, struct held *h, struct bytes spki)
{
	EVP_PKEY *key;

	if (put_spki(x, spki))
		return true;
	key = hold_EVP_PKEY(h, ossl_public(spki));
	return key != NULL && X509_set_pubkey(x, key) == 1;
}

/* The subject, with the issuer's O where that is asked for. */
static X509_NAME *
subject_of(struct arena *a, const struct x509_template *t, X509 *issuer)
{
	struct x509_name n = t->subject;

	if (t->o_of_issuer && issuer != NULL)
		n.o = ossl_name_text(a, X509_get_subject_name(issuer), NID_organizationName);
	return ossl_name(&n);
}

/* The public key is one, and it or its certificate belongs to the key that signs. */
static enum rc
check_keys(struct held *h, const struct x509_template *t, struct bytes spki, X509 *issuer, EVP_PKEY *key, struct err *e)
{
	EVP_PKEY *subject_key = NULL;

	if (issuer == NULL || !t->spki_is_good) {
		if ((subject_key = hold_EVP_PKEY(h, ossl_public(spki))) == NULL)
			return fail(e, RC_BAD_INPUT, "not a public key");
	}
	if ((issuer != NULL ? X509_check_private_key(issuer, key) : EVP_PKEY_eq(subject_key, key)) != 1)
		return ossl_fail(e, RC_BAD_INPUT, "issuer's certificate and key don't belong together");
	return RC_OK;
}

enum rc
ossl_issue(struct arena *a, const struct x509_template *t, struct bytes spki, X509 *issuer, EVP_PKEY *key,
    struct bytes *certificate, struct err *e)
{
	struct held *h = held_new(a);
	X509_NAME *name = hold_X509_NAME(h, subject_of(a, t, issuer));
	X509 *x = hold_X509(h, X509_new());
	enum rc rc;

	if (name == NULL || x == NULL)
		return ossl_fail(e, RC_BAD_INPUT, "subject of a certificate");
	if ((rc = check_keys(h, t, spki, issuer, key, e)) != RC_OK)
		return rc;
	if (X509_set_version(x, X509_VERSION_3) != 1 || !set_serial(x) || !set_times(x, t->not_before, t->not_after) ||
	    X509_set_subject_name(x, name) != 1 ||
	    X509_set_issuer_name(x, issuer != NULL ? X509_get_subject_name(issuer) : name) != 1 || !put_key(x, h, spki))
		return ossl_fail(e, RC_BAD_INPUT, "fields of a certificate");
	if (!add_constraints(x, t) || !add_key_usage(x, t->key_usage) || !add_extended_usage(x, t->ext_usage) ||
	    !add_names(x, t, X509_NAME_entry_count(name) == 0) || !add_identifiers(x, issuer) || !add_others(x, t))
		return ossl_fail(e, RC_BAD_INPUT, "extensions of a certificate");
	if (X509_sign(x, key, EVP_sha256()) == 0)
		return ossl_fail(e, RC_INTERNAL, "signing a certificate");
	*certificate = ossl_certificate_der(a, x);
	return certificate->p != NULL ? RC_OK : ossl_fail(e, RC_INTERNAL, "writing a certificate");
}

enum rc
x509_issue(struct arena *a, const struct x509_template *t, struct bytes spki, struct bytes issuer,
    struct bytes issuer_key, struct bytes *certificate, struct err *e)
{
	struct held *h = held_new(a);
	EVP_PKEY *key = hold_EVP_PKEY(h, ossl_private(issuer_key));
	X509 *by = NULL;

	if (key == NULL)
		return fail(e, RC_BAD_INPUT, "issuer's key is not a PKCS#8 private key");
	if (issuer.p != NULL && (by = hold_X509(h, ossl_certificate(issuer))) == NULL)
		return fail(e, RC_BAD_INPUT, "issuer's certificate cannot be read");
	return ossl_issue(a, t, spki, by, key, certificate, e);
}
