/* Failed passwords, counted per person and per address, and the waits that follow from them.
 *
 * Subjects are digests of what was typed, so a person who does not exist is counted, and costs, the
 * same as one who does. Room-private: account_sign_in is the way in. */
#ifndef ACCOUNT_THROTTLE_H
#define ACCOUNT_THROTTLE_H

#include <stdint.h>

#include "base/call.h"

#define THROTTLE_PERSON_FREE 5 /* failures in a row before the first wait; the configuration's password_tries */
#define THROTTLE_ADDRESS_FREE 20
#define THROTTLE_FIRST_WAIT 5 /* seconds; doubles with every failure after it */
#define THROTTLE_MOST_WAIT 900
#define THROTTLE_FORGET 86400 /* seconds without a failure until a subject starts anew */

struct throttle {
	const char *person, *address; /* subjects of the table */
};

/* `user_identifier` as typed, folded; `address` numeric. An IPv6 address counts by its /64, since a
 * host may use all of it. */
struct throttle throttle_of(struct arena *a, const char *user_identifier, const char *address);

/* May this try go on? It is counted against the person beforehand, so that tries in parallel can't slip
 * past the limit together. RC_TOO_LARGE: no; *wait_s says how long. A unit by itself. */
enum rc throttle_begin(struct call *c, const struct throttle *t, int *wait_s);

/* How a try ended that was no success: a failure adds to the address's count, and what was not tried after all
 * (`tried` false) is taken back from the person's. A unit by itself. */
enum rc throttle_end(struct call *c, const struct throttle *t, bool tried);

/* Forget a person's failures: they signed in, or a new password was set. The address's count stays: else an attacker
 * with one account of their own could clear it between guesses at others. Works inside a unit. */
enum rc throttle_clear_person(struct call *c, const char *user_identifier);

/* Seconds to wait after `failures` in a row when `free` of them cost nothing. Pure. */
int64_t throttle_wait(int64_t failures, int64_t free);

#endif
