#include "push/push.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/histogram.h"
#include "base/log.h"
#include "config/config.h"
#include "fmt/base64.h"
#include "fmt/json.h"
#include "http/multi.h"
#include "http/trace.h"
#include "keys/keys.h"
#include "store/store.h"

#define ORGANIZATIONS_MAX 256 /* that have connections open; more take turns */
#define TIMEOUT_MS 30000

/* An organization's way to the service. */
struct way {
	char organization_id[48]; /* 40 octets at most */
	int64_t changed_at; /* its certificate: with another one it is another way */
	struct http_multi *multi;
	int64_t rests_until; /* monotonic milliseconds */
	int failures; /* in a row, of the whole way */
};

struct push {
	struct way way[ORGANIZATIONS_MAX];
	int n, rate;
	double allowance; /* pushes that may be sent now */
	int64_t counted_at; /* monotonic milliseconds */
	atomic_llong verdicts[PUSH_TROUBLE + 1];
	struct histogram batch_times;
};

struct push *
push_new(int rate)
{
	struct push *p = calloc(1, sizeof *p);

	if (p == NULL)
		abort();
	p->rate = rate;
	p->counted_at = clock_mono_ms();
	return p;
}

void
push_free(struct push *p)
{
	if (p == NULL)
		return;
	for (int i = 0; i < p->n; i++)
		http_multi_close(p->way[i].multi);
	free(p);
}

void
push_stats(const struct push *p, struct push_stats *out)
{
	for (int i = 0; i <= PUSH_TROUBLE; i++)
		out->verdicts[i] = counted(&p->verdicts[i]);
	out->batch_times = &p->batch_times;
}

/* ---- who is due ---- */

struct target {
	const char *enrollment_id, *user_id, *magic;
	struct bytes token;
	int64_t updated_at, tries;
	enum push_verdict verdict;
	const char *reason;
};

struct batch {
	const char *organization_id, *topic;
	struct target target[PUSH_BATCH];
	int n, limit;
	int64_t lease; /* wake_at of those that are taken */
	const char *trouble; /* why nothing goes out; NULL: all is well */
};

/* In a unit: take what is due. */
static enum rc
take(struct call *c, void *arg)
{
	/* In the order of the index on wake_at, and no further than the batch: as a join it might read all enrollments. */
	static const char due_sql[] = "SELECT ch.enrollment_id, ch.user_id, ch.push_token, ch.push_magic, "
				      "ch.updated_at, ch.push_tries FROM channel ch"
				      " WHERE ch.wake_at <= ?1 AND (SELECT e.organization_id FROM enrollment e WHERE "
				      "e.id = ch.enrollment_id) = ?2"
				      " ORDER BY ch.wake_at LIMIT ?3";
	static const char take_sql[] = "UPDATE channel SET wake_at = ?3 WHERE enrollment_id = ?1 AND user_id = ?2";
	struct batch *b = arg;
	struct db_rows r;
	enum rc rc;

	b->n = 0;
	b->lease = c->now + PUSH_LEASE_S;
	rc = store_run(c, due_sql, DB_ARGS(db_int(c->now), db_text(b->organization_id), db_int(b->limit)), &r);
	for (int i = 0; rc == RC_OK && i < r.rows; i++) {
		struct target *t = &b->target[b->n++];

		*t = (struct target){ db_get_text(&r, i, 0), db_get_text(&r, i, 1), db_get_text(&r, i, 3),
			db_get_blob(&r, i, 2), db_get_int(&r, i, 4), db_get_int(&r, i, 5), PUSH_LATER, NULL };
		rc = store_run(
		    c, take_sql, DB_ARGS(db_text(t->enrollment_id), db_text(t->user_id), db_int(b->lease)), NULL);
	}
	return rc;
}

/* ---- what came of it ---- */

static int64_t
doubled(int64_t first, int64_t most, int64_t times)
{
	while (times-- > 0 && first < most)
		first *= 2;
	return first < most ? first : most;
}

/* Of a channel that was woken again meanwhile, wake_at stays as that set it; of one with a new token, everything. */
static enum rc
settle(struct call *c, const struct batch *b, const struct target *t)
{
	static const char sent_sql[] = "UPDATE channel SET pushed_at = ?4, push_tries = 0,"
				       " wake_at = CASE WHEN wake_at = ?5 THEN NULL ELSE wake_at END"
				       " WHERE enrollment_id = ?1 AND user_id = ?2 AND push_token = ?3";
	static const char bad_sql[] = "UPDATE channel SET push_refused = ?4, wake_at = NULL"
				      " WHERE enrollment_id = ?1 AND user_id = ?2 AND push_token = ?3";
	static const char later_sql[] = "UPDATE channel SET push_tries = push_tries + 1,"
					" wake_at = CASE WHEN wake_at = ?5 THEN ?4 ELSE wake_at END"
					" WHERE enrollment_id = ?1 AND user_id = ?2 AND push_token = ?3";
	struct db_value id = db_text(t->enrollment_id), user = db_text(t->user_id), token = db_blob(t->token);

	switch (t->verdict) {
	case PUSH_SENT:
		return store_run(c, sent_sql, DB_ARGS(id, user, token, db_int(c->now), db_int(b->lease)), NULL);
	case PUSH_TOKEN_BAD:
		return store_run(c, bad_sql,
		    DB_ARGS(id, user, token, db_text(t->reason != NULL ? t->reason : "Unregistered")), NULL);
	default:
		return store_run(c, later_sql,
		    DB_ARGS(id, user, token, db_int(c->now + doubled(PUSH_RETRY_S, PUSH_RETRY_MAX_S, t->tries)),
			db_int(b->lease)),
		    NULL);
	}
}

static enum rc
settle_all(struct call *c, void *arg)
{
	static const char trouble_sql[] = "UPDATE organization SET push_trouble = ?2 WHERE id = ?1 AND"
					  " (push_trouble IS NULL OR push_trouble <> ?2)";
	static const char well_sql[] =
	    "UPDATE organization SET push_trouble = NULL WHERE id = ?1 AND push_trouble IS NOT NULL";
	const struct batch *b = arg;
	enum rc rc = RC_OK;

	for (int i = 0; rc == RC_OK && i < b->n; i++)
		rc = settle(c, b, &b->target[i]);
	if (rc != RC_OK)
		return rc;
	return b->trouble != NULL
		   ? store_run(c, trouble_sql, DB_ARGS(db_text(b->organization_id), db_text(b->trouble)), NULL)
		   : store_run(c, well_sql, DB_ARGS(db_text(b->organization_id)), NULL);
}

/* ---- sending ---- */

static const char *
path_of(struct arena *a, const struct target *t)
{
	return arena_printf(a, "/3/device/%s", hex_encode(a, t->token));
}

/* Apple's page has exactly this, without an "aps" key. */
static struct bytes
body_of(struct arena *a, const struct target *t)
{
	return json_text(a, json_keep(a, json_pack("{s:s}", "mdm", t->magic)), 0);
}

static enum rc
open_way(struct call *c, const char *name, struct way *w)
{
	struct http_multi_settings s = {
		.url = c->conf->push_url,
		.ca_file = c->conf->push_ca,
		.user_agent = "postern",
		.connections = PUSH_CONNECTIONS,
		.timeout_ms = TIMEOUT_MS,
	};
	struct bytes *certificates;
	enum rc rc;

	if ((rc = keys_certificates(c->keys, c->arena, name, &certificates, &s.n_certificates, &c->err)) != RC_OK ||
	    (rc = keys_release(c->keys, c->arena, name, &s.key, &c->err)) != RC_OK)
		return rc;
	s.certificates = certificates;
	return http_multi_open(&s, &w->multi, &c->err);
}

/* How many of those that were sent got an answer at all. What the whole batch says about the way goes to b->trouble. */
static int
judge(struct call *c, struct batch *b, const struct http_multi_answer *answers)
{
	int answered = 0;

	for (int i = 0; i < b->n; i++) {
		struct target *t = &b->target[i];
		const struct http_multi_answer *x = &answers[i];
		int64_t since;

		answered += x->status != 0;
		t->verdict = push_judge(c->arena, x->status, x->body, &t->reason, &since);
		/* The same token was reported again since it went: then it is good (protocol 13). */
		if (t->verdict == PUSH_TOKEN_BAD && since != 0 && t->updated_at > since)
			t->verdict = PUSH_LATER;
		if (t->verdict == PUSH_TROUBLE)
			b->trouble = arena_printf(c->arena, "the push service answered %d %s", x->status,
			    t->reason != NULL ? t->reason : "without a reason");
		else if (x->status == 405 || x->status == 413 || (x->status == 400 && t->verdict == PUSH_LATER))
			log_error("push refused", "enrollment", t->enrollment_id, "error",
			    t->reason != NULL ? t->reason : "without a reason");
	}
	if (b->n > 0 && answered == 0)
		b->trouble = arena_printf(c->arena, "the push service can't be reached: %.300s",
		    answers[0].why != NULL ? answers[0].why : "no answer");
	return answered;
}

static void
send_batch(struct push *p, struct call *c, struct way *w, struct batch *b)
{
	const char *const headers[] = { arena_printf(c->arena, "apns-topic: %s", b->topic), "apns-push-type: mdm",
		"apns-priority: 10", arena_printf(c->arena, "apns-expiration: %lld", (long long)c->now + PUSH_EXPIRY_S),
		"content-type: application/json", arena_printf(c->arena, "traceparent: %s", http_trace(c)), NULL };
	struct http_multi_request *requests = arena_array(c->arena, (size_t)b->n, sizeof *requests);
	struct http_multi_answer *answers = arena_array(c->arena, (size_t)b->n, sizeof *answers);
	int64_t began = clock_mono_us();
	int answered;

	for (int i = 0; i < b->n; i++)
		requests[i] =
		    (struct http_multi_request){ path_of(c->arena, &b->target[i]), body_of(c->arena, &b->target[i]) };
	http_multi_post(w->multi, c->arena, headers, requests, b->n, answers);
	histogram_add(&p->batch_times, clock_mono_us() - began);
	answered = judge(c, b, answers);
	for (int i = 0; i < b->n; i++)
		count_up(&p->verdicts[b->target[i].verdict], 1);
	if (b->trouble == NULL) {
		w->failures = 0;
		return;
	}
	/* A certificate that is not accepted will not be in ten seconds either. */
	w->rests_until = clock_mono_ms() +
			 1000 * (answered > 0 ? PUSH_REST_MAX_S : doubled(PUSH_REST_S, PUSH_REST_MAX_S, w->failures));
	w->failures++;
	log_warn("pushes wait", "organization", b->organization_id, "error", b->trouble);
}

/* ---- one organization after another ---- */

static struct way *
way_of(struct push *p, const char *organization_id, int64_t changed_at)
{
	struct way *w = NULL;

	for (int i = 0; i < p->n && w == NULL; i++) {
		if (strcmp(p->way[i].organization_id, organization_id) == 0)
			w = &p->way[i];
	}
	if (w != NULL && w->changed_at == changed_at)
		return w;
	if (w == NULL)
		w = &p->way[p->n < ORGANIZATIONS_MAX ? p->n++ : (int)(clock_mono_ms() % ORGANIZATIONS_MAX)];
	http_multi_close(w->multi);
	*w = (struct way){ .changed_at = changed_at };
	snprintf(w->organization_id, sizeof w->organization_id, "%s", organization_id);
	return w;
}

static int
allowed(struct push *p)
{
	int64_t now = clock_mono_ms();

	p->allowance += (double)(now - p->counted_at) * p->rate / 1000;
	if (p->allowance > p->rate)
		p->allowance = p->rate;
	p->counted_at = now;
	return p->allowance < PUSH_BATCH ? (int)p->allowance : PUSH_BATCH;
}

/* Nobody can push for it: what waits is told when its device comes by itself. */
static enum rc
give_up_on(struct call *c, const char *organization_id)
{
	return store_run(c,
	    "UPDATE channel SET wake_at = NULL WHERE wake_at IS NOT NULL AND enrollment_id IN"
	    " (SELECT id FROM enrollment WHERE organization_id = ?1)",
	    DB_ARGS(db_text(organization_id)), NULL);
}

static enum rc
serve(struct push *p, struct call *c, const char *organization_id, const char *topic, bool *more)
{
	const char *name = arena_printf(c->arena, "push-%s", organization_id);
	struct batch *b = arena_alloc(c->arena, sizeof *b);
	int64_t changed_at = 0;
	struct way *w;
	enum rc rc = keys_changed(c->keys, c->arena, name, &changed_at, &c->err);

	if (rc == RC_NOT_FOUND)
		return give_up_on(c, organization_id);
	if (rc != RC_OK)
		return rc;
	w = way_of(p, organization_id, changed_at);
	*b = (struct batch){ .organization_id = organization_id, .topic = topic, .limit = allowed(p) };
	if (w->rests_until > clock_mono_ms() || b->limit == 0)
		return RC_OK;
	if ((rc = store_unit(c, take, b)) != RC_OK || b->n == 0)
		return rc;
	p->allowance -= b->n;
	if (w->multi == NULL && open_way(c, name, w) != RC_OK) {
		b->trouble = arena_strdup(c->arena, c->err.text);
		w->rests_until = clock_mono_ms() + 1000 * PUSH_REST_MAX_S;
		log_error("no push can be sent", "organization", organization_id, "error", b->trouble);
	} else {
		send_batch(p, c, w, b);
	}
	*more = *more || b->n == b->limit;
	c->now = clock_now();
	return store_unit(c, settle_all, b);
}

enum rc
push_look(struct push *p, struct call *c, bool *more)
{
	static const char due_sql[] =
	    "SELECT o.id, o.topic FROM organization o WHERE o.topic IS NOT NULL AND EXISTS (SELECT 1 FROM channel ch"
	    " JOIN enrollment e ON e.id = ch.enrollment_id WHERE ch.wake_at <= ?1 AND e.organization_id = o.id) ORDER "
	    "BY o.id";
	static const char any_sql[] = "SELECT 1 FROM channel WHERE wake_at <= ?1 LIMIT 1";
	struct db_rows r;
	enum rc rc;

	*more = false;
	if ((rc = store_run(c, any_sql, DB_ARGS(db_int(c->now)), &r)) != RC_OK || r.rows == 0)
		return rc;
	if ((rc = store_run(c, due_sql, DB_ARGS(db_int(c->now)), &r)) != RC_OK)
		return rc;
	for (int i = 0; rc == RC_OK && i < r.rows; i++)
		rc = serve(p, c, db_get_text(&r, i, 0), db_get_text(&r, i, 1), more);
	return rc;
}
