#include "keys/vault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "crypto/ossl.h"
#include "crypto/seal.h"
#include "keys/cache.h"
#include "keys/files.h"

#define NAME_MAX_ 80

struct vault {
	int dir;
	struct key_cache *cache; /* changes behind a const struct vault, under its own lock */
};

enum rc
vault_open(const char *dir, struct vault **out, struct err *e)
{
	int top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -1;
	struct vault *k;

	if (top < 0)
		return fail(e, errno == ENOENT ? RC_NOT_FOUND : RC_UNAVAILABLE, "%s: %s", dir, strerror(errno));
	if (mkdirat(top, "keys", 0700) == 0 || errno == EEXIST)
		fd = openat(top, "keys", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		fail(e, RC_UNAVAILABLE, "%s/keys: %s", dir, strerror(errno));
	close(top);
	if (fd < 0)
		return RC_UNAVAILABLE;
	if ((k = calloc(1, sizeof *k)) == NULL)
		abort();
	k->dir = fd;
	k->cache = key_cache_new(fd);
	*out = k;
	return RC_OK;
}

void
vault_close(struct vault *k)
{
	if (k == NULL)
		return;
	key_cache_free(k->cache);
	close(k->dir);
	free(k);
}

int
vault_dir(const struct vault *k)
{
	return k->dir;
}

void
vault_forget(struct vault *k)
{
	key_cache_drop(k->cache, NULL);
}

/* A name is part of a path, so its alphabet is checked at every door. */
static enum rc
check_name(const char *name, struct err *e)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

	if (n == 0 || n > NAME_MAX_ || name[n] != '\0')
		return fail(e, RC_BAD_INPUT, "a key's name has 1 to %d of a-z, 0-9 and -", NAME_MAX_);
	return RC_OK;
}

/* Write NAME<suffix> and forget what was read of it. */
static enum rc
put(struct vault *k, const char *name, const char *suffix, struct bytes data, bool replace, struct err *e)
{
	char file[NAME_MAX_ + 16];
	enum rc rc;

	snprintf(file, sizeof file, "%s%s", name, suffix);
	rc = files_write(k->dir, file, data, replace, e);
	key_cache_drop(k->cache, name);
	return rc;
}

static enum rc
put_key(struct vault *k, struct arena *a, const char *name, struct bytes key, bool replace, struct err *e)
{
	return put(k, name, ".key", bytes_str(x509_key_pem(a, key)), replace, e);
}

enum rc
vault_make(struct vault *k, const char *name, enum x509_key_kind kind, struct err *e)
{
	struct arena *a;
	struct bytes key;
	enum rc rc;

	if ((rc = check_name(name, e)) != RC_OK)
		return rc;
	a = arena_new(0);
	if ((rc = x509_key_new(a, kind, &key, e)) == RC_OK)
		rc = put_key(k, a, name, key, false, e);
	arena_free(a);
	return rc;
}

enum rc
vault_make_secret(struct vault *k, const char *name, struct err *e)
{
	uint8_t raw[SEAL_KEY_SIZE];
	enum rc rc;

	if ((rc = check_name(name, e)) != RC_OK)
		return rc;
	crypto_random(raw, sizeof raw);
	rc = put(k, name, ".secret", bytes_of(raw, sizeof raw), false, e);
	explicit_bzero(raw, sizeof raw);
	return rc;
}

enum rc
vault_put(struct vault *k, const char *name, struct bytes key, struct err *e)
{
	struct arena *a;
	struct bytes spki;
	enum rc rc;

	if ((rc = check_name(name, e)) != RC_OK)
		return rc;
	a = arena_new(0);
	if ((rc = x509_key_public(a, key, &spki, e)) == RC_OK)
		rc = put_key(k, a, name, key, true, e);
	arena_free(a);
	return rc;
}

enum rc
vault_remove(struct vault *k, const char *name, struct err *e)
{
	/* The key last: it is what makes a name exist. */
	static const char *const suffixes[] = { ".secret", ".pem", ".key" };
	char file[NAME_MAX_ + 16];
	bool found = false;
	enum rc rc;

	if ((rc = check_name(name, e)) != RC_OK)
		return rc;
	for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
		snprintf(file, sizeof file, "%s%s", name, suffixes[i]);
		rc = files_remove(k->dir, file, e);
		if (rc != RC_OK && rc != RC_NOT_FOUND)
			break;
		found = found || rc == RC_OK;
	}
	key_cache_drop(k->cache, name);
	return rc == RC_NOT_FOUND && found ? RC_OK : rc;
}

enum rc
vault_put_certificates(struct vault *k, const char *name, const struct bytes *certificates, int n, struct err *e)
{
	struct arena *a;
	struct x509_info info;
	const char *text = "";
	enum rc rc;

	if ((rc = check_name(name, e)) != RC_OK)
		return rc;
	if (n <= 0)
		return fail(e, RC_BAD_INPUT, "no certificate");
	a = arena_new(0);
	for (int i = 0; i < n && rc == RC_OK; i++) {
		rc = x509_parse(a, certificates[i], &info, e);
		text = arena_printf(a, "%s%s", text, x509_pem(a, certificates[i]));
	}
	if (rc == RC_OK)
		rc = put(k, name, ".pem", bytes_str(text), true, e);
	arena_free(a);
	return rc;
}

enum rc
vault_changed(const struct vault *k, const char *name, int64_t *at, struct err *e)
{
	char key[NAME_MAX_ + 16], pem[NAME_MAX_ + 16];
	struct stat of_key, of_pem;
	enum rc rc;

	if ((rc = check_name(name, e)) != RC_OK)
		return rc;
	snprintf(key, sizeof key, "%s.key", name);
	snprintf(pem, sizeof pem, "%s.pem", name);
	if (fstatat(k->dir, key, &of_key, 0) != 0 || fstatat(k->dir, pem, &of_pem, 0) != 0)
		return fail(e, RC_NOT_FOUND, "there is no keys/%s and keys/%s", key, pem);
	*at = (int64_t)of_pem.st_mtim.tv_sec * 1000000000 + of_pem.st_mtim.tv_nsec;
	return RC_OK;
}

/* ---- What keys are for ---- */

static enum rc
get(const struct vault *k, struct arena *a, const char *name, const struct key_entry **out, struct err *e)
{
	enum rc rc = check_name(name, e);

	return rc == RC_OK ? key_cache_get(k->cache, a, name, out, e) : rc;
}

static enum rc
get_key(const struct vault *k, struct arena *a, const char *name, const struct key_entry **out, struct err *e)
{
	enum rc rc = get(k, a, name, out, e);

	if (rc == RC_OK && (*out)->key == NULL)
		rc = fail(e, RC_NOT_FOUND, "there is no keys/%s.key", name);
	return rc;
}

static enum rc
get_pair(const struct vault *k, struct arena *a, const char *name, const struct key_entry **out, struct err *e)
{
	enum rc rc = get_key(k, a, name, out, e);

	if (rc == RC_OK && (*out)->certificate == NULL)
		rc = fail(e, RC_NOT_FOUND, "there is no keys/%s.pem", name);
	return rc;
}

enum rc
vault_certificates(
    const struct vault *k, struct arena *a, const char *name, struct bytes **certificates, int *n, struct err *e)
{
	const struct key_entry *entry;
	enum rc rc = get(k, a, name, &entry, e);

	if (rc != RC_OK)
		return rc;
	if (entry->certificate == NULL)
		return fail(e, RC_NOT_FOUND, "there is no keys/%s.pem", name);
	*certificates = entry->certificates; /* as long as the entry, so at least as long as `a` */
	*n = entry->n_certificates;
	return RC_OK;
}

enum rc
vault_public(const struct vault *k, struct arena *a, const char *name, struct bytes *spki, struct err *e)
{
	const struct key_entry *entry;
	enum rc rc = get_key(k, a, name, &entry, e);

	if (rc != RC_OK)
		return rc;
	*spki = ossl_public_der(a, entry->key);
	return spki->p != NULL ? RC_OK : ossl_fail(e, RC_INTERNAL, "writing a public key");
}

enum rc
vault_release(const struct vault *k, struct arena *a, const char *name, struct bytes *key, struct err *e)
{
	const struct key_entry *entry;
	enum rc rc = get_key(k, a, name, &entry, e);

	if (rc != RC_OK)
		return rc;
	*key = ossl_private_der(a, entry->key);
	return key->p != NULL ? RC_OK : ossl_fail(e, RC_INTERNAL, "writing a private key");
}

enum rc
vault_sign(const struct vault *k, struct arena *a, const char *name, struct bytes message, struct bytes *signature,
    struct err *e)
{
	const struct key_entry *entry;
	enum rc rc = get_key(k, a, name, &entry, e);

	return rc == RC_OK ? ossl_sign(a, entry->key, message, signature, e) : rc;
}

enum rc
vault_issue(const struct vault *k, struct arena *a, const char *name, const struct x509_template *t, struct bytes spki,
    struct bytes *certificate, struct err *e)
{
	const struct key_entry *entry;
	enum rc rc = get_key(k, a, name, &entry, e);

	return rc == RC_OK ? ossl_issue(a, t, spki, entry->certificate, entry->key, certificate, e) : rc;
}

enum rc
vault_cms_sign(const struct vault *k, struct arena *a, const char *name, struct bytes content, bool detached,
    struct bytes *der, struct err *e)
{
	const struct key_entry *entry;
	enum rc rc = get_pair(k, a, name, &entry, e);

	return rc == RC_OK ? ossl_cms_sign(a, content, entry->certificate, entry->key, entry->certificates + 1,
				 entry->n_certificates - 1, detached, der, e)
			   : rc;
}

enum rc
vault_envelope_open(
    const struct vault *k, struct arena *a, const char *name, struct bytes der, struct bytes *content, struct err *e)
{
	const struct key_entry *entry;
	enum rc rc = get_key(k, a, name, &entry, e);

	return rc == RC_OK ? ossl_envelope_open_any(a, der, entry->key, content, e) : rc;
}

enum rc
vault_scep_envelope_open(const struct vault *k, struct arena *a, const char *name, struct bytes envelope,
    struct bytes *content, const char **cipher, struct err *e)
{
	const struct key_entry *entry;
	enum rc rc = get_pair(k, a, name, &entry, e);

	return rc == RC_OK ? ossl_scep_envelope_open(a, envelope, entry->certificate, entry->key, content, cipher, e)
			   : rc;
}

enum rc
vault_scep_sign(const struct vault *k, struct arena *a, const char *name, const struct scep_message *m,
    struct bytes envelope, struct bytes *der, struct err *e)
{
	const struct key_entry *entry;
	enum rc rc = get_pair(k, a, name, &entry, e);

	return rc == RC_OK ? ossl_scep_sign(a, m, envelope, entry->certificate, entry->key, der, e) : rc;
}

enum rc
vault_jws(const struct vault *k, struct arena *a, const char *name, const char *header, const char *payload, char **out,
    struct err *e)
{
	const struct key_entry *entry;
	enum rc rc = get_key(k, a, name, &entry, e);

	return rc == RC_OK ? ossl_jws_rs256(a, header, payload, entry->key, out, e) : rc;
}

static enum rc
get_seal(const struct vault *k, struct arena *a, struct bytes *secret, struct err *e)
{
	const struct key_entry *entry;
	enum rc rc = get(k, a, "seal", &entry, e);

	if (rc != RC_OK)
		return rc;
	if (entry->secret.n != SEAL_KEY_SIZE)
		return fail(e, entry->secret.p == NULL ? RC_NOT_FOUND : RC_UNAVAILABLE,
		    "keys/seal.secret is missing or does not have %d octets", SEAL_KEY_SIZE);
	*secret = entry->secret;
	return RC_OK;
}

enum rc
vault_seal(const struct vault *k, struct arena *a, const char *context, struct bytes plain, struct bytes *sealed,
    struct err *e)
{
	struct bytes secret = { NULL, 0 };
	enum rc rc = get_seal(k, a, &secret, e);

	if (rc == RC_OK)
		*sealed = seal_bytes(a, secret, context, plain);
	return rc;
}

enum rc
vault_unseal(const struct vault *k, struct arena *a, const char *context, struct bytes sealed, struct bytes *plain,
    struct err *e)
{
	struct bytes secret = { NULL, 0 };
	enum rc rc = get_seal(k, a, &secret, e);

	return rc == RC_OK ? seal_open(a, secret, context, sealed, plain, e) : rc;
}
