/* The daemon's own sources are in no library. */
#include "posternd/tickets.c"

#include "store/testing.h"

#define START (30000ll * TICKETS_LIFE_S) /* a generation begins */

static struct store *store;
static struct keys *keys;

static enum rc
load(int64_t now, struct http_tickets *out)
{
	struct call c = testing_call(store);
	enum rc rc;

	c.keys = keys;
	c.now = now;
	rc = tickets_load(&c, out);
	testing_free(&c);
	return rc;
}

static bool
same(const struct http_tickets *a, int i, const struct http_tickets *b, int j)
{
	return i < a->n && j < b->n && memcmp(a->secret[i], b->secret[j], HTTP_TICKET_SECRET) == 0;
}

int
main(void)
{
	struct http_tickets first, other, later;
	struct err e = { 0 };
	char dir[64];
	int from, to;

	testing_dir(dir);
	store = testing_store(testing_path(dir, "store.db"));
	ok(store_migrate(store, &from, &to, &e) == RC_OK, "the database has its tables");
	ok(keys_open(dir, &keys, &e) == RC_OK && keys_make_secret(keys, "seal", &e) == RC_OK, "there is a seal");

	ok(load(START, &first) == RC_OK && first.n == 1, "who comes first makes a key");
	ok(load(START + 100, &other) == RC_OK && other.n == 1 && same(&first, 0, &other, 0),
	    "who comes later reads it");
	ok(load(START + TICKETS_LIFE_S - 700, &other) == RC_OK && other.n == 1, "it lasts half a day");
	ok(load(START + TICKETS_LIFE_S - 300, &other) == RC_OK && other.n == 2 && same(&first, 0, &other, 0),
	    "shortly before its end the next one is there, and does not make tickets yet");
	ok(load(START + TICKETS_LIFE_S, &later) == RC_OK && later.n == 2 && same(&later, 0, &other, 1) &&
		same(&later, 1, &first, 0),
	    "then it does, and the one before opens what it made");
	ok(load(START + 2 * TICKETS_LIFE_S, &later) == RC_OK && later.n == 3 && same(&later, 2, &first, 0),
	    "also a second half day");
	ok(load(START + 3 * TICKETS_LIFE_S, &later) == RC_OK && later.n == 3 && !same(&later, 2, &first, 0),
	    "and no third one");
	ok(load(START + 9 * TICKETS_LIFE_S, &later) == RC_OK && later.n == 1 &&
		testing_number(store, "SELECT count(*) FROM ticket_key") == 1,
	    "keys that open nothing any more are gone from the store");
	ok(testing_run(store,
	       "INSERT INTO ticket_key (generation, sealed) SELECT generation - 1, sealed FROM ticket_key") == RC_OK,
	    "a row is put in another one's place");
	ok(load(START + 9 * TICKETS_LIFE_S, &later) == RC_BAD_INPUT, "it does not open there");
	keys_close(keys);
	store_close(store);
	testing_rmtree(dir);
	return done();
}
