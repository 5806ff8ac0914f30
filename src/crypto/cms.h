/* Cryptographic Message Syntax (RFC 5652): the signed enrollment request, Mdm-Signature, the signed
 * profile; and the two layers of a SCEP message (RFC 8894). */
#ifndef CRYPTO_CMS_H
#define CRYPTO_CMS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

struct x509_known;

/* What a SignedData holds, after its one signature was checked with the signer's own certificate.
 * Says nothing about trust: chain the signer with x509_verify. */
struct cms_signed {
	struct bytes content; /* attached content, or the detached one that was given */
	struct bytes signer; /* certificate DER */
	struct bytes *others; /* further certificates in the message */
	int n_others;
	const struct x509_known *known; /* the same decoded, for cms_verify_chain; as long as the arena */
};

/* Verify SignedData DER with exactly one signer. `detached` absent: the content is inside.
 * Digests SHA-1, SHA-256, SHA-384, SHA-512. RC_BAD_INPUT: not CMS, no or several signers, no
 * certificate, over 16 certificates. RC_FORBIDDEN: the signature does not match. */
enum rc cms_verify(struct arena *a, struct bytes der, struct bytes detached, struct cms_signed *out, struct err *e);

/* The signer's certificate leads to one of `roots` by way of those in the message: x509_verify, which see, without
 * decoding them again. `s` as cms_verify left it. */
enum rc cms_verify_chain(
    const struct cms_signed *s, const struct bytes *roots, int n_roots, int64_t now, bool ignore_times, struct err *e);

/* Quick way for a detached signature by a known key (engine: signatures on the hot path).
 * First the fingerprint alone, then the check with a raw key from the row. Both agree with cms_verify
 * on every message; what is unusual ends as RC_NOT_FOUND and takes the other way. */
enum rc cms_signer_fingerprint(struct arena *a, struct bytes der, struct bytes *sha256, struct err *e);
enum rc cms_verify_raw(struct arena *a, struct bytes der, struct bytes detached, struct bytes raw_key, struct err *e);

/* Sign with SHA-256, one signer, its certificate and `others` inside. `detached` leaves the content out. */
enum rc cms_sign(struct arena *a, struct bytes content, struct bytes certificate, struct bytes key,
    const struct bytes *others, int n_others, bool detached, struct bytes *der, struct err *e);

/* EnvelopedData to one recipient with an RSA key, whose certificate is given. Ciphers are those of struct scep_message.
 * Opening takes DER and BER, and tells nobody why it failed inside: RC_BAD_INPUT; RC_FORBIDDEN is another cipher or
 * another way to carry the key. */
enum rc cms_envelope(struct arena *a, struct bytes content, struct bytes recipient, const char *cipher,
    struct bytes *der, struct err *e);
enum rc cms_envelope_open(struct arena *a, struct bytes der, struct bytes certificate, struct bytes key,
    struct bytes *content, struct err *e);

/* ---- SCEP (RFC 8894 3): SignedData with attributes over EnvelopedData ---- */

enum scep_type { SCEP_CERT_REP = 3, SCEP_RENEWAL_REQ = 17, SCEP_PKCS_REQ = 19, SCEP_CERT_POLL = 20 };
enum scep_status { SCEP_SUCCESS = 0, SCEP_FAILURE = 2, SCEP_PENDING = 3 };
enum scep_fail { SCEP_BAD_ALG, SCEP_BAD_MESSAGE_CHECK, SCEP_BAD_REQUEST, SCEP_BAD_TIME, SCEP_BAD_CERT_ID };

struct scep_message {
	enum scep_type type;
	const char *transaction_id;
	struct bytes sender_nonce, recipient_nonce;
	enum scep_status status; /* CertRep */
	enum scep_fail fail;
	struct bytes signer; /* certificate DER: self-signed in PKCSReq */
	struct bytes signer_spki; /* its public key; scep_open */
	const struct x509_known *known; /* the same decoded, to answer it; as long as the arena; NULL: not at hand */
	struct bytes content; /* decrypted: PKCS#10 in requests, degenerate PKCS#7 in SUCCESS; absent else */
	const char *digest; /* "SHA1", "SHA256", ... as signed */
	const char *cipher; /* "DES-EDE3-CBC", "AES-128-CBC", "AES-256-CBC"; NULL without content */
};

/* Verify, then decrypt with the recipient's certificate and key. Single DES and RC2 are RC_FORBIDDEN.
 * RC_BAD_INPUT: malformed or a missing attribute. */
enum rc scep_open(struct arena *a, struct bytes der, struct bytes certificate, struct bytes key,
    struct scep_message *out, struct err *e);

/* Build one: `content` enveloped to `recipient` with m->cipher (left out when absent), signed by
 * `certificate`/`key` with m->digest; certificates of m->signer are not used. */
enum rc scep_build(struct arena *a, const struct scep_message *m, struct bytes recipient, struct bytes certificate,
    struct bytes key, struct bytes *der, struct err *e);

/* The halves of both that need no key, for who has it elsewhere (keys/keys.h). scep_read: all but content and cipher;
 * *envelope is as long as the arena, absent where the message has none. scep_envelope: m->content for `recipient`; empty
 * where it is absent. */
enum rc scep_read(struct arena *a, struct bytes der, struct scep_message *out, struct bytes *envelope, struct err *e);
enum rc scep_envelope(
    struct arena *a, const struct scep_message *m, struct bytes recipient, struct bytes *envelope, struct err *e);

/* Degenerate PKCS#7 (certificates only), both ways. */
enum rc cms_bag(struct arena *a, const struct bytes *certificates, int n, struct bytes *der, struct err *e);
enum rc cms_bag_open(struct arena *a, struct bytes der, struct bytes **certificates, int *n, struct err *e);

#endif
