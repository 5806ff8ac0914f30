#include <dirent.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/tap.h"
#include "crypto/cms.h"
#include "keys/keys.h"

#define NOW 1790000000
#define DAY 86400

static char dir[] = "/tmp/postern-keys-XXXXXX";

static const struct x509_template ca_t = {
	.subject = { .cn = "CA" },
	.not_before = NOW - DAY,
	.not_after = NOW + DAY,
	.is_ca = true,
	.key_usage = X509_USE_CERT_SIGN | X509_USE_SIGN | X509_USE_ENCIPHER,
};

static int
mode_of(const char *file)
{
	char path[200];
	struct stat st;

	snprintf(path, sizeof path, "%s/keys/%s", dir, file);
	return stat(path, &st) == 0 ? (int)(st.st_mode & 07777) : -1;
}

/* Files in DIR/keys; with `remove` they are gone afterwards. */
static int
count_files(bool remove)
{
	char path[200];
	struct dirent *d;
	DIR *all;
	int n = 0;

	snprintf(path, sizeof path, "%s/keys", dir);
	if ((all = opendir(path)) == NULL)
		return -1;
	while ((d = readdir(all)) != NULL) {
		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		n++;
		if (remove)
			unlinkat(dirfd(all), d->d_name, 0);
	}
	closedir(all);
	if (remove) {
		rmdir(path);
		rmdir(dir);
	}
	return n;
}

static void *
sign_often(void *p)
{
	const struct keys *k = p;
	bool good = true;

	for (int i = 0; i < 20; i++) {
		struct arena *a = arena_new(0);
		struct bytes sig, sealed, plain;

		good = good && keys_sign(k, a, "profile-a", bytes_str("x"), &sig, NULL) == RC_OK;
		good = good && keys_seal(k, a, "cookie", bytes_str("x"), &sealed, NULL) == RC_OK &&
		       keys_unseal(k, a, "cookie", sealed, &plain, NULL) == RC_OK;
		arena_free(a);
	}
	return good ? p : NULL;
}

/* Four threads sign while a fifth replaces the key under them. */
static bool
storm(struct keys *k, struct bytes key)
{
	pthread_t t[4];
	void *result;
	bool good = true;

	for (int i = 0; i < 4; i++)
		if (pthread_create(&t[i], NULL, sign_often, k) != 0)
			return false;
	for (int i = 0; i < 10; i++)
		good = good && keys_put(k, "profile-a", key, NULL) == RC_OK;
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &result);
		good = good && result != NULL;
	}
	return good;
}

static void *
issue(void *p)
{
	const struct x509_template t = {
		.subject = { .cn = "device" }, .not_before = NOW - DAY, .not_after = NOW + DAY
	};
	struct arena *a = arena_new(0);
	struct bytes spki, certificate;
	bool good = keys_public(p, a, "ca-a", &spki, NULL) == RC_OK &&
		    keys_issue(p, a, "ca-a", &t, spki, &certificate, NULL) == RC_OK;

	arena_free(a);
	return good ? p : NULL;
}

/* Keys that nobody has used yet: what is read of them at their first use, threads would read at once. */
static bool
rush(void)
{
	pthread_t t[4];
	struct keys *k;
	bool good = true;
	void *result;
	int n = 0;

	if (keys_open(dir, &k, NULL) != RC_OK)
		return false;
	while (n < 4 && pthread_create(&t[n], NULL, issue, k) == 0)
		n++;
	good = n == 4;
	while (n-- > 0) {
		pthread_join(t[n], &result);
		good = good && result != NULL;
	}
	keys_close(k);
	return good;
}

static void
test_make(struct keys *k, struct arena *a)
{
	struct bytes spki, again;
	struct err e;

	ok(keys_make(k, "ca-a", X509_RSA_2048, &e) == RC_OK && mode_of("ca-a.key") == 0600,
	    "a key is a file of mode 0600");
	ok(keys_public(k, a, "ca-a", &spki, &e) == RC_OK, "it has a public half");
	ok(keys_make(k, "ca-a", X509_RSA_2048, &e) == RC_CONFLICT && keys_public(k, a, "ca-a", &again, &e) == RC_OK &&
		bytes_eq(spki, again),
	    "a key is never made twice, the first one stays");
	ok(keys_public(k, a, "ca-b", &spki, &e) == RC_NOT_FOUND && strstr(e.text, "keys/ca-b.key") != NULL,
	    "a missing key is named by its file");
	static const char *const bad[] = { "", "../ca-a", "ca/a", "Ca", "ca.a", "ca-a\n",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		ok(keys_make(k, bad[i], X509_P256, &e) == RC_BAD_INPUT && keys_remove(k, bad[i], &e) == RC_BAD_INPUT,
		    "name %zu of another alphabet or length is refused", i);
	ok(count_files(false) == 1, "and nothing else was written");
}

static void
test_certificates(struct keys *k, struct arena *a)
{
	struct bytes spki, ca, leaf = { NULL, 0 }, *list, der, key;
	struct x509_template t = { .subject = { .cn = "signer" }, .not_before = NOW - DAY, .not_after = NOW + DAY };
	struct cms_signed s;
	struct err e;
	int n;

	ok(keys_certificates(k, a, "ca-a", &list, &n, &e) == RC_NOT_FOUND, "a name without certificates says so");
	keys_public(k, a, "ca-a", &spki, &e);
	ok(keys_issue(k, a, "ca-a", &ca_t, spki, &ca, &e) == RC_OK &&
		keys_put_certificates(k, "ca-a", &ca, 1, &e) == RC_OK,
	    "without a certificate the first one issued is self-signed");
	ok(keys_certificates(k, a, "ca-a", &list, &n, &e) == RC_OK && n == 1 && bytes_eq(list[0], ca) &&
		mode_of("ca-a.pem") == 0600,
	    "and kept beside the key");
	ok(keys_make(k, "profile-a", X509_P256, &e) == RC_OK && keys_public(k, a, "profile-a", &spki, &e) == RC_OK &&
		keys_issue(k, a, "ca-a", &t, spki, &leaf, &e) == RC_OK,
	    "another key is certified by it");
	ok(x509_verify(leaf, NULL, 0, &ca, 1, NOW, false, &e) == RC_OK, "with a chain to it");
	ok(keys_cms_sign(k, a, "profile-a", bytes_str("profile"), false, &der, &e) == RC_NOT_FOUND,
	    "CMS needs the signer's certificate");
	ok(keys_put_certificates(k, "profile-a", (struct bytes[]){ leaf, ca }, 2, &e) == RC_OK &&
		keys_cms_sign(k, a, "profile-a", bytes_str("profile"), false, &der, &e) == RC_OK &&
		cms_verify(a, der, bytes_of(NULL, 0), &s, &e) == RC_OK && bytes_eq(s.signer, leaf) && s.n_others == 1 &&
		bytes_eq(s.others[0], ca),
	    "the name's certificates go along");
	ok(keys_put_certificates(k, "profile-a", (struct bytes[]){ bytes_str("x") }, 1, &e) == RC_BAD_INPUT &&
		keys_certificates(k, a, "profile-a", &list, &n, &e) == RC_OK && n == 2,
	    "nonsense does not replace them");
	x509_key_new(a, X509_P256, &key, &e);
	ok(keys_put(k, "profile-a", bytes_str("x"), &e) == RC_BAD_INPUT && keys_put(k, "profile-a", key, &e) == RC_OK &&
		x509_key_public(a, key, &spki, &e) == RC_OK && keys_public(k, a, "profile-a", &der, &e) == RC_OK &&
		bytes_eq(spki, der),
	    "a key from outside replaces one, and is used from then on");
	ok(storm(k, key), "threads sign and seal while a key is replaced under them");
}

static void
test_scep(struct keys *k, struct arena *a)
{
	struct bytes key, spki, self, csr, der, *list;
	struct x509_template t = { .subject = { .cn = "device" }, .not_before = NOW - DAY, .not_after = NOW + DAY };
	struct scep_message m, r = { .type = SCEP_PKCS_REQ, .transaction_id = "1", .sender_nonce = bytes_str("n") };
	struct err e;
	char *jws;
	int n;

	x509_key_new(a, X509_RSA_2048, &key, &e);
	x509_key_public(a, key, &spki, &e);
	x509_issue(a, &t, spki, bytes_of(NULL, 0), key, &self, &e);
	x509_csr_new(a, &t.subject, key, NULL, &csr, &e);
	r.content = csr;
	r.digest = "SHA256";
	r.cipher = "AES-128-CBC";
	keys_certificates(k, a, "ca-a", &list, &n, &e);
	ok(scep_build(a, &r, list[0], self, key, &der, &e) == RC_OK &&
		keys_scep_open(k, a, "ca-a", der, &m, &e) == RC_OK && bytes_eq(m.content, csr),
	    "a SCEP request is opened by name");
	m.type = SCEP_CERT_REP;
	m.recipient_nonce = m.sender_nonce;
	m.content = list[0];
	ok(keys_scep_build(k, a, "ca-a", &m, m.signer, &der, &e) == RC_OK &&
		scep_open(a, der, self, key, &r, &e) == RC_OK && bytes_eq(r.signer, list[0]),
	    "and answered");
	ok(keys_jws(k, a, "ca-a", "{}", "{}", &jws, &e) == RC_OK &&
		keys_jws(k, a, "profile-a", "{}", "{}", &jws, &e) == RC_BAD_INPUT,
	    "RS256 by name, with RSA keys only");
}

static void
test_secret(struct keys *k, struct arena *a)
{
	struct bytes sealed, plain;
	struct err e;
	char path[200];

	ok(keys_seal(k, a, "cookie", bytes_str("x"), &sealed, &e) == RC_NOT_FOUND, "no sealing without the secret");
	ok(keys_make_secret(k, "seal", &e) == RC_OK && keys_make_secret(k, "seal", &e) == RC_CONFLICT,
	    "a secret is made once");
	ok(keys_seal(k, a, "cookie", bytes_str("x"), &sealed, &e) == RC_OK &&
		keys_unseal(k, a, "cookie", sealed, &plain, &e) == RC_OK && bytes_eq(plain, bytes_str("x")) &&
		keys_unseal(k, a, "other", sealed, &plain, &e) == RC_BAD_INPUT,
	    "sealed texts open in their own context");
	keys_make(k, "push-a", X509_P256, &e);
	snprintf(path, sizeof path, "%s/keys/push-a.key", dir);
	chmod(path, 0644);
	ok(keys_public(k, a, "push-a", &plain, &e) == RC_UNAVAILABLE && strstr(e.text, "chmod 600") != NULL,
	    "a key that everybody may read is not used");
	chmod(path, 0600);
	ok(truncate(path, 100) == 0 && keys_public(k, a, "push-a", &plain, &e) == RC_UNAVAILABLE, "nor a damaged one");
	ok(keys_remove(k, "push-a", &e) == RC_OK && keys_remove(k, "push-a", &e) == RC_NOT_FOUND &&
		keys_public(k, a, "push-a", &plain, &e) == RC_NOT_FOUND,
	    "a removed key is gone");
}

int
main(void)
{
	struct arena *a = arena_new(0);
	struct keys *k, *again;
	struct bytes spki, same;
	bool good = true;
	struct err e;

	ok(keys_open("/nonexistent", &k, &e) == RC_NOT_FOUND, "no such folder");
	if (mkdtemp(dir) == NULL || keys_open(dir, &k, &e) != RC_OK)
		return 1;
	test_make(k, a);
	test_secret(k, a);
	test_certificates(k, a);
	test_scep(k, a);
	ok(keys_open(dir, &again, &e) == RC_OK && keys_public(k, a, "ca-a", &spki, &e) == RC_OK &&
		keys_public(again, a, "ca-a", &same, &e) == RC_OK && bytes_eq(spki, same),
	    "keys are there after a restart");
	for (int i = 0; i < 10; i++)
		good = good && rush();
	ok(good, "threads issue at once, with keys that nobody used before");
	ok(count_files(false) == 5, "no other file is left behind");
	arena_free(a);
	keys_close(k);
	keys_close(again);
	keys_close(NULL);
	count_files(true);
	return done();
}
