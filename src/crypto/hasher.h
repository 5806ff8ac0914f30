/* A process beside ours that computes argon2id, one password at a time.
 *
 * Why a process: argon2id maps and unmaps 19 MiB for each password, and while the kernel does that, every
 * thread of the process that touches its own map waits: measured beside 200 passwords, the p99 of polls was
 * five times the idle one, whatever the thread's priority. In a process of its own, of least priority, it
 * stays under twice. For src/crypto/password.c only. */
#ifndef CRYPTO_HASHER_H
#define CRYPTO_HASHER_H

#include <stddef.h>

#include <sodium.h>

#include "base/sandbox.h"

#define HASHER_PASSWORD_MAX 1024 /* octets */

struct hasher {
	int pid, fd; /* fd -1: none runs */
};

/* What is asked: the password, and the text it is compared with; an empty text asks for a new one. */
struct hasher_work {
	char text[crypto_pwhash_STRBYTES];
	size_t n;
	char password[HASHER_PASSWORD_MAX];
};

struct hasher_result {
	int r; /* libsodium's: 0 done, or the password is right */
	char text[crypto_pwhash_STRBYTES]; /* the new text */
};

/* The work itself, in whatever process calls it. */
void hasher_compute(const struct hasher_work *w, struct hasher_result *out);

/* Fork. The process ends by itself when its starter does. -1: no process or descriptor is left. */
int hasher_start(struct hasher *h, enum sandbox_mode mode);

/* Have it computed there; waits. -1: the process has ended; it was reaped and h->fd is -1. */
int hasher_ask(struct hasher *h, const struct hasher_work *w, struct hasher_result *out);

void hasher_stop(struct hasher *h);

#endif
