#include "crypto/ossl.h"

#include <assert.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pkcs12.h>

#define HELD_MAX 24

struct held {
	int n;
	struct {
		void (*drop)(void *);
		void *p;
	} slot[HELD_MAX];
};

static void
drop_all(void *p)
{
	struct held *h = p;

	while (h->n > 0) {
		h->n--;
		h->slot[h->n].drop(h->slot[h->n].p);
	}
}

struct held *
held_new(struct arena *a)
{
	struct held *h = arena_alloc(a, sizeof *h);

	arena_defer(a, drop_all, h);
	return h;
}

static void
hold(struct held *h, void (*drop)(void *), void *p)
{
	if (p == NULL)
		return;
	assert(h->n < HELD_MAX);
	h->slot[h->n].drop = drop;
	h->slot[h->n].p = p;
	h->n++;
}

static void
free_stack(STACK_OF(X509) * s)
{
	sk_X509_pop_free(s, X509_free);
}

/* clang-format off */
#define HOLD(name, type, release)                                                                                      \
	static void drop_##name(void *p) { release((type *)p); }                                                       \
	type *hold_##name(struct held *h, type *p) { hold(h, drop_##name, p); return p; }

HOLD(X509, X509, X509_free)
HOLD(X509_REQ, X509_REQ, X509_REQ_free)
HOLD(X509_NAME, X509_NAME, X509_NAME_free)
HOLD(EVP_PKEY, EVP_PKEY, EVP_PKEY_free)
HOLD(BIO, BIO, BIO_free_all)
HOLD(ASN1_OBJECT, ASN1_OBJECT, ASN1_OBJECT_free)
HOLD(CMS_ContentInfo, CMS_ContentInfo, CMS_ContentInfo_free)
HOLD(stack, STACK_OF(X509), free_stack)
/* clang-format on */

enum rc
ossl_fail(struct err *e, enum rc rc, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	if (reason != NULL)
		fail(e, rc, "%s: %s", what, reason);
	else
		fail(e, rc, "%s", what);
	ERR_clear_error();
	return rc;
}

/* d2i functions stop after the structure; octets that follow it are an error here. */
static bool
whole(struct bytes der, const unsigned char *end)
{
	return end == der.p + der.n;
}

static bool
plausible(struct bytes der)
{
	return der.p != NULL && der.n > 0 && der.n <= OSSL_CERTIFICATE_MAX;
}

X509 *
ossl_certificate(struct bytes der)
{
	const unsigned char *p = der.p;
	X509 *x;

	if (!plausible(der))
		return NULL;
	x = d2i_X509(NULL, &p, (long)der.n);
	if (x != NULL && !whole(der, p)) {
		X509_free(x);
		x = NULL;
	}
	ERR_clear_error();
	return x;
}

EVP_PKEY *
ossl_private(struct bytes pkcs8)
{
	const unsigned char *p = pkcs8.p;
	PKCS8_PRIV_KEY_INFO *info;
	EVP_PKEY *key = NULL;

	if (!plausible(pkcs8))
		return NULL;
	info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)pkcs8.n);
	if (info != NULL && whole(pkcs8, p))
		key = EVP_PKCS82PKEY(info);
	PKCS8_PRIV_KEY_INFO_free(info);
	ERR_clear_error();
	return key;
}

EVP_PKEY *
ossl_public(struct bytes spki)
{
	const unsigned char *p = spki.p;
	EVP_PKEY *key;

	if (!plausible(spki))
		return NULL;
	key = d2i_PUBKEY(NULL, &p, (long)spki.n);
	if (key != NULL && !whole(spki, p)) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	ERR_clear_error();
	return key;
}

struct bytes
ossl_certificate_der(struct arena *a, const X509 *x)
{
	int n = i2d_X509(x, NULL);
	unsigned char *out, *p;

	if (n <= 0)
		return bytes_of(NULL, 0);
	out = p = arena_alloc(a, (size_t)n);
	i2d_X509(x, &p);
	return bytes_of(out, (size_t)n);
}

struct bytes
ossl_private_der(struct arena *a, EVP_PKEY *key)
{
	/* 4096-bit RSA takes 2,400 octets; reserved first, so nothing secret is lost at a ceiling. */
	const int room = 8192;
	unsigned char *out = arena_alloc(a, (size_t)room), *p = out;
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	int n = info != NULL ? i2d_PKCS8_PRIV_KEY_INFO(info, NULL) : -1;

	n = n > 0 && n <= room ? i2d_PKCS8_PRIV_KEY_INFO(info, &p) : -1;
	PKCS8_PRIV_KEY_INFO_free(info);
	return n > 0 ? bytes_of(out, (size_t)n) : bytes_of(NULL, 0);
}

struct bytes
ossl_public_der(struct arena *a, EVP_PKEY *key)
{
	int n = i2d_PUBKEY(key, NULL);
	unsigned char *out, *p;

	if (n <= 0)
		return bytes_of(NULL, 0);
	out = p = arena_alloc(a, (size_t)n);
	i2d_PUBKEY(key, &p);
	return bytes_of(out, (size_t)n);
}

struct bytes
ossl_spki_der(struct arena *a, X509_PUBKEY *key)
{
	int n = key != NULL ? i2d_X509_PUBKEY(key, NULL) : 0;
	unsigned char *out, *p;

	if (n <= 0)
		return bytes_of(NULL, 0);
	out = p = arena_alloc(a, (size_t)n);
	i2d_X509_PUBKEY(key, &p);
	return bytes_of(out, (size_t)n);
}

struct bytes
ossl_bio_bytes(struct arena *a, BIO *mem)
{
	char *p = NULL;
	long n = BIO_get_mem_data(mem, &p);

	return n > 0 ? arena_copy(a, bytes_of(p, (size_t)n)) : bytes_of("", 0);
}
