/* The audit: rows that hang together, what is found when one doesn't, and what may go. */
#include "audit/audit.h"

#include "crypto/hash.h"
#include "enroll/testing.h"
#include "fmt/base64.h"

static struct scene scene;

static struct call
at(int64_t now)
{
	struct call c = scene_call(&scene);

	c.now = now;
	return c;
}

static int64_t
add(int64_t now, const char *action, const char *object, const char *person, const char *detail)
{
	struct call c = at(now);
	struct audit_entry e = { .actor = "uid 0",
		.way = "socket",
		.action = action,
		.object = object,
		.person = person,
		.outcome = "done",
		.detail = detail };
	enum rc rc = audit_add(&c, &e);

	if (rc != RC_OK)
		printf("# %s\n", c.err.text);
	testing_free(&c);
	return rc == RC_OK ? e.seq : -1;
}

/* Which row is wrong; -1: none. 0: the head. */
static int64_t
verify(void)
{
	struct audit_verdict v = { 0 };
	struct call c = at(SCENE_NOW);
	int64_t found = -1;

	do {
		if (!ok(audit_verify(&c, v.from, &v) == RC_OK, "the chain can be looked at"))
			printf("# %s\n", c.err.text);
		if (v.why != NULL) {
			printf("# row %lld: %s\n", (long long)v.wrong, v.why);
			found = v.wrong;
		}
	} while (v.from > 0);
	testing_free(&c);
	return found;
}

/* A statement by hand, what verify says of it, and the statement that takes it back. */
static void
by_hand(const char *sql, const char *back, int64_t row, const char *sentence)
{
	testing_run(scene.store, sql);
	ok(verify() == row, "%s", sentence);
	if (back[0] == '\0')
		return;
	testing_run(scene.store, back);
	if (verify() != -1)
		ok(false, "what was taken back is whole again: %s", back);
}

static void
scene_of_ten(void)
{
	for (int i = 1; i <= 10; i++) {
		char detail[64];

		snprintf(detail, sizeof detail, "{\"after\":{\"n\":%d}}", i);
		if (add(SCENE_NOW + i, "PATCH /users/{user}", "user 1", i % 2 ? "eliza@betterbag.com" : NULL,
			i % 3 == 0 ? detail : NULL) != i)
			ok(false, "row %d", i);
	}
	ok(verify() == -1, "ten rows hang together");
}

static void
changed_by_hand(void)
{
	static const struct {
		const char *sql, *back, *what;
	} columns[] = {
		{ "UPDATE audit SET at = at + 1 WHERE seq = 4", "UPDATE audit SET at = at - 1 WHERE seq = 4", "time" },
		{ "UPDATE audit SET action = 'GET /users/{user}' WHERE seq = 4",
		    "UPDATE audit SET action = 'PATCH /users/{user}' WHERE seq = 4", "action" },
		{ "UPDATE audit SET object = NULL WHERE seq = 4", "UPDATE audit SET object = 'user 1' WHERE seq = 4",
		    "object" },
		{ "UPDATE audit SET outcome = 'forbidden' WHERE seq = 4",
		    "UPDATE audit SET outcome = 'done' WHERE seq = 4", "outcome" },
		{ "UPDATE audit SET way = 'token' WHERE seq = 4", "UPDATE audit SET way = 'socket' WHERE seq = 4",
		    "way" },
		{ "UPDATE audit SET again = 7 WHERE seq = 4", "UPDATE audit SET again = 0 WHERE seq = 4", "count" },
		{ "UPDATE audit SET organization_id = 'bag' WHERE seq = 4",
		    "UPDATE audit SET organization_id = NULL WHERE seq = 4", "organization" },
	};

	for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
		char sentence[128];

		snprintf(sentence, sizeof sentence, "a row whose %s was changed by hand is found", columns[i].what);
		by_hand(columns[i].sql, columns[i].back, 4, sentence);
	}
	by_hand("UPDATE audit_detail SET content = '{}' WHERE seq = 6",
	    "UPDATE audit_detail SET content = '{\"after\":{\"n\":6}}' WHERE seq = 6", 6,
	    "a detail that was changed is found");
	by_hand("UPDATE audit_name SET name = 'bob@betterbag.com' WHERE name = 'eliza@betterbag.com'",
	    "UPDATE audit_name SET name = 'eliza@betterbag.com' WHERE name = 'bob@betterbag.com'", 1,
	    "a name that was changed is found at the first row that has it");
	by_hand("UPDATE audit_name SET name = NULL WHERE name = 'eliza@betterbag.com'",
	    "UPDATE audit_name SET name = 'eliza@betterbag.com' WHERE name IS NULL", 1,
	    "a name that nobody erased and is gone is found");
	by_hand("UPDATE audit_name SET name = NULL, erased_by = 3 WHERE name = 'eliza@betterbag.com'",
	    "UPDATE audit_name SET name = 'eliza@betterbag.com', erased_by = NULL WHERE name IS NULL", 1,
	    "also where it names a row that erased nothing");
	by_hand("UPDATE audit SET seq = 99 WHERE seq = 5", "UPDATE audit SET seq = 5 WHERE seq = 99", 5,
	    "a row that was taken out is found");
	by_hand("UPDATE audit SET seq = 99 WHERE seq = 10", "UPDATE audit SET seq = 10 WHERE seq = 99", 10,
	    "and the last one");
	by_hand("UPDATE audit_head SET seq = 9", "UPDATE audit_head SET seq = 10", 0,
	    "a head that says less is not what the server wrote");
}

static void
forged(void)
{
	struct call c = at(SCENE_NOW);
	struct bytes hash;
	int64_t seq;
	struct audit_verdict v;
	char noted[80];

	ok(audit_head(&c, &seq, &hash) == RC_OK && seq == 10, "the head is at the last row");
	snprintf(noted, sizeof noted, "%s", hex_encode(c.arena, hash));
	ok(audit_verify_noted(&c, 10, noted, &v) == RC_OK && v.why == NULL, "the head that was noted is where it was");
	ok(audit_verify_noted(&c, 9, noted, &v) == RC_OK && v.wrong == 9, "another row's digest is not");
	ok(audit_verify_noted(&c, 11, noted, &v) == RC_OK && v.wrong == 11,
	    "a head beyond the end says that rows were cut off");
	testing_free(&c);

	/* Cut the end and set the head back: everything hangs together but the MAC, which only the server can make. */
	testing_run(scene.store, "DELETE FROM audit WHERE seq > 8");
	testing_run(scene.store, "UPDATE audit_head SET seq = 8, hash = (SELECT hash FROM audit WHERE seq = 8)");
	ok(verify() == 0, "an end that was cut off is found by the head's MAC");
	ok(add(SCENE_NOW + 20, "PATCH /users/{user}", NULL, NULL, NULL) == 9, "administration goes on");
	ok(verify() == 0, "which does not seal what was forged");
}

/* ---- reading ---- */

static void
reading(void)
{
	struct audit_entry e = { .actor = "token console",
		.way = "token",
		.action = "GET /users/{user}",
		.object = "user 1",
		.person = "eliza@betterbag.com",
		.outcome = "done" };
	struct audit_entry other = e, again = e;
	struct call c = at(SCENE_NOW);
	struct audit_row *rows;
	int n;

	ok(audit_read(&c, &e) == RC_OK && e.seq == 1, "the first reading is a row");
	for (int i = 0; i < 3; i++) {
		c.now++;
		again = e;
		ok(audit_read(&c, &again) == RC_OK && again.seq == 1, "the same within a minute is counted with it");
	}
	other.actor = "token backup";
	ok(audit_read(&c, &other) == RC_OK && other.seq == 2, "somebody else's is a row");
	c.now = SCENE_NOW + AUDIT_QUIET_S;
	again.person_id = NULL;
	ok(audit_read(&c, &again) == RC_OK && again.seq == 3, "a minute later it is a row again");
	ok(audit_list(&c, &(struct audit_filter){ .person = "eliza@betterbag.com", .actor = "token console" }, &rows,
	       &n) == RC_OK &&
		n == 2 && rows[0].seq == 3 && rows[0].again == 3,
	    "which says how many there were between");
	again.person_id = NULL;
	ok(audit_read(&c, &again) == RC_OK && again.seq == 3, "and is repeated");
	c.now += 2 * AUDIT_QUIET_S;
	ok(audit_prune(&c, 0, &n) == RC_OK && n == 0, "what was repeated and not read again");
	ok(audit_list(&c, &(struct audit_filter){ .oldest = true, .after = 3 }, &rows, &n) == RC_OK && n == 1 &&
		rows[0].again == 1 && rows[0].begun == 3 && strcmp(rows[0].outcome, "repeated") == 0,
	    "gets a row of its own");
	is_str(n == 1 ? rows[0].person_name : NULL, "eliza@betterbag.com", "about the same person");
	ok(testing_number(scene.store, "SELECT count(*) FROM audit_recent") == 0, "nothing is counted any more");
	testing_free(&c);
	ok(verify() == -1, "the chain holds");
}

/* ---- going ---- */

static void
pruning(void)
{
	struct call c = at(SCENE_NOW + 100);
	struct audit_row *rows;
	int n, total = 0;

	for (int i = 0; i < 1200; i++) {
		char person[64];

		snprintf(person, sizeof person, "p%d@betterbag.com", i);
		if (add(SCENE_NOW + (i < 1100 ? 0 : 50), "GET /users/{user}", NULL, person, "{}") < 0)
			ok(false, "row %d", i);
	}
	do {
		if (audit_prune(&c, SCENE_NOW + 10, &n) != RC_OK)
			ok(false, "pruned: %s", c.err.text);
		total += n;
	} while (n > 0);
	ok(total == 1100, "what is older goes, and nothing else (%d)", total);
	ok(audit_list(&c, &(struct audit_filter){ .oldest = true }, &rows, &n) == RC_OK && n == 103 &&
		rows[0].seq == 1101,
	    "the chain begins behind it");
	is_str(rows[n - 1].action, "prune", "a row says up to where");
	ok(rows[n - 1].text != NULL && strncmp(rows[n - 1].text, "{\"through\":1100,", 16) == 0,
	    "with the digest there");
	ok(testing_number(scene.store, "SELECT count(*) FROM audit_name WHERE name LIKE 'p%'") == 100,
	    "names that no row has are gone");
	ok(testing_number(scene.store, "SELECT count(*) FROM audit_detail") == 103, "and details");
	testing_free(&c);
	ok(verify() == -1, "a pruned chain holds");
	by_hand("UPDATE audit_head SET start = 1102", "UPDATE audit_head SET start = 1101", 0,
	    "its beginning is sealed, too");
}

static void
forgetting(void)
{
	static const char *const names[] = { "eliza@betterbag.com", "eliza@maa.betterbag.com", NULL };
	const struct audit_entry by = { .actor = "uid 0", .way = "socket", .action = "erase", .outcome = "done" };
	struct call c = at(SCENE_NOW);
	struct audit_row *rows;
	int n;

	add(SCENE_NOW, "PATCH /users/{user}", "user 1", "liz@betterbag.com", "{\"after\":{\"display_name\":\"Liz\"}}");
	add(SCENE_NOW, "PATCH /users/{user}", "user 1", "eliza@betterbag.com",
	    "{\"after\":{\"display_name\":\"Eliza\"}}");
	add(SCENE_NOW, "POST /rules", "rule 2", NULL, "{\"after\":{\"user\":\"Eliza@maa.betterbag.com\"}}");
	for (int i = 0; i < 450; i++)
		add(SCENE_NOW, "PATCH /users/{user}", "user 1", "eliza@betterbag.com", "{}");
	add(SCENE_NOW, "PATCH /users/{user}", "user 3", "bob@betterbag.com", "{\"after\":{\"display_name\":\"Bob\"}}");
	ok(audit_forget(&c, &by, "user 1", names) == RC_OK, "a person is forgotten");
	ok(testing_number(scene.store, "SELECT count(*) FROM audit_name WHERE name IS NULL") == 2,
	    "the name, and the one of before");
	ok(testing_number(scene.store, "SELECT count(*) FROM audit_detail WHERE content LIKE '%liz%'") == 0,
	    "no detail speaks of them, whatever the case");
	ok(verify() == -1, "the chain holds: rows say what they took away");
	ok(audit_list(&c, &(struct audit_filter){ .object = "user 3" }, &rows, &n) == RC_OK && n == 1 &&
		rows[0].text != NULL,
	    "what is said of others stays");
	is_str(rows[0].person_name, "bob@betterbag.com", "with their names");
	ok(audit_list(&c, &(struct audit_filter){ .person = "eliza@betterbag.com" }, &rows, &n) == RC_OK && n == 0,
	    "nothing leads from the name to a row");
	by_hand("UPDATE audit_detail SET content = NULL, salt = NULL, erased_by = 455 WHERE seq = 454", "", 454,
	    "a detail that an erasing row does not list is missed");
	testing_free(&c);
}

static void
with(void (*fn)(void))
{
	scene_open(&scene);
	fn();
	scene_close(&scene);
}

static void
chain(void)
{
	scene_of_ten();
	changed_by_hand();
	forged();
}

int
main(void)
{
	with(chain);
	with(reading);
	with(pruning);
	with(forgetting);
	return done();
}
