/* The keys themselves: files of DIR/keys, and what is done with them. Of this room alone: others reach it through keys.h,
 * which is most often in another process (process.h). Functions are as those of keys.h. Safe from many threads. */
#ifndef KEYS_VAULT_H
#define KEYS_VAULT_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"
#include "crypto/cms.h"
#include "crypto/x509.h"

struct vault;

enum rc vault_open(const char *dir, struct vault **out, struct err *e);
void vault_close(struct vault *k); /* NULL is fine */
int vault_dir(const struct vault *k); /* the descriptor of DIR/keys */
void vault_forget(struct vault *k);

enum rc vault_make(struct vault *k, const char *name, enum x509_key_kind kind, struct err *e);
enum rc vault_make_secret(struct vault *k, const char *name, struct err *e);
enum rc vault_put(struct vault *k, const char *name, struct bytes key, struct err *e);
enum rc vault_remove(struct vault *k, const char *name, struct err *e);
enum rc
vault_put_certificates(struct vault *k, const char *name, const struct bytes *certificates, int n, struct err *e);
enum rc vault_certificates(
    const struct vault *k, struct arena *a, const char *name, struct bytes **certificates, int *n, struct err *e);
enum rc vault_changed(const struct vault *k, const char *name, int64_t *at, struct err *e);
enum rc vault_release(const struct vault *k, struct arena *a, const char *name, struct bytes *key, struct err *e);

enum rc vault_public(const struct vault *k, struct arena *a, const char *name, struct bytes *spki, struct err *e);
enum rc vault_sign(const struct vault *k, struct arena *a, const char *name, struct bytes message,
    struct bytes *signature, struct err *e);
enum rc vault_issue(const struct vault *k, struct arena *a, const char *name, const struct x509_template *t,
    struct bytes spki, struct bytes *certificate, struct err *e);
enum rc vault_cms_sign(const struct vault *k, struct arena *a, const char *name, struct bytes content, bool detached,
    struct bytes *der, struct err *e);
enum rc vault_envelope_open(
    const struct vault *k, struct arena *a, const char *name, struct bytes der, struct bytes *content, struct err *e);
/* The halves of keys_scep_open and keys_scep_build that need the key. */
enum rc vault_scep_envelope_open(const struct vault *k, struct arena *a, const char *name, struct bytes envelope,
    struct bytes *content, const char **cipher, struct err *e);
enum rc vault_scep_sign(const struct vault *k, struct arena *a, const char *name, const struct scep_message *m,
    struct bytes envelope, struct bytes *der, struct err *e);
enum rc vault_jws(const struct vault *k, struct arena *a, const char *name, const char *header, const char *payload,
    char **out, struct err *e);
enum rc vault_seal(const struct vault *k, struct arena *a, const char *context, struct bytes plain,
    struct bytes *sealed, struct err *e);
enum rc vault_unseal(const struct vault *k, struct arena *a, const char *context, struct bytes sealed,
    struct bytes *plain, struct err *e);

#endif
