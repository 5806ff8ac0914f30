/* Sending what is due: a thread for each receiver that something waits for, for as long as it does. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "account/ending.h"
#include "base/clock.h"
#include "base/log.h"
#include "config/config.h"
#include "crypto/hash.h"
#include "store/store.h"
#include "webhook/send.h"

#define DAY 86400
#define REMINDERS_MAX 1000
#define KEEP_S 3600 /* between two looks at the calendar and at old dead letters */
#define FORGET 100 /* dead letters in one unit */

struct lane {
	struct webhooks *of;
	char id[24]; /* the receiver's; "" : nobody's */
	int64_t lease; /* until when it was taken: whose it is, since nobody takes it before that is over */
	pthread_t thread;
	atomic_bool ended;
	struct store *store;
	const struct keys *keys;
	const struct conf *conf;
};

struct webhooks {
	struct lane lane[WEBHOOKS_MAX];
	atomic_bool stop;
	bool begun; /* leases of an earlier process are gone */
	int64_t kept_at; /* Unix seconds */
};

struct webhooks *
webhooks_new(void)
{
	struct webhooks *w = calloc(1, sizeof *w);

	if (w == NULL)
		abort();
	return w;
}

/* Lanes whose thread is over are free again. */
static void
gather(struct webhooks *w, bool all)
{
	for (int i = 0; i < WEBHOOKS_MAX; i++) {
		struct lane *l = &w->lane[i];

		if (l->id[0] == '\0' || (!all && !atomic_load(&l->ended)))
			continue;
		pthread_join(l->thread, NULL);
		l->id[0] = '\0';
	}
}

void
webhooks_free(struct webhooks *w)
{
	if (w == NULL)
		return;
	atomic_store(&w->stop, true);
	gather(w, true);
	free(w);
}

/* ---- one message ---- */

struct delivery {
	const struct webhook *w;
	const struct lane *lane;
	struct webhook_parcel parcel;
	int64_t created_at, tries;
	bool due;
	enum rc rc;
	const char *trouble;
};

/* Of a row d: due, and the first of its subject that is not done with. */
#define FIRST_DUE(webhook, now) \
	"d.dead_at IS NULL AND d.due_at <= " now \
	" AND NOT EXISTS (SELECT 1 FROM webhook_delivery e WHERE e.webhook_id = " webhook \
	" AND e.subject = d.subject AND e.seq < d.seq AND e.dead_at IS NULL)"

/* Keep the lease until then; 0: give it back. False in *held: this process was so slow that another one has taken it. */
static enum rc
hold(struct call *c, const struct lane *l, int64_t until, bool *held)
{
	struct db_rows r;
	enum rc rc = store_run(c,
	    "UPDATE webhook_state SET lease_until = ?3 WHERE webhook_id = ?1 AND lease_until = ?2 RETURNING webhook_id",
	    DB_ARGS(db_text(l->id), db_int(l->lease), db_int(until)), &r);

	*held = rc == RC_OK && r.rows > 0;
	return rc;
}

/* The next one. Takes the lease along. */
static enum rc
take(struct call *c, void *arg)
{
	static const char sql[] =
	    "SELECT id, body, trace, created_at, tries FROM webhook_delivery d WHERE webhook_id = ?1 AND " FIRST_DUE(
		"?1", "?2") " ORDER BY due_at, seq LIMIT 1";
	struct delivery *d = arg;
	struct db_rows r;
	enum rc rc;

	d->due = false;
	rc = store_run(c, sql, DB_ARGS(db_text(d->w->id), db_int(c->now)), &r);
	if (rc != RC_OK || r.rows == 0)
		return rc;
	d->parcel = (struct webhook_parcel){ db_get_text(&r, 0, 0), db_get_text(&r, 0, 1), db_get_text(&r, 0, 2) };
	d->created_at = db_get_int(&r, 0, 3);
	d->tries = db_get_int(&r, 0, 4);
	return hold(c, d->lane, c->now + WEBHOOK_LEASE_S, &d->due);
}

/* Doubled with each failure, and up to a quarter more, so that many do not come back together. */
static int64_t
pause_after(int64_t failures, int64_t most)
{
	int64_t s = WEBHOOK_RETRY_S;
	uint32_t chance;

	while (failures-- > 0 && s < most)
		s *= 2;
	s = s < most ? s : most;
	crypto_random(&chance, sizeof chance);
	return s + (int64_t)(chance % (uint32_t)(s / 4 + 1));
}

static enum rc
settle_failure(struct call *c, const struct delivery *d)
{
	bool dead = c->now - d->created_at >= c->conf->webhook_days * DAY;
	struct webhook w;
	enum rc rc;

	rc = store_run(c,
	    "UPDATE webhook_delivery SET tries = tries + 1, due_at = ?2, trouble = ?3, dead_at = ?4 WHERE id = ?1",
	    DB_ARGS(db_text(d->parcel.id), db_int(c->now + pause_after(d->tries, WEBHOOK_RETRY_MAX_S)),
		db_text(d->trouble), dead ? db_int(c->now) : db_null()),
	    NULL);
	if (rc != RC_OK || (rc = webhook_get(c, d->w->id, &w)) != RC_OK)
		return rc;
	return store_run(c,
	    "UPDATE webhook_state SET failures = failures + 1, trouble = ?2, rests_until = ?3 WHERE webhook_id = ?1",
	    DB_ARGS(db_text(w.id), db_text(d->trouble),
		db_int(d->rc == RC_CONFLICT ? 0 : c->now + pause_after(w.failures, WEBHOOK_REST_MAX_S))),
	    NULL);
}

static enum rc
settle(struct call *c, void *arg)
{
	const struct delivery *d = arg;
	bool held;
	enum rc rc;

	/* Another process that has taken over knows better how the receiver is. */
	if (d->rc != RC_OK)
		return (rc = hold(c, d->lane, d->lane->lease, &held)) == RC_OK && held ? settle_failure(c, d) : rc;
	rc = store_run(c, "DELETE FROM webhook_delivery WHERE id = ?1", DB_ARGS(db_text(d->parcel.id)), NULL);
	return rc != RC_OK ? rc
			   : store_run(c,
				 "UPDATE webhook_state SET failures = 0, trouble = NULL, delivered_at = ?2"
				 " WHERE webhook_id = ?1",
				 DB_ARGS(db_text(d->w->id), db_int(c->now)), NULL);
}

/* True: there may be another one at once. */
static bool
deliver(struct call *c, struct http_client **http, struct lane *l)
{
	struct webhook w;
	struct delivery d = { .w = &w, .lane = l };
	int status;

	if (webhook_get(c, l->id, &w) != RC_OK || store_unit(c, take, &d) != RC_OK || !d.due)
		return false;
	l->lease = c->now + WEBHOOK_LEASE_S;
	if (*http == NULL && webhook_open(c, http) != RC_OK)
		d.rc = RC_UNAVAILABLE;
	else
		d.rc = webhook_send(c, *http, &w, &d.parcel, &status);
	c->now = clock_now();
	if (d.rc != RC_OK) {
		d.trouble = arena_strdup(c->arena, c->err.text);
		log_warn("a webhook's message was not accepted", "webhook", w.id, "message", d.parcel.id, "error",
		    d.trouble);
	}
	return store_unit(c, settle, &d) == RC_OK && (d.rc == RC_OK || d.rc == RC_CONFLICT);
}

static void *
serve(void *arg)
{
	struct lane *l = arg;
	struct http_client *http = NULL;
	bool more = true, held;

	while (more && !atomic_load(&l->of->stop)) {
		struct call c = {
			.arena = arena_new(0), .store = l->store, .keys = l->keys, .conf = l->conf, .now = clock_now()
		};

		if (!(more = deliver(&c, &http, l)) || atomic_load(&l->of->stop))
			(void)hold(&c, l, 0, &held);
		arena_free(c.arena);
	}
	http_client_close(http);
	atomic_store(&l->ended, true);
	return NULL;
}

/* ---- the calendar ---- */

struct reminders {
	struct call *c;
	struct ending *at;
	int n, size;
	struct webhook_listener *to;
	int n_to;
	bool more; /* dead letters that are too old */
};

static void
collect(void *arg, const struct ending *e)
{
	struct reminders *r = arg;

	if (r->n < r->size)
		r->at[r->n++] = *e;
}

/* Once for each of the days before it. */
static enum rc
remind(struct call *c, const struct reminders *r, const struct ending *e)
{
	static const int before[] = { 1, 7, 14, 30 };
	int64_t days = (e->at - c->now) / DAY;
	const char *what;
	struct db_rows rows;
	bool heard = false;
	size_t i = 0;
	enum rc rc;

	for (int k = 0; k < r->n_to; k++)
		heard = heard || webhook_hears(&r->to[k], e->organization_id);
	if (!heard)
		return RC_OK;
	while (i < sizeof before / sizeof before[0] && days > before[i])
		i++;
	if (i == sizeof before / sizeof before[0])
		return RC_OK;
	what = arena_printf(c->arena, "%s %s %lld %d", e->kind, e->organization_id != NULL ? e->organization_id : "",
	    (long long)e->at, before[i]);
	rc = store_run(c, "INSERT INTO webhook_reminder (what, at) VALUES (?1, ?2) ON CONFLICT DO NOTHING RETURNING at",
	    DB_ARGS(db_text(what), db_int(c->now)), &rows);
	if (rc != RC_OK || rows.rows == 0)
		return rc;
	return webhook_tell(c, r->to, r->n_to,
	    &(struct webhook_message){ WEBHOOK_ending, e->organization_id, e->kind,
		json_pack("{s:s?, s:s, s:s, s:I, s:s}", "organization", e->organization_id, "kind", e->kind, "ends_at",
		    clock_rfc3339(c->arena, e->at), "days", (json_int_t)days, "todo", e->todo) });
}

static enum rc
keep_in_unit(struct call *c, void *arg)
{
	static const char forget[] = "DELETE FROM webhook_delivery WHERE id IN"
				     " (SELECT id FROM webhook_delivery WHERE dead_at < ?1 ORDER BY dead_at LIMIT ?2)";
	struct reminders *r = arg;
	struct db_rows gone;
	enum rc rc;

	rc = store_run(c, forget, DB_ARGS(db_int(c->now - c->conf->history_days * DAY), db_int(FORGET)), &gone);
	r->more = rc == RC_OK && gone.changed == FORGET;
	if (rc == RC_OK)
		rc = store_run(c, "DELETE FROM webhook_reminder WHERE at < ?1",
		    DB_ARGS(db_int(c->now - 366 * (int64_t)DAY)), NULL);
	for (int i = 0; rc == RC_OK && i < r->n; i++)
		rc = remind(c, r, &r->at[i]);
	return rc;
}

static enum rc
keep(struct call *c, bool *more)
{
	struct reminders r = { .c = c, .size = REMINDERS_MAX };
	enum rc rc;

	r.at = arena_array(c->arena, REMINDERS_MAX, sizeof *r.at);
	if ((rc = webhook_listeners(c, WEBHOOK_ending, &r.to, &r.n_to)) == RC_OK && r.n_to > 0)
		rc = endings(c, c->now + 31 * (int64_t)DAY, collect, &r);
	if (rc == RC_OK)
		rc = store_unit(c, keep_in_unit, &r);
	*more = rc == RC_OK && r.more;
	return rc;
}

/* ---- who is due ---- */

/* A free one; NULL: a thread is at that receiver, or there are too many. */
static struct lane *
free_lane(struct webhooks *w, const char *id)
{
	struct lane *l = NULL;

	for (int i = 0; i < WEBHOOKS_MAX; i++) {
		if (strcmp(w->lane[i].id, id) == 0)
			return NULL;
		if (w->lane[i].id[0] == '\0')
			l = &w->lane[i];
	}
	return l;
}

static void
begin(struct webhooks *w, struct lane *l, const struct call *c, const char *id)
{
	l->lease = c->now + WEBHOOK_LEASE_S;
	l->of = w;
	l->store = c->store;
	l->keys = c->keys;
	l->conf = c->conf;
	snprintf(l->id, sizeof l->id, "%s", id);
	atomic_store(&l->ended, false);
	if (pthread_create(&l->thread, NULL, serve, l) != 0)
		l->id[0] = '\0'; /* the lease runs out */
}

enum rc
webhooks_look(struct webhooks *w, struct call *c, bool *more)
{
	static const char due_sql[] =
	    "SELECT webhook_id FROM webhook_state s WHERE rests_until <= ?1 AND lease_until <= ?1 AND EXISTS"
	    " (SELECT 1 FROM webhook_delivery d WHERE d.webhook_id = s.webhook_id AND " FIRST_DUE(
		"s.webhook_id", "?1") ")";
	static const char lease_sql[] = "UPDATE webhook_state SET lease_until = ?2 WHERE webhook_id = ?1 AND"
					" lease_until <= ?3 RETURNING webhook_id";
	struct db_rows r;
	struct err ignored;
	enum rc rc = RC_OK;

	*more = false;
	gather(w, false);
	/* With nobody else at the database, whoever had taken something is gone. */
	if (!w->begun && store_alone(c->store, &ignored) == RC_OK)
		rc = store_run(c, "UPDATE webhook_state SET lease_until = 0 WHERE lease_until <> 0", DB_NONE, NULL);
	w->begun = w->begun || rc == RC_OK;
	if (rc == RC_OK && c->now - w->kept_at >= KEEP_S) {
		rc = keep(c, more);
		w->kept_at = *more ? w->kept_at : c->now;
	}
	if (rc != RC_OK || (rc = store_run(c, due_sql, DB_ARGS(db_int(c->now)), &r)) != RC_OK)
		return rc;
	for (int i = 0; i < r.rows && rc == RC_OK; i++) {
		const char *id = db_get_text(&r, i, 0);
		struct lane *l = free_lane(w, id);
		struct db_rows leased;

		if (l == NULL)
			continue;
		rc = store_run(
		    c, lease_sql, DB_ARGS(db_text(id), db_int(c->now + WEBHOOK_LEASE_S), db_int(c->now)), &leased);
		if (rc == RC_OK && leased.rows > 0)
			begin(w, l, c, id);
	}
	return rc;
}
