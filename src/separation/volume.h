/* The two encrypted volumes of a device (protocol 12): the person's, and the managed one, where everything lives that
 * an enrollment brings. The key of the managed one exists from the check of the profile to the end of the enrollment;
 * then it is destroyed, and what is left of the volume can't be opened by anybody.
 *
 * In memory alone where `dir` is NULL: nothing is written, and nothing is left.
 *
 * DIR/volume.key is the managed volume's key, DIR/volume.sealed the enrollment, DIR/volume.PART.sealed the rest
 * (XChaCha20-Poly1305); DIR/personal.key and DIR/personal.PART.sealed are the person's. */
#ifndef SEPARATION_VOLUME_H
#define SEPARATION_VOLUME_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

enum separation_account { SEPARATION_PERSONAL, SEPARATION_MANAGED, SEPARATION_ACCOUNTS };

/* Make a new key; what an earlier volume left behind is destroyed first. */
enum rc separation_volume_create(struct arena *a, const char *dir, enum separation_account whose, struct err *e);

/* There is a key. One that was overwritten is none, although its file may be there after a crash. */
bool separation_volume_exists(const char *dir, enum separation_account whose);

/* Replace a part, durably and as a whole; `part` NULL is the enrollment. RC_NOT_FOUND: no volume. */
enum rc separation_volume_write(struct arena *a, const char *dir, enum separation_account whose, const char *part,
    struct bytes content, struct err *e);

/* RC_NOT_FOUND: no volume, or nothing written yet. RC_BAD_INPUT: damaged. */
enum rc separation_volume_read(struct arena *a, const char *dir, enum separation_account whose, const char *part,
    struct bytes *content, struct err *e);

/* Destroy the key. *left is the number of octets of ciphertext that remain. Before this returns it is proven that no
 * file of the directory holds the key, plain or in base64. RC_INTERNAL: one does. */
enum rc
separation_volume_destroy(struct arena *a, const char *dir, enum separation_account whose, size_t *left, struct err *e);

#endif
