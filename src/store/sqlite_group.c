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
	struct db_conn *next;

	for (struct db_conn *u = g->spare; u != NULL; u = next) {
		next = u->next;
		pthread_cond_destroy(&u->wake);
		free(u);
	}
	sqlite_conn_close(&g->writer, atomic_load(&g->broken));
	pthread_mutex_destroy(&g->lock);
}

/* ---- the baton; g->lock is held ---- */

static struct db_conn *
unit_new(struct group *g)
{
	struct db_conn *u = g->spare;

	if (u != NULL) {
		g->spare = u->next;
	} else {
		if ((u = calloc(1, sizeof *u)) == NULL)
			return NULL;
		pthread_cond_init(&u->wake, NULL);
		u->conn = &g->writer;
	}
	u->next = NULL;
	u->turn = u->alone = u->done = false;
	u->rc = RC_OK;
	return u;
}

static void
unit_free(struct group *g, struct db_conn *u)
{
	u->next = g->spare;
	g->spare = u;
}

static void
wait_turn(struct group *g, struct db_conn *u)
{
	if (!g->held) {
		g->held = true;
		return;
	}
	if (g->last != NULL)
		g->last->next = u;
	else
		g->first = u;
	g->last = u;
	while (!u->turn)
		pthread_cond_wait(&u->wake, &g->lock);
}

static void
pass_on(struct group *g)
{
	struct db_conn *u = g->first;

	if (u == NULL) {
		g->held = false;
		return;
	}
	if ((g->first = u->next) == NULL)
		g->last = NULL;
	u->next = NULL;
	u->turn = true;
	pthread_cond_signal(&u->wake);
}

/* ---- the transaction; the baton is held, the lock is not ---- */

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
		return RC_OK;
	}
	rc = sqlite_fail(e, g->writer.db, sr, "commit; the outcome is unknown");
	if ((sr & 0xff) != SQLITE_FULL && (sr & 0xff) != SQLITE_BUSY)
		atomic_store(&g->broken, true);
	drop_transaction(g);
	return rc == RC_CONFLICT || rc == RC_TOO_LARGE || rc == RC_INTERNAL ? RC_UNAVAILABLE : rc;
}

/* The group is over: everybody learns how, and the baton goes on. Takes the lock and keeps it. */
static void
end_group(struct group *g, bool lost, const struct err *why)
{
	struct db_conn *next;
	struct err e = *why;
	enum rc rc = RC_UNAVAILABLE;

	if (lost)
		drop_transaction(g);
	else
		rc = commit(g, &e);
	pthread_mutex_lock(&g->lock);
	for (struct db_conn *m = g->members; m != NULL; m = next) {
		next = m->next; /* m is its owner's again once done is seen */
		m->rc = rc;
		if (rc != RC_OK)
			m->err = e;
		m->done = true;
		pthread_cond_signal(&m->wake);
	}
	g->members = NULL;
	g->size = 0;
	pass_on(g);
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

/* A unit that could not begin still holds the baton, and others may wait for its COMMIT. */
static void
give_up(struct group *g, struct db_conn *u)
{
	bool lost = sqlite_conn_lost(&g->writer);

	if (g->writer.in_transaction)
		end_group(g, lost, &u->err);
	else {
		pthread_mutex_lock(&g->lock);
		pass_on(g);
	}
	unit_free(g, u);
	pthread_mutex_unlock(&g->lock);
}

enum rc
group_begin(struct group *g, struct db_conn **out, struct err *e)
{
	struct db_conn *u;
	enum rc rc;

	pthread_mutex_lock(&g->lock);
	if ((u = unit_new(g)) == NULL) {
		pthread_mutex_unlock(&g->lock);
		return fail(e, RC_UNAVAILABLE, "out of memory");
	}
	wait_turn(g, u);
	pthread_mutex_unlock(&g->lock);
	if ((rc = open_savepoint(g, &u->err)) != RC_OK) {
		if (e != NULL)
			*e = u->err;
		give_up(g, u);
		return RC_UNAVAILABLE;
	}
	*out = u;
	return RC_OK;
}

enum rc
group_end(struct group *g, struct db_conn *unit, bool keep, struct err *e)
{
	bool lost = !end_savepoint(g, keep, &unit->err);
	enum rc rc;

	pthread_mutex_lock(&g->lock);
	unit->next = g->members;
	g->members = unit;
	g->size++;
	if (!lost && g->size < GROUP_MAX && g->first != NULL && !g->first->alone) {
		pass_on(g);
		while (!unit->done)
			pthread_cond_wait(&unit->wake, &g->lock);
	} else {
		pthread_mutex_unlock(&g->lock);
		end_group(g, lost, &unit->err);
	}
	if ((rc = unit->rc) != RC_OK && e != NULL)
		*e = unit->err;
	unit_free(g, unit);
	pthread_mutex_unlock(&g->lock);
	return rc;
}

/* ---- pauses ---- */

enum rc
group_pause(struct group *g, struct db_conn **out, struct err *e)
{
	struct db_conn *u;

	pthread_mutex_lock(&g->lock);
	if ((u = unit_new(g)) != NULL) {
		u->alone = true;
		wait_turn(g, u);
	}
	pthread_mutex_unlock(&g->lock);
	*out = u;
	return u != NULL ? RC_OK : fail(e, RC_UNAVAILABLE, "out of memory");
}

void
group_resume(struct group *g, struct db_conn *pause)
{
	pthread_mutex_lock(&g->lock);
	pass_on(g);
	unit_free(g, pause);
	pthread_mutex_unlock(&g->lock);
}
