/* One-time codes of authenticator apps (RFC 6238 over RFC 4226): HMAC-SHA-1, six digits, 30 seconds, which is what all
 * of them can. Pure. */
#ifndef ADMINISTRATOR_TOTP_H
#define ADMINISTRATOR_TOTP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"

#define TOTP_SECRET 20 /* octets; RFC 4226 4 recommends 160 bits */
#define TOTP_STEP_S 30
#define TOTP_WINDOW 1 /* steps that a clock may be off, either way (RFC 6238 5.2) */

/* The code of a step: six digits. */
const char *totp_code(struct arena *a, struct bytes secret, int64_t step);

/* Is it the code of a step around `now` that is later than `after`? *step is that one. */
bool totp_check(struct arena *a, struct bytes secret, const char *code, int64_t now, int64_t after, int64_t *step);

/* RFC 4648 base32 in capitals without padding, as apps take it by hand. */
const char *totp_base32(struct arena *a, struct bytes secret);

/* otpauth://totp/ISSUER:NAME?..., which apps read from a picture. */
const char *totp_uri(struct arena *a, struct bytes secret, const char *issuer, const char *name);

#endif
