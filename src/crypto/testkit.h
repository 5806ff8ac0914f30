/* For the tests of this room: a folder of its own, the openssl command as an independent opinion, and
 * key pairs with certificates. */
#ifndef CRYPTO_TESTKIT_H
#define CRYPTO_TESTKIT_H

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/tap.h"
#include "crypto/start.h"
#include "crypto/x509.h"

#define NOW 1790000000 /* some day in 2026 */
#define DAY 86400

static struct arena *a;
static struct err e;
static char dir[] = "/tmp/postern-test-XXXXXX";

__attribute__((unused)) static const struct x509_template kit_ca = {
	.subject = { .cn = "CA" },
	.not_before = NOW - DAY,
	.not_after = NOW + DAY,
	.is_ca = true,
	.key_usage = X509_USE_CERT_SIGN | X509_USE_SIGN,
};
__attribute__((unused)) static const struct x509_template kit_leaf = {
	.subject = { .cn = "device" },
	.not_before = NOW - DAY,
	.not_after = NOW + DAY,
	.key_usage = X509_USE_SIGN,
};

__attribute__((unused)) static void
put(const char *name, const void *p, size_t n)
{
	FILE *f = fopen(arena_printf(a, "%s/%s", dir, name), "wb");

	if (f == NULL || fwrite(p, 1, n, f) != n)
		abort();
	fclose(f);
}

__attribute__((unused)) static void
put_pem(const char *name, struct bytes certificate)
{
	char *t = x509_pem(a, certificate);

	put(name, t, strlen(t));
}

/* Run the openssl command in `dir` with these words; its exit status. */
__attribute__((unused)) static int
openssl(const char *const *words)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		if (chdir(dir) != 0 || freopen("out", "wb", stdout) == NULL ||
		    freopen("/dev/null", "wb", stderr) == NULL)
			_exit(99);
		execvp("openssl", (char *const *)words);
		_exit(98);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
#define OPENSSL(...) openssl((const char *const[]){ "openssl", __VA_ARGS__, NULL })

__attribute__((unused)) static bool
output_has(const char *text)
{
	static char buf[65536];
	FILE *f = fopen(arena_printf(a, "%s/out", dir), "rb");
	size_t n;

	if (f == NULL)
		return false;
	n = fread(buf, 1, sizeof buf - 1, f);
	buf[n] = '\0';
	fclose(f);
	return strstr(buf, text) != NULL;
}

__attribute__((unused)) static void
get(const char *name, struct bytes *out)
{
	FILE *f = fopen(arena_printf(a, "%s/%s", dir, name), "rb");
	uint8_t *p = arena_alloc(a, 65536);

	*out = bytes_of(p, f != NULL ? fread(p, 1, 65536, f) : 0);
	if (f != NULL)
		fclose(f);
}

struct pair {
	struct bytes key, cert;
};

__attribute__((unused)) static struct pair
make(enum x509_key_kind kind, const struct x509_template *t, const struct pair *by)
{
	struct pair p = { { 0 }, { 0 } };
	struct bytes spki;

	if (x509_key_new(a, kind, &p.key, &e) != RC_OK || x509_key_public(a, p.key, &spki, &e) != RC_OK ||
	    x509_issue(a, t, spki, by != NULL ? by->cert : bytes_of(NULL, 0), by != NULL ? by->key : p.key, &p.cert,
		&e) != RC_OK)
		printf("# %s\n", e.text);
	return p;
}

__attribute__((unused)) static void
kit_start(void)
{
	crypto_start(); /* as the programs do */
	a = arena_new(0);
	if (mkdtemp(dir) == NULL)
		abort();
}

__attribute__((unused)) static int
kit_end(void)
{
	if (fork() == 0) {
		execlp("rm", "rm", "-rf", dir, (char *)NULL);
		_exit(1);
	}
	wait(NULL);
	arena_free(a);
	return done();
}

#endif
