/* The server's store and keys, opened by the commands that prepare and verify a fleet. */
#ifndef POSTERN_DEVICE_FLEET_SERVER_H
#define POSTERN_DEVICE_FLEET_SERVER_H

#include <stdbool.h>

#include "base/call.h"
#include "config/config.h"

struct fleet_server {
	struct conf conf;
	struct call call; /* of the process; its arena is the caller's */
};

/* Of DIR. RC_CONFLICT: posternd has the SQLite store. `large`: rows are written in masses. */
enum rc fleet_server_open(struct fleet_server *s, struct arena *a, const char *dir, bool large);
void fleet_server_close(struct fleet_server *s); /* zeroed is fine */

bool fleet_server_is_sqlite(const struct fleet_server *s);

#endif
