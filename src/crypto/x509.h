/* Keys and certificates as octets: DER in, DER out; no OpenSSL type leaves this room except
 * through http/tls.c. Private keys are PKCS#8 DER. EVP calls only. */
#ifndef CRYPTO_X509_H
#define CRYPTO_X509_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

enum x509_key_kind { X509_RSA_2048, X509_RSA_3072, X509_RSA_4096, X509_P256, X509_P384 };

/* A new private key (PKCS#8 DER) in `a`. */
enum rc x509_key_new(struct arena *a, enum x509_key_kind kind, struct bytes *key, struct err *e);
/* SubjectPublicKeyInfo DER of a private key. */
enum rc x509_key_public(struct arena *a, struct bytes key, struct bytes *spki, struct err *e);

struct x509_name {
	const char *cn, *o, *uid;
}; /* NULL: left out; uid is 0.9.2342.19200300.100.1.1 */

struct x509_extension {
	const char *oid; /* dotted */
	struct bytes value; /* what extnValue holds, as it stands */
};

struct x509_template { /* what a certificate is to say; times are Unix seconds */
	struct x509_name subject;
	int64_t not_before, not_after;
	bool is_ca; /* basicConstraints CA:TRUE, pathlen 0 unless `subordinate` allowed */
	bool allow_subordinate;
	unsigned key_usage; /* X509_USE_ bits */
	unsigned ext_usage; /* X509_EXT_ bits */
	bool o_of_issuer; /* the subject's O is the issuer's */
	bool spki_is_good; /* x509_csr_parse read it: decoding it again to see that it is a key would be in vain */
	const char *const *dns; /* subjectAltName, NULL-terminated; may be NULL. Literal IP
					 * addresses become iPAddress names */
	const struct x509_extension *extensions; /* others, none of them critical; may be NULL */
	int n_extensions;
};
#define X509_USE_SIGN 1u
#define X509_USE_ENCIPHER 2u
#define X509_USE_CERT_SIGN 4u
#define X509_USE_CRL_SIGN 8u
#define X509_EXT_SERVER 1u
#define X509_EXT_CLIENT 2u
#define X509_EXT_EMAIL 4u

/* Issue a certificate over `spki`. Issuer NULL p: self-signed with `issuer_key`. The serial number is
 * 64..127 random bits; subject and authority key identifiers are set. */
enum rc x509_issue(struct arena *a, const struct x509_template *t, struct bytes spki, struct bytes issuer,
    struct bytes issuer_key, struct bytes *certificate, struct err *e);

/* A PKCS#10 request; challengePassword attribute where given (SCEP). */
enum rc x509_csr_new(struct arena *a, const struct x509_name *subject, struct bytes key, const char *challenge,
    struct bytes *csr, struct err *e);
struct x509_csr {
	struct bytes spki;
	struct bytes raw_key; /* as x509_raw_key writes it */
	const char *cn, *o;
	const char *challenge; /* NULL when there is none */
	int key_bits; /* RSA modulus or curve size */
	bool is_rsa;
};
/* Parses and checks the self-signature. RC_BAD_INPUT: malformed, bad signature. Weak keys (RSA < 2048
 * or > 4096 bits, even or tiny exponent, curves other than P-256/384/521) are RC_FORBIDDEN. */
enum rc x509_csr_parse(struct arena *a, struct bytes der, struct x509_csr *out, struct err *e);

/* What a certificate says. */
struct x509_info {
	const char *subject, *issuer; /* RFC 4514 text */
	const char *cn, *o, *uid; /* NULL when absent */
	const char *serial; /* hexadecimal */
	int64_t not_before, not_after;
	struct bytes spki;
	struct bytes fingerprint; /* SHA-256 of the DER */
	bool is_ca;
};
enum rc x509_parse(struct arena *a, struct bytes der, struct x509_info *out, struct err *e);
/* Its serial number alone, as in x509_info, and nothing decoded: for a certificate just issued. NULL: not one. */
const char *x509_serial(struct arena *a, struct bytes certificate);

/* How strong a certificate is and what it is for, for who judges another server's (room check). */
struct x509_quality {
	const char *key; /* "RSA", "EC", ... */
	int key_bits; /* RSA modulus or curve size */
	const char *digest; /* of the signature over it: "SHA256", "SHA1"; NULL: the algorithm names none */
	const char *const *dns; /* names of subjectAltName, NULL-terminated; addresses as text */
	bool for_servers; /* extendedKeyUsage has serverAuth, or there is none */
	bool self_issued; /* subject and issuer are the same */
	bool names_issuer; /* says where its issuer's certificate is (authorityInfoAccess), as public CAs do */
};
enum rc x509_quality(struct arena *a, struct bytes der, struct x509_quality *out, struct err *e);

/* What an extension holds, found by its dotted OID. RC_NOT_FOUND: the certificate has none. RC_BAD_INPUT: not a
 * certificate, or it has two. */
enum rc
x509_extension_get(struct arena *a, struct bytes certificate, const char *oid, struct bytes *value, struct err *e);

/* A public key as raw numbers, for checking a signature without decoding a certificate again
 * (measured: 3 us against 144 us). Stored beside the certificate as octets of our own:
 * 'R' + 4-byte big-endian length of n + n + e, or 'E' + curve bits (2 bytes) + uncompressed point. */
enum rc x509_raw_key(struct arena *a, struct bytes spki, struct bytes *raw, struct err *e);

/* The private key belongs to the certificate. */
bool x509_matches(struct bytes certificate, struct bytes key);

/* Chain of `leaf` by way of `others` to one of `roots`. `ignore_times` skips validity dates;
 * `purpose_any` is implied. RC_FORBIDDEN: no chain; the sentence says why. RC_NOT_FOUND: pool empty. */
enum rc x509_verify(struct bytes leaf, const struct bytes *others, int n_others, const struct bytes *roots, int n_roots,
    int64_t now, bool ignore_times, struct err *e);

/* PEM. Several certificates in one text come out in order. */
char *x509_pem(struct arena *a, struct bytes certificate);
char *x509_key_pem(struct arena *a, struct bytes key);
enum rc x509_from_pem(struct arena *a, struct bytes text, struct bytes **certificates, int *n, struct err *e);
enum rc x509_key_from_pem(struct arena *a, struct bytes text, struct bytes *key, struct err *e);

/* Raw signatures: RSA PKCS#1 v1.5 with SHA-256 (RS256), or ECDSA with SHA-256, by the key's kind. */
enum rc x509_sign(struct arena *a, struct bytes key, struct bytes message, struct bytes *signature, struct err *e);

#endif
