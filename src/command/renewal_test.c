/* Who is to renew an identity certificate, and when (protocol 5.6). */
#include "command/renewal.h"

#include "command/queue.h"
#include "enroll/attempt.h"
#include "enroll/testing.h"

#define DAY 86400
#define WAVE 1000

static void
one(struct scene *s, int i, const char *state, int64_t renew_at)
{
	struct call c = scene_call(s);
	const char *attempt = arena_printf(c.arena, "attempt-%d", i);
	struct attempt t = { .id = attempt, .organization_id = "bag", .kind = "enroll" };
	struct enrollment e = { .id = arena_printf(c.arena, "e-%d", i),
		.organization_id = "bag",
		.mode = "byod",
		.account_id = s->eliza.id,
		.attempt_id = attempt,
		.family = "iPhone",
		.topic = "t",
		.server_url = "u",
		.check_in_url = "u",
		.assigned_managed_apple_id = "m",
		.identity_proof = "signature",
		.profile_identifier = "p" };
	static const char sql[] = "UPDATE enrollment SET state = ?2, renew_at = ?3 WHERE id = ?1";

	if (attempt_open(&c, &t) != RC_OK || enrollment_prepare(&c, &e) != RC_OK ||
	    store_run(&c, sql, DB_ARGS(db_text(e.id), db_text(state), db_int(renew_at)), NULL) != RC_OK)
		ok(false, "an enrollment: %s", c.err.text);
	arena_free(c.arena);
}

/* Renewals in line, of all or of one. */
static int
in_line(struct scene *s, const char *id)
{
	static const char sql[] =
	    "SELECT COUNT(*) FROM command WHERE queued_by = 'renewal' AND request_type ="
	    " 'InstallProfile' AND answered_at IS NULL AND enrollment_id = COALESCE(?1, enrollment_id)";
	struct call c = scene_call(s);
	struct db_rows r;
	int n = store_run(&c, sql, DB_ARGS(db_text(id)), &r) == RC_OK ? (int)db_get_int(&r, 0, 0) : -1;

	arena_free(c.arena);
	return n;
}

static void
look(struct scene *s, int64_t after)
{
	struct call c = scene_call(s);
	bool more = false;

	c.now += after;
	ok(renewal_look(&c, &more) == RC_OK && !more, "a look");
	arena_free(c.arena);
}

static void
spread(struct scene *s)
{
	struct call c = scene_call(s);
	int64_t end = c.now + 365 * DAY, at;
	int slot[10] = { 0 }, least = WAVE, outside = 0;

	for (int i = 0; i < WAVE; i++) {
		at = enrollment_renew_at(&c, arena_printf(c.arena, "id-%d", i), c.now, end);
		if (at < end - 60 * DAY || at >= end - 30 * DAY)
			outside++;
		else
			slot[(at - (end - 60 * DAY)) / (3 * DAY)]++;
	}
	for (int i = 0; i < 10; i++)
		least = slot[i] < least ? slot[i] : least;
	ok(outside == 0, "S-40: a year's certificate is renewed from two months to one before its end");
	ok(least > WAVE / 20, "those of one day are renewed on thirty (fewest in three of them: %d of %d)", least,
	    WAVE);
	at = enrollment_renew_at(&c, "id", c.now, c.now + 100);
	ok(at >= c.now + 50 && at < c.now + 75, "a short one in the second half of its life");
	ok(enrollment_renew_at(&c, "id", 0, 0) == 0, "one that is not known, never");
	arena_free(c.arena);
}

static void
due(struct scene *s)
{
	struct call c = scene_call(s);
	struct enrollment e = { 0 };
	const char *uuid;

	for (int i = 0; i < 12; i++)
		one(s, i, i % 2 == 0 ? "enrolled" : "reauth", SCENE_NOW - 1);
	one(s, 20, "pending", SCENE_NOW - 2);
	one(s, 21, "evicting", SCENE_NOW - 2);
	one(s, 22, "enrolled", SCENE_NOW + DAY / 2);
	look(s, 0);
	ok(in_line(s, NULL) == 6, "eight at once are looked at, of whom two are not enrolled (%d)", in_line(s, NULL));
	look(s, 0);
	ok(in_line(s, NULL) == 12, "then the others");
	look(s, 0);
	ok(in_line(s, NULL) == 12 && in_line(s, "e-22") == 0, "nobody is told before it is time, nor twice");
	ok(in_line(s, "e-20") == 0 && in_line(s, "e-21") == 0, "nor who is not enrolled");
	look(s, DAY + 1);
	look(s, DAY + 1);
	ok(in_line(s, "e-22") == 1 && in_line(s, "e-0") == 1, "after a day again, with one command in line");
	ok(enrollment_get(&c, "e-20", &e) == RC_OK && renewal_order(&c, &e, "root", &uuid) == RC_CONFLICT,
	    "by hand, too: a pending enrollment is not renewed");
	arena_free(c.arena);
}

int
main(void)
{
	struct scene s;

	scene_open(&s);
	spread(&s);
	due(&s);
	scene_close(&s);
	return done();
}
