#include "store/migrate.h"

#include <assert.h>

#include "base/arena.h"
#include "base/clock.h"
#include "store/driver.h"

const char store_migration_table[] = "CREATE TABLE IF NOT EXISTS schema_migration ("
				     " version BIGINT PRIMARY KEY, name TEXT NOT NULL, applied_at BIGINT NOT NULL)";

/* The number inside `conn`'s unit, so that it holds while the unit lasts. */
static enum rc
version_in(const struct store *s, struct db_conn *conn, struct arena *a, int *version, struct err *e)
{
	struct db_rows r;
	enum rc rc;

	*version = 0;
	rc = s->driver->run(conn, a, s->driver->count_tables, DB_ARGS(db_text("schema_migration")), &r, NULL, e);
	if (rc != RC_OK || db_get_int(&r, 0, 0) == 0)
		return rc;
	rc = s->driver->run(conn, a, "SELECT max(version) FROM schema_migration", DB_NONE, &r, NULL, e);
	if (rc == RC_OK)
		*version = (int)db_get_int(&r, 0, 0);
	return rc;
}

enum rc
store_version(struct store *s, int *version, struct err *e)
{
	struct arena *a = arena_new(0);
	struct db_conn *conn;
	enum rc rc;

	if ((rc = s->driver->borrow(s->db, &conn, e)) == RC_OK) {
		rc = version_in(s, conn, a, version, e);
		s->driver->give_back(s->db, conn);
	}
	arena_free(a);
	return rc;
}

int
store_newest(void)
{
	return store_migrations[store_migrations_n - 1].version;
}

/* The migration and the note that it ran, together. */
static enum rc
apply_in(const struct store *s, struct db_conn *conn, struct arena *a, const struct store_migration *m, struct err *e)
{
	int version;
	enum rc rc;

	if ((rc = version_in(s, conn, a, &version, e)) != RC_OK)
		return rc;
	if (version >= m->version) /* another process of the same database was faster */
		return RC_OK;
	if ((rc = s->driver->run(conn, a, store_migration_table, DB_NONE, NULL, NULL, e)) != RC_OK ||
	    (rc = s->driver->script(conn, m->sql, e)) != RC_OK)
		return fail_in(e, rc, "%s", m->name);
	return s->driver->run(conn, a, "INSERT INTO schema_migration (version, name, applied_at) VALUES (?1, ?2, ?3)",
	    DB_ARGS(db_int(m->version), db_text(m->name), db_int(clock_now())), NULL, NULL, e);
}

static enum rc
apply(const struct store *s, struct arena *a, const struct store_migration *m, struct err *e)
{
	struct db_conn *conn;
	struct err end_err;
	enum rc rc, end;
	bool again;

	do {
		if ((rc = s->driver->begin_migration(s->db, &conn, e)) != RC_OK)
			return rc;
		rc = apply_in(s, conn, a, m, e);
		end = s->driver->end_migration(s->db, conn, rc == RC_OK, &again, &end_err);
	} while (again);
	if (end != RC_OK && rc == RC_OK) {
		if (e != NULL)
			*e = end_err;
		return end;
	}
	return rc;
}

enum rc
store_migrate(struct store *s, int *from, int *to, struct err *e)
{
	struct arena *a = arena_new(0);
	int newest = store_migrations_n == 0 ? 0 : store_migrations[store_migrations_n - 1].version;
	enum rc rc;

	if ((rc = store_version(s, from, e)) != RC_OK)
		goto out;
	*to = *from;
	if (*from > newest) {
		rc = fail(e, RC_CONFLICT,
		    "the database is at version %d and this program knows %d: install a newer one", *from, newest);
		goto out;
	}
	for (int i = 0; i < store_migrations_n; i++) {
		if (store_migrations[i].version <= *from)
			continue;
		if ((rc = apply(s, a, &store_migrations[i], e)) != RC_OK)
			goto out;
		*to = store_migrations[i].version;
	}
out:
	arena_free(a);
	return rc;
}
