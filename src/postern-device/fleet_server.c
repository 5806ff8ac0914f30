#include "postern-device/fleet_server.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "keys/keys.h"
#include "store/store.h"

bool
fleet_server_is_sqlite(const struct fleet_server *s)
{
	return strncmp(s->conf.store, "sqlite:", 7) == 0;
}

enum rc
fleet_server_open(struct fleet_server *s, struct arena *a, const char *dir, bool large)
{
	struct call *c = &s->call;
	struct keys *keys = NULL;
	const char *dsn;
	int from, to;
	enum rc rc;

	*c = (struct call){ .arena = a, .now = clock_now(), .conf = &s->conf };
	log_setup(LOG_WARN_, LOG_LOGFMT);
	if ((rc = conf_load(a, dir, &s->conf, &c->err)) != RC_OK || (rc = keys_open(dir, &keys, &c->err)) != RC_OK)
		return rc;
	c->keys = keys;
	dsn = s->conf.store;
	/* Room for the pages of a whole unit: with the server's small cache each page of an index would be
	 * written several times. */
	if (large && fleet_server_is_sqlite(s))
		dsn = arena_printf(a, "%s%ccache=large", dsn, strchr(dsn, '?') != NULL ? '&' : '?');
	rc = store_open(dsn, false, &c->store, &c->err);
	if (rc == RC_CONFLICT)
		return fail_in(&c->err, rc, "stop posternd first");
	return rc == RC_OK ? store_migrate(c->store, &from, &to, &c->err) : rc;
}

void
fleet_server_close(struct fleet_server *s)
{
	store_close(s->call.store);
	keys_close((struct keys *)s->call.keys);
}
