/* The address of an SQLite database: its path, and options behind '?'. */
#include <string.h>

#include "store/faultvfs.h"
#include "store/sqlite_conn.h"

struct option {
	const char *name, *value; /* NULL: any value */
	void (*set)(struct sqlite_options *o, const char *value);
};

static void
set_sync_off(struct sqlite_options *o, const char *value)
{
	(void)value;
	o->sync_off = true;
}
static void
set_sync_full(struct sqlite_options *o, const char *value)
{
	(void)value;
	o->sync_off = false;
}
static void
set_vfs(struct sqlite_options *o, const char *value)
{
	o->vfs = value;
}
static void
set_cache_large(struct sqlite_options *o, const char *value)
{
	(void)value;
	o->cache_large = true;
}

/* clang-format off */
static const struct option options[] = {
	{ "synchronous", "off",  set_sync_off },
	{ "synchronous", "full", set_sync_full },
	{ "vfs",         NULL,   set_vfs },
	{ "cache",       "large", set_cache_large },
};
/* clang-format on */

static enum rc
parse_option(struct sqlite_options *o, char *text, struct err *e)
{
	char *value = strchr(text, '=');

	if (value != NULL) {
		*value++ = '\0';
		for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
			if (strcmp(text, options[i].name) == 0 &&
			    (options[i].value == NULL || strcmp(value, options[i].value) == 0)) {
				options[i].set(o, value);
				return RC_OK;
			}
		}
	}
	return fail(e, RC_UNAVAILABLE, "the database's address has an option that is not known: %s", text);
}

enum rc
sqlite_dsn_parse(const char *dsn, char **copy, struct sqlite_options *o, struct err *e)
{
	char *rest, *option;
	enum rc rc;

	if ((*copy = strdup(dsn)) == NULL)
		return fail(e, RC_UNAVAILABLE, "out of memory");
	rest = *copy;
	o->path = strsep(&rest, "?");
	while ((option = strsep(&rest, "&")) != NULL) {
		if ((rc = parse_option(o, option, e)) != RC_OK)
			return rc;
	}
	if (o->path[0] == '\0')
		return fail(e, RC_UNAVAILABLE, "the database's address names no file");
	if (strcmp(o->path, ":memory:") == 0)
		o->path = NULL;
	if (o->vfs != NULL && strcmp(o->vfs, FAULTVFS_NAME) == 0)
		return faultvfs_register(e);
	return RC_OK;
}
