#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/tap.h"
#include "crypto/hash.h"
#include "keys/keys.h"
#include "keys/process.h"
#include "keys/serve.h"

#define NOW 1790000000
#define DAY 86400
#define LARGE (3u << 20)

static char dir[] = "/tmp/postern-process-XXXXXX";

static const struct x509_template ca_t = {
	.subject = { .cn = "CA" },
	.not_before = NOW - DAY,
	.not_after = NOW + DAY,
	.is_ca = true,
	.key_usage = X509_USE_CERT_SIGN | X509_USE_SIGN | X509_USE_ENCIPHER,
};
static const struct x509_template leaf_t = {
	.subject = { .cn = "device" }, .not_before = NOW - DAY, .not_after = NOW + DAY
};

/* What the daemon does with the keys of an organization, in the order of its life. */
static void
test_purposes(struct keys *k, struct arena *a)
{
	static const char *const made[] = { "ca-o", "profile-o", "maid-o" };
	/* basicConstraints, CA:TRUE */
	const struct x509_extension ca = { "2.5.29.19", bytes_of("\x30\x03\x01\x01\xff", 5) };
	struct x509_template hidden = leaf_t;
	struct bytes spki, certificate, key, der, content, *list;
	const struct bytes absent = { NULL, 0 };
	struct err e;
	char *jws;
	int64_t at;
	int n;

	for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
		ok(keys_make(k, made[i], X509_RSA_2048, &e) == RC_OK &&
			keys_public(k, a, made[i], &spki, &e) == RC_OK &&
			keys_issue(k, a, made[i], i == 0 ? &ca_t : &leaf_t, spki, &certificate, &e) == RC_OK &&
			keys_put_certificates(k, made[i], &certificate, 1, &e) == RC_OK &&
			keys_certificates(k, a, made[i], &list, &n, &e) == RC_OK && n == 1 &&
			bytes_eq(list[0], certificate),
		    "%s is made there, and has its certificate", made[i]);
	}
	x509_key_new(a, X509_P256, &key, &e);
	x509_key_public(a, key, &spki, &e);
	ok(keys_issue(k, a, "ca-o", &leaf_t, spki, &certificate, &e) == RC_OK, "the CA issues");
	ok(keys_issue(k, a, "ca-o", &ca_t, spki, &certificate, &e) == RC_FORBIDDEN, "but makes no CA of another key");
	hidden.extensions = &ca;
	hidden.n_extensions = 1;
	ok(keys_issue(k, a, "ca-o", &hidden, spki, &certificate, &e) == RC_FORBIDDEN,
	    "nor by an extension that says so");
	keys_public(k, a, "ca-o", &spki, &e);
	ok(keys_issue(k, a, "ca-o", &ca_t, spki, &certificate, &e) == RC_OK, "its own it renews");
	ok(keys_cms_sign(k, a, "profile-o", bytes_str("profile"), false, &der, &e) == RC_OK, "profiles are signed");
	ok(keys_jws(k, a, "maid-o", "{}", "{}", &jws, &e) == RC_OK, "tokens are signed");
	keys_certificates(k, a, "maid-o", &list, &n, &e);
	ok(cms_envelope(a, bytes_str("token"), list[0], "AES-256-CBC", &der, &e) == RC_OK &&
		keys_envelope_open(k, a, "maid-o", der, &content, &e) == RC_OK && bytes_eq(content, bytes_str("token")),
	    "what Apple's portal encrypts is opened");
	ok(keys_put(k, "push-o", key, &e) == RC_OK && keys_changed(k, a, "push-o", &at, &e) == RC_NOT_FOUND &&
		keys_put_certificates(k, "push-o", &certificate, 1, &e) == RC_OK &&
		keys_changed(k, a, "push-o", &at, &e) == RC_OK && keys_release(k, a, "push-o", &content, &e) == RC_OK &&
		bytes_eq(content, key),
	    "a push key is put there, and handed out for TLS");
	ok(keys_seal(k, a, "here", bytes_str("x"), &der, &e) == RC_OK &&
		keys_unseal(k, a, "here", der, &content, &e) == RC_OK && bytes_eq(content, bytes_str("x")) &&
		keys_unseal(k, a, "there", der, &content, &e) == RC_BAD_INPUT &&
		keys_unseal(k, a, "here", absent, &content, &e) == RC_BAD_INPUT,
	    "what is sealed opens in its context");

	ok(keys_release(k, a, "ca-o", &content, &e) == RC_FORBIDDEN &&
		keys_release(k, a, "profile-o", &content, &e) == RC_FORBIDDEN &&
		keys_release(k, a, "seal", &content, &e) == RC_FORBIDDEN &&
		keys_release(k, a, "push-o/../ca-o", &content, &e) == RC_BAD_INPUT,
	    "no other key is handed out");
	ok(keys_put(k, "ca-o", key, &e) == RC_FORBIDDEN, "nor replaced by one from outside");
	ok(keys_sign(k, a, "ca-o", bytes_str("x"), &der, &e) == RC_FORBIDDEN &&
		keys_cms_sign(k, a, "ca-o", bytes_str("x"), false, &der, &e) == RC_FORBIDDEN &&
		keys_jws(k, a, "ca-o", "{}", "{}", &jws, &e) == RC_FORBIDDEN &&
		keys_envelope_open(k, a, "ca-o", der, &content, &e) == RC_FORBIDDEN,
	    "the CA's key signs certificates and SCEP, nothing else");
	ok(keys_remove(k, "seal", &e) == RC_FORBIDDEN && keys_make_secret(k, "seal", &e) == RC_FORBIDDEN,
	    "and the secret that everything is sealed with stays");
}

static void *
seal_often(void *p)
{
	const struct keys *k = p;
	bool good = true;

	for (int i = 0; i < 50; i++) {
		struct arena *a = arena_new(0);
		char text[24];
		struct bytes sealed, plain = { NULL, 0 };

		snprintf(text, sizeof text, "%p %d", (void *)a, i);
		good = good && keys_seal(k, a, "often", bytes_str(text), &sealed, NULL) == RC_OK &&
		       keys_unseal(k, a, "often", sealed, &plain, NULL) == RC_OK && bytes_eq(plain, bytes_str(text));
		arena_free(a);
	}
	return good ? p : NULL;
}

static void
test_many(struct keys *k, struct arena *a)
{
	struct bytes sealed, plain = { NULL, 0 }, large = bytes_of(arena_alloc(a, LARGE), LARGE);
	pthread_t t[20];
	void *result;
	bool good = true;
	struct err e;

	for (int i = 0; i < 20; i++)
		good = pthread_create(&t[i], NULL, seal_often, k) == 0 && good;
	for (int i = 0; i < 20; i++) {
		pthread_join(t[i], &result);
		good = good && result != NULL;
	}
	ok(good, "twenty threads ask at once, and each gets its own answers");
	ok(keys_seal(k, a, "large", large, &sealed, &e) == RC_OK &&
		keys_unseal(k, a, "large", sealed, &plain, &e) == RC_OK && bytes_eq(plain, large),
	    "three megabytes go and come");
	large = bytes_of(arena_alloc(a, KEYS_MESSAGE_MAX), KEYS_MESSAGE_MAX);
	ok(keys_seal(k, a, "large", large, &sealed, &e) == RC_TOO_LARGE &&
		keys_seal(k, a, "large", bytes_str("x"), &sealed, &e) == RC_OK,
	    "what is over the limit is refused here, and the next request is served");
}

/* Octets of real requests, cut and changed; from a listener that was taken over they can be anything. */
static void
test_nonsense(void)
{
	struct vault *v;
	struct buf request, reply;
	struct err e;
	uint32_t dice[3];
	int answered = 0;

	if (vault_open(dir, &v, &e) != RC_OK)
		return;
	for (int i = 0; i < 3000; i++) {
		struct arena *own = arena_new(0);
		struct reading r;
		int64_t rc;

		buf_init(&request, 65536);
		buf_init(&reply, KEYS_MESSAGE_MAX);
		crypto_random(dice, sizeof dice);
		message_int(&request, i % KEYS_OPS);
		message_text(&request, i % 3 ? "push-x" : "ca-o");
		message_bytes(&request, bytes_str("octets"));
		message_template(&request, &leaf_t);
		if (dice[0] % 4 != 0)
			request.p[dice[0] % request.n] ^= (char)(1 + dice[1] % 255);
		keys_serve(
		    v, own, bytes_of(request.p, dice[2] % 4 != 0 ? request.n : dice[2] % request.n), true, &reply);
		r = (struct reading){ buf_bytes(&reply), false };
		rc = reading_int(&r);
		answered += !r.bad && reading_text(&r) != NULL && rc <= RC_INTERNAL;
		buf_free(&request);
		buf_free(&reply);
		arena_free(own);
	}
	vault_close(v);
	ok(answered == 3000, "3000 requests that nobody sends are all answered");
}

static pid_t
child(void)
{
	char path[64];
	int pid = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
	if ((f = fopen(path, "re")) == NULL)
		return 0;
	if (fscanf(f, "%d", &pid) != 1)
		pid = 0;
	fclose(f);
	return pid;
}

static int
discard(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static void
test_end(struct keys *k, struct arena *a)
{
	pid_t pid = child();
	struct bytes sealed;
	struct err e;
	bool alive = keys_alive(k);

	ok(alive && pid > 0 && kill(pid, SIGKILL) == 0, "the process is killed");
	ok(keys_seal(k, a, "x", bytes_str("x"), &sealed, &e) == RC_UNAVAILABLE &&
		keys_seal(k, a, "x", bytes_str("x"), &sealed, &e) == RC_UNAVAILABLE,
	    "every request fails with RC_UNAVAILABLE from then on");
	while (keys_alive(k))
		usleep(1000);
	ok(!keys_alive(k), "and its end is known");
}

int
main(void)
{
	struct arena *a = arena_new(0);
	struct keys *k;
	struct err e;

	signal(SIGPIPE, SIG_IGN);
	ok(keys_start("/nonexistent", SANDBOX_ON, &k, &e) == RC_NOT_FOUND, "no such folder");
	if (mkdtemp(dir) == NULL || keys_open(dir, &k, &e) != RC_OK || keys_make_secret(k, "seal", &e) != RC_OK)
		return 1;
	keys_close(k);
	if (keys_start(dir, SANDBOX_ON, &k, &e) != RC_OK)
		return 1;
	test_purposes(k, a);
	test_many(k, a);
	test_nonsense();
	test_end(k, a);
	keys_close(k);
	arena_free(a);
	nftw(dir, discard, 4, FTW_DEPTH | FTW_PHYS);
	return done();
}
