/* The rows of a fleet's devices, as an enrollment leaves them behind: written directly, many at a time.
 *
 * Belongs to the program and not to the room `fleet`, since it knows the server's tables
 * (docs/decisions/0010-fleet-in-two-places.md). */
#ifndef POSTERN_DEVICE_FLEET_ROWS_H
#define POSTERN_DEVICE_FLEET_ROWS_H

#include "account/organization.h"
#include "base/call.h"
#include "fleet/state.h"

#define FLEET_PLACEHOLDERS 64 /* as many as the store takes */

struct fleet_rows {
	const struct fleet *fleet;
	const struct organization *organization;
	const char *password_hash; /* of all its people; NULL: none can sign in */
	int64_t token_life_s;
	const struct bytes *raw_keys; /* x509_raw_key of each shared key */
	/* Placeholders of one INSERT at most, which has as many rows as fit, and one in any case. Many rows spare
	 * PostgreSQL the ways there and back. SQLite wants one: for several it opens a savepoint, and to close that one
	 * inside a unit walks all that the unit has changed so far. */
	int placeholders;
	uint64_t from, to; /* devices of this unit */
};

/* Write the rows of devices [from, to): call it as a unit (store_unit). RC_CONFLICT: rows of that fleet
 * are there already. */
enum rc fleet_rows_write(struct call *c, void *rows);

#endif
