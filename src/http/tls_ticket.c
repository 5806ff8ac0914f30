#include "http/tls_ticket.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "http/mem.h"

#define GENERATIONS 3
#define KEYS HTTP_TICKETS_MAX /* at most; own ones are GENERATIONS */

struct ticket_key {
	unsigned char name[16], aes[32], mac[32];
	int64_t born_ms; /* of an own one; 0: none */
};

struct tls_tickets {
	const char *kind;
	pthread_mutex_t lock; /* over all that follows */
	struct ticket_key key[KEYS]; /* the first makes tickets */
	int shared; /* keys from outside; 0: own ones */
};

struct tls_tickets *
tls_tickets_new(const char *kind)
{
	struct tls_tickets *t = http_need(calloc(1, sizeof *t));

	t->kind = kind;
	pthread_mutex_init(&t->lock, NULL);
	return t;
}

void
tls_tickets_free(struct tls_tickets *t)
{
	if (t == NULL)
		return;
	pthread_mutex_destroy(&t->lock);
	OPENSSL_cleanse(t->key, sizeof t->key);
	free(t);
}

/* ---- keys from outside ---- */

/* HKDF-SHA-256 (RFC 5869); the kind of listener keeps their keys apart. */
static bool
derive(const char *kind, const uint8_t secret[HTTP_TICKET_SECRET], struct ticket_key *out)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
	unsigned char keys[sizeof out->name + sizeof out->aes + sizeof out->mac];
	char info[64];
	int n = snprintf(info, sizeof info, "postern session tickets %s", kind);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char[]){ "SHA256" }, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)secret, HTTP_TICKET_SECRET),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, (size_t)n),
		OSSL_PARAM_construct_end(),
	};
	bool good = ctx != NULL && EVP_KDF_derive(ctx, keys, sizeof keys, params) == 1;

	if (good) {
		memcpy(out->name, keys, sizeof out->name);
		memcpy(out->aes, keys + sizeof out->name, sizeof out->aes);
		memcpy(out->mac, keys + sizeof out->name + sizeof out->aes, sizeof out->mac);
	}
	OPENSSL_cleanse(keys, sizeof keys);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	ERR_clear_error();
	return good;
}

void
tls_tickets_share(struct tls_tickets *t, const struct http_tickets *from)
{
	struct ticket_key fresh[KEYS] = { 0 };
	int n = 0;

	while (n < from->n && n < KEYS && derive(t->kind, from->secret[n], &fresh[n]))
		n++;
	pthread_mutex_lock(&t->lock);
	/* Own keys stay where they were own before: sessions outlive a round without the store. */
	if (n > 0 || t->shared > 0)
		memcpy(t->key, fresh, sizeof t->key);
	t->shared = n;
	pthread_mutex_unlock(&t->lock);
	OPENSSL_cleanse(fresh, sizeof fresh);
}

/* ---- own keys ---- */

static bool
key_make(struct ticket_key *k, int64_t now)
{
	if (RAND_bytes(k->name, sizeof k->name) != 1 || RAND_priv_bytes(k->aes, sizeof k->aes) != 1 ||
	    RAND_priv_bytes(k->mac, sizeof k->mac) != 1)
		return false;
	k->born_ms = now;
	return true;
}

static bool
rotate(struct tls_tickets *t, int64_t now)
{
	struct ticket_key fresh;

	if (t->key[0].born_ms != 0 && now - t->key[0].born_ms < TLS_TICKET_LIFE_S * 1000)
		return true;
	if (!key_make(&fresh, now))
		return false;
	OPENSSL_cleanse(&t->key[GENERATIONS - 1], sizeof t->key[0]);
	memmove(t->key + 1, t->key, (GENERATIONS - 1) * sizeof t->key[0]);
	t->key[0] = fresh;
	OPENSSL_cleanse(&fresh, sizeof fresh);
	return true;
}

/* ---- using them ---- */

static bool
opens(const struct tls_tickets *t, int i, const unsigned char name[16], int64_t now)
{
	const struct ticket_key *k = &t->key[i];

	if (i >= (t->shared > 0 ? t->shared : GENERATIONS) || memcmp(k->name, name, sizeof k->name) != 0)
		return false;
	return t->shared > 0 || (k->born_ms != 0 && now - k->born_ms < TLS_TICKET_LIFE_S * 1000 * GENERATIONS);
}

/* The key to make a ticket with, or the one that made it. 0: none; 2: not the newest, renew; else 1. */
static int
pick(struct tls_tickets *t, const unsigned char name[16], bool make, struct ticket_key *out)
{
	int64_t now = clock_mono_ms() + 1;
	int found = 0;

	pthread_mutex_lock(&t->lock);
	if (make && (t->shared > 0 || rotate(t, now))) {
		*out = t->key[0];
		found = 1;
	}
	for (int i = 0; !make && i < KEYS && found == 0; i++) {
		if (opens(t, i, name, now)) {
			*out = t->key[i];
			found = i == 0 ? 1 : 2;
		}
	}
	pthread_mutex_unlock(&t->lock);
	return found;
}

int
tls_tickets_use(struct tls_tickets *t, unsigned char name[16], unsigned char *iv, EVP_CIPHER_CTX *cipher,
    EVP_MAC_CTX *mac, int make)
{
	struct ticket_key k;
	OSSL_PARAM params[3];
	int found, result = -1;

	if ((found = pick(t, name, make == 1, &k)) == 0)
		return make == 1 ? -1 : 0;
	if (make == 1) {
		memcpy(name, k.name, sizeof k.name);
		if (RAND_bytes(iv, EVP_MAX_IV_LENGTH) != 1)
			goto out;
	}
	params[0] = OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, k.mac, sizeof k.mac);
	params[1] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){ "SHA256" }, 0);
	params[2] = OSSL_PARAM_construct_end();
	if (EVP_MAC_CTX_set_params(mac, params) != 1 ||
	    EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, k.aes, iv, make) != 1)
		goto out;
	result = found;
out:
	OPENSSL_cleanse(&k, sizeof k);
	return result;
}
