/* The page of numbers: one row for each family, in the order of the page. */
#include <stdlib.h>
#include <string.h>

#include "account/ending.h"
#include "base/buf.h"
#include "base/clock.h"
#include "enroll/enrollment.h"
#include "idp/remote.h"
#include "metrics/count.h"
#include "metrics/family_table.h"
#include "metrics/metrics.h"
#include "metrics/text.h"
#include "push/push.h"
#include "store/store.h"

#define DAY 86400
#define ATTEMPTS_S 3600 /* of attempts, this much of the past is counted */

struct page {
	struct call *c;
	struct metrics_room *room;
	struct buf *b;
	struct http_stats http;
	struct store_stats store;
	struct push_stats push;
	bool up; /* the database answered */
};

#define LABELS(...) ((const struct label[]){ __VA_ARGS__, { NULL, NULL } })

static void
line(struct page *p, const char *name, const struct label *labels, int64_t value)
{
	text_value(p->b, name, "", labels, value);
}

/* ---- of this process ---- */

static enum rc
build_info(struct page *p, const char *name)
{
	line(p, name, LABELS({ "version", POSTERN_VERSION }, { "engine", store_engine(p->c->store) }), 1);
	return RC_OK;
}

static enum rc
started(struct page *p, const char *name)
{
	line(p, name, NULL, p->room->started_at);
	return RC_OK;
}

/* Rows that took nothing yet are left out: most tables are longer than what one server is used for. */
static enum rc
requests(struct page *p, const char *name)
{
	const struct metrics *m = p->room->counts;

	for (int i = 0; i < m->n; i++) {
		for (int k = 0; k < COUNT_RESULTS; k++) {
			int64_t n = counted(&m->route[i].result[k]);

			if (n > 0)
				line(p, name,
				    LABELS({ "method", m->route[i].route->method },
					{ "route", m->route[i].route->path }, { "code", count_result(k) }),
				    n);
		}
	}
	return RC_OK;
}

static enum rc
request_times(struct page *p, const char *name)
{
	const struct metrics *m = p->room->counts;

	for (int i = 0; i < m->n; i++) {
		const struct count_route *r = &m->route[i];
		bool any = false;

		for (int k = 0; k < HISTOGRAM_CLASSES && !any; k++)
			any = counted(&r->times.count[k]) > 0;
		if (any)
			text_histogram(
			    p->b, name, LABELS({ "method", r->route->method }, { "route", r->route->path }), &r->times);
	}
	return RC_OK;
}

static enum rc
refused(struct page *p, const char *name)
{
	line(p, name, NULL, p->http.refused);
	return RC_OK;
}

static enum rc
connections(struct page *p, const char *name)
{
	line(p, name, NULL, p->http.connections);
	return RC_OK;
}

static enum rc
body_octets(struct page *p, const char *name)
{
	line(p, name, NULL, (int64_t)p->http.body_bytes);
	return RC_OK;
}

static void
by_class(struct page *p, const char *name, const int values[HTTP_CLASSES])
{
	static const char *const classes[HTTP_CLASSES] = {
		[HTTP_QUICK] = "quick", [HTTP_HEAVY] = "heavy", [HTTP_OUTWARD] = "outward"
	};

	for (int k = 0; k < HTTP_CLASSES; k++)
		line(p, name, LABELS({ "class", classes[k] }), values[k]);
}

static enum rc
queued(struct page *p, const char *name)
{
	by_class(p, name, p->http.queued);
	return RC_OK;
}

static enum rc
workers(struct page *p, const char *name)
{
	by_class(p, name, p->http.workers);
	return RC_OK;
}

static enum rc
busy(struct page *p, const char *name)
{
	by_class(p, name, p->http.busy);
	return RC_OK;
}

static enum rc
units(struct page *p, const char *name)
{
	text_histogram(p->b, name, NULL, p->store.unit_times);
	return RC_OK;
}

static enum rc
again(struct page *p, const char *name)
{
	line(p, name, NULL, p->store.again);
	return RC_OK;
}

static enum rc
commits(struct page *p, const char *name)
{
	line(p, name, LABELS({ "result", "done" }), p->store.commits);
	line(p, name, LABELS({ "result", "failed" }), p->store.refused);
	return RC_OK;
}

static enum rc
broken(struct page *p, const char *name)
{
	line(p, name, NULL, store_is_broken(p->c->store));
	return RC_OK;
}

static enum rc
up(struct page *p, const char *name)
{
	line(p, name, NULL, p->up);
	return RC_OK;
}

static enum rc
store_octets(struct page *p, const char *name)
{
	int64_t octets = 0, unused = 0;
	enum rc rc = store_size(p->c->store, &octets, &unused, &p->c->err);

	if (rc != RC_OK)
		return rc;
	line(p, name, LABELS({ "kind", "used" }), octets - unused);
	line(p, name, LABELS({ "kind", "free" }), unused);
	return RC_OK;
}

static enum rc
pushes(struct page *p, const char *name)
{
	static const char *const verdicts[] = {
		[PUSH_SENT] = "sent", [PUSH_TOKEN_BAD] = "token-bad", [PUSH_LATER] = "later", [PUSH_TROUBLE] = "trouble"
	};

	for (int i = 0; p->room->push != NULL && i <= PUSH_TROUBLE; i++)
		line(p, name, LABELS({ "result", verdicts[i] }), p->push.verdicts[i]);
	return RC_OK;
}

static enum rc
push_batches(struct page *p, const char *name)
{
	if (p->room->push != NULL)
		text_histogram(p->b, name, NULL, p->push.batch_times);
	return RC_OK;
}

static struct idp_stats *
providers(struct page *p, int *n)
{
	struct idp_stats *all = arena_array(p->c->arena, IDP_STATS_MAX, sizeof *all);

	*n = p->room->idp != NULL ? idp_stats(p->room->idp, all, IDP_STATS_MAX) : 0;
	return all;
}

static enum rc
provider_calls(struct page *p, const char *name)
{
	int n;
	const struct idp_stats *all = providers(p, &n);

	for (int i = 0; i < n; i++) {
		line(p, name, LABELS({ "provider", all[i].id }, { "result", "answered" }), all[i].answered);
		line(p, name, LABELS({ "provider", all[i].id }, { "result", "failed" }), all[i].failed);
	}
	return RC_OK;
}

static enum rc
provider_rests(struct page *p, const char *name)
{
	int n;
	const struct idp_stats *all = providers(p, &n);

	for (int i = 0; i < n; i++)
		line(p, name, LABELS({ "provider", all[i].id }), all[i].rests);
	return RC_OK;
}

/* ---- of the database: the same at every node ---- */

/* A line for each row of a query: the labels' values in its order, and the number last. */
static enum rc
rows(struct page *p, const char *name, const char *sql, struct db_args args, const char *const *labels)
{
	struct db_rows r;
	enum rc rc = store_run(p->c, sql, args, &r);

	for (int i = 0; rc == RC_OK && i < r.rows; i++) {
		struct label l[TEXT_LABELS_MAX + 1] = { 0 };

		for (int k = 0; k < r.columns - 1; k++)
			l[k] = (struct label){ labels[k], db_get_text(&r, i, k) };
		line(p, name, l, db_get_int(&r, i, r.columns - 1));
	}
	return rc;
}

static enum rc
enrollments(struct page *p, const char *name)
{
	return rows(p, name, "SELECT state, mode, COUNT(*) FROM enrollment GROUP BY state, mode ORDER BY state, mode",
	    DB_NONE, (const char *const[]){ "state", "mode" });
}

static enum rc
inactive(struct page *p, const char *name)
{
	return rows(p, name, "SELECT COUNT(*)" ENROLLMENT_INACTIVE_FROM("?1"),
	    DB_ARGS(db_int(enrollment_inactive_since(p->c))), NULL);
}

static enum rc
attempts(struct page *p, const char *name)
{
	return rows(p, name,
	    "SELECT kind, state, code, COUNT(*) FROM attempt WHERE organization_id IN (SELECT id FROM organization)"
	    " AND started_at >= ?1 GROUP BY kind, state, code ORDER BY kind, state, code",
	    DB_ARGS(db_int(p->c->now - ATTEMPTS_S)), (const char *const[]){ "kind", "state", "code" });
}

static enum rc
discovery(struct page *p, const char *name)
{
	return rows(p, name, "SELECT code, SUM(count) FROM discovery_count WHERE day >= ?1 GROUP BY code ORDER BY code",
	    DB_ARGS(db_int(p->c->now / DAY)), (const char *const[]){ "code" });
}

static enum rc
commands(struct page *p, const char *name)
{
	return rows(p, name, "SELECT COUNT(*) FROM command WHERE answered_at IS NULL", DB_NONE, NULL);
}

static enum rc
wakes(struct page *p, const char *name)
{
	return rows(p, name, "SELECT COUNT(*) FROM channel WHERE wake_at IS NOT NULL", DB_NONE, NULL);
}

static enum rc
push_trouble(struct page *p, const char *name)
{
	return rows(p, name,
	    "SELECT id, CASE WHEN push_trouble IS NULL THEN 0 ELSE 1 END FROM organization ORDER BY id", DB_NONE,
	    (const char *const[]){ "organization" });
}

static enum rc
messages(struct page *p, const char *name)
{
	return rows(p, name,
	    "SELECT webhook_id, CASE WHEN dead_at IS NULL THEN 'waiting' ELSE 'dead' END, COUNT(*) FROM "
	    "webhook_delivery"
	    " GROUP BY webhook_id, 2 ORDER BY webhook_id, 2",
	    DB_NONE, (const char *const[]){ "webhook", "state" });
}

struct calendar {
	struct page *p;
	const char *name;
};

static void
put_end(void *arg, const struct ending *e)
{
	const struct calendar *cal = arg;

	line(cal->p, cal->name, LABELS({ "kind", e->kind }, { "organization", e->organization_id }), e->at);
}

static enum rc
ends(struct page *p, const char *name)
{
	return endings(p->c, INT64_MAX, put_end, &(struct calendar){ p, name });
}

/* ---- the page ---- */

struct family {
	const char *name, *type, *help;
	enum rc (*write)(struct page *p, const char *name);
};

#define ROW(name, type, labels, help, write) { name, type, help, write },
static const struct family of_process[] = { METRICS_OF_PROCESS(ROW) };
static const struct family of_database[] = { METRICS_OF_DATABASE(ROW) };
#undef ROW

static enum rc
families(struct page *p, const struct family *f, size_t n)
{
	enum rc rc = RC_OK;

	for (size_t i = 0; rc == RC_OK && i < n; i++) {
		buf_printf(p->b, "# HELP %s %s\n# TYPE %s %s\n", f[i].name, f[i].help, f[i].name, f[i].type);
		rc = f[i].write(p, f[i].name);
	}
	return rc;
}

/* What the database knows, at most METRICS_STALE_S old. One scrape asks; others that come meanwhile wait for it. */
static enum rc
ask(struct page *p, const char **rows)
{
	struct metrics *m = p->room->counts;
	struct buf own, *page = p->b;
	int version;
	enum rc rc = store_version(p->c->store, &version, &p->c->err); /* does it answer now? */

	*rows = "";
	if (rc != RC_OK)
		return rc;
	pthread_mutex_lock(&m->lock);
	if (m->rows == NULL || clock_mono_ms() - m->rows_at >= METRICS_STALE_S * 1000) {
		buf_init(&own, METRICS_PAGE_MAX);
		p->b = &own;
		rc = families(p, of_database, sizeof of_database / sizeof of_database[0]);
		p->b = page;
		if (rc == RC_OK && !buf_ok(&own))
			rc = fail(
			    &p->c->err, RC_TOO_LARGE, "numbers of the database are over %d octets", METRICS_PAGE_MAX);
		if (rc == RC_OK) {
			free(m->rows);
			m->rows = strdup(own.p);
			m->rows_at = clock_mono_ms();
		}
		buf_free(&own);
	}
	if (rc == RC_OK && m->rows != NULL)
		*rows = arena_strdup(p->c->arena, m->rows);
	pthread_mutex_unlock(&m->lock);
	return rc;
}

enum rc
metrics_page(struct call *c, struct metrics_room *room, struct bytes *out)
{
	struct http_server *http = atomic_load(&room->http);
	struct buf b;
	struct page p = { .c = c, .room = room, .b = &b };
	const char *rows;
	enum rc rc;
	size_t n;

	if (http != NULL)
		http_server_stats(http, &p.http);
	store_stats(c->store, &p.store);
	if (room->push != NULL)
		push_stats(room->push, &p.push);
	rc = ask(&p, &rows);
	p.up = rc == RC_OK;
	if (rc != RC_OK && rc != RC_UNAVAILABLE)
		return rc;
	buf_init(&b, METRICS_PAGE_MAX);
	rc = families(&p, of_process, sizeof of_process / sizeof of_process[0]);
	buf_str(&b, rows);
	if (!buf_ok(&b))
		rc = fail(&c->err, RC_TOO_LARGE, "the page of numbers is over %d octets", METRICS_PAGE_MAX);
	n = b.n;
	*out = bytes_of(buf_finish(&b, c->arena), n);
	return rc;
}

enum rc
metrics_ready(struct call *c, struct metrics_room *room)
{
	struct http_server *http = atomic_load(&room->http);
	struct http_stats s = { 0 };
	int version = 0;
	enum rc rc;

	if (http != NULL)
		http_server_stats(http, &s);
	if (s.draining)
		return fail(&c->err, RC_UNAVAILABLE, "it is about to stop");
	if (store_is_broken(c->store))
		return fail(&c->err, RC_UNAVAILABLE, "the store failed to write to disk");
	if ((rc = store_version(c->store, &version, &c->err)) == RC_OK && version != store_newest())
		return fail(&c->err, RC_UNAVAILABLE, "the database is of version %d, this program of %d", version,
		    store_newest());
	return rc;
}
