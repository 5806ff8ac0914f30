#include "store/sqlite_group.h"

#include <stdlib.h>

#define BROKEN_TEXT "an earlier commit failed and nobody knows whether it is on disk: restart, and recovery decides"

enum rc
group_open(struct group *g, const struct sqlite_options *o, struct err *e)
{
	*g = (struct group){ .lock = PTHREAD_MUTEX_INITIALIZER };
	return sqlite_conn_open(o, SQLITE_USE_WRITER, &g->writer, e);
}

void
group_close(struct group *g)
{
	sqlite_conn_close(&g->writer, atomic_load(&g->broken));
	pthread_mutex_destroy(&g->lock);
}

/* ---- the baton ---- */

static struct db_conn *
unit_new(struct group *g, struct err *e)
{
	struct db_conn *u = calloc(1, sizeof *u);

	if (u == NULL) {
		(void)fail(e, RC_UNAVAILABLE, "out of memory");
		return NULL;
	}
	sem_init(&u->wake, 0, 0);
	u->conn = &g->writer;
	return u;
}

static void
unit_free(struct db_conn *u)
{
	sem_destroy(&u->wake);
	free(u);
}

/* NULL: it has its thread for itself. */
static const struct call_host *
host_of(const struct db_conn *u)
{
	return u->call != NULL ? u->call->host : NULL;
}

/* A semaphore rather than a condition: who is woken needs no lock, and one COMMIT wakes many. */
static void
unit_sleep(struct db_conn *u)
{
	if (host_of(u) != NULL) {
		host_of(u)->sleep(u->call);
		return;
	}
	while (sem_wait(&u->wake) != 0)
		; /* a signal */
}

static void
unit_wake(struct db_conn *u)
{
	if (host_of(u) != NULL)
		host_of(u)->wake(u->call);
	else
		sem_post(&u->wake);
}

/* ---- the baton ---- */

/* Wait in line. Who returns has the baton, unless its unit was run meanwhile (u->done). */
static void
take_baton(struct group *g, struct db_conn *u)
{
	pthread_mutex_lock(&g->lock);
	if (!g->held) {
		g->held = true;
		pthread_mutex_unlock(&g->lock);
		return;
	}
	if (g->last != NULL)
		g->last->next = u;
	else
		g->first = u;
	g->last = u;
	pthread_mutex_unlock(&g->lock);
	unit_sleep(u);
}

/* g->lock is held. */
static struct db_conn *
first_in_line(struct group *g)
{
	struct db_conn *u = g->first;

	if (u != NULL && (g->first = u->next) == NULL)
		g->last = NULL;
	if (u != NULL)
		u->next = NULL;
	return u;
}

static void
pass_baton(struct group *g)
{
	struct db_conn *u;

	pthread_mutex_lock(&g->lock);
	if ((u = first_in_line(g)) == NULL)
		g->held = false;
	pthread_mutex_unlock(&g->lock);
	if (u != NULL)
		unit_wake(u);
}

/* ---- the transaction; the baton is held ---- */

/* Give the transaction up, whoever ended it. */
static void
drop_transaction(struct group *g)
{
	struct sqlite_conn *w = &g->writer;

	sqlite_conn_settle(w);
	/* Without memory the prepared ROLLBACK may be missing; this one must not be. */
	if (sqlite3_get_autocommit(w->db) == 0 && sqlite_conn_control(w, "ROLLBACK") != SQLITE_OK &&
	    sqlite3_get_autocommit(w->db) == 0)
		(void)sqlite3_exec(w->db, "ROLLBACK", NULL, NULL, NULL);
	/* A transaction that can't be ended must never be committed by whoever comes next. */
	if (sqlite3_get_autocommit(w->db) == 0)
		atomic_store(&g->broken, true);
	w->in_transaction = false;
}

/* The unit's own savepoint ends, kept or not. False: the transaction of the whole group is lost. */
static bool
end_savepoint(struct group *g, bool keep, struct err *e)
{
	struct sqlite_conn *w = &g->writer;
	int sr = SQLITE_OK;

	sqlite_conn_settle(w);
	if (!w->in_transaction || sqlite_conn_lost(w)) {
		(void)fail(e, RC_UNAVAILABLE, "the database dropped the transaction of this unit's group");
		return false;
	}
	if (!keep)
		sr = sqlite_conn_control(w, "ROLLBACK TO unit");
	if (sr == SQLITE_OK)
		sr = sqlite_conn_control(w, "RELEASE unit");
	if (sr != SQLITE_OK) {
		(void)sqlite_fail(e, w->db, sr, "end a unit");
		return false;
	}
	return true;
}

/* COMMIT for the group. Full and busy are met before anything counts as written; after any other
 * failure the rows may or may not be on the disk, whatever this process sees from now on. */
static enum rc
commit(struct group *g, struct err *e)
{
	int sr = sqlite_conn_control(&g->writer, "COMMIT");
	enum rc rc;

	if (sr == SQLITE_OK) {
		g->writer.in_transaction = false;
		count_up(&g->commits, 1);
		return RC_OK;
	}
	rc = sqlite_fail(e, g->writer.db, sr, "commit; the outcome is unknown");
	count_up(&g->refused, 1);
	if ((sr & 0xff) != SQLITE_FULL && (sr & 0xff) != SQLITE_BUSY)
		atomic_store(&g->broken, true);
	drop_transaction(g);
	return rc == RC_CONFLICT || rc == RC_TOO_LARGE || rc == RC_INTERNAL ? RC_UNAVAILABLE : rc;
}

/* ---- units ---- */

/* Open the transaction, if this unit is the group's first, and the unit's savepoint in it. */
static enum rc
open_savepoint(struct group *g, struct err *e)
{
	struct sqlite_conn *w = &g->writer;
	int sr;

	if (atomic_load(&g->broken))
		return fail(e, RC_UNAVAILABLE, BROKEN_TEXT);
	if (!w->in_transaction) {
		if ((sr = sqlite_conn_control(w, "BEGIN IMMEDIATE")) != SQLITE_OK)
			return sqlite_fail(e, w->db, sr, "begin");
		w->in_transaction = true;
	}
	if ((sr = sqlite_conn_control(w, "SAVEPOINT unit")) != SQLITE_OK)
		return sqlite_fail(e, w->db, sr, "begin a unit");
	return RC_OK;
}

struct members { /* of a group */
	struct db_conn *first;
	int n;
	bool lost; /* the transaction */
	struct err err; /* of who ended it early */
};

/* Run one unit under its savepoint. False: nothing more can be run in this group, and *lost says whether its
 * transaction is gone. */
static bool
run_unit(struct group *g, struct db_conn *u, bool *lost)
{
	if ((u->rc = open_savepoint(g, &u->err)) != RC_OK) {
		*lost = g->writer.in_transaction && sqlite_conn_lost(&g->writer);
		return false;
	}
	return !(*lost = !end_savepoint(g, u->body(u, u->arg), &u->err));
}

/* Who of those in line is the next member; NULL: nobody, or the group is full. */
static struct db_conn *
next_member(struct group *g, int size)
{
	struct db_conn *u = NULL;

	pthread_mutex_lock(&g->lock);
	if (size < GROUP_MAX && g->first != NULL && g->first->body != NULL)
		u = first_in_line(g);
	pthread_mutex_unlock(&g->lock);
	return u;
}

/* The group is over: everybody learns how it ended, those whose unit began only. `self` is not woken: its thread
 * is this one. */
static void
tell_members(struct db_conn *members, const struct db_conn *self, enum rc rc, const struct err *e)
{
	struct db_conn *next;

	for (struct db_conn *m = members; m != NULL; m = next) {
		next = m->next; /* m is its owner's again once it is woken */
		if (m->rc == RC_OK && (m->rc = rc) != RC_OK)
			m->err = *e;
		m->done = true;
		if (m != self)
			unit_wake(m);
	}
}

/* Run `u` and who is in line behind it. False: the group can take no more. */
static bool
run_line(struct group *g, struct db_conn *u, struct members *m)
{
	for (; u != NULL; u = next_member(g, m->n)) {
		bool more = run_unit(g, u, &m->lost);

		u->next = m->first;
		m->first = u;
		m->n++;
		if (!more) {
			m->err = u->err;
			return false;
		}
	}
	return m->n < GROUP_MAX;
}

/* The baton is held: run `self` and whoever is in line, one after another on this thread, and commit for all. */
static void
lead(struct group *g, struct db_conn *self)
{
	const struct call_host *host = host_of(self);
	struct members m = { 0 };
	enum rc rc = RC_OK;

	/* Calls that workers are about to run would be in line soon, and a flush costs more than waiting for them. Once,
	 * or there might always be another one. */
	if (run_line(g, self, &m) && host != NULL && host->yield(self->call))
		(void)run_line(g, next_member(g, m.n), &m);
	if (m.lost) {
		drop_transaction(g);
		rc = RC_UNAVAILABLE;
	} else if (g->writer.in_transaction) {
		if (host != NULL)
			host->blocks(self->call, true);
		rc = commit(g, &m.err);
		if (host != NULL)
			host->blocks(self->call, false);
	}
	pass_baton(g); /* first: the next group begins while the members of this one wake */
	tell_members(m.first, self, rc, &m.err);
}

enum rc
group_unit(struct group *g, struct call *c, db_unit_fn *body, void *arg, struct err *e)
{
	struct db_conn *u = unit_new(g, e);
	enum rc rc;

	if (u == NULL)
		return RC_UNAVAILABLE;
	u->call = c;
	u->body = body;
	u->arg = arg;
	take_baton(g, u);
	if (!u->done)
		lead(g, u);
	if ((rc = u->rc) != RC_OK && e != NULL)
		*e = u->err;
	unit_free(u);
	return rc;
}

/* ---- a transaction of its own ---- */

enum rc
group_begin(struct group *g, struct db_conn **out, struct err *e)
{
	struct db_conn *u = unit_new(g, e);
	enum rc rc;

	if ((*out = u) == NULL)
		return RC_UNAVAILABLE;
	take_baton(g, u);
	if ((rc = open_savepoint(g, e)) == RC_OK)
		return rc;
	drop_transaction(g);
	pass_baton(g);
	unit_free(u);
	return rc;
}

enum rc
group_end(struct group *g, struct db_conn *u, bool keep, struct err *e)
{
	enum rc rc = RC_UNAVAILABLE;

	if (end_savepoint(g, keep, e))
		rc = commit(g, e);
	else
		drop_transaction(g);
	pass_baton(g);
	unit_free(u);
	return rc;
}

/* ---- pauses ---- */

enum rc
group_pause(struct group *g, struct db_conn **out, struct err *e)
{
	struct db_conn *u = unit_new(g, e);

	if ((*out = u) == NULL)
		return RC_UNAVAILABLE;
	take_baton(g, u);
	return RC_OK;
}

void
group_resume(struct group *g, struct db_conn *pause)
{
	pass_baton(g);
	unit_free(pause);
}
