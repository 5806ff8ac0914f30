/* When a device was seen: noted in memory, written in batches. */
#include "enroll/enrollment.h"

#include "store/testing.h"

#define DEVICES 3000 /* more than the table begins with, and than a batch */

static void
insert(struct call *c, void (*each)(struct call *c, const char *id))
{
	for (int i = 0; i < DEVICES; i++)
		each(c, arena_printf(c->arena, "%08d-0000-4000-8000-000000000000", i));
}

static void
insert_one(struct call *c, const char *id)
{
	static const char enrollment_sql[] =
	    "INSERT INTO enrollment (id, organization_id, mode, account_id, attempt_id, state, topic, server_url,"
	    " check_in_url, assigned_managed_apple_id, per_user_connections, identity_proof, profile_identifier,"
	    " created_at) VALUES (?1, 'o', 'byod', 'a', 't', 'enrolled', 't', 's', 'c', 'm', 0, 'signature', 'p', 1)";
	static const char channel_sql[] = "INSERT INTO channel (enrollment_id, user_id, push_token, push_magic, "
					  "updated_at) VALUES (?1, ?2, ?3, 'm', 1)";
	const struct db_value token = db_blob(bytes_str("token"));

	if (store_run(c, enrollment_sql, DB_ARGS(db_text(id)), NULL) != RC_OK ||
	    store_run(c, channel_sql, DB_ARGS(db_text(id), db_text(""), token), NULL) != RC_OK ||
	    store_run(c, channel_sql, DB_ARGS(db_text(id), db_text("USER"), token), NULL) != RC_OK)
		ok(false, "%s is enrolled: %s", id, c->err.text);
}

static enum rc
insert_all(struct call *c, void *arg)
{
	(void)arg;
	insert(c, insert_one);
	return RC_OK;
}

int
main(void)
{
	struct store *s = testing_store("sqlite::memory:");
	struct call c = testing_call(s);
	struct enrollment_seen *seen = enrollment_seen_new();
	char long_id[80];
	int from, to;

	memset(long_id, 'U', sizeof long_id);
	long_id[sizeof long_id - 1] = '\0';
	ok(store_migrate(s, &from, &to, &c.err) == RC_OK && store_unit(&c, insert_all, NULL) == RC_OK,
	    "devices are enrolled");
	ok(enrollment_seen_flush(&c, seen) == RC_OK, "nobody was seen: nothing to write");
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < DEVICES; i++)
			enrollment_seen_note(seen, arena_printf(c.arena, "%08d-0000-4000-8000-000000000000", i),
			    i % 3 == 0 ? "USER" : "", 1000 + i + 10 * round);
	}
	enrollment_seen_note(seen, long_id, "", 5);
	enrollment_seen_note(seen, "00000001-0000-4000-8000-000000000000", long_id, 5);
	ok(testing_number(s, "SELECT count(*) FROM enrollment WHERE last_seen_at IS NOT NULL") == 0,
	    "a poll writes nothing");
	ok(enrollment_seen_flush(&c, seen) == RC_OK &&
		testing_number(s, "SELECT count(*) FROM enrollment WHERE last_seen_at >= 1010") == DEVICES,
	    "every device is written once, with the last time");
	ok(testing_number(s, "SELECT last_seen_at FROM enrollment WHERE id LIKE '00000007%'") == 1017, "its own");
	ok(testing_number(s, "SELECT count(*) FROM channel WHERE last_seen_at IS NOT NULL AND user_id = 'USER'") ==
		    DEVICES / 3 &&
		testing_number(s, "SELECT count(*) FROM channel WHERE last_seen_at IS NOT NULL") == DEVICES,
	    "and the channel that it spoke on");
	enrollment_seen_note(seen, "00000007-0000-4000-8000-000000000000", "", 3);
	ok(enrollment_seen_flush(&c, seen) == RC_OK &&
		testing_number(s, "SELECT last_seen_at FROM enrollment WHERE id LIKE '00000007%'") == 1017,
	    "what another node saw later stays");
	enrollment_seen_free(seen);
	testing_free(&c);
	store_close(s);
	return done();
}
