#include "audit/chain.h"

#include "crypto/hash.h"
#include "fmt/base64.h"
#include "base/buf.h"
#include "keys/keys.h"
#include "store/store.h"

#define SALT 16 /* octets: what was erased can't be guessed at */
#define KEY 32
#define CONTEXT "audit head"

void
chain_read(const struct db_rows *r, int row, struct audit_row *out)
{
	*out = (struct audit_row){
		.seq = db_get_int(r, row, 0),
		.at = db_get_int(r, row, 1),
		.actor = db_get_text(r, row, 2),
		.way = db_get_text(r, row, 3),
		.organization_id = db_get_text(r, row, 4),
		.action = db_get_text(r, row, 5),
		.object = db_get_text(r, row, 6),
		.person = db_get_text(r, row, 7),
		.outcome = db_get_text(r, row, 8),
		.begun = db_get_int(r, row, 9),
		.again = db_get_int(r, row, 10),
		.detail = db_get_blob(r, row, 11),
		.hash = db_get_blob(r, row, 12),
	};
}

/* ---- digests ---- */

static void
put_text(struct buf *b, const char *s)
{
	if (s == NULL)
		buf_char(b, '~');
	else
		buf_printf(b, "%zu:%s,", strlen(s), s);
}

static void
put_int(struct buf *b, struct arena *a, int64_t i)
{
	put_text(b, arena_printf(a, "%lld", (long long)i));
}

static void
put_octets(struct buf *b, struct arena *a, struct bytes octets)
{
	put_text(b, octets.p != NULL ? hex_encode(a, octets) : NULL);
}

struct bytes
chain_hash(struct arena *a, struct bytes previous, const struct audit_row *row)
{
	struct bytes hash;
	struct buf b;

	buf_init(&b, 1u << 20);
	buf_add(&b, previous.p, previous.n);
	put_int(&b, a, row->seq);
	put_int(&b, a, row->at);
	put_text(&b, row->actor);
	put_text(&b, row->way);
	put_text(&b, row->organization_id);
	put_text(&b, row->action);
	put_text(&b, row->object);
	put_text(&b, row->person);
	put_text(&b, row->outcome);
	put_int(&b, a, row->begun);
	put_int(&b, a, row->again);
	put_octets(&b, a, row->detail);
	hash = crypto_sha256(a, buf_bytes(&b));
	buf_free(&b);
	return hash;
}

struct bytes
chain_digest(struct arena *a, struct bytes salt, const char *text)
{
	size_t n = strlen(text);
	char *both = arena_alloc(a, salt.n + n);

	memcpy(both, salt.p, salt.n);
	memcpy(both + salt.n, text, n);
	return crypto_sha256(a, bytes_of(both, salt.n + n));
}

const char *
chain_name_id(struct arena *a, struct bytes salt, const char *name)
{
	return base64url_encode(a, chain_digest(a, salt, name));
}

struct bytes
chain_salt(struct arena *a)
{
	uint8_t *salt = arena_alloc(a, SALT);

	crypto_random(salt, SALT);
	return bytes_of(salt, SALT);
}

/* ---- the head ---- */

static enum rc
read_key(struct call *c, struct bytes *sealed)
{
	struct db_rows r;
	enum rc rc = store_run(c, "SELECT sealed FROM audit_key WHERE one = 1", DB_NONE, &r);

	*sealed = rc == RC_OK && r.rows > 0 ? db_get_blob(&r, 0, 0) : (struct bytes){ 0 };
	return rc;
}

static enum rc
make_key(struct call *c)
{
	struct bytes sealed;
	uint8_t key[KEY];
	enum rc rc;

	crypto_random(key, sizeof key);
	rc = keys_seal(c->keys, c->arena, CONTEXT, bytes_of(key, sizeof key), &sealed, &c->err);
	explicit_bzero(key, sizeof key);
	if (rc != RC_OK)
		return rc;
	return store_run(c, "INSERT INTO audit_key (one, sealed) VALUES (1, ?1) ON CONFLICT (one) DO NOTHING",
	    DB_ARGS(db_blob(sealed)), NULL);
}

enum rc
chain_key(struct call *c, struct bytes *key)
{
	struct bytes sealed;
	enum rc rc = read_key(c, &sealed);

	if (rc == RC_OK && sealed.p == NULL && (rc = make_key(c)) == RC_OK)
		rc = read_key(c, &sealed);
	if (rc == RC_OK && sealed.p == NULL)
		rc = RC_UNAVAILABLE;
	if (rc == RC_OK)
		rc = keys_unseal(c->keys, c->arena, CONTEXT, sealed, key, &c->err);
	return rc == RC_OK ? rc : fail_in(&c->err, rc, "key of the audit");
}

static struct bytes
mac_of(struct arena *a, struct bytes key, const struct chain_head *h)
{
	struct bytes mac;
	struct buf b;

	buf_init(&b, 1024);
	put_int(&b, a, h->seq);
	put_octets(&b, a, h->hash);
	put_int(&b, a, h->start);
	put_octets(&b, a, h->start_hash);
	mac = crypto_hmac_sha256(a, key, buf_bytes(&b));
	buf_free(&b);
	return mac;
}

enum rc
chain_head_get(struct call *c, struct bytes key, struct chain_head *out, bool *there)
{
	static const uint8_t zeros[CHAIN_HASH];
	struct db_rows r;
	enum rc rc;

	rc = store_run(c, "SELECT seq, hash, start, start_hash, mac FROM audit_head WHERE one = 1", DB_NONE, &r);
	if (rc != RC_OK)
		return rc;
	*out = (struct chain_head){ .start = 1, .sealed = true };
	out->hash = out->start_hash = bytes_of(zeros, sizeof zeros);
	if ((*there = r.rows > 0)) {
		out->seq = db_get_int(&r, 0, 0);
		out->hash = db_get_blob(&r, 0, 1);
		out->start = db_get_int(&r, 0, 2);
		out->start_hash = db_get_blob(&r, 0, 3);
		out->sealed = crypto_equal_bytes(db_get_blob(&r, 0, 4), mac_of(c->arena, key, out));
	}
	return RC_OK;
}

enum rc
chain_head_put(struct call *c, struct bytes key, const struct chain_head *h)
{
	return store_run(c,
	    "INSERT INTO audit_head (one, seq, hash, start, start_hash, mac) VALUES (1, ?1, ?2, ?3, ?4, ?5)"
	    " ON CONFLICT (one) DO UPDATE SET seq = ?1, hash = ?2, start = ?3, start_hash = ?4, mac = ?5",
	    DB_ARGS(db_int(h->seq), db_blob(h->hash), db_int(h->start), db_blob(h->start_hash),
		db_blob(h->sealed ? mac_of(c->arena, key, h) : bytes_of("", 0))),
	    NULL);
}
