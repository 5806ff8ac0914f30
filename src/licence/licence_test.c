#include "licence/licence.h"

#include "base/tap.h"
#include "enroll/testing.h"

#define APP "361309726"

static struct scene scene;

static struct licence_state
state(struct call *c, const char *adam_id)
{
	struct licence_state s = { LICENCE_FAILED, NULL };

	ok(licence_state(c, scene.eliza.id, adam_id, &s) == RC_OK, "the state can be asked");
	return s;
}

static void
set(struct call *c, const char *value)
{
	store_run(c, "UPDATE licence SET state = ?1, due_at = NULL", DB_ARGS(db_text(value)), NULL);
}

static int64_t
number(struct call *c, const char *sql)
{
	struct db_rows r;

	return store_run(c, sql, DB_NONE, &r) == RC_OK && r.rows > 0 ? db_get_int(&r, 0, 0) : -1;
}

static void
wishes(struct call *c)
{
	const char *eliza = scene.eliza.id;

	ok(state(c, APP).is == LICENCE_NONE, "nothing is wanted");
	ok(licence_want(c, "bag", eliza, APP) == RC_OK && licence_want(c, "bag", eliza, APP) == RC_OK,
	    "a licence may be wanted twice");
	ok(number(c, "SELECT COUNT(*) FROM licence WHERE due_at IS NOT NULL") == 1, "which is one that is due");
	ok(state(c, APP).is == LICENCE_COMING, "it is coming");
	set(c, "held");
	ok(state(c, APP).is == LICENCE_HELD, "and held, once Apple says so");
	ok(licence_want(c, "bag", eliza, APP) == RC_OK &&
		number(c, "SELECT COUNT(*) FROM licence WHERE due_at > 0") == 0,
	    "wanting what is held gives nothing to do");
	ok(licence_release(c, eliza, APP) == RC_OK && state(c, APP).is == LICENCE_GOING,
	    "it goes back when nobody wants it");
	ok(number(c, "SELECT COUNT(*) FROM licence WHERE due_at > 0") == 1, "which is something to do");
	ok(licence_want(c, "bag", eliza, APP) == RC_OK && state(c, APP).is == LICENCE_HELD,
	    "wanted again before it went, it stays");
	ok(number(c, "SELECT COUNT(*) FROM licence WHERE due_at > 0") == 0, "and there is nothing to do");
	licence_release(c, eliza, APP);
	set(c, "going");
	ok(licence_want(c, "bag", eliza, APP) == RC_OK && state(c, APP).is == LICENCE_COMING,
	    "wanted again while it goes, it comes again");
	ok(licence_want(c, "bag", eliza, "2") == RC_OK && licence_release_all(c, eliza) == RC_OK &&
		number(c, "SELECT COUNT(*) FROM licence WHERE wanted = 1") == 0,
	    "all of a person's go back at once");
}

static void
counts(struct call *c)
{
	struct licence_asset *assets = NULL;
	struct licence *all = NULL;
	int n = 0;

	store_run(c, "DELETE FROM licence", DB_NONE, NULL);
	licence_want(c, "bag", scene.eliza.id, APP);
	store_run(c, "UPDATE licence SET state = 'short', reason = 'none'", DB_NONE, NULL);
	ok(licence_assets(c, "bag", &assets, &n) == RC_OK && n == 1 && assets[0].wanted == 1 &&
		assets[0].lacking == 1 && assets[0].held == 0 && assets[0].total == 0,
	    "S-33: what is lacking is counted, also of an app that was not bought");
	ok(licence_list(c, "bag", NULL, NULL, 500, &all, &n) == RC_OK && n == 1 && all[0].state.is == LICENCE_SHORT,
	    "it is listed");
	is_str(all[0].state.reason, "none", "with its reason");
	ok(licence_list(c, "bag", "nobody@betterbag.com", NULL, 500, &all, &n) == RC_OK && n == 0, "by person, too");
}

static void
tokens(struct call *c)
{
	/* {"token":"t","expDate":"2027-11-29T10:37:07+0100","orgName":"Bag"}, and one that ended in 2020 */
	static const char good[] =
	    "eyJ0b2tlbiI6InQiLCJleHBEYXRlIjoiMjAyNy0xMS0yOVQxMDozNzowNyswMTAwIiwib3JnTmFtZSI6IkJhZyJ9\n";
	static const char old[] = "eyJ0b2tlbiI6InQiLCJleHBEYXRlIjoiMjAyMC0xMS0yOVQxMDozNzowN1oifQ==";
	struct licence_service s = { 0 };

	ok(licence_token_set(c, "bag", "none") == RC_BAD_INPUT, "S-33: what is no token is refused");
	ok(licence_token_set(c, "bag", old) == RC_BAD_INPUT, "and one that has expired");
	ok(licence_service_get(c, "bag", &s) == RC_NOT_FOUND, "so that there is none");
	ok(licence_token_set(c, "bag", good) == RC_OK && licence_service_get(c, "bag", &s) == RC_OK, "one is kept");
	is_str(s.location, "Bag", "with whose it is");
	ok(s.expires_at == 1827481027, "and until when, whatever the offset");
	ok(licence_token_remove(c, "bag") == RC_OK && licence_token_remove(c, "bag") == RC_NOT_FOUND, "and forgotten");
}

int
main(void)
{
	struct call c;

	scene_open(&scene);
	c = scene_call(&scene);
	wishes(&c);
	counts(&c);
	tokens(&c);
	arena_free(c.arena);
	scene_close(&scene);
	return done();
}
