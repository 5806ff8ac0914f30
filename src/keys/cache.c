#include "keys/cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/ossl.h"
#include "keys/files.h"

struct node {
	struct key_entry entry; /* first: what callers see */
	struct arena *memory; /* names, certificates, secret; wiped with the node */
	struct node *next;
	const char *name;
	atomic_int users; /* the list is one of them; an arena may outlive the cache */
};

struct key_cache {
	pthread_mutex_t lock;
	struct node *first; /* a few names per organization */
	int dir;
};

struct lease { /* one use of a node, ended by the arena */
	struct node *node;
};

struct key_cache *
key_cache_new(int dir)
{
	struct key_cache *c = calloc(1, sizeof *c);

	if (c == NULL || pthread_mutex_init(&c->lock, NULL) != 0)
		abort();
	c->dir = dir;
	return c;
}

static void
unref(struct node *n)
{
	if (atomic_fetch_sub(&n->users, 1) > 1)
		return;
	EVP_PKEY_free(n->entry.key); /* clears private numbers */
	X509_free(n->entry.certificate);
	arena_free(n->memory);
	free(n);
}

void
key_cache_free(struct key_cache *c)
{
	if (c == NULL)
		return;
	while (c->first != NULL) {
		struct node *n = c->first;

		c->first = n->next;
		unref(n);
	}
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static void
end_lease(void *p)
{
	struct lease *l = p;

	if (l->node != NULL)
		unref(l->node);
}

static enum rc
load_key(struct node *n, int dir, struct err *e)
{
	struct bytes text, der;
	enum rc rc = files_read(dir, n->memory, arena_printf(n->memory, "%s.key", n->name), &text, e);

	if (rc == RC_OK)
		rc = x509_key_from_pem(n->memory, text, &der, e);
	if (rc == RC_OK && (n->entry.key = ossl_private(der)) == NULL)
		rc = RC_BAD_INPUT;
	/* A damaged file of ours is the operator's trouble, not the peer's fault. */
	return rc == RC_BAD_INPUT ? fail(e, RC_UNAVAILABLE, "keys/%s.key cannot be understood", n->name) : rc;
}

static enum rc
load_certificates(struct node *n, int dir, struct err *e)
{
	struct key_entry *k = &n->entry;
	struct bytes text;
	enum rc rc = files_read(dir, n->memory, arena_printf(n->memory, "%s.pem", n->name), &text, e);

	if (rc == RC_OK)
		rc = x509_from_pem(n->memory, text, &k->certificates, &k->n_certificates, e);
	if (rc == RC_OK && (k->certificate = ossl_certificate(k->certificates[0])) == NULL)
		rc = RC_BAD_INPUT;
	/* OpenSSL reads the extensions at their first use, which would be by several threads at once. */
	if (k->certificate != NULL)
		(void)X509_check_purpose(k->certificate, -1, 0);
	return rc == RC_BAD_INPUT ? fail(e, RC_UNAVAILABLE, "keys/%s.pem cannot be understood", n->name) : rc;
}

static enum rc
load_secret(struct node *n, int dir, struct err *e)
{
	return files_read(dir, n->memory, arena_printf(n->memory, "%s.secret", n->name), &n->entry.secret, e);
}

/* Any of the three files may be missing, not all. Under the lock: a second thread would read the
 * same files, and this happens once a name. */
static enum rc
load(struct key_cache *c, const char *name, struct node **out, struct err *e)
{
	static enum rc (*const loaders[])(
	    struct node *, int, struct err *) = { load_secret, load_certificates, load_key };
	struct node *n = calloc(1, sizeof *n);
	bool found = false;
	enum rc rc = RC_OK;

	if (n == NULL)
		abort();
	n->memory = arena_new(0);
	n->name = arena_strdup(n->memory, name);
	atomic_init(&n->users, 1);
	/* The key is last, so that "not found" names its file. */
	for (size_t i = 0; i < sizeof loaders / sizeof loaders[0]; i++) {
		rc = loaders[i](n, c->dir, e);
		found = found || rc == RC_OK;
		if (rc != RC_OK && rc != RC_NOT_FOUND)
			break;
	}
	if (rc == RC_NOT_FOUND && found)
		rc = RC_OK;
	if (rc != RC_OK) {
		unref(n);
		return rc;
	}
	n->next = c->first;
	c->first = n;
	*out = n;
	return RC_OK;
}

enum rc
key_cache_get(struct key_cache *c, struct arena *a, const char *name, const struct key_entry **out, struct err *e)
{
	/* The lease is in the arena's hands before a node is in ours. */
	struct lease *l = arena_alloc(a, sizeof *l);
	struct node *n;
	enum rc rc = RC_OK;

	arena_defer(a, end_lease, l);
	pthread_mutex_lock(&c->lock);
	for (n = c->first; n != NULL && strcmp(n->name, name) != 0; n = n->next)
		;
	if (n == NULL)
		rc = load(c, name, &n, e);
	if (rc == RC_OK) {
		atomic_fetch_add(&n->users, 1);
		l->node = n;
		*out = &n->entry;
	}
	pthread_mutex_unlock(&c->lock);
	return rc;
}

void
key_cache_drop(struct key_cache *c, const char *name)
{
	struct node **at, *n;

	pthread_mutex_lock(&c->lock);
	for (at = &c->first; (n = *at) != NULL;) {
		if (name == NULL || strcmp(n->name, name) == 0) {
			*at = n->next;
			unref(n);
		} else {
			at = &n->next;
		}
	}
	pthread_mutex_unlock(&c->lock);
}
