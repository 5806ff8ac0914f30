#include "posternd/tickets.h"

#include <string.h>

#include "crypto/hash.h"
#include "keys/keys.h"
#include "store/store.h"

#define OPENED 3 /* generations whose tickets are opened; the newest of them makes tickets */
#define AHEAD_S 600 /* the next one is there before it is needed, at every node */

struct making {
	int64_t generation;
	struct bytes sealed;
};

/* For which generation it is sealed: no row stands in for another one. */
static const char *
context(struct arena *a, int64_t generation)
{
	return arena_printf(a, "ticket key %lld", (long long)generation);
}

static enum rc
make_in_unit(struct call *c, void *arg)
{
	const struct making *m = arg;
	enum rc rc;

	rc = store_run(
	    c, "DELETE FROM ticket_key WHERE generation <= ?1", DB_ARGS(db_int(m->generation - OPENED - 1)), NULL);
	if (rc != RC_OK)
		return rc;
	return store_run(c,
	    "INSERT INTO ticket_key (generation, sealed) VALUES (?1, ?2) ON CONFLICT (generation) DO NOTHING",
	    DB_ARGS(db_int(m->generation), db_blob(m->sealed)), NULL);
}

static enum rc
make(struct call *c, int64_t generation)
{
	struct making m = { .generation = generation };
	uint8_t secret[HTTP_TICKET_SECRET];
	enum rc rc;

	crypto_random(secret, sizeof secret);
	rc = keys_seal(
	    c->keys, c->arena, context(c->arena, generation), bytes_of(secret, sizeof secret), &m.sealed, &c->err);
	explicit_bzero(secret, sizeof secret);
	return rc == RC_OK ? store_unit(c, make_in_unit, &m) : rc;
}

static enum rc
take(struct call *c, int64_t generation, struct bytes sealed, struct http_tickets *out)
{
	struct bytes secret;
	enum rc rc = keys_unseal(c->keys, c->arena, context(c->arena, generation), sealed, &secret, &c->err);

	if (rc == RC_OK && secret.n != HTTP_TICKET_SECRET)
		rc = fail(&c->err, RC_BAD_INPUT, "it has another length");
	if (rc != RC_OK)
		return fail_in(&c->err, rc, "key of session tickets");
	memcpy(out->secret[out->n++], secret.p, HTTP_TICKET_SECRET);
	return RC_OK;
}

/* This generation and those before it, newest first; then the next one, which another node may use already. */
static enum rc
read_rows(struct call *c, int64_t now, struct http_tickets *out, bool *current, bool *next)
{
	static const char sql[] = "SELECT generation, sealed FROM ticket_key WHERE generation > ?1 AND generation <= ?2"
				  " ORDER BY CASE WHEN generation > ?3 THEN 1 ELSE 0 END, generation DESC";
	struct db_rows r;
	enum rc rc;

	*out = (struct http_tickets){ 0 };
	*current = *next = false;
	rc = store_run(c, sql, DB_ARGS(db_int(now - OPENED), db_int(now + 1), db_int(now)), &r);
	for (int i = 0; rc == RC_OK && i < r.rows && i < HTTP_TICKETS_MAX; i++) {
		int64_t generation = db_get_int(&r, i, 0);

		*current = *current || generation == now;
		*next = *next || generation > now;
		rc = take(c, generation, db_get_blob(&r, i, 1), out);
	}
	return rc;
}

enum rc
tickets_load(struct call *c, struct http_tickets *out)
{
	int64_t now = c->now / TICKETS_LIFE_S;
	bool soon = (c->now + AHEAD_S) / TICKETS_LIFE_S > now, current, next;
	enum rc rc;

	if ((rc = read_rows(c, now, out, &current, &next)) != RC_OK || (current && (next || !soon)))
		return rc;
	if (!current)
		rc = make(c, now);
	if (rc == RC_OK && soon && !next)
		rc = make(c, now + 1);
	return rc == RC_OK ? read_rows(c, now, out, &current, &next) : rc;
}
