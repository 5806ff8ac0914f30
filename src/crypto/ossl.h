/* OpenSSL's handles, for this room and for keys, which holds private keys decoded. No other file
 * includes this.
 *
 * A handle is held by the arena from the moment it exists, so an arena that meets its ceiling in the
 * middle (a longjmp) leaks none, and a function may return anywhere. */
#ifndef CRYPTO_OSSL_H
#define CRYPTO_OSSL_H

#include <openssl/asn1.h>
#include <openssl/cms.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"
#include "crypto/cms.h"
#include "crypto/x509.h"

#define OSSL_CERTIFICATE_MAX (64 * 1024) /* octets of one certificate, key or request */

struct held; /* up to 24 handles, released with the arena */
struct held *held_new(struct arena *a);

/* hold_X(h, p): `p` is released with the arena; NULL passes. Returns it. */
X509 *hold_X509(struct held *h, X509 *p);
X509_REQ *hold_X509_REQ(struct held *h, X509_REQ *p);
X509_NAME *hold_X509_NAME(struct held *h, X509_NAME *p);
EVP_PKEY *hold_EVP_PKEY(struct held *h, EVP_PKEY *p);
BIO *hold_BIO(struct held *h, BIO *p);
ASN1_OBJECT *hold_ASN1_OBJECT(struct held *h, ASN1_OBJECT *p);
CMS_ContentInfo *hold_CMS_ContentInfo(struct held *h, CMS_ContentInfo *p);
STACK_OF(X509) * hold_stack(struct held *h, STACK_OF(X509) * p); /* and its certificates */

/* Fail with `what` and OpenSSL's own reason, and empty its error queue. */
enum rc ossl_fail(struct err *e, enum rc rc, const char *what);

/* Decode; NULL (queue empty) when it is not exactly one such structure. */
X509 *ossl_certificate(struct bytes der);
EVP_PKEY *ossl_private(struct bytes pkcs8);
EVP_PKEY *ossl_public(struct bytes spki);
EVP_PKEY *ossl_raw_public(struct bytes raw); /* as x509_raw_key writes it */
enum rc ossl_raw_key(struct arena *a, EVP_PKEY *key, struct bytes *raw, struct err *e); /* x509_raw_key */

/* Encode into `a`; absent when OpenSSL refuses. */
struct bytes ossl_certificate_der(struct arena *a, const X509 *x);
struct bytes ossl_private_der(struct arena *a, EVP_PKEY *key); /* PKCS#8 */
struct bytes ossl_public_der(struct arena *a, EVP_PKEY *key);
/* The same of a key that came in a certificate or request, as it came: OpenSSL 3.0 takes 100 us to encode one
 * anew. NULL: absent. */
struct bytes ossl_spki_der(struct arena *a, X509_PUBKEY *key);
struct bytes ossl_bio_bytes(struct arena *a, BIO *mem);

/* A name with what is given of CN, O and UID. NULL: out of memory or not UTF-8. */
X509_NAME *ossl_name(const struct x509_name *n);
/* First value of that attribute as UTF-8 text; NULL when absent or when it holds a NUL. */
const char *ossl_name_text(struct arena *a, const X509_NAME *n, int nid);
const char *ossl_string_text(struct arena *a, const ASN1_STRING *s);

/* Certificates of a message that was read, for whoever looks at them next. */
struct x509_known {
	struct bytes der; /* of `x`, in the message's result */
	X509 *x;
	STACK_OF(X509) * all; /* of the message, `x` among them; NULL: not kept */
};
const struct x509_known *ossl_known(struct arena *a, struct bytes der, X509 *x, STACK_OF(X509) * all);
/* `x` leads to one of `roots` by way of `between`; as x509_verify, which see. */
enum rc ossl_chain(X509 *x, STACK_OF(X509) * between, const struct bytes *roots, int n_roots, int64_t now,
    bool ignore_times, struct err *e);

/* A SignedData whose one signature was checked with the signer's own certificate. All held by `h`. */
struct ossl_signed {
	CMS_ContentInfo *cms;
	CMS_SignerInfo *signer_info;
	X509 *signer;
	STACK_OF(X509) * certificates; /* the signer's among them */
	struct bytes content; /* inside `cms`, or the detached one */
	int digest; /* NID */
};
/* `detached` absent: the content is inside; `empty_ok`: or there is none at all, and none was signed. */
enum rc ossl_cms_verify(
    struct held *h, struct bytes der, struct bytes detached, bool empty_ok, struct ossl_signed *out, struct err *e);

/* OpenSSL's number of an algorithm by our name of it; a row without a name ends a table. */
struct ossl_algorithm {
	const char *name;
	int nid;
};
const struct ossl_algorithm *ossl_by_nid(const struct ossl_algorithm *table, int nid); /* NULL: none */
const struct ossl_algorithm *ossl_by_name(const struct ossl_algorithm *table, const char *name);

/* As cms_envelope and cms_envelope_open, with decoded ones. `recipient` NULL: it could not be decoded. */
#define OSSL_ENVELOPE_REFUSAL "the envelope is not for this recipient, or is damaged"
enum rc ossl_envelope(
    struct arena *a, struct bytes content, X509 *recipient, const char *cipher, struct bytes *der, struct err *e);
enum rc ossl_envelope_open(struct arena *a, struct held *h, struct bytes der, X509 *recipient, EVP_PKEY *key,
    struct bytes *content, const char **cipher, struct err *e);
/* The same for whichever certificate of the key it was made: a renewed one has another serial number. */
enum rc ossl_envelope_open_any(struct arena *a, struct bytes der, EVP_PKEY *key, struct bytes *content, struct err *e);

/* As the functions without `ossl_`, with decoded keys. */
enum rc ossl_sign(struct arena *a, EVP_PKEY *key, struct bytes message, struct bytes *signature, struct err *e);
enum rc ossl_sign_pss(struct arena *a, EVP_PKEY *key, struct bytes message, struct bytes *signature, struct err *e);
enum rc ossl_issue(struct arena *a, const struct x509_template *t, struct bytes spki, X509 *issuer, EVP_PKEY *key,
    struct bytes *certificate, struct err *e);
enum rc ossl_cms_sign(struct arena *a, struct bytes content, X509 *signer, EVP_PKEY *key, const struct bytes *others,
    int n_others, bool detached, struct bytes *der, struct err *e);
enum rc ossl_scep_open(
    struct arena *a, struct bytes der, X509 *recipient, EVP_PKEY *key, struct scep_message *out, struct err *e);
/* The second half of each: what needs the key. */
enum rc ossl_scep_envelope_open(struct arena *a, struct bytes envelope, X509 *recipient, EVP_PKEY *key,
    struct bytes *content, const char **cipher, struct err *e);
enum rc ossl_scep_sign(struct arena *a, const struct scep_message *m, struct bytes envelope, X509 *signer,
    EVP_PKEY *key, struct bytes *der, struct err *e);
enum rc
ossl_jws_rs256(struct arena *a, const char *header, const char *payload, EVP_PKEY *key, char **out, struct err *e);

#endif
