/* What no server of this protocol can go below on this machine: processor time of its cryptography, and time of a
 * write to disk. One JSON object on stdout, microseconds each.
 *     floor FOLDER              the folder whose disk is measured
 *     floor FOLDER SECONDS      each once in a while for so long, beside whatever runs on the machine: a loop of the same
 *                               finds everything in its caches, a server finds there what others left
 */
#include <fcntl.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crypto/password.h"

#define LEAST_US 200000 /* each is repeated for so long */

static double
now_us(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void
need(bool fine, const char *what)
{
	if (fine)
		return;
	fprintf(stderr, "floor: %s failed\n", what);
	exit(1);
}

struct keys {
	EVP_PKEY *rsa, *ec;
	unsigned char digest[32], signature[512], cipher[512];
	size_t signature_n, cipher_n;
	SSL_CTX *server, *client;
	struct arena *arena;
	int fd;
};

static void
rsa_sign(struct keys *k)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(k->rsa, NULL);

	k->signature_n = sizeof k->signature;
	need(c != NULL && EVP_PKEY_sign_init(c) > 0 && EVP_PKEY_CTX_set_signature_md(c, EVP_sha256()) > 0 &&
		 EVP_PKEY_sign(c, k->signature, &k->signature_n, k->digest, sizeof k->digest) > 0,
	    "signing");
	EVP_PKEY_CTX_free(c);
}

static void
rsa_verify(struct keys *k)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(k->rsa, NULL);

	need(c != NULL && EVP_PKEY_verify_init(c) > 0 && EVP_PKEY_CTX_set_signature_md(c, EVP_sha256()) > 0 &&
		 EVP_PKEY_verify(c, k->signature, k->signature_n, k->digest, sizeof k->digest) > 0,
	    "verifying");
	EVP_PKEY_CTX_free(c);
}

static void
rsa_encrypt(struct keys *k)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(k->rsa, NULL);

	k->cipher_n = sizeof k->cipher;
	need(c != NULL && EVP_PKEY_encrypt_init(c) > 0 &&
		 EVP_PKEY_encrypt(c, k->cipher, &k->cipher_n, k->digest, sizeof k->digest) > 0,
	    "encrypting");
	EVP_PKEY_CTX_free(c);
}

static void
rsa_decrypt(struct keys *k)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(k->rsa, NULL);
	unsigned char plain[512];
	size_t n = sizeof plain;

	need(c != NULL && EVP_PKEY_decrypt_init(c) > 0 && EVP_PKEY_decrypt(c, plain, &n, k->cipher, k->cipher_n) > 0,
	    "decrypting");
	EVP_PKEY_CTX_free(c);
}

static void
argon2id(struct keys *k)
{
	struct err e;
	char *hash;

	need(password_hash(NULL, k->arena, "correct horse", &hash, &e) == RC_OK, "argon2id");
}

static void
disk(struct keys *k)
{
	static const char page[4096];

	need(write(k->fd, page, sizeof page) == (ssize_t)sizeof page && fdatasync(k->fd) == 0, "fdatasync");
}

/* ---- a full TLS 1.3 handshake in memory, the server's half timed ---- */

static double handshake_us; /* of the server since the last look; a program of its own may keep one number */

static void
handshake(struct keys *k)
{
	SSL *server = SSL_new(k->server), *client = SSL_new(k->client);
	BIO *to_client = NULL, *to_server = NULL;
	bool done = false;

	need(server != NULL && client != NULL && BIO_new_bio_pair(&to_client, 0, &to_server, 0) == 1, "a connection");
	SSL_set_bio(server, to_client, to_client);
	SSL_set_bio(client, to_server, to_server);
	for (int i = 0; i < 20 && !done; i++) {
		double began;
		int c = SSL_connect(client), s;

		began = now_us(CLOCK_THREAD_CPUTIME_ID);
		s = SSL_accept(server);
		handshake_us += now_us(CLOCK_THREAD_CPUTIME_ID) - began;
		done = c == 1 && s == 1;
	}
	need(done, "a handshake");
	SSL_free(server);
	SSL_free(client);
}

static X509 *
self_signed(EVP_PKEY *key)
{
	X509 *x = X509_new();
	X509_NAME *name = X509_get_subject_name(x);

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0);
	X509_set_issuer_name(x, name);
	X509_set_pubkey(x, key);
	need(X509_sign(x, key, EVP_sha256()) > 0, "a certificate");
	return x;
}

static void
prepare(struct keys *k, const char *folder)
{
	char *path = NULL;
	X509 *x;

	memset(k, 0, sizeof *k);
	k->rsa = EVP_RSA_gen(2048);
	k->ec = EVP_EC_gen("P-256");
	need(k->rsa != NULL && k->ec != NULL, "making keys");
	x = self_signed(k->ec);
	k->server = SSL_CTX_new(TLS_server_method());
	k->client = SSL_CTX_new(TLS_client_method());
	need(k->server != NULL && k->client != NULL && SSL_CTX_use_certificate(k->server, x) == 1 &&
		 SSL_CTX_use_PrivateKey(k->server, k->ec) == 1,
	    "TLS");
	SSL_CTX_set_num_tickets(k->server, 1);
	X509_free(x);
	k->arena = arena_new(0);
	path = arena_printf(k->arena, "%s/floor", folder);
	k->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	need(k->fd >= 0 && unlink(path) == 0, "a file in the folder");
}

/* Microseconds a call: of the processor, or of the clock for what waits. */
static double
cost(struct keys *k, void (*what)(struct keys *), bool waits)
{
	clockid_t clock = waits ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID;
	double began, took;
	int n = 0;

	what(k);
	handshake_us = 0;
	began = now_us(clock);
	do {
		what(k);
		n++;
	} while ((took = now_us(clock) - began) < LEAST_US);
	return (what == handshake ? handshake_us : took) / n;
}

/* What is measured once in a while: each after a sleep, in which the others on this core go on. */
static void
beside(struct keys *k, void (*what)(struct keys *), double *sum)
{
	const struct timespec pause = { 0, 4000000 };
	double began;

	nanosleep(&pause, NULL);
	handshake_us = 0;
	began = now_us(CLOCK_THREAD_CPUTIME_ID);
	what(k);
	*sum += what == handshake ? handshake_us : now_us(CLOCK_THREAD_CPUTIME_ID) - began;
}

int
main(int argc, char **argv)
{
	/* clang-format off */
	static const struct {
		const char *name;
		void (*what)(struct keys *);
		bool waits;
	} rows[] = {
		{ "rsa_sign_us",    rsa_sign,    false },
		{ "rsa_verify_us",  rsa_verify,  false },
		{ "rsa_encrypt_us", rsa_encrypt, false },
		{ "rsa_decrypt_us", rsa_decrypt, false },
		{ "handshake_us",   handshake,   false },
		{ "argon2id_us",    argon2id,    false },
		{ "fdatasync_us",   disk,        true  },
	};
	/* clang-format on */
	enum { ROWS = sizeof rows / sizeof rows[0] };
	double sum[ROWS] = { 0 }, until;
	json_t *o = json_object();
	struct keys k;
	int n = 0;

	if (argc != 2 && argc != 3) {
		fputs("usage: floor FOLDER [SECONDS]\n", stderr);
		return 2;
	}
	prepare(&k, argv[1]);
	until = now_us(CLOCK_MONOTONIC) + (argc == 3 ? strtod(argv[2], NULL) * 1e6 : 0);
	for (; argc == 3 && (n == 0 || now_us(CLOCK_MONOTONIC) < until); n++)
		for (size_t i = 0; i < ROWS; i++)
			if (rows[i].what != argon2id && !rows[i].waits)
				beside(&k, rows[i].what, &sum[i]);
	for (size_t i = 0; i < ROWS; i++)
		if (argc == 2 || sum[i] > 0)
			json_object_set_new(
			    o, rows[i].name, json_real(argc == 2 ? cost(&k, rows[i].what, rows[i].waits) : sum[i] / n));
	json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(5));
	putchar('\n');
	json_decref(o);
	EVP_PKEY_free(k.rsa);
	EVP_PKEY_free(k.ec);
	SSL_CTX_free(k.server);
	SSL_CTX_free(k.client);
	arena_free(k.arena);
	close(k.fd);
	return 0;
}
