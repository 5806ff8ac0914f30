#include "store/pgsql_dsn.h"

#include <errno.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define DSN_MAX 4096 /* octets */

struct own_option {
	const char *name;
	bool (*set)(struct pgsql_options *o, const char *value); /* false: not a value of it */
};

static bool
set_number(const char *value, long min, long max, int *out)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(value, &end, 10);
	if (errno != 0 || end == value || *end != '\0' || n < min || n > max)
		return false;
	*out = (int)n;
	return true;
}

static bool
set_prepare(struct pgsql_options *o, const char *value)
{
	o->prepare = strcmp(value, "on") == 0;
	return o->prepare || strcmp(value, "off") == 0;
}
static bool
set_connections(struct pgsql_options *o, const char *value)
{
	return set_number(value, 1, 500, &o->connections);
}
static bool
set_timeout(struct pgsql_options *o, const char *value)
{
	return set_number(value, 1, 600, &o->timeout_s);
}

/* clang-format off */
static const struct own_option own_options[] = {
	{ "prepare",     set_prepare },
	{ "connections", set_connections },
	{ "timeout",     set_timeout },
};
/* clang-format on */

static const struct own_option *
find(const char *pair)
{
	for (size_t i = 0; i < sizeof own_options / sizeof own_options[0]; i++) {
		size_t n = strlen(own_options[i].name);

		if (strncmp(pair, own_options[i].name, n) == 0 && pair[n] == '=')
			return &own_options[i];
	}
	return NULL;
}

/* Ours are set, libpq's go on to `b`. */
static enum rc
take_parameters(char *query, struct pgsql_options *out, struct buf *b, struct err *e)
{
	char *pair, separator = '?';

	while ((pair = strsep(&query, "&")) != NULL) {
		const struct own_option *own = find(pair);

		if (own == NULL) {
			buf_char(b, separator);
			buf_str(b, pair);
			separator = '&';
		} else if (!own->set(out, pair + strlen(own->name) + 1)) {
			return fail(e, RC_UNAVAILABLE, "the database's address: %s has no such value: %.40s", own->name,
			    pair + strlen(own->name) + 1);
		}
	}
	return RC_OK;
}

static enum rc
libpq_takes(const char *dsn, struct err *e)
{
	PQconninfoOption *parsed;
	char *why = NULL;

	parsed = PQconninfoParse(dsn, &why);
	PQfreemem(why); /* it may quote the address, which may hold a password */
	if (parsed == NULL)
		return fail(e, RC_UNAVAILABLE,
		    "the database's address is not postgresql://[USER@]HOST[:PORT]/DATABASE[?OPTION=VALUE&...], or has "
		    "an"
		    " option that libpq does not know");
	PQconninfoFree(parsed);
	return RC_OK;
}

enum rc
pgsql_dsn_parse(const char *rest, struct pgsql_options *out, struct err *e)
{
	char *copy = strdup(rest), *query = copy;
	struct buf b;
	enum rc rc;

	*out =
	    (struct pgsql_options){ .prepare = true, .connections = PGSQL_CONNECTIONS, .timeout_s = PGSQL_TIMEOUT_S };
	buf_init(&b, DSN_MAX);
	if (copy == NULL) {
		rc = fail(e, RC_UNAVAILABLE, "out of memory");
		goto out;
	}
	buf_printf(&b, "postgresql:%s", strsep(&query, "?"));
	if ((rc = take_parameters(query, out, &b, e)) != RC_OK)
		goto out;
	if (!buf_ok(&b)) {
		rc = fail(e, RC_UNAVAILABLE, "the database's address is longer than %d octets", DSN_MAX);
		goto out;
	}
	if ((rc = libpq_takes(b.p, e)) == RC_OK && (out->dsn = strdup(b.p)) == NULL)
		rc = fail(e, RC_UNAVAILABLE, "out of memory");
out:
	if (copy != NULL)
		explicit_bzero(copy, strlen(rest));
	free(copy);
	buf_free(&b);
	return rc;
}

void
pgsql_dsn_free(struct pgsql_options *o)
{
	if (o->dsn != NULL)
		explicit_bzero(o->dsn, strlen(o->dsn));
	free(o->dsn);
	o->dsn = NULL;
}
