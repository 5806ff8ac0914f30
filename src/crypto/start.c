/* A provider that hands on the default one's algorithms, but few of its kinds of keys and their formats
 * (provider(7)). The default one lives in a library context of its own; ours stands in for it in the process's. */
#include "crypto/start.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/provider.h>

#define NAME "postern"
#define KEPT_MAX 64

/* Key types; and for TLS, its key exchange, derivation and what a resumed session is proven with. */
static const char *const keys[] = { "RSA", "RSA-PSS", "EC", "ED25519", "X25519", "HMAC", "TLS1-PRF", "HKDF", NULL };
/* "DER" is the name of what only unwraps: PEM, an encrypted key. */
static const char *const coded[] = { "RSA", "RSA-PSS", "EC", "ED25519", "DER", NULL };
static const char *const formats[] = { "input=pem", "structure=SubjectPublicKeyInfo", "structure=PrivateKeyInfo",
	"structure=EncryptedPrivateKeyInfo", "structure=type-specific", NULL };

/* An operation that is cut down. */
static struct kept {
	int operation;
	const char *const *names;
	const char *const *formats; /* NULL: whatever it says */
	OSSL_ALGORITHM rows[KEPT_MAX]; /* ends with names NULL */
} kept[] = {
	{ .operation = OSSL_OP_KEYMGMT, .names = keys },
	{ .operation = OSSL_OP_DECODER, .names = coded, .formats = formats },
	{ .operation = OSSL_OP_ENCODER, .names = coded, .formats = formats },
};
#define N_KEPT (sizeof kept / sizeof kept[0])

/* OpenSSL's callbacks are handed the default provider's context, so ours can only be found here. Written once, by
 * crypto_start, before there are threads. */
static OSSL_LIB_CTX *library;
static OSSL_PROVIDER *whole, *ours;

static bool
has_name(const char *algorithm, const char *const *names)
{
	size_t n = strcspn(algorithm, ":"); /* aliases follow */

	for (; *names != NULL; names++)
		if (strlen(*names) == n && memcmp(*names, algorithm, n) == 0)
			return true;
	return false;
}

/* One of the properties, "a=b,c=d", is one of `wanted`. */
static bool
has_property(const char *properties, const char *const *wanted)
{
	for (; *wanted != NULL; wanted++) {
		const char *at = strstr(properties, *wanted);
		char after = at != NULL ? at[strlen(*wanted)] : '!';

		if (after == '\0' || after == ',')
			return true;
	}
	return false;
}

static void
choose(struct kept *k)
{
	int no_cache, n = 0;
	const OSSL_ALGORITHM *all = OSSL_PROVIDER_query_operation(whole, k->operation, &no_cache);

	for (; all != NULL && all->algorithm_names != NULL && n < KEPT_MAX - 1; all++)
		if (has_name(all->algorithm_names, k->names) &&
		    (k->formats == NULL || has_property(all->property_definition, k->formats)))
			k->rows[n++] = *all;
}

/* ---- what OpenSSL asks a provider ---- */

static const OSSL_ALGORITHM *
query(void *context, int operation, int *no_cache)
{
	(void)context;
	for (size_t i = 0; i < N_KEPT; i++) {
		if (kept[i].operation == operation) {
			*no_cache = 0;
			return kept[i].rows;
		}
	}
	return OSSL_PROVIDER_query_operation(whole, operation, no_cache);
}

static int
capabilities(void *context, const char *capability, OSSL_CALLBACK *each, void *arg)
{
	(void)context;
	return OSSL_PROVIDER_get_capabilities(whole, capability, each, arg);
}

static const OSSL_PARAM *
gettable_params(void *context)
{
	(void)context;
	return OSSL_PROVIDER_gettable_params(whole);
}

static int
get_params(void *context, OSSL_PARAM *params)
{
	(void)context;
	return OSSL_PROVIDER_get_params(whole, params);
}

static int
init(const OSSL_CORE_HANDLE *core, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out, void **context)
{
	static const OSSL_DISPATCH answers[] = {
		{ OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query },
		{ OSSL_FUNC_PROVIDER_GET_CAPABILITIES, (void (*)(void))capabilities },
		{ OSSL_FUNC_PROVIDER_GETTABLE_PARAMS, (void (*)(void))gettable_params },
		{ OSSL_FUNC_PROVIDER_GET_PARAMS, (void (*)(void))get_params },
		{ 0, NULL },
	};

	(void)core;
	(void)in;
	*out = answers;
	/* The algorithms expect the context of the provider they are of. */
	*context = OSSL_PROVIDER_get0_provider_ctx(whole);
	return 1;
}

/* ---- start ---- */

static int
count(OSSL_PROVIDER *p, void *arg)
{
	int *n = arg;

	(void)p;
	(*n)++;
	return 1;
}

void
crypto_start(void)
{
	int active = 0;

	if (library != NULL)
		return;
	if ((library = OSSL_LIB_CTX_new()) == NULL || (whole = OSSL_PROVIDER_load(library, "default")) == NULL)
		goto out;
	for (size_t i = 0; i < N_KEPT; i++)
		choose(&kept[i]);
	/* Loading one keeps OpenSSL from loading the default one by itself. */
	if (OSSL_PROVIDER_add_builtin(NULL, NAME, init) == 1)
		ours = OSSL_PROVIDER_load(NULL, NAME);
	OSSL_PROVIDER_do_all(NULL, count, &active);
	if (ours != NULL && active != 1) {
		OSSL_PROVIDER_unload(ours);
		ours = NULL;
	}
out:
	ERR_clear_error();
}
