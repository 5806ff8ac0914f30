#include "account/account.h"

#include <stdlib.h>
#include <string.h>

#include "account/throttle.h"
#include "account/words.h"
#include "base/buf.h"
#include "crypto/hash.h"
#include "fmt/uri.h"
#include "store/store.h"

#define GROUPS_MAX 200 /* of one person */
#define GROUP_MAX 100 /* octets of a group's name */
#define ADDRESS_MAX 254 /* octets of a Managed Apple Account */
#define DISPLAY_MAX 200

#define COLUMNS \
	"id, organization_id, user_identifier, managed_apple_account, display_name, source, password_hash," \
	" disabled_at, created_at"
#define GROUP_COLUMN 9 /* behind them */

char *
account_fold(struct arena *a, const char *text)
{
	char *s = arena_strdup(a, text);

	for (char *p = s; *p != '\0'; p++) {
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	}
	return s;
}

/* ---- groups ---- */

bool
account_group_ok(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n <= GROUP_MAX && strpbrk(name, ",\r\n") == NULL;
}

static enum rc
groups_ok(struct call *c, const char *const *groups)
{
	int n = 0;

	for (; groups != NULL && groups[n] != NULL; n++) {
		if (!account_group_ok(groups[n]))
			return fail(&c->err, RC_BAD_INPUT,
			    "a group's name has 1 to %d octets, no comma and no line end", GROUP_MAX);
	}
	return n <= GROUPS_MAX ? RC_OK : fail(&c->err, RC_TOO_LARGE, "a person is in %d groups at most", GROUPS_MAX);
}

static enum rc
insert_groups(struct call *c, const char *id, const char *const *groups)
{
	enum rc rc = RC_OK;

	for (int i = 0; rc == RC_OK && groups != NULL && groups[i] != NULL; i++)
		rc = store_run(c,
		    "INSERT INTO account_group (account_id, name, organization_id)"
		    " SELECT id, ?2, organization_id FROM account WHERE id = ?1 ON CONFLICT DO NOTHING",
		    DB_ARGS(db_text(id), db_text(groups[i])), NULL);
	return rc;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Rows of (account id, name) beside the accounts they belong to. */
static void
attach_groups(struct arena *a, const struct db_rows *r, struct account *list, int n)
{
	for (int i = 0; i < n; i++) {
		const char **names;
		size_t count = 0;

		for (int row = 0; row < r->rows; row++)
			count += strcmp(db_get_text(r, row, 0), list[i].id) == 0;
		names = arena_array(a, count + 1, sizeof *names);
		count = 0;
		for (int row = 0; row < r->rows; row++) {
			if (strcmp(db_get_text(r, row, 0), list[i].id) == 0)
				names[count++] = db_get_text(r, row, 1);
		}
		qsort(names, count, sizeof *names, by_text);
		list[i].groups = names;
	}
}

bool
account_in_group(const struct account *a, const char *group)
{
	for (int i = 0; a->groups != NULL && a->groups[i] != NULL; i++) {
		if (strcmp(a->groups[i], group) == 0)
			return true;
	}
	return false;
}

/* ---- making one ---- */

struct add {
	struct account *a;
	const char *wanted; /* organization; NULL: the domain's */
};

/* Whose the identifier's domain is. `wanted` NULL: anybody's. */
static enum rc
organization_of(struct call *c, const char *user_identifier, const char *wanted, const char **id)
{
	const char *domain = strrchr(user_identifier, '@') + 1;
	struct db_rows r;
	enum rc rc;

	rc = store_run(c, "SELECT organization_id FROM domain WHERE name = ?1", DB_ARGS(db_text(domain)), &r);
	if (rc != RC_OK)
		return rc;
	if (r.rows == 0)
		return fail(&c->err, RC_NOT_FOUND, "the domain %s belongs to no organization", domain);
	*id = db_get_text(&r, 0, 0);
	return wanted == NULL || strcmp(wanted, *id) == 0
		   ? RC_OK
		   : fail(&c->err, RC_NOT_FOUND, "the domain %s does not belong to %s", domain, wanted);
}

static enum rc
add(struct call *c, void *arg)
{
	struct add *in = arg;
	struct account *a = in->a;
	struct db_rows r;
	enum rc rc;

	if ((rc = organization_of(c, a->user_identifier, in->wanted, &a->organization_id)) != RC_OK)
		return rc;
	rc = store_run(c,
	    "INSERT INTO account (" COLUMNS ", updated_at, words) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10)"
	    " ON CONFLICT DO NOTHING RETURNING id",
	    DB_ARGS(db_text(a->id), db_text(a->organization_id), db_text(a->user_identifier),
		db_text(a->managed_apple_account), db_text(a->display_name), db_text(a->source),
		db_text(a->password_hash), a->disabled_at > 0 ? db_int(a->disabled_at) : db_null(), db_int(c->now),
		db_text(account_words(c->arena, a->user_identifier, a->managed_apple_account, a->display_name))),
	    &r);
	if (rc != RC_OK)
		return rc;
	if (r.rows == 0)
		return fail(&c->err, RC_CONFLICT, "there is a person %s already", a->user_identifier);
	return insert_groups(c, a->id, a->groups);
}

static bool
one_line(const char *text, size_t most)
{
	return text == NULL || (strlen(text) <= most && strpbrk(text, "\r\n") == NULL);
}

static enum rc
apple_ok(struct call *c, const char *managed_apple_account)
{
	if (managed_apple_account == NULL ||
	    (managed_apple_account[0] != '\0' && one_line(managed_apple_account, ADDRESS_MAX)))
		return RC_OK;
	return fail(&c->err, RC_BAD_INPUT, "a Managed Apple Account has 1 to %d octets", ADDRESS_MAX);
}

static enum rc
name_ok(struct call *c, const char *display_name)
{
	return one_line(display_name, DISPLAY_MAX)
		   ? RC_OK
		   : fail(&c->err, RC_BAD_INPUT, "a display name is one line of at most %d octets", DISPLAY_MAX);
}

enum rc
account_add(struct call *c, struct account *a)
{
	struct add in = { a, a->organization_id };
	const char *user, *domain;
	enum rc rc;

	if ((rc = uri_identifier_split(c->arena, a->user_identifier, &user, &domain, &c->err)) != RC_OK)
		return rc;
	if ((rc = groups_ok(c, a->groups)) != RC_OK)
		return rc;
	if ((rc = name_ok(c, a->display_name)) != RC_OK)
		return rc;
	if ((rc = apple_ok(c, a->managed_apple_account)) != RC_OK)
		return rc;
	a->user_identifier = account_fold(c->arena, a->user_identifier);
	if (a->managed_apple_account == NULL)
		a->managed_apple_account = a->user_identifier;
	if (a->source == NULL)
		a->source = "local";
	a->id = crypto_id(c->arena);
	a->created_at = c->now;
	return store_part(c, add, &in);
}

/* ---- reading ---- */

static void
read_row(const struct db_rows *r, int row, struct account *a)
{
	*a = (struct account){
		.id = db_get_text(r, row, 0),
		.organization_id = db_get_text(r, row, 1),
		.user_identifier = db_get_text(r, row, 2),
		.managed_apple_account = db_get_text(r, row, 3),
		.display_name = db_get_text(r, row, 4),
		.source = db_get_text(r, row, 5),
		.password_hash = db_get_text(r, row, 6),
		.disabled_at = db_get_int(r, row, 7),
		.created_at = db_get_int(r, row, 8),
	};
}

static enum rc
get_one(struct call *c, const char *sql, const char *key, struct account *out)
{
	struct db_rows r;
	enum rc rc = store_run(c, sql, DB_ARGS(db_text(key)), &r);

	if (rc != RC_OK)
		return rc;
	if (r.rows == 0)
		return fail(&c->err, RC_NOT_FOUND, "there is no person %.254s", key);
	read_row(&r, 0, out);
	rc = store_run(
	    c, "SELECT account_id, name FROM account_group WHERE account_id = ?1", DB_ARGS(db_text(out->id)), &r);
	if (rc == RC_OK)
		attach_groups(c->arena, &r, out, 1);
	return rc;
}

enum rc
account_get(struct call *c, const char *id, struct account *out)
{
	return get_one(c, "SELECT " COLUMNS " FROM account WHERE id = ?1", id, out);
}

enum rc
account_find(struct call *c, const char *user_identifier, struct account *out)
{
	return get_one(c, "SELECT " COLUMNS " FROM account WHERE user_identifier = ?1",
	    account_fold(c->arena, user_identifier), out);
}

/* The page: people of one organization (?1 '': of all) whose identifier sorts after ?2, and who have for each word of the
 * search, from ?4 on, one that begins with it. Walks one index in the order of the page. */
static const char *
page_sql(struct arena *a, int patterns)
{
	struct buf b;

	buf_init(&b, 4096);
	buf_str(&b, "WITH page AS (SELECT user_identifier FROM account WHERE user_identifier > ?2"
		    " AND (?1 = '' OR organization_id = ?1)");
	for (int i = 0; i < patterns; i++)
		buf_printf(&b, " AND words LIKE ?%d", 4 + i);
	buf_str(&b,
	    " ORDER BY user_identifier LIMIT ?3)"
	    " SELECT " COLUMNS ", group_name FROM account LEFT JOIN"
	    " (SELECT account_id, name AS group_name FROM account_group) AS g ON account_id = id"
	    " WHERE user_identifier IN (SELECT user_identifier FROM page) ORDER BY user_identifier, group_name");
	return buf_finish(&b, a);
}

enum rc
account_list(struct call *c, const char *organization_id, const char *search, const char *after, int limit,
    struct account **out, int *n)
{
	struct db_value values[3 + ACCOUNT_WORDS] = { db_text(organization_id != NULL ? organization_id : ""),
		db_text(after != NULL ? account_fold(c->arena, after) : ""), db_int(limit) };
	struct db_rows r;
	int patterns = 0;
	enum rc rc;

	*n = 0;
	if (search != NULL && (rc = account_words_wanted(c, search, values + 3, &patterns)) != RC_OK)
		return rc;
	if (search != NULL && *search != '\0' && patterns == 0) /* nothing but marks, which no word has */
		return RC_OK;
	rc = store_run(c, page_sql(c->arena, patterns), (struct db_args){ values, (size_t)patterns + 3 }, &r);
	if (rc != RC_OK)
		return rc;
	*out = arena_array(c->arena, (size_t)r.rows, sizeof **out);
	for (int row = 0, next; row < r.rows; row = next) {
		const char **groups;

		for (next = row + 1; next < r.rows && strcmp(db_get_text(&r, next, 0), db_get_text(&r, row, 0)) == 0;)
			next++;
		groups = arena_array(c->arena, (size_t)(next - row) + 1, sizeof *groups);
		for (int i = row; i < next; i++)
			groups[i - row] = db_get_text(&r, i, GROUP_COLUMN); /* NULL, once: in no group */
		read_row(&r, row, &(*out)[*n]);
		(*out)[(*n)++].groups = groups;
	}
	return RC_OK;
}

/* ---- changing ---- */

struct change {
	const char *id, *password_hash, *display_name;
	const char *const *groups;
	bool disabled;
};

static enum rc
nobody(struct call *c, const char *id)
{
	return fail(&c->err, RC_NOT_FOUND, "there is no person with the id %.60s", id);
}

static enum rc
set_password(struct call *c, void *arg)
{
	const struct change *in = arg;
	struct db_rows r;
	enum rc rc = store_run(c,
	    "UPDATE account SET password_hash = ?2, updated_at = ?3 WHERE id = ?1 RETURNING user_identifier",
	    DB_ARGS(db_text(in->id), db_text(in->password_hash), db_int(c->now)), &r);

	if (rc != RC_OK)
		return rc;
	if (r.rows == 0)
		return nobody(c, in->id);
	return throttle_clear_person(c, db_get_text(&r, 0, 0));
}

enum rc
account_set_password(struct call *c, const char *id, const char *password_hash)
{
	struct change in = { .id = id, .password_hash = password_hash };

	return store_part(c, set_password, &in);
}

/* No device of theirs enters by a pass (enroll/pass.h): the account itself is asked. */
static enum rc
take_passes(struct call *c, const char *id)
{
	return store_run(c, "UPDATE enrollment SET pass_hash = NULL WHERE account_id = ?1 AND pass_hash IS NOT NULL",
	    DB_ARGS(db_text(id)), NULL);
}

static enum rc
set_disabled(struct call *c, void *arg)
{
	const struct change *in = arg;
	struct db_rows r;
	enum rc rc; /* a person disabled twice stays disabled since the first time */

	rc = in->disabled
		 ? store_run(c,
		       "UPDATE account SET disabled_at = COALESCE(disabled_at, ?2), updated_at = ?2 WHERE id = ?1",
		       DB_ARGS(db_text(in->id), db_int(c->now)), &r)
		 : store_run(c, "UPDATE account SET disabled_at = NULL, updated_at = ?2 WHERE id = ?1",
		       DB_ARGS(db_text(in->id), db_int(c->now)), &r);
	if (rc != RC_OK)
		return rc;
	if (r.changed == 0)
		return nobody(c, in->id);
	return in->disabled ? take_passes(c, in->id) : RC_OK;
}

enum rc
account_set_disabled(struct call *c, const char *id, bool disabled)
{
	struct change in = { .id = id, .disabled = disabled };

	return store_part(c, set_disabled, &in);
}

enum rc
account_changed(struct call *c, const char *id)
{
	return store_run(c, "INSERT INTO account_change (account_id) VALUES (?1) ON CONFLICT DO NOTHING",
	    DB_ARGS(db_text(id)), NULL);
}

static enum rc
set_groups(struct call *c, void *arg)
{
	const struct change *in = arg;
	struct db_rows r;
	enum rc rc;

	rc = store_run(
	    c, "UPDATE account SET updated_at = ?2 WHERE id = ?1", DB_ARGS(db_text(in->id), db_int(c->now)), &r);
	if (rc != RC_OK)
		return rc;
	if (r.changed == 0)
		return nobody(c, in->id);
	rc = store_run(c, "DELETE FROM account_group WHERE account_id = ?1", DB_ARGS(db_text(in->id)), NULL);
	if (rc == RC_OK)
		rc = account_changed(c, in->id);
	return rc == RC_OK ? insert_groups(c, in->id, in->groups) : rc;
}

enum rc
account_set_groups(struct call *c, const char *id, const char *const *groups)
{
	struct change in = { .id = id, .groups = groups };
	enum rc rc = groups_ok(c, groups);

	return rc == RC_OK ? store_part(c, set_groups, &in) : rc;
}

struct rename {
	const struct account *a;
	const char *user_identifier, *managed_apple_account;
};

static enum rc
rename_one(struct call *c, void *arg)
{
	const struct rename *in = arg;
	const char *organization_id;
	struct db_rows r;
	enum rc rc = organization_of(c, in->user_identifier, in->a->organization_id, &organization_id);

	if (rc != RC_OK)
		return rc;
	rc = store_run(c, "SELECT 1 FROM account WHERE user_identifier = ?1 AND id <> ?2",
	    DB_ARGS(db_text(in->user_identifier), db_text(in->a->id)), &r);
	if (rc != RC_OK)
		return rc;
	if (r.rows > 0)
		return fail(&c->err, RC_CONFLICT, "there is a person %s already", in->user_identifier);
	rc = store_run(c,
	    "UPDATE account SET user_identifier = ?2, managed_apple_account = ?3, updated_at = ?4 WHERE id = "
	    "?1" ACCOUNT_WORDED,
	    DB_ARGS(
		db_text(in->a->id), db_text(in->user_identifier), db_text(in->managed_apple_account), db_int(c->now)),
	    &r);
	if (rc != RC_OK)
		return rc;
	return r.rows > 0 ? account_words_put(c, in->a->id, &r) : nobody(c, in->a->id);
}

enum rc
account_rename(struct call *c, const struct account *a, const char *user_identifier, const char *managed_apple_account)
{
	struct rename in = { a, account_fold(c->arena, user_identifier), managed_apple_account };
	const char *user, *domain;
	enum rc rc;

	if ((rc = uri_identifier_split(c->arena, user_identifier, &user, &domain, &c->err)) != RC_OK ||
	    (rc = apple_ok(c, managed_apple_account)) != RC_OK)
		return rc;
	if (in.managed_apple_account == NULL)
		in.managed_apple_account = strcmp(a->managed_apple_account, a->user_identifier) == 0
					       ? in.user_identifier
					       : a->managed_apple_account;
	return store_part(c, rename_one, &in);
}

static enum rc
set_name(struct call *c, void *arg)
{
	const struct change *in = arg;
	struct db_rows r;
	enum rc rc = store_run(c, "UPDATE account SET display_name = ?2, updated_at = ?3 WHERE id = ?1" ACCOUNT_WORDED,
	    DB_ARGS(db_text(in->id), db_text(in->display_name), db_int(c->now)), &r);

	if (rc != RC_OK)
		return rc;
	return r.rows > 0 ? account_words_put(c, in->id, &r) : nobody(c, in->id);
}

enum rc
account_set_name(struct call *c, const char *id, const char *display_name)
{
	struct change in = { .id = id, .display_name = display_name };
	enum rc rc = name_ok(c, display_name);

	return rc == RC_OK ? store_part(c, set_name, &in) : rc;
}

static enum rc
remove_one(struct call *c, void *arg)
{
	/* An identity that stayed would keep its person out for good: it would name nobody. */
	static const char *const sql[] = {
		"DELETE FROM account_group WHERE account_id = ?1",
		"DELETE FROM provider_session WHERE account_id = ?1",
		"DELETE FROM account_identity WHERE account_id = ?1",
		"DELETE FROM account WHERE id = ?1",
	};
	const struct change *in = arg;
	struct db_rows r = { 0 };
	enum rc rc = RC_OK;

	for (size_t i = 0; i < sizeof sql / sizeof sql[0] && rc == RC_OK; i++)
		rc = store_run(c, sql[i], DB_ARGS(db_text(in->id)), &r);
	if (rc != RC_OK)
		return rc;
	return r.changed > 0 ? take_passes(c, in->id) : nobody(c, in->id);
}

enum rc
account_remove(struct call *c, const char *id)
{
	struct change in = { .id = id };

	return store_part(c, remove_one, &in);
}

/* ---- signing in ---- */

/* Every way through here reads and writes the same rows and hashes once, so neither the answer nor its
 * time tells whether there is such a person. */
enum rc
account_sign_in(struct call *c, struct password_gate *gate, const char *user_identifier, const char *password,
    const char *address, struct account *out, int *wait_s)
{
	struct throttle t = throttle_of(c->arena, user_identifier, address);
	struct account who = { 0 };
	enum rc rc, verdict;
	bool known;

	*out = (struct account){ 0 };
	if ((rc = throttle_begin(c, &t, wait_s)) != RC_OK)
		return rc;
	rc = account_find(c, user_identifier, &who);
	known = rc == RC_OK;
	if (!known && rc != RC_NOT_FOUND)
		return rc;
	verdict = password_verify(gate, known ? who.password_hash : NULL, password, &c->err);
	if (verdict == RC_OK && who.disabled_at != 0)
		verdict = RC_FORBIDDEN;
	if (verdict != RC_OK && verdict != RC_FORBIDDEN) {
		struct err why = c->err;

		throttle_end(c, &t, false);
		c->err = why;
		return verdict;
	}
	if (verdict == RC_OK) {
		*out = who;
		return RC_OK;
	}
	if ((rc = throttle_end(c, &t, true)) != RC_OK)
		return rc;
	return fail(&c->err, RC_FORBIDDEN, "wrong password, no such person, or a disabled one");
}

enum rc
account_signed_in(struct call *c, const char *user_identifier)
{
	return throttle_clear_person(c, user_identifier);
}
