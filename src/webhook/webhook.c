/* Receivers: who is told, and what became of it. */
#include "webhook/webhook.h"

#include <string.h>

#include "config/config.h"
#include "crypto/hash.h"
#include "fmt/base64.h"
#include "fmt/uri.h"
#include "keys/keys.h"
#include "store/store.h"
#include "webhook/send.h"

#define URL_MAX 1000 /* octets */
#define SECRET_PREFIX "whsec_"
#define SECRET_LEAST 24 /* octets, as Standard Webhooks have it */
#define SECRET_MOST 64
#define COLUMNS \
	"w.id, w.organization_id, w.url, w.events, w.created_by, w.created_at, w.secret, s.delivered_at, s.failures," \
	" s.rests_until, s.trouble"

static void
read_row(struct webhook *w, const struct db_rows *r, int i)
{
	*w = (struct webhook){
		.id = db_get_text(r, i, 0),
		.organization_id = db_get_text(r, i, 1),
		.url = db_get_text(r, i, 2),
		.events = db_get_text(r, i, 3),
		.created_by = db_get_text(r, i, 4),
		.created_at = db_get_int(r, i, 5),
		.secret = db_get_blob(r, i, 6),
		.delivered_at = db_get_int(r, i, 7),
		.failures = db_get_int(r, i, 8),
		.rests_until = db_get_int(r, i, 9),
		.trouble = db_get_text(r, i, 10),
	};
}

/* ---- adding ---- */

static enum rc
check_url(struct call *c, const char *url)
{
	struct uri u;

	if (strlen(url) > URL_MAX || uri_parse(c->arena, url, &u, &c->err) != RC_OK)
		return fail(&c->err, RC_BAD_INPUT, "%.100s is no URL of at most %d octets", url, URL_MAX);
	if (strcmp(u.scheme, "https") != 0 && !c->conf->lab)
		return fail(&c->err, RC_BAD_INPUT, "a receiver is called by https: messages name people");
	return RC_OK;
}

/* The names as one text; '' for all. */
static enum rc
check_events(struct call *c, const char *const *events, const char **out)
{
	char *all = arena_strdup(c->arena, "");

	for (; events != NULL && *events != NULL; events++) {
		int t = 0;

		while (t < WEBHOOK_TYPES && strcmp(webhook_type_name((enum webhook_type)t), *events) != 0)
			t++;
		if (t == WEBHOOK_TYPES)
			return fail(
			    &c->err, RC_BAD_INPUT, "there is no event %.60s: docs/events.md lists them", *events);
		all = arena_printf(c->arena, "%s%s%s", all, all[0] != '\0' ? " " : "", *events);
	}
	*out = all;
	return RC_OK;
}

static const char *
context_of(struct arena *a, const char *id)
{
	return arena_printf(a, "webhook-%s", id);
}

static enum rc
seal(struct call *c, const char *id, const char *text, struct bytes *sealed)
{
	size_t n = strlen(SECRET_PREFIX);
	struct bytes key = { 0 };

	if (strncmp(text, SECRET_PREFIX, n) == 0)
		key = base64_decode(c->arena, bytes_str(text + n), true);
	if (key.p == NULL || key.n < SECRET_LEAST || key.n > SECRET_MOST)
		return fail(&c->err, RC_BAD_INPUT, "a secret is %s and the base64 of %d to %d octets", SECRET_PREFIX,
		    SECRET_LEAST, SECRET_MOST);
	return keys_seal(c->keys, c->arena, context_of(c->arena, id), key, sealed, &c->err);
}

enum rc
webhook_secret(struct call *c, const struct webhook *w, struct bytes *key)
{
	return keys_unseal(c->keys, c->arena, context_of(c->arena, w->id), w->secret, key, &c->err);
}

static enum rc
add(struct call *c, void *arg)
{
	const struct webhook *w = arg;
	struct db_rows r;
	enum rc rc;

	if ((rc = store_run(c, "SELECT COUNT(*) FROM webhook", DB_NONE, &r)) != RC_OK)
		return rc;
	if (db_get_int(&r, 0, 0) >= WEBHOOKS_MAX)
		return fail(&c->err, RC_TOO_LARGE, "a server has %d webhooks at most", WEBHOOKS_MAX);
	rc = store_run(c,
	    "INSERT INTO webhook (id, organization_id, url, secret, events, created_at, created_by)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	    DB_ARGS(db_text(w->id), db_text(w->organization_id), db_text(w->url), db_blob(w->secret),
		db_text(w->events), db_int(w->created_at), db_text(w->created_by)),
	    NULL);
	return rc != RC_OK ? rc
			   : store_run(c,
				 "INSERT INTO webhook_state (webhook_id, failures, rests_until, lease_until)"
				 " VALUES (?1, 0, 0, 0)",
				 DB_ARGS(db_text(w->id)), NULL);
}

enum rc
webhook_add(struct call *c, struct webhook *w, const char *const *events, const char *secret, const char **shown)
{
	uint8_t random[32];
	enum rc rc;

	w->id = crypto_id(c->arena);
	w->created_at = c->now;
	if ((rc = check_url(c, w->url)) != RC_OK || (rc = check_events(c, events, &w->events)) != RC_OK)
		return rc;
	if (secret == NULL) {
		crypto_random(random, sizeof random);
		secret = arena_printf(
		    c->arena, SECRET_PREFIX "%s", base64_encode(c->arena, bytes_of(random, sizeof random)));
		explicit_bzero(random, sizeof random);
	}
	*shown = arena_strndup(c->arena, secret, strcspn(secret, "\r\n"));
	if ((rc = seal(c, w->id, *shown, &w->secret)) != RC_OK)
		return rc;
	return store_part(c, add, w);
}

/* ---- looking ---- */

enum rc
webhook_get(struct call *c, const char *id, struct webhook *out)
{
	struct db_rows r;
	enum rc rc = store_run(c,
	    "SELECT " COLUMNS " FROM webhook w JOIN webhook_state s ON s.webhook_id = w.id WHERE w.id = ?1",
	    DB_ARGS(db_text(id)), &r);

	if (rc != RC_OK)
		return rc;
	if (r.rows == 0)
		return fail(&c->err, RC_NOT_FOUND, "there is no webhook %.60s", id);
	read_row(out, &r, 0);
	return RC_OK;
}

enum rc
webhook_list(struct call *c, const char *organization_id, struct webhook **out, int *n)
{
	static const char sql[] =
	    "SELECT " COLUMNS ", (SELECT COUNT(*) FROM webhook_delivery d WHERE d.webhook_id = w.id"
	    " AND d.dead_at IS NULL), (SELECT COUNT(*) FROM webhook_delivery d WHERE"
	    " d.webhook_id = w.id AND d.dead_at IS NOT NULL)"
	    " FROM webhook w JOIN webhook_state s ON s.webhook_id = w.id"
	    " WHERE (?1 = '' OR w.organization_id = ?1) ORDER BY w.created_at, w.id";
	struct db_rows r;
	enum rc rc = store_run(c, sql, DB_ARGS(db_text(organization_id != NULL ? organization_id : "")), &r);

	if (rc != RC_OK)
		return rc;
	*n = r.rows;
	*out = arena_array(c->arena, (size_t)r.rows, sizeof **out);
	for (int i = 0; i < r.rows; i++) {
		read_row(&(*out)[i], &r, i);
		(*out)[i].waiting = db_get_int(&r, i, 11);
		(*out)[i].dead = db_get_int(&r, i, 12);
	}
	return RC_OK;
}

static enum rc
remove_in_unit(struct call *c, void *arg)
{
	static const char *const sql[] = { "DELETE FROM webhook_delivery WHERE webhook_id = ?1",
		"DELETE FROM webhook_state WHERE webhook_id = ?1", "DELETE FROM webhook WHERE id = ?1" };
	const char *id = arg;
	struct webhook w;
	enum rc rc = webhook_get(c, id, &w);

	for (size_t i = 0; i < sizeof sql / sizeof sql[0] && rc == RC_OK; i++)
		rc = store_run(c, sql[i], DB_ARGS(db_text(id)), NULL);
	return rc;
}

enum rc
webhook_remove(struct call *c, const char *id)
{
	char *copy = arena_strdup(c->arena, id);

	return store_part(c, remove_in_unit, copy);
}

/* ---- dead letters ---- */

enum rc
webhook_dead_letters(struct call *c, const char *id, const struct db_page *page, struct webhook_dead **out, int *n)
{
	struct webhook w;
	struct db_rows r;
	enum rc rc;

	if ((rc = webhook_get(c, id, &w)) != RC_OK)
		return rc;
	rc = store_run(c,
	    "SELECT id, type, body, trouble, created_at, dead_at, tries FROM webhook_delivery WHERE webhook_id = ?1"
	    " AND dead_at IS NOT NULL AND dead_at <= ?2 AND (dead_at < ?2 OR id < ?3) ORDER BY dead_at DESC, id DESC "
	    "LIMIT ?4",
	    DB_ARGS(db_text(id), db_int(page->before != 0 ? page->before : INT64_MAX),
		db_text(page->id != NULL ? page->id : ""), db_int(page->limit)),
	    &r);
	if (rc != RC_OK)
		return rc;
	*n = r.rows;
	*out = arena_array(c->arena, (size_t)r.rows, sizeof **out);
	for (int i = 0; i < r.rows; i++)
		(*out)[i] = (struct webhook_dead){ db_get_text(&r, i, 0), db_get_text(&r, i, 1), db_get_text(&r, i, 2),
			db_get_text(&r, i, 3), db_get_int(&r, i, 4), db_get_int(&r, i, 5), db_get_int(&r, i, 6) };
	return RC_OK;
}

struct replay {
	const char *id, *message;
	int n;
};

static enum rc
replay(struct call *c, void *arg)
{
	struct replay *p = arg;
	struct webhook w;
	struct db_rows r;
	enum rc rc;

	if ((rc = webhook_get(c, p->id, &w)) != RC_OK)
		return rc;
	rc = store_run(c,
	    "UPDATE webhook_delivery SET dead_at = NULL, tries = 0, created_at = ?3, due_at = ?3"
	    " WHERE webhook_id = ?1 AND dead_at IS NOT NULL AND (?2 = '' OR id = ?2)",
	    DB_ARGS(db_text(p->id), db_text(p->message != NULL ? p->message : ""), db_int(c->now)), &r);
	if (rc != RC_OK)
		return rc;
	if ((p->n = r.changed) == 0 && p->message != NULL)
		return fail(&c->err, RC_NOT_FOUND, "the webhook has no dead letter %.60s", p->message);
	/* Whoever replays has mended it: the receiver is asked at once. */
	return store_run(
	    c, "UPDATE webhook_state SET rests_until = 0 WHERE webhook_id = ?1", DB_ARGS(db_text(p->id)), NULL);
}

enum rc
webhook_replay(struct call *c, const char *id, const char *message, int *n)
{
	struct replay p = { id, message, 0 };
	enum rc rc = store_part(c, replay, &p);

	*n = p.n;
	return rc;
}
