#include "store/pgsql_conn.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "store/pgsql_stmt.h"
#include "store/pgsql_value.h"

#define SCRIPT_STATEMENT_MAX (256u << 10) /* octets */

/* ---- what went wrong ---- */

/* The connection is of no more use. */
static enum rc
lost(struct pgsql_conn *c, const char *doing, const char *why, struct err *e)
{
	c->trouble = PGSQL_LOST;
	return fail(
	    e, RC_UNAVAILABLE, "%s: the connection to the database is lost: %.*s", doing, (int)strcspn(why, "\n"), why);
}

/* clang-format off */
static const struct {
	const char *state;	/* SQLSTATE, or the beginning of a class of them */
	enum rc rc;
	enum pgsql_trouble trouble;
	const char *advice;
} kinds[] = {
	{ "23505", RC_CONFLICT,		PGSQL_NONE,	"" },
	{ "40001", RC_UNAVAILABLE,	PGSQL_AGAIN,	"" },
	{ "40P01", RC_UNAVAILABLE,	PGSQL_AGAIN,	"" },
	{ "40003", RC_UNAVAILABLE,	PGSQL_LOST,	"" },
	{ "25006", RC_UNAVAILABLE,	PGSQL_LOST,	" (the server has become a standby, or is set to read only)" },
	{ "26000", RC_UNAVAILABLE,	PGSQL_AGAIN,	" (a pooler in between: add ?prepare=off to the database's address)" },
	{ "42P05", RC_UNAVAILABLE,	PGSQL_AGAIN,	" (a pooler in between: add ?prepare=off to the database's address)" },
	{ "08",    RC_UNAVAILABLE,	PGSQL_LOST,	"" },
	{ "57P",   RC_UNAVAILABLE,	PGSQL_LOST,	"" },
	{ "57",    RC_UNAVAILABLE,	PGSQL_NONE,	"" },
	{ "53100", RC_UNAVAILABLE,	PGSQL_NONE,	" (make room on the database's disk)" },
	{ "53",    RC_UNAVAILABLE,	PGSQL_NONE,	"" },
	{ "55P03", RC_UNAVAILABLE,	PGSQL_NONE,	"" },
	{ "58",    RC_UNAVAILABLE,	PGSQL_NONE,	" (look at the database server's log)" },
	{ "XX",    RC_UNAVAILABLE,	PGSQL_NONE,	" (look at the database server's log)" },
	{ "42501", RC_UNAVAILABLE,	PGSQL_NONE,	" (the role needs more rights)" },
	{ "54",    RC_TOO_LARGE,	PGSQL_NONE,	"" },
	{ "22021", RC_BAD_INPUT,	PGSQL_NONE,	"" },
};
/* clang-format on */

/* Of a statement that was prepared before: the server lost it, or a table has changed under it (a migration
 * by another node). */
static bool
is_stale(const char *state)
{
	return strcmp(state, "26000") == 0 || strcmp(state, "42P05") == 0 || strcmp(state, "0A000") == 0;
}

/* The sentence for a refusal; its DETAIL has values and is left out. */
static enum rc
refused(struct pgsql_conn *c, const PGresult *r, const char *doing, bool prepared, struct err *e)
{
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	const char *why = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
	const char *severity = PQresultErrorField(r, PG_DIAG_SEVERITY_NONLOCALIZED);

	if (state == NULL || severity == NULL || strcmp(severity, "ERROR") != 0 || PQstatus(c->pg) == CONNECTION_BAD)
		return lost(c, doing, why != NULL ? why : PQresultErrorMessage(r), e);
	if (is_stale(state) && prepared) {
		if (state[0] != '0')
			c->prepare = false; /* there is a pooler after all */
		pgsql_stmt_forget_all(c);
		c->trouble = PGSQL_AGAIN;
		return fail(e, RC_UNAVAILABLE, "%s: %s [%s]", doing, why, state);
	}
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		if (strncmp(state, kinds[i].state, strlen(kinds[i].state)) == 0) {
			c->trouble = kinds[i].trouble;
			return fail(e, kinds[i].rc, "%s: %s [%s]%s", doing, why, state, kinds[i].advice);
		}
	}
	return fail(e, RC_INTERNAL, "%s: %s [%s]", doing, why, state);
}

/* ---- one round trip ---- */

struct step { /* one message pair of it: sent, and answered by one result */
	const char *text; /* as it is, where there is no `st` */
	struct pgsql_stmt *st;
	bool prepare, by_name; /* prepare it rather than run it; run what is prepared */
	const struct pgsql_params *params;
};

/* False: nothing came in time. */
static bool
wait_for(struct pgsql_conn *c, short events, int64_t until)
{
	struct pollfd fd = { .fd = PQsocket(c->pg), .events = events };
	int64_t left;
	int n;

	do {
		left = until - clock_mono_ms();
		n = poll(&fd, 1, left > 0 ? (int)left : 0);
	} while (n < 0 && errno == EINTR);
	return n > 0;
}

static bool
send_step(struct pgsql_conn *c, const struct step *s)
{
	const struct pgsql_params *p = s->params;
	int n = s->st != NULL ? s->st->about.params : 0;

	if (s->st == NULL)
		return PQsendQueryParams(c->pg, s->text, 0, NULL, NULL, NULL, NULL, 1) == 1;
	if (s->prepare)
		return PQsendPrepare(c->pg, s->st->name, s->st->text, n, s->st->types) == 1;
	if (s->by_name)
		return PQsendQueryPrepared(c->pg, s->st->name, n, p->value, p->length, p->format, 1) == 1;
	return PQsendQueryParams(c->pg, s->st->text, n, s->st->types, p->value, p->length, p->format, 1) == 1;
}

/* Until all of it is with the kernel. The server may answer meanwhile, which must be read, or both would wait. */
static bool
flush(struct pgsql_conn *c, int64_t until)
{
	int left;

	while ((left = PQflush(c->pg)) == 1) {
		if (!wait_for(c, POLLIN | POLLOUT, until) || PQconsumeInput(c->pg) != 1)
			return false;
	}
	return left == 0;
}

/* False: the connection broke, or the time is over. *r NULL: the end of one step's results. */
static bool
receive(struct pgsql_conn *c, int64_t until, PGresult **r)
{
	while (PQisBusy(c->pg)) {
		if (!wait_for(c, POLLIN, until) || PQconsumeInput(c->pg) != 1)
			return false;
	}
	*r = PQgetResult(c->pg);
	return true;
}

/* Take one step's result: the last good one is kept in c->result, the first refusal decides. */
static void
take(struct pgsql_conn *c, PGresult *r, const struct step *s, const char *doing, enum rc *rc, struct err *e)
{
	switch (PQresultStatus(r)) {
	case PGRES_TUPLES_OK:
	case PGRES_COMMAND_OK:
		if (s->prepare)
			s->st->prepared = true;
		PQclear(c->result);
		c->result = r;
		return;
	case PGRES_PIPELINE_ABORTED:
		break;
	default:
		if (*rc == RC_OK)
			*rc = refused(c, r, doing, s->prepare || s->by_name, e);
	}
	PQclear(r);
}

static enum rc
collect(struct pgsql_conn *c, const struct step *steps, int n, int64_t until, const char *doing, struct err *e)
{
	enum rc rc = RC_OK;
	PGresult *r;
	int i = 0;

	for (;;) {
		if (!receive(c, until, &r))
			return lost(
			    c, doing, clock_mono_ms() >= until ? "no answer in time" : PQerrorMessage(c->pg), e);
		if (r == NULL) {
			/* Each step's results end with one; a second in a row means that the connection ended. */
			if (++i > n)
				return rc != RC_OK ? rc : lost(c, doing, PQerrorMessage(c->pg), e);
			continue;
		}
		if (PQresultStatus(r) == PGRES_PIPELINE_SYNC) {
			PQclear(r);
			return rc;
		}
		take(c, r, &steps[i < n ? i : n - 1], doing, &rc, e);
		if (PQstatus(c->pg) == CONNECTION_BAD)
			return rc != RC_OK ? rc : lost(c, doing, PQerrorMessage(c->pg), e);
	}
}

/* Send `steps` together and wait for all their results. On RC_OK c->result is the last one's. */
static enum rc
exchange(struct pgsql_conn *c, const struct step *steps, int n, const char *doing, struct err *e)
{
	int64_t until = clock_mono_ms() + (int64_t)c->options->timeout_s * 1000;

	pgsql_conn_settle(c);
	for (int i = 0; i < n; i++) {
		if (!send_step(c, &steps[i]))
			return lost(c, doing, PQerrorMessage(c->pg), e);
	}
	if (PQpipelineSync(c->pg) != 1 || !flush(c, until))
		return lost(c, doing, PQerrorMessage(c->pg), e);
	return collect(c, steps, n, until, doing, e);
}

void
pgsql_conn_settle(struct pgsql_conn *c)
{
	PQclear(c->result);
	c->result = NULL;
}

/* ---- statements ---- */

static enum rc
run(struct pgsql_conn *c, struct pgsql_stmt *st, struct db_args args, struct err *e)
{
	struct pgsql_params params;
	struct step steps[3];
	char text[64];
	int n = 0;
	enum rc rc;

	if ((rc = pgsql_stmt_types(st, args, e)) != RC_OK)
		return rc;
	pgsql_params(&params, args);
	if (c->begin != NULL && !c->begun) {
		steps[n++] = (struct step){ .text = c->begin };
		c->begun = true;
	}
	/* What runs only once is not worth preparing. */
	if (c->prepare && st->kept && !st->prepared && st->uses++ > 0)
		steps[n++] = (struct step){ .st = st, .prepare = true };
	steps[n] = (struct step){ .st = st, .params = &params };
	steps[n].by_name = c->prepare && (st->prepared || (n > 0 && steps[n - 1].prepare));
	return exchange(c, steps, n + 1, pgsql_stmt_short(st->sql, text), e);
}

enum rc
pgsql_conn_run(struct pgsql_conn *c, struct arena *a, const char *sql, struct db_args args, struct db_rows *out,
    bool *writes, struct err *e)
{
	struct pgsql_stmt *st;
	struct db_rows rows;
	enum rc rc;

	*writes = true;
	if (c->begin == NULL)
		c->trouble = PGSQL_NONE;
	if ((rc = pgsql_stmt_find(c, sql, &st, e)) != RC_OK)
		return rc;
	*writes = st->about.writes;
	rc = run(c, st, args, e);
	pgsql_stmt_release(st);
	if (rc == RC_OK && out != NULL && (rc = pgsql_rows(c->result, a, &rows, e)) == RC_OK)
		*out = rows;
	pgsql_conn_settle(c);
	return rc;
}

enum rc
pgsql_conn_script(struct pgsql_conn *c, const char *sql, struct err *e)
{
	struct buf b;
	char text[64];
	enum rc rc = RC_OK;

	buf_init(&b, SCRIPT_STATEMENT_MAX);
	while (rc == RC_OK && rewrite_next(&sql, &b)) {
		struct step steps[2] = { { .text = c->begin }, { .text = b.p } };
		int first = c->begun ? 1 : 0;

		c->begun = true;
		rc = exchange(c, steps + first, 2 - first, pgsql_stmt_short(b.p, text), e);
	}
	if (!buf_ok(&b) && rc == RC_OK)
		rc = fail(e, RC_INTERNAL, "a statement of a script is longer than %u octets", SCRIPT_STATEMENT_MAX);
	buf_free(&b);
	pgsql_conn_settle(c);
	return rc;
}

/* ---- units ---- */

void
pgsql_conn_begin(struct pgsql_conn *c, const char *begin)
{
	c->begin = begin;
	c->begun = false;
	c->trouble = PGSQL_NONE;
}

/* COMMIT of a transaction that an error has ended answers ROLLBACK, and is no error. */
static enum rc
commit(struct pgsql_conn *c, struct err *e)
{
	const struct step step = { .text = "COMMIT" };
	enum rc rc = exchange(c, &step, 1, "commit", e);

	if (rc == RC_OK && strcmp(PQcmdStatus(c->result), "COMMIT") != 0)
		rc = fail(e, RC_UNAVAILABLE, "commit: the database rolled this unit back");
	/* Whatever it was, it is nothing that the unit's function could have asked about. */
	return rc == RC_OK ? RC_OK : RC_UNAVAILABLE;
}

enum rc
pgsql_conn_end(struct pgsql_conn *c, bool keep, bool *again, struct err *e)
{
	const struct step rollback = { .text = "ROLLBACK" };
	enum pgsql_trouble before = c->trouble; /* before COMMIT was sent: then nothing can have been kept */
	enum rc rc = RC_OK;

	*again = false;
	pgsql_conn_settle(c);
	if (before != PGSQL_NONE) {
		*again = true;
		rc = fail(e, RC_UNAVAILABLE,
		    before == PGSQL_LOST ? "the connection to the database was lost"
					 : "this unit met others at work on the same rows, again and again");
	}
	if (c->begun && before != PGSQL_LOST) {
		if (keep && before == PGSQL_NONE) {
			rc = commit(c, e);
			*again = c->trouble == PGSQL_AGAIN;
		} else if (exchange(c, &rollback, 1, "roll back", NULL) != RC_OK) {
			c->trouble = PGSQL_LOST; /* the server rolls back when it notices */
		}
	}
	pgsql_conn_settle(c);
	c->begin = NULL;
	c->begun = false;
	return rc;
}

/* ---- opening ---- */

/* What the server says unasked. Its farewell comes this way to a connection that waits, as an error (it is stopped)
 * or as a warning (another of its processes crashed): class 57P. */
static void
on_notice(void *ctx, const PGresult *r)
{
	struct pgsql_conn *c = ctx;
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);

	if (state != NULL && strncmp(state, "57P", 3) == 0)
		c->trouble = PGSQL_LOST;
}

static PGconn *
connect_to(const struct pgsql_options *o)
{
	/* What stands before the address is a default, what stands behind it holds. A server that vanished
	 * is noticed after some 20 s also by a connection that waits (tcp_user_timeout covers what was sent). */
	/* clang-format off */
	static const char *const names[] = { "connect_timeout", "keepalives_idle", "keepalives_interval",
		"keepalives_count", "tcp_user_timeout", "fallback_application_name", "dbname", "client_encoding", NULL };
	/* clang-format on */
	const char *const values[] = { "5", "10", "5", "2", "20000", PGSQL_APPLICATION, o->dsn, "UTF8", NULL };

	return PQconnectdbParams(names, values, 1);
}

/* What makes "committed" mean "on disk", and text mean what it means to us. */
static enum rc
check_settings(struct pgsql_conn *c, struct err *e)
{
	static const char sql[] = "SELECT current_setting('fsync'), current_setting('synchronous_commit'),"
				  " current_setting('server_encoding'), pg_is_in_recovery()";
	struct arena *a = arena_new(0);
	struct db_rows r;
	bool writes;
	enum rc rc;

	if ((rc = pgsql_conn_run(c, a, sql, DB_NONE, &r, &writes, e)) != RC_OK) {
		rc = fail_in(e, RC_UNAVAILABLE, "check the database's settings");
	} else if (strcmp(db_get_text(&r, 0, 0), "on") != 0) {
		rc = fail(e, RC_UNAVAILABLE,
		    "the database server runs with fsync=off, which loses what was acknowledged: set fsync=on");
	} else if (strcmp(db_get_text(&r, 0, 1), "off") == 0) {
		rc = fail(e, RC_UNAVAILABLE,
		    "the database has synchronous_commit=off, which loses what was acknowledged: set it to on, also for"
		    " this role and this database");
	} else if (strcmp(db_get_text(&r, 0, 2), "UTF8") != 0) {
		rc = fail(e, RC_UNAVAILABLE, "the database's encoding is %s: make it with ENCODING 'UTF8'",
		    db_get_text(&r, 0, 2));
	} else if (db_get_int(&r, 0, 3) != 0) {
		rc = fail(e, RC_UNAVAILABLE,
		    "the database server is a standby: name the primary, or all with target_session_attrs=read-write");
	}
	arena_free(a);
	return rc;
}

enum rc
pgsql_conn_open(struct pgsql_conn *c, const struct pgsql_options *options, struct err *e)
{
	enum rc rc = RC_OK;

	*c = (struct pgsql_conn){ .options = options, .prepare = options->prepare };
	c->pg = connect_to(options);
	if (PQstatus(c->pg) != CONNECTION_OK) {
		const char *why = PQerrorMessage(c->pg);

		rc = fail(e, RC_UNAVAILABLE, "the database can't be reached: %.*s", (int)strcspn(why, "\n"), why);
		goto out;
	}
	PQsetNoticeReceiver(c->pg, on_notice, c);
	if (PQsetnonblocking(c->pg, 1) != 0 || PQenterPipelineMode(c->pg) != 1) {
		rc = fail(e, RC_UNAVAILABLE, "the connection to the database can't be set up");
		goto out;
	}
	rc = check_settings(c, e);
out:
	if (rc != RC_OK)
		pgsql_conn_close(c);
	return rc;
}

void
pgsql_conn_close(struct pgsql_conn *c)
{
	pgsql_conn_settle(c);
	PQfinish(c->pg);
	c->pg = NULL;
	pgsql_stmt_free_all(c);
}

bool
pgsql_conn_alive(struct pgsql_conn *c)
{
	/* Nothing is asked, so what can be read is a setting that changed, or the server's farewell, or the end. */
	while (PQstatus(c->pg) == CONNECTION_OK && c->trouble != PGSQL_LOST && wait_for(c, POLLIN, 0)) {
		if (PQconsumeInput(c->pg) != 1)
			return false;
		(void)PQisBusy(c->pg); /* reads what came */
	}
	return PQstatus(c->pg) == CONNECTION_OK && c->trouble != PGSQL_LOST;
}
