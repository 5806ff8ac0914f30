#include "acme/nonce.h"

#include "config/config.h"
#include "keys/keys.h"
#include "store/testing.h"

static const char *
fresh(struct call *c)
{
	const char *nonce = NULL;

	ok(nonce_make(c, &nonce) == RC_OK, "(a nonce)");
	return nonce;
}

static void
once(struct call *c, struct keys *others)
{
	struct call elsewhere = *c;
	const char *nonce = fresh(c);
	char *changed = arena_strdup(c->arena, nonce);

	elsewhere.keys = others;
	changed[10] = changed[10] == 'A' ? 'B' : 'A';
	ok(nonce_use(c, changed, NULL) == RC_BAD_INPUT, "a nonce that was changed is none of ours (RFC 8555 6.5)");
	ok(nonce_use(c, "", NULL) == RC_BAD_INPUT && nonce_use(c, "no base64url!", NULL) == RC_BAD_INPUT,
	    "nor is what never was one");
	ok(nonce_use(&elsewhere, nonce, NULL) == RC_OK, "another node takes it: the key is theirs together");
	ok(nonce_use(c, nonce, NULL) == RC_CONFLICT && nonce_use(&elsewhere, nonce, NULL) == RC_CONFLICT,
	    "and then none of them does (RFC 8555 6.5)");
	nonce = fresh(c);
	c->now += NONCE_LIFE_S;
	ok(nonce_use(c, nonce, NULL) == RC_BAD_INPUT, "after %d seconds it is too old", NONCE_LIFE_S);
}

/* In one unit, for time's sake; the rows are as nonce_use writes them. */
static enum rc
crowd(struct call *c, void *arg)
{
	enum rc rc = RC_OK;

	(void)arg;
	for (int i = 0; i < NONCES_PER_NETWORK - 2 && rc == RC_OK; i++)
		rc = store_run(c, "INSERT INTO acme_nonce (hash, address, expires_at) VALUES (?1, '192.0.2.0/24', ?2)",
		    DB_ARGS(db_blob(bytes_of(&i, sizeof i)), db_int(c->now + 60)), NULL);
	return rc;
}

static void
bounds(struct call *c)
{
	const char *last = NULL;
	int used = 0;

	ok(store_unit(c, crowd, NULL) == RC_OK, "a network has used many");
	for (int i = 0; i < 4; i++)
		used += nonce_use(c, last = fresh(c), "192.0.2.77") == RC_OK;
	ok(used == 2, "strangers of one network use up %d in a while, and no more", NONCES_PER_NETWORK);
	ok(nonce_use(c, last, "198.51.100.1") == RC_OK, "another network is not held up by that");
	ok(nonce_use(c, fresh(c), NULL) == RC_OK, "nor is who has an order");
}

int
main(void)
{
	struct store *s = testing_store("sqlite::memory:");
	struct call c = testing_call(s);
	struct keys *keys = NULL, *others = NULL;
	struct conf conf;
	char dir[64];
	int from, to;

	testing_dir(dir);
	conf_defaults(c.arena, dir, &conf);
	c.conf = &conf;
	ok(store_migrate(s, &from, &to, &c.err) == RC_OK && keys_open(dir, &keys, &c.err) == RC_OK &&
		keys_make_secret(keys, "seal", &c.err) == RC_OK && keys_open(dir, &others, &c.err) == RC_OK,
	    "a store, and keys twice");
	c.keys = keys;
	once(&c, others);
	bounds(&c);
	testing_free(&c);
	keys_close(keys);
	keys_close(others);
	store_close(s);
	testing_rmtree(dir);
	return done();
}
