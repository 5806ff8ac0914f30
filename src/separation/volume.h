/* The managed volume (protocol 12): everything that an enrollment brings lives in one encrypted
 * container. Its key exists from the check of the profile to the end of the enrollment; then it is
 * destroyed, and what is left of the container can't be opened by anybody.
 *
 * In memory alone where `dir` is NULL: nothing is written, and nothing is left.
 *
 * DIR/volume.key holds the key, DIR/volume.sealed the contents (XChaCha20-Poly1305). */
#ifndef SEPARATION_VOLUME_H
#define SEPARATION_VOLUME_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

/* Make a new key; what an earlier volume left behind is destroyed first. */
enum rc separation_volume_create(struct arena *a, const char *dir, struct err *e);

bool separation_volume_exists(const char *dir); /* there is a key */

/* Replace the contents, durably and as a whole. RC_NOT_FOUND: no volume. */
enum rc separation_volume_write(struct arena *a, const char *dir, struct bytes content, struct err *e);

/* RC_NOT_FOUND: no volume, or nothing written yet. RC_BAD_INPUT: damaged. */
enum rc separation_volume_read(struct arena *a, const char *dir, struct bytes *content, struct err *e);

/* Destroy the key. *left is the number of octets of ciphertext that remain; the remains are proven
 * not to open before this returns. */
enum rc separation_volume_destroy(struct arena *a, const char *dir, size_t *left, struct err *e);

#endif
