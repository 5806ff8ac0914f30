/* A stream of octets sealed with a passphrase, chunk by chunk: backups and what a node is given.
 *
 * The key is argon2id of the passphrase (libsodium), the chunks are crypto_secretstream: none can be
 * changed, left out, repeated or moved without the opener's noticing, and only the last one says that
 * it is the last. The head is written in front, in clear: salt, cost, and what tells a wrong passphrase
 * from a damaged head. Whoever has the file can guess passphrases at that cost each, so a passphrase
 * wants to be long. */
#ifndef CRYPTO_STREAM_SEAL_H
#define CRYPTO_STREAM_SEAL_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/err.h"

#define STREAM_SEAL_HEAD 128 /* octets in front of the first chunk */
#define STREAM_SEAL_EXTRA 17 /* octets that sealing adds to a chunk */
#define PASSPHRASE_MIN 8 /* octets */
#define PASSPHRASE_MAX 1024

struct stream_seal; /* of one direction */

/* Begin to seal; `head` gets what has to stand in front. Takes a good part of a second and 128 MB.
 * RC_BAD_INPUT: a passphrase too short or too long. RC_UNAVAILABLE: no memory for it. */
enum rc
stream_seal_new(const char *passphrase, uint8_t head[STREAM_SEAL_HEAD], struct stream_seal **out, struct err *e);

/* Begin to open. RC_BAD_INPUT: the head is damaged, or of a newer kind. RC_FORBIDDEN: another passphrase.
 * RC_UNAVAILABLE: no memory for it. */
enum rc
stream_seal_open(const char *passphrase, const uint8_t head[STREAM_SEAL_HEAD], struct stream_seal **out, struct err *e);

/* Seal one chunk into `out`, which has room for plain.n + STREAM_SEAL_EXTRA octets. */
void stream_seal_push(struct stream_seal *s, struct bytes plain, bool last, uint8_t *out);

/* Open one chunk into `out`, which has room for sealed.n octets; *n of them are its. RC_BAD_INPUT: this
 * is not the chunk that stood here. */
enum rc
stream_seal_pull(struct stream_seal *s, struct bytes sealed, uint8_t *out, size_t *n, bool *last, struct err *e);

void stream_seal_free(struct stream_seal *s); /* wipes; NULL is fine */

#endif
