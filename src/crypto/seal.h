/* Authenticated encryption with one key (libsodium, XChaCha20-Poly1305): attempt ids, cookies,
 * secrets in the database. `context` separates the uses: a text sealed for one does not open for
 * another. */
#ifndef CRYPTO_SEAL_H
#define CRYPTO_SEAL_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

#define SEAL_KEY_SIZE 32
#define SEAL_OVERHEAD 40 /* octets that sealing adds, before base64url */

struct bytes seal_bytes(struct arena *a, struct bytes key, const char *context, struct bytes plain);
/* RC_BAD_INPUT: not made with this key and context, or damaged. */
enum rc seal_open(
    struct arena *a, struct bytes key, const char *context, struct bytes sealed, struct bytes *plain, struct err *e);

#endif
