/* Password hashes: argon2id (libsodium), 19 MiB and two passes. Verification is memory, so a gate
 * lets few run at once (19 MiB each, in processes of their own: crypto/hasher.h): the others wait in
 * line, and past the line they are refused. */
#ifndef CRYPTO_PASSWORD_H
#define CRYPTO_PASSWORD_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/sandbox.h"

#define PASSWORD_MAX 1024 /* octets */

struct password_gate; /* counts who hashes now; one a process, made in main, shared by threads */

/* `at_once` hashes run at a time (0: one for every two processors, so that there is always a free one),
 * `waiting` callers wait at most `wait_ms` (0: 64, 8000). Forks; call it before there are threads and secrets. */
struct password_gate *password_gate_new(int at_once, int waiting, int wait_ms, enum sandbox_mode mode);
void password_gate_free(struct password_gate *g);

/* The storable text ("$argon2id$..."), in `a`. RC_BAD_INPUT: empty or over PASSWORD_MAX.
 * RC_UNAVAILABLE: the line is full, or the hashing process died. `g` may be NULL (no gate). */
enum rc password_hash(struct password_gate *g, struct arena *a, const char *password, char **out, struct err *e);

/* RC_OK or RC_FORBIDDEN. With `hash` NULL it does the same work against a fixed hash and refuses, so
 * that a missing account costs the same. RC_UNAVAILABLE: the line is full. */
enum rc password_verify(struct password_gate *g, const char *hash, const char *password, struct err *e);

#endif
