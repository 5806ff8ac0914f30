/* Keys that were read once: decoding a PEM for each signature would cost more than signing. Read by
 * many threads; an entry stays while someone uses it, also after its name was dropped. */
#ifndef KEYS_CACHE_H
#define KEYS_CACHE_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

struct key_entry {
	EVP_PKEY *key; /* NULL: no NAME.key */
	X509 *certificate; /* the first of NAME.pem; NULL: none */
	struct bytes *certificates;
	int n_certificates;
	struct bytes secret; /* NAME.secret; absent: none */
};

struct key_cache;

struct key_cache *key_cache_new(int dir);
void key_cache_free(struct key_cache *c); /* wipes; nobody uses it any more */

/* The entry of a name, valid until `a` ends. RC_NOT_FOUND: there is no file of that name. */
enum rc
key_cache_get(struct key_cache *c, struct arena *a, const char *name, const struct key_entry **out, struct err *e);

/* The files changed: read them again next time. NULL: those of all names. */
void key_cache_drop(struct key_cache *c, const char *name);

#endif
