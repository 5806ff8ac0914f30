/* Private keys by name. Callers pass octets and names, never handles: the keys live in a process beside the daemon, which
 * has no network and no store (keys_start), or here (keys_open: `init`, tests). Files under DIR/keys, 0600:
 * NAME.key (PEM PKCS#8) and NAME.pem (PEM certificates), NAME.secret (raw). */
#ifndef KEYS_KEYS_H
#define KEYS_KEYS_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/sandbox.h"
#include "crypto/x509.h"
#include "crypto/cms.h"

struct keys;

/* Names in use: "seal" (secret), "ca-<org>", "profile-<org>", "maid-<org>", "push-<org>".
 * A name is [a-z0-9-]{1,80}. */

/* `dir` is DIR; its folder keys is made if it is missing. RC_NOT_FOUND: no such DIR. */
enum rc keys_open(const char *dir, struct keys **out, struct err *e);

/* The same in a process beside this one. Forks: call it before there are threads. There, each kind of name is good for its
 * purpose alone (serve.c), anything else is RC_FORBIDDEN, and no CA is made of another key. Once that process has ended,
 * everything is RC_UNAVAILABLE. */
enum rc keys_start(const char *dir, enum sandbox_mode mode, struct keys **out, struct err *e);
bool keys_alive(struct keys *k); /* false: it has ended. For one thread */

void keys_close(struct keys *k); /* NULL is fine */

/* Files may have been changed by another process: read them again. */
void keys_forget(struct keys *k);

/* Make a key once; RC_CONFLICT: there is one of that name. Durable (fsync) before it returns. */
enum rc keys_make(struct keys *k, const char *name, enum x509_key_kind kind, struct err *e);
enum rc keys_make_secret(struct keys *k, const char *name, struct err *e); /* 32 octets */
/* Put a key that came from outside (push certificate's). Replaces. */
enum rc keys_put(struct keys *k, const char *name, struct bytes key, struct err *e);
enum rc keys_remove(struct keys *k, const char *name, struct err *e);
/* Certificates that belong to a name: CA's own, the chain of the push certificate. */
enum rc keys_put_certificates(struct keys *k, const char *name, const struct bytes *certificates, int n, struct err *e);
enum rc keys_certificates(
    const struct keys *k, struct arena *a, const char *name, struct bytes **certificates, int *n, struct err *e);

/* When a pair of key and certificates was put, in nanoseconds: another pair has another time. RC_NOT_FOUND: no such pair. */
enum rc keys_changed(const struct keys *k, struct arena *a, const char *name, int64_t *at, struct err *e);
/* The private key itself (PKCS#8 DER), for who can't have it sign elsewhere: TLS to Apple's push service. Of push- only. */
enum rc keys_release(const struct keys *k, struct arena *a, const char *name, struct bytes *key, struct err *e);

/* What keys are for. RC_NOT_FOUND: no key of that name; the sentence names the file. */
enum rc keys_public(const struct keys *k, struct arena *a, const char *name, struct bytes *spki, struct err *e);
enum rc keys_sign(const struct keys *k, struct arena *a, const char *name, struct bytes message,
    struct bytes *signature, struct err *e); /* RS256 or ES256 */
enum rc keys_issue(const struct keys *k, struct arena *a, const char *name, const struct x509_template *t,
    struct bytes spki, struct bytes *certificate, struct err *e); /* with the name's first certificate as issuer;
									 * self-signed when it has none */
enum rc keys_cms_sign(const struct keys *k, struct arena *a, const char *name, struct bytes content, bool detached,
    struct bytes *der, struct err *e); /* the name's certificates go along */
enum rc keys_envelope_open(const struct keys *k, struct arena *a, const char *name, struct bytes der,
    struct bytes *content, struct err *e); /* made for any certificate of the key; as cms_envelope_open */
enum rc keys_scep_open(
    const struct keys *k, struct arena *a, const char *name, struct bytes der, struct scep_message *out, struct err *e);
enum rc keys_scep_build(const struct keys *k, struct arena *a, const char *name, const struct scep_message *m,
    struct bytes recipient, struct bytes *der, struct err *e);
enum rc keys_jws(const struct keys *k, struct arena *a, const char *name, const char *header, const char *payload,
    char **out, struct err *e);
enum rc keys_seal(const struct keys *k, struct arena *a, const char *context, struct bytes plain, struct bytes *sealed,
    struct err *e); /* with the secret "seal" */
enum rc keys_unseal(const struct keys *k, struct arena *a, const char *context, struct bytes sealed,
    struct bytes *plain, struct err *e);

#endif
