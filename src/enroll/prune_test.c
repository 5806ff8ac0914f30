#include "enroll/prune.h"

#include "config/config.h"
#include "store/driver.h"
#include "store/testing.h"

#define DAY 86400
#define NOW 1764000000

static struct store *store;
static struct conf conf;

static void
run(const char *sql)
{
	ok(testing_run(store, sql) == RC_OK, "rows are made");
}

static int64_t
count(const char *sql)
{
	return testing_number(store, sql);
}

/* Rounds until nothing is left to take away. */
static int64_t
prune(int64_t at, struct enroll_prune *p)
{
	int64_t rows = 0;
	enum rc rc = RC_OK;

	for (int i = 0; i < 1000 && rc == RC_OK; i++) {
		struct call c = testing_call(store);

		c.conf = &conf;
		c.now = at;
		rc = enroll_prune(&c, p);
		if (rc != RC_OK)
			printf("# %s\n", c.err.text);
		rows += p->rows;
		testing_free(&c);
		if (!p->more)
			break;
	}
	ok(rc == RC_OK && !p->more, "pruning comes to an end");
	return rows;
}

/* Nothing that can be large is read from one end to the other. */
static void
test_plans(void)
{
	for (const char *const *sql = enroll_prune_statements; *sql != NULL; sql++) {
		struct call c = testing_call(store);
		struct db_rows r = { 0 };
		bool scans = false;

		ok(store_run(&c, arena_printf(c.arena, "EXPLAIN QUERY PLAN %s", *sql), DB_ARGS(db_int(0), db_int(1)),
		       &r) == RC_OK,
		    "the plan of %.40s is told", *sql);
		for (int i = 0; i < r.rows; i++) {
			const char *step = db_get_text(&r, i, 3);

			/* discovery_count has a row a day. */
			if (strncmp(step, "SCAN", 4) == 0 && strstr(step, "discovery_count") == NULL) {
				scans = true;
				printf("# %s\n", step);
			}
		}
		ok(!scans, "and it reads no table from one end to the other");
		testing_free(&c);
	}
}

static const char make_events[] =
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000)"
    " INSERT INTO event (attempt_id, seq, at, stage, code, outcome)"
    " SELECT 'live', i, CASE WHEN i <= 5000 THEN 1 ELSE 1764000000 END, 's', 'c', 'ok' FROM n";

static const char make_results[] =
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)"
    " INSERT INTO command (uuid, enrollment_id, user_id, position, request_type, put_off, status, dropped, queued_at,"
    " answered_at)"
    " SELECT 'r' || i, CASE WHEN i % 3 = 0 THEN 'ended' ELSE 'live' END, '', 0, 't', 0, 'Acknowledged', 0,"
    " CASE WHEN i <= 100 THEN 1 ELSE 1764000000 + i / 10 END,"
    " CASE WHEN i <= 100 THEN 1 ELSE 1764000000 + i / 10 END FROM n";

#define ENROLLMENT \
	"INSERT INTO enrollment (id, organization_id, mode, account_id, attempt_id, state, topic, server_url, " \
	"check_in_url," \
	" assigned_managed_apple_id, per_user_connections, identity_proof, profile_identifier, created_at, ended_at)" \
	" VALUES "
#define ATTEMPT \
	"INSERT INTO attempt (id, organization_id, kind, account_id, state, stage, code, events, enrollment_id," \
	" started_at, updated_at) VALUES "

/* Octets are written differently in each engine's SQL. */
static void
put_token(uint8_t hash, const char *kind, const char *grant_id, int64_t expires_at)
{
	struct call c = testing_call(store);

	ok(store_run(&c,
	       "INSERT INTO oauth_token (hash, kind, grant_id, generation, issued_at, expires_at) VALUES (?1, ?2, ?3, "
	       "1, 1,"
	       " ?4)",
	       DB_ARGS(db_blob(bytes_of(&hash, 1)), db_text(kind), db_text(grant_id), db_int(expires_at)),
	       NULL) == RC_OK,
	    "a token is there");
	testing_free(&c);
}

static void
put_certificate(void)
{
	struct call c = testing_call(store);
	struct bytes b = bytes_str("x");

	ok(store_run(&c,
	       "INSERT INTO certificate (fingerprint, organization_id, serial, enrollment_id, certificate, raw_key, "
	       "issued_at,"
	       " not_after) VALUES (?1, 'o', '1', 'ended', ?1, ?1, 1, 2)",
	       DB_ARGS(db_blob(b)), NULL) == RC_OK,
	    "a certificate is there");
	testing_free(&c);
}

static void
make_rows(void)
{
	run(ENROLLMENT
	    "('live', 'o', 'byod', 'a', 'live', 'enrolled', 't', 'u', 'u', 'm', 0, 'signature', 'p', 1, NULL),"
	    "('ended', 'o', 'byod', 'a', 'ended', 'unenrolled', 't', 'u', 'u', 'm', 0, 'signature', 'p', 1, 2),"
	    "('fresh', 'o', 'byod', 'a', 'fresh', 'unenrolled', 't', 'u', 'u', 'm', 0, 'signature', 'p', 1, "
	    "1763999999),"
	    "('never', 'o', 'byod', 'a', 'never', 'pending', 't', 'u', 'u', 'm', 0, 'signature', 'p', 1, NULL)");
	run(ATTEMPT "('live', 'o', 'enroll', 'a', 'enrolled', 's', 'c', 6000, 'live', 1, 1),"
		    "('ended', 'o', 'enroll', 'a', 'ended', 's', 'c', 0, 'ended', 1, 2),"
		    "('fresh', 'o', 'enroll', 'a', 'ended', 's', 'c', 0, 'fresh', 1, 1763999999),"
		    "('never', 'o', 'enroll', 'a', 'signed-in', 's', 'c', 0, 'never', 1, 1),"
		    "('stranger', 'o', 'enroll', NULL, 'open', 's', 'c', 0, NULL, 1, 1),"
		    "('again', 'o', 'reauth', 'a', 'open', 's', 'c', 0, 'live', 1, 1)");
	run(make_events);
	run(make_results);
	run("INSERT INTO oauth_grant (id, organization_id, account_id, attempt_id, enrollment_id, method, generation,"
	    " confirmed, created_at, used_at, ends_at, revoked_at) VALUES ('g', 'o', 'a', 'live', 'live', 'm', 1, 1, "
	    "1, 1,"
	    " 1765000000, NULL), ('h', 'o', 'a', 'ended', 'ended', 'm', 1, 1, 1, 1, 1765000000, 2)");
	put_token(1, "access", "g", 1765000000);
	put_token(2, "access", "g", 5);
	put_token(3, "refresh", "h", 1765000000);
	put_certificate();
}

static void
test_rows(void)
{
	struct enroll_prune p = { .counted_to = 1 };

	make_rows();
	conf.results_per_enrollment = 1200;
	ok(prune(NOW, &p) > 5000, "old rows go, more than one round takes");
	ok(count("SELECT count(*) FROM event") == 1000, "events are kept for history_days, also of those who stay");
	ok(count("SELECT events - pruned FROM attempt WHERE id = 'live'") == 1000,
	    "and their attempt knows what is left");
	ok(count("SELECT count(*) FROM command WHERE answered_at = 1") == 0, "old answers go");
	ok(count("SELECT count(*) FROM command WHERE enrollment_id = 'live'") == 1200,
	    "and those over results_per_enrollment");
	ok(count("SELECT min(answered_at) FROM command WHERE enrollment_id = 'live'") >= NOW + 119,
	    "the oldest of them");
	ok(count("SELECT count(*) FROM enrollment WHERE id IN ('live', 'fresh')") == 2 &&
		count("SELECT count(*) FROM enrollment") == 2,
	    "enrollments that ended long ago or never began go");
	ok(count("SELECT count(*) FROM attempt WHERE id IN ('live', 'again', 'fresh')") == 3 &&
		count("SELECT count(*) FROM attempt") == 3,
	    "attempts of those who stay or left lately remain");
	ok(count("SELECT count(*) FROM oauth_token WHERE grant_id = 'g'") == 1 &&
		count("SELECT count(*) FROM oauth_token") == 1 && count("SELECT count(*) FROM oauth_grant") == 1,
	    "expired tokens and the sign-ins of those who left go");
	ok(count("SELECT count(*) FROM certificate") == 1, "a certificate stays: it says who comes back");
	ok(prune(NOW, &p) == 0, "a second time there is nothing");
	(void)prune(NOW + 100 * DAY, &p);
	ok(count("SELECT count(*) FROM event") == 0 && count("SELECT count(*) FROM command") == 0 &&
		count("SELECT count(*) FROM enrollment") == 1 && count("SELECT count(*) FROM attempt") == 2,
	    "later the rest of history goes, but nothing of who is enrolled");
}

static void
test_shrink(void)
{
	int64_t before = 0, after = 0, empty = 0;
	struct err e;
	bool more = true;
	enum rc rc = RC_OK;

	run("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO "
	    "command"
	    " (uuid, enrollment_id, user_id, position, request_type, put_off, status, answer, dropped, queued_at,"
	    " answered_at) SELECT 'x' || i, 'gone', '', 0, 't', 0, 'Acknowledged', randomblob(800), 0, 1, 1 FROM n");
	ok(store_size(store, &before, &empty, &e) == RC_OK && before > 16000000, "the database has a size");
	(void)prune(NOW, &(struct enroll_prune){ 0 });
	ok(store_size(store, &after, &empty, &e) == RC_OK && empty > before / 2, "after pruning most of it is free");
	for (int i = 0; i < 1000 && more && rc == RC_OK; i++)
		rc = store_shrink(store, false, &more, &e);
	ok(rc == RC_OK && !more, "free space is given back in pieces, to an end");
	ok(store_size(store, &after, &empty, &e) == RC_OK && after < before / 4, "and the database is small again");
	ok(store_checkpoint(store, &e) == RC_OK, "its log is copied");
}

int
main(void)
{
	struct arena *a = arena_new(0);
	struct err e = { 0 };
	struct stat st;
	char dir[64], dsn[TESTING_DSN_MAX];
	int from, to;

	testing_dir(dir);
	conf_defaults(a, dir, &conf);
	store = testing_store(testing_path(dir, "store.db"));
	ok(store_migrate(store, &from, &to, &e) == RC_OK, "the database has its tables");
	test_plans();
	test_rows();
	test_shrink();
	ok(stat(testing_path(dir, "store.db"), &st) == 0 && st.st_size < 5000000, "on the disk, too");
	store_close(store);
	testing_rmtree(dir);
	if (testing_fresh(dsn)[0] != '\0') {
		store = testing_store(dsn);
		ok(store_migrate(store, &from, &to, &e) == RC_OK, "a PostgreSQL database has its tables");
		test_rows();
		store_close(store);
	} else {
		skip("POSTERN_TEST_DSN names no PostgreSQL server");
	}
	arena_free(a);
	return done();
}
