/* Trust: from a certificate to one of a given pool, never the system's (RFC 5280 6). */
#include "crypto/ossl.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#define DEPTH_MAX 8
#define OTHERS_MAX 16

static X509_STORE *
pool(const struct bytes *roots, int n_roots)
{
	X509_STORE *s = X509_STORE_new();

	for (int i = 0; s != NULL && i < n_roots; i++) {
		X509 *x = ossl_certificate(roots[i]);

		/* One that can't be read is not trusted; the others still are. */
		if (x != NULL)
			X509_STORE_add_cert(s, x);
		X509_free(x);
	}
	return s;
}

static STACK_OF(X509) * between(const struct bytes *others, int n_others)
{
	STACK_OF(X509) *s = sk_X509_new_null();

	for (int i = 0; s != NULL && i < n_others; i++) {
		X509 *x = ossl_certificate(others[i]);

		if (x != NULL && sk_X509_push(s, x) <= 0)
			X509_free(x);
	}
	return s;
}

/* OpenSSL's security level has nothing between "MD5 is fine" and "SHA-1 is not", and device CAs of
 * older hardware sign with SHA-1. How the anchor itself is signed says nothing. */
static bool
digests_are_fine(const STACK_OF(X509) * chain)
{
	static const int fine[] = { NID_sha1, NID_sha256, NID_sha384, NID_sha512 };

	for (int i = 0; i + 1 < sk_X509_num(chain); i++) {
		int md = NID_undef;
		bool good = false;

		if (X509_get_signature_info(sk_X509_value(chain, i), &md, NULL, NULL, NULL) == 1)
			for (size_t j = 0; j < sizeof fine / sizeof fine[0]; j++)
				good = good || md == fine[j];
		if (!good)
			return false;
	}
	return true;
}

enum rc
ossl_chain(X509 *x, STACK_OF(X509) * between, const struct bytes *roots, int n_roots, int64_t now, bool ignore_times,
    struct err *e)
{
	X509_STORE *trusted = NULL;
	X509_STORE_CTX *c = NULL;
	X509_VERIFY_PARAM *param;
	enum rc rc = RC_INTERNAL;

	if (n_roots <= 0)
		return fail(e, RC_NOT_FOUND, "the pool of trusted certificates is empty");
	if ((trusted = pool(roots, n_roots)) == NULL || (c = X509_STORE_CTX_new()) == NULL ||
	    X509_STORE_CTX_init(c, trusted, x, between) != 1) {
		ossl_fail(e, RC_INTERNAL, "preparing to check a certificate");
		goto out;
	}
	param = X509_STORE_CTX_get0_param(c);
	X509_VERIFY_PARAM_set_depth(param, DEPTH_MAX);
	X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_ANY);
	/* The pool may hold an intermediate: being in it is what makes a certificate an anchor. */
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
	if (ignore_times) /* a time that is set as well would win over this flag */
		X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_NO_CHECK_TIME);
	else
		X509_VERIFY_PARAM_set_time(param, (time_t)now);
	rc = RC_OK;
	if (X509_verify_cert(c) != 1)
		rc = fail(e, RC_FORBIDDEN, "no chain to a trusted certificate: %s",
		    X509_verify_cert_error_string(X509_STORE_CTX_get_error(c)));
	else if (!digests_are_fine(X509_STORE_CTX_get0_chain(c)))
		rc = fail(e, RC_FORBIDDEN, "a certificate of the chain is signed with a digest that is not accepted");
out:
	X509_STORE_CTX_free(c);
	X509_STORE_free(trusted);
	ERR_clear_error();
	return rc;
}

enum rc
x509_verify(struct bytes leaf, const struct bytes *others, int n_others, const struct bytes *roots, int n_roots,
    int64_t now, bool ignore_times, struct err *e)
{
	STACK_OF(X509) *untrusted = NULL;
	X509 *x = NULL;
	enum rc rc;

	if (n_roots <= 0)
		return fail(e, RC_NOT_FOUND, "the pool of trusted certificates is empty");
	if (n_others > OTHERS_MAX)
		return fail(e, RC_FORBIDDEN, "over %d certificates beside the one in question", OTHERS_MAX);
	if ((x = ossl_certificate(leaf)) == NULL)
		return fail(e, RC_FORBIDDEN, "not a certificate");
	if ((untrusted = between(others, n_others)) != NULL)
		rc = ossl_chain(x, untrusted, roots, n_roots, now, ignore_times, e);
	else
		rc = ossl_fail(e, RC_INTERNAL, "preparing to check a certificate");
	sk_X509_pop_free(untrusted, X509_free);
	X509_free(x);
	return rc;
}

/* At most 16 certificates came with the message, the signer's among them: ossl_cms_verify counts. */
enum rc
cms_verify_chain(
    const struct cms_signed *s, const struct bytes *roots, int n_roots, int64_t now, bool ignore_times, struct err *e)
{
	return ossl_chain(s->known->x, s->known->all, roots, n_roots, now, ignore_times, e);
}
