#include "store/store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/clock.h"
#include "store/driver.h"
#include "store/sqlite_conn.h"
#include "store/value.h"

#define UNIT_TRIES 40 /* serialization failures in a row before the peer is told to come back */
#define UNIT_ALONE 4 /* from this try on, units of this process that still clash go one after another */
#define PAUSE_MAX_MS 64 /* before a try, at most */

/* clang-format off */
static const struct {
	const char *scheme; /* what a DSN begins with, before ':'; without one it is a file's path */
	const struct db_driver *driver;
} schemes[] = {
	{ "sqlite",	&store_sqlite },
	{ "postgresql",	&store_pgsql },
	{ "postgres",	&store_pgsql },
};
/* clang-format on */

struct unit { /* one run of a unit's function; call.unit points here meanwhile */
	struct db_conn *conn;
	enum rc ended; /* what ended it early, or RC_OK */
	bool discard;
};

struct statement { /* store_run's arguments, and its result */
	struct db_conn *conn;
	const char *sql;
	struct db_args args;
	struct db_rows *out;
	bool writes;
};

const struct db_driver *
store_driver_of(const char *dsn, const char **rest)
{
	for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
		size_t n = strlen(schemes[i].scheme);

		if (strncmp(dsn, schemes[i].scheme, n) == 0 && dsn[n] == ':') {
			*rest = dsn + n + 1;
			return schemes[i].driver;
		}
	}
	*rest = dsn;
	return &store_sqlite;
}

enum rc
store_open(const char *dsn, bool create, struct store **out, struct err *e)
{
	const char *rest;
	const struct db_driver *driver = store_driver_of(dsn, &rest);
	struct store *s;
	enum rc rc;

	*out = NULL;
	if ((s = calloc(1, sizeof *s)) == NULL)
		return fail(e, RC_UNAVAILABLE, "out of memory");
	s->driver = driver;
	pthread_mutex_init(&s->alone, NULL);
	if ((rc = driver->open(rest, create, &s->db, e)) != RC_OK) {
		pthread_mutex_destroy(&s->alone);
		free(s);
		return rc;
	}
	*out = s;
	return RC_OK;
}

const char *
store_file(struct arena *a, const char *dsn)
{
	const char *rest, *path = NULL;
	const struct db_driver *driver = store_driver_of(dsn, &rest);
	struct sqlite_options options = { 0 };
	char *copy = NULL;
	struct err e;

	if (driver == &store_sqlite && sqlite_dsn_parse(rest, &copy, &options, &e) == RC_OK && options.path != NULL)
		path = arena_strdup(a, options.path);
	free(copy);
	return path;
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	s->driver->close(s->db);
	pthread_mutex_destroy(&s->alone);
	free(s);
}

bool
store_is_broken(const struct store *s)
{
	return s->driver->is_broken(s->db);
}

enum rc
store_checkpoint(struct store *s, struct err *e)
{
	return s->driver->checkpoint(s->db, e);
}

enum rc
store_shrink(struct store *s, bool all, bool *more, struct err *e)
{
	*more = false;
	return s->driver->shrink != NULL ? s->driver->shrink(s->db, all, more, e) : RC_OK;
}

enum rc
store_size(struct store *s, int64_t *octets, int64_t *free_octets, struct err *e)
{
	struct arena *a = arena_new(0);
	struct db_conn *conn;
	struct db_rows r;
	enum rc rc;

	if ((rc = s->driver->borrow(s->db, &conn, e)) == RC_OK) {
		rc = s->driver->run(conn, a, s->driver->size, DB_NONE, &r, NULL, e);
		if (rc == RC_OK) {
			*octets = db_get_int(&r, 0, 0);
			*free_octets = db_get_int(&r, 0, 1);
		}
		s->driver->give_back(s->db, conn);
	}
	arena_free(a);
	return rc;
}

/* ---- asking the engine ---- */

/* A query of the driver's own that answers one cell. */
static enum rc
ask(struct store *s, struct arena *a, const char *sql, struct db_rows *r, struct err *e)
{
	struct db_conn *conn;
	bool writes = false;
	enum rc rc;

	if ((rc = s->driver->borrow(s->db, &conn, e)) != RC_OK)
		return rc;
	rc = s->driver->run(conn, a, sql, DB_NONE, r, &writes, e);
	s->driver->give_back(s->db, conn);
	if (rc == RC_OK && (writes || r->rows == 0))
		rc = fail(e, RC_INTERNAL, "the database did not answer");
	return rc;
}

enum rc
store_alone(struct store *s, struct err *e)
{
	struct arena *a = arena_new(0);
	struct db_rows r;
	enum rc rc = RC_OK;

	if (s->driver->users != NULL && (rc = ask(s, a, s->driver->users, &r, e)) == RC_OK && db_get_int(&r, 0, 0) > 0)
		rc = fail(e, RC_CONFLICT,
		    "other programs are at work on the database (%lld connections): stop every posternd",
		    (long long)db_get_int(&r, 0, 0));
	arena_free(a);
	return rc;
}

enum rc
store_integrity(struct store *s, struct err *e)
{
	struct arena *a = arena_new(0);
	struct db_rows r;
	enum rc rc = RC_OK;

	if (s->driver->integrity != NULL && (rc = ask(s, a, s->driver->integrity, &r, e)) == RC_OK &&
	    strcmp(db_get_text(&r, 0, 0), "ok") != 0)
		rc = fail(
		    e, RC_INTERNAL, "the database is damaged (%.200s): restore the last backup", db_get_text(&r, 0, 0));
	arena_free(a);
	return rc;
}

const char *
store_engine(const struct store *s)
{
	return s->driver->name;
}

/* Run `fn`, and come back also when the arena's ceiling ends the call: then false. A frame of its
 * own, since no local of it may change after setjmp. */
__attribute__((noinline)) static bool
guarded(struct call *c, enum rc (*fn)(struct call *c, void *arg), void *arg, enum rc *rc)
{
	struct arena_outer outer;

	arena_guard_keep(c->arena, &outer);
	if (ARENA_GUARD(c->arena)) {
		arena_guard_put_back(c->arena, &outer);
		return false;
	}
	*rc = fn(c, arg);
	arena_guard_put_back(c->arena, &outer);
	return true;
}

/* One run of a unit. */
struct unit_run {
	struct call *c;
	enum rc (*fn)(struct call *c, void *arg);
	void *arg;
	const struct call_question *first;
	struct unit unit;
	enum rc rc;
	bool ran;
	bool whole; /* false when the arena's ceiling ended it */
};

/* The unit's function, behind what is to be asked first. */
static enum rc
asked(struct call *c, void *arg)
{
	const struct unit_run *r = arg;
	enum rc rc = r->first != NULL ? r->first->fn(c, r->first->arg) : RC_OK;

	if (rc == RC_OK)
		return r->fn(c, r->arg);
	store_discard(c);
	return rc;
}

/* Possibly on the thread of another unit of the same group, while this call's own thread waits. */
static bool
run_body(struct db_conn *conn, void *arg)
{
	struct unit_run *r = arg;
	struct unit *u = &r->unit;

	r->ran = true;
	u->conn = conn;
	r->c->unit = u;
	r->whole = guarded(r->c, asked, r, &r->rc);
	r->c->unit = NULL;
	return r->whole && !u->discard && u->ended == RC_OK && r->rc != RC_UNAVAILABLE && r->rc != RC_INTERNAL;
}

/* *again: nothing of it was kept and it may be run once more. *whole: as unit_run.whole. */
static enum rc
unit_once(struct call *c, struct unit_run r, bool *again, bool *whole)
{
	const struct store *s = c->store;
	struct err e;
	enum rc end = s->driver->unit(s->db, c, run_body, &r, again, &e);

	if (!(*whole = r.whole))
		return RC_TOO_LARGE;
	if (end != RC_OK || !r.ran) {
		c->err = e;
		return end;
	}
	/* A function that swallowed what ended its unit must not report success for nothing. */
	return r.rc == RC_OK ? r.unit.ended : r.rc;
}

/* Two units that met once must not meet again in step. The first try again is at once: most often the other
 * one is done. */
static void
pause_before(int retry)
{
	int64_t most_us = retry == 1 ? 0 : retry < 8 ? 500 << retry : PAUSE_MAX_MS * 1000;
	uint32_t random = 0;
	struct timespec pause;

	if (most_us == 0 || getrandom(&random, sizeof random, GRND_NONBLOCK) < 0)
		return;
	most_us = random % most_us;
	pause = (struct timespec){ .tv_sec = 0, .tv_nsec = most_us * 1000 };
	nanosleep(&pause, NULL);
}

enum rc
store_unit(struct call *c, enum rc (*fn)(struct call *c, void *arg), void *arg)
{
	const struct unit_run run = { .c = c, .fn = fn, .arg = arg, .first = c->first, .whole = true };
	struct store *s = c->store;
	int64_t began = clock_mono_us();
	bool again = true, whole = true;
	enum rc rc = RC_UNAVAILABLE;

	assert(c->unit == NULL);
	c->first = NULL;
	for (int i = 1; again && whole && i <= UNIT_TRIES; i++) {
		if (i > 1)
			pause_before(i - 1);
		if (i == UNIT_ALONE)
			pthread_mutex_lock(&s->alone);
		rc = unit_once(c, run, &again, &whole);
		if (i >= UNIT_ALONE && (!again || !whole || i == UNIT_TRIES))
			pthread_mutex_unlock(&s->alone);
		count_up(&s->again, again);
	}
	histogram_add(&s->unit_times, clock_mono_us() - began);
	count_up(&s->refused, rc == RC_UNAVAILABLE);
	if (!whole)
		arena_over(c->arena);
	return rc;
}

void
store_stats(const struct store *s, struct store_stats *out)
{
	*out = (struct store_stats){ .unit_times = &s->unit_times, .again = counted(&s->again) };
	for (int i = 0; i < HISTOGRAM_CLASSES; i++)
		out->units += counted(&s->unit_times.count[i]);
	out->refused = counted(&s->refused);
	out->commits = out->units - out->refused;
	if (s->driver->commits != NULL)
		s->driver->commits(s->db, &out->commits, &out->refused);
}

void
store_ask_first(struct call *c, enum rc (*fn)(struct call *c, void *arg), void *arg)
{
	struct call_question *q = arena_alloc(c->arena, sizeof *q);

	*q = (struct call_question){ fn, arg };
	c->first = fn != NULL ? q : NULL;
}

void
store_discard(struct call *c)
{
	struct unit *u = c->unit;

	assert(u != NULL);
	u->discard = true;
}

enum rc
store_part(struct call *c, enum rc (*fn)(struct call *c, void *arg), void *arg)
{
	return store_in_unit(c) ? fn(c, arg) : store_unit(c, fn, arg);
}

bool
store_in_unit(const struct call *c)
{
	return c->unit != NULL;
}

static enum rc
run_in_unit(struct call *c, void *arg)
{
	struct statement *st = arg;
	struct unit *u = c->unit;
	enum rc rc;

	if (u->ended != RC_OK)
		return fail(&c->err, u->ended, "this unit was ended by an earlier statement");
	rc = c->store->driver->run(u->conn, c->arena, st->sql, st->args, st->out, NULL, &c->err);
	/* PostgreSQL refuses whatever follows an error in a transaction; so does this, on any engine. */
	u->ended = rc;
	return rc;
}

static enum rc
run_borrowed(struct call *c, void *arg)
{
	struct statement *st = arg;

	return c->store->driver->run(st->conn, c->arena, st->sql, st->args, st->out, &st->writes, &c->err);
}

enum rc
store_run(struct call *c, const char *sql, struct db_args args, struct db_rows *out)
{
	const struct store *s = c->store;
	struct statement st = { .sql = sql, .args = args, .out = out };
	enum rc rc;
	bool whole;

	if (out != NULL)
		*out = (struct db_rows){ 0 };
	if ((rc = store_args_check(args, &c->err)) != RC_OK)
		return rc;
	if (c->unit != NULL)
		return run_in_unit(c, &st);
	/* An engine whose borrowed connections write would not ask. */
	if (c->first != NULL && strncmp(sql, "SELECT", 6) != 0)
		return store_unit(c, run_in_unit, &st);

	if ((rc = s->driver->borrow(s->db, &st.conn, &c->err)) != RC_OK)
		return rc;
	whole = guarded(c, run_borrowed, &st, &rc);
	s->driver->give_back(s->db, st.conn);
	if (!whole)
		arena_over(c->arena);
	return st.writes ? store_unit(c, run_in_unit, &st) : rc;
}
