#include "administrator/idempotency.h"

#include <string.h>

#include "keys/keys.h"
#include "store/store.h"

#define CONTEXT "idempotency"
#define DIGEST 32
#define STATUS_AT DIGEST /* two octets, the higher first; 0: under way */
#define ANSWER_AT (DIGEST + 2)

static enum rc
seal(struct call *c, const struct idempotency *i, struct bytes *out)
{
	uint8_t *p = arena_alloc(c->arena, ANSWER_AT + i->answer.n);

	memcpy(p, i->digest.p, DIGEST);
	p[STATUS_AT] = (uint8_t)(i->status >> 8);
	p[STATUS_AT + 1] = (uint8_t)i->status;
	if (i->answer.n > 0)
		memcpy(p + ANSWER_AT, i->answer.p, i->answer.n);
	return keys_seal(c->keys, c->arena, CONTEXT, bytes_of(p, ANSWER_AT + i->answer.n), out, &c->err);
}

static enum rc
check(struct call *c, const char *key)
{
	size_t n = strlen(key);

	for (const char *p = key; *p != '\0'; p++) {
		if (*p <= ' ' || *p > '~')
			n = 0;
	}
	return n > 0 && n <= IDEMPOTENCY_KEY_MAX
		   ? RC_OK
		   : fail(&c->err, RC_BAD_INPUT, "an Idempotency-Key is 1 to %d visible characters of ASCII",
			 IDEMPOTENCY_KEY_MAX);
}

/* What the row says of the first request. */
static enum rc
compare(struct call *c, struct idempotency *i, struct bytes sealed, enum idempotency_state *state)
{
	struct bytes plain;
	enum rc rc = keys_unseal(c->keys, c->arena, CONTEXT, sealed, &plain, &c->err);

	if (rc != RC_OK)
		return rc;
	if (plain.n < ANSWER_AT || memcmp(plain.p, i->digest.p, DIGEST) != 0) {
		*state = IDEMPOTENCY_OTHER;
		return RC_OK;
	}
	i->status = plain.p[STATUS_AT] << 8 | plain.p[STATUS_AT + 1];
	i->answer = bytes_of(plain.p + ANSWER_AT, plain.n - ANSWER_AT);
	*state = i->status == 0 ? IDEMPOTENCY_UNDER_WAY : IDEMPOTENCY_DONE;
	return RC_OK;
}

enum rc
idempotency_begin(struct call *c, struct idempotency *i, enum idempotency_state *state)
{
	/* Claiming and looking are one statement each, so of two racing requests one claims. */
	static const char claim_sql[] =
	    "INSERT INTO idempotency (actor, key, created_at, sealed) VALUES (?1, ?2, ?3, ?4)"
	    " ON CONFLICT (actor, key) DO UPDATE SET created_at = EXCLUDED.created_at, sealed = EXCLUDED.sealed"
	    " WHERE idempotency.created_at <= ?5";
	static const char look_sql[] = "SELECT sealed FROM idempotency WHERE actor = ?1 AND key = ?2";
	struct bytes sealed;
	struct db_rows r;
	enum rc rc;

	i->status = 0;
	i->answer = bytes_of(NULL, 0);
	if ((rc = check(c, i->key)) != RC_OK || (rc = seal(c, i, &sealed)) != RC_OK)
		return rc;
	rc = store_run(c, claim_sql,
	    DB_ARGS(db_text(i->actor), db_text(i->key), db_int(c->now), db_blob(sealed),
		db_int(c->now - IDEMPOTENCY_LIFE_S)),
	    &r);
	if (rc != RC_OK)
		return rc;
	*state = IDEMPOTENCY_NEW;
	if (r.changed > 0)
		return RC_OK;
	if ((rc = store_run(c, look_sql, DB_ARGS(db_text(i->actor), db_text(i->key)), &r)) != RC_OK)
		return rc;
	*state = IDEMPOTENCY_UNDER_WAY; /* it was just given up: the sender tries again */
	return r.rows > 0 ? compare(c, i, db_get_blob(&r, 0, 0), state) : RC_OK;
}

enum rc
idempotency_end(struct call *c, const struct idempotency *i)
{
	struct bytes sealed;
	enum rc rc;

	if (i->answer.n > IDEMPOTENCY_ANSWER_MAX)
		return RC_OK; /* its end stays unknown to whoever sends it again */
	if ((rc = seal(c, i, &sealed)) != RC_OK)
		return rc;
	return store_run(c, "UPDATE idempotency SET sealed = ?3 WHERE actor = ?1 AND key = ?2",
	    DB_ARGS(db_text(i->actor), db_text(i->key), db_blob(sealed)), NULL);
}

enum rc
idempotency_drop(struct call *c, const struct idempotency *i)
{
	return store_run(c, "DELETE FROM idempotency WHERE actor = ?1 AND key = ?2",
	    DB_ARGS(db_text(i->actor), db_text(i->key)), NULL);
}

enum rc
idempotency_prune(struct call *c)
{
	return store_run(
	    c, "DELETE FROM idempotency WHERE created_at <= ?1", DB_ARGS(db_int(c->now - IDEMPOTENCY_LIFE_S)), NULL);
}
