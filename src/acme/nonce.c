#include "acme/nonce.h"

#include <string.h>

#include "crypto/hash.h"
#include "enroll/attempt.h"
#include "fmt/base64.h"
#include "keys/keys.h"
#include "store/store.h"

#define CONTEXT "acme-nonce"
#define NONCE_MAX 128 /* characters; ours have 64 */

enum rc
nonce_make(struct call *c, const char **nonce)
{
	struct bytes sealed;
	enum rc rc = keys_seal(c->keys, c->arena, CONTEXT, bytes_of(&c->now, sizeof c->now), &sealed, &c->err);

	if (rc == RC_OK)
		*nonce = base64url_encode(c->arena, sealed);
	return rc;
}

struct use {
	struct bytes hash;
	const char *network;
	int64_t until;
};

static enum rc
room_for_another(struct call *c, const struct use *u)
{
	static const char sql[] = "SELECT COUNT(*), COUNT(CASE WHEN address = ?2 THEN 1 END) FROM acme_nonce"
				  " WHERE address IS NOT NULL AND expires_at > ?1";
	struct db_rows r;
	enum rc rc = store_run(c, sql, DB_ARGS(db_int(c->now), db_text(u->network)), &r);

	if (rc != RC_OK)
		return rc;
	if (db_get_int(&r, 0, 0) >= NONCES_TOTAL || db_get_int(&r, 0, 1) >= NONCES_PER_NETWORK)
		return fail(
		    &c->err, RC_TOO_LARGE, "too many ACME requests without an order, from %s or in all", u->network);
	return RC_OK;
}

static enum rc
use_in_unit(struct call *c, void *arg)
{
	static const char sql[] = "INSERT INTO acme_nonce (hash, address, expires_at) VALUES (?1, ?2, ?3)"
				  " ON CONFLICT DO NOTHING RETURNING hash";
	const struct use *u = arg;
	struct db_rows r;
	enum rc rc;

	if (u->network != NULL && (rc = room_for_another(c, u)) != RC_OK)
		return rc;
	rc = store_run(c, sql, DB_ARGS(db_blob(u->hash), db_text(u->network), db_int(u->until)), &r);
	if (rc == RC_OK && r.rows == 0)
		return fail(&c->err, RC_CONFLICT, "the nonce was used before");
	return rc;
}

enum rc
nonce_use(struct call *c, const char *nonce, const char *address)
{
	struct bytes sealed =
	    strlen(nonce) <= NONCE_MAX ? base64url_decode(c->arena, bytes_str(nonce)) : bytes_of(NULL, 0);
	struct use u = { .network = address != NULL ? attempt_network(c->arena, address) : NULL };
	enum rc rc = RC_BAD_INPUT;
	struct bytes plain;
	int64_t made_at;

	if (sealed.p != NULL)
		rc = keys_unseal(c->keys, c->arena, CONTEXT, sealed, &plain, &c->err);
	if (rc == RC_UNAVAILABLE)
		return rc;
	if (rc != RC_OK || plain.n != sizeof made_at)
		return fail(&c->err, RC_BAD_INPUT, "the nonce is none of ours");
	memcpy(&made_at, plain.p, sizeof made_at);
	u.until = made_at + NONCE_LIFE_S;
	if (u.until <= c->now)
		return fail(&c->err, RC_BAD_INPUT, "the nonce is over %d seconds old", NONCE_LIFE_S);
	u.hash = crypto_sha256(c->arena, sealed);
	return store_unit(c, use_in_unit, &u);
}
