/* For whom the data is about: everything that is kept of a person as one document, and its erasing.
 *
 * A table that gets a column about people belongs into `sections` and into `erasing`; tests/flow/audit.py searches all
 * tables and files for an erased name. */
#include "account/account.h"
#include "admin/routes.h"

#include <string.h>

#include "account/throttle.h"
#include "audit/audit.h"
#include "enroll/attempt.h"
#include "enroll/person.h"
#include "enroll/rule.h"
#include "fmt/base64.h"
#include "store/store.h"

struct whom {
	const char *account_id; /* "": there is no account of that name (any more) */
	const char *organization_id; /* NULL: likewise */
	const char *user, *apple; /* user identifier, Managed Apple Account */
};

/* ---- exporting ---- */

/* ?1 the account's id, ?2 the user identifier. */
#define ENROLLMENTS "(SELECT id FROM enrollment WHERE account_id = ?1)"
#define ATTEMPTS \
	"(SELECT id FROM attempt WHERE user_identifier = ?2 UNION SELECT attempt_id FROM enrollment WHERE account_id " \
	"= ?1" \
	" UNION SELECT attempt_id FROM oauth_grant WHERE account_id = ?1" \
	" UNION SELECT id FROM attempt WHERE enrollment_id IN " ENROLLMENTS ")"

/* Everything but secrets: digests of passwords and tokens, keys, sealed things. */
static const struct section {
	const char *name, *columns, *from;
} sections[] = {
	/* clang-format off */
	{ "account", "id organization_id user_identifier managed_apple_account display_name source external_id disabled_at"
	  " created_at updated_at", "account WHERE id = ?1" },
	{ "groups", "name", "account_group WHERE account_id = ?1" },
	{ "identities", "provider_id subject linked_at", "account_identity WHERE account_id = ?1" },
	{ "provider_sessions", "attempt_id provider_id sid signed_in_at renewed_at failing_since",
	  "provider_session WHERE account_id = ?1" },
	{ "attempts", "id organization_id kind user_identifier model_family product os_version mode method rule_id address state"
	  " stage code enrollment_id started_at updated_at", "attempt WHERE id IN " ATTEMPTS " ORDER BY started_at" },
	{ "events", "attempt_id seq at stage code outcome details", "event WHERE attempt_id IN " ATTEMPTS
	  " ORDER BY attempt_id, seq" },
	{ "enrollments", "id organization_id mode device_id attempt_id state family product os_version build_version device_name"
	  " serial_number imei meid assigned_managed_apple_id created_at enrolled_at ended_at last_seen_at",
	  "enrollment WHERE account_id = ?1 ORDER BY created_at" },
	{ "channels", "enrollment_id user_id user_short_name user_long_name updated_at last_seen_at",
	  "channel WHERE enrollment_id IN " ENROLLMENTS },
	{ "certificates", "enrollment_id serial issued_at not_after revoked_at", "certificate WHERE enrollment_id IN " ENROLLMENTS },
	{ "commands", "uuid enrollment_id user_id request_type queued_at queued_by delivered_at answered_at status error answer",
	  "command WHERE enrollment_id IN " ENROLLMENTS " ORDER BY queued_at" },
	{ "sign_ins", "id attempt_id enrollment_id method client_id scope created_at used_at ends_at revoked_at revoked_why",
	  "oauth_grant WHERE account_id = ?1 ORDER BY created_at" },
	{ "tokens", "kind grant_id issued_at expires_at",
	  "oauth_token WHERE grant_id IN (SELECT id FROM oauth_grant WHERE account_id = ?1) ORDER BY issued_at" },
	{ "licences", "adam_id wanted state reason updated_at", "licence WHERE account_id = ?1" },
	{ "device_groups", "enrollment_id group_id", "device_group_member WHERE enrollment_id IN " ENROLLMENTS },
	{ "deliveries", "enrollment_id user_id kind name state reason updated_at",
	  "desired_delivery WHERE enrollment_id IN " ENROLLMENTS },
	{ "declarations", "enrollment_id user_id identifier active valid reason",
	  "ddm_declaration WHERE enrollment_id IN " ENROLLMENTS },
	{ "status_items", "enrollment_id user_id item element value updated_at",
	  "ddm_status WHERE enrollment_id IN " ENROLLMENTS },
	{ "rules", "id organization_id position user_glob outcome message", "rule WHERE LOWER(user_glob) = ?2" },
	/* clang-format on */
};

static json_t *
cell(struct arena *a, const struct db_value *v)
{
	json_t *text = NULL;

	if (v->type == DB_INT)
		return json_integer(v->i);
	if (v->type == DB_TEXT)
		return json_string(v->text);
	/* Answers of devices are property lists in XML. */
	if (v->type == DB_BLOB && (text = json_stringn((const char *)v->blob.p, v->blob.n)) == NULL)
		text = json_string(base64_encode(a, v->blob));
	return text != NULL ? text : json_null();
}

static enum rc
put_section(struct admin_call *x, const struct section *s, const struct whom *w)
{
	struct arena *a = x->c->arena;
	json_t *list = json_array();
	const char *selected = "", *name;
	struct db_rows r;
	enum rc rc;

	admin_put(x->out, s->name, list);
	for (name = s->columns; *name != '\0'; name += strcspn(name, " "), name += strspn(name, " "))
		selected = arena_printf(
		    a, "%s%s%s", selected, *selected != '\0' ? ", " : "", arena_strndup(a, name, strcspn(name, " ")));
	rc = store_run(x->c, arena_printf(a, "SELECT %s FROM %s", selected, s->from),
	    (struct db_args){ (const struct db_value[]){ db_text(w->account_id), db_text(w->user) },
		strstr(s->from, "?2") != NULL ? 2 : 1 },
	    &r);
	for (int i = 0; rc == RC_OK && i < r.rows; i++) {
		json_t *j = json_object();

		name = s->columns;
		for (int k = 0; k < r.columns; k++, name += strcspn(name, " "), name += strspn(name, " "))
			json_object_set_new(
			    j, arena_strndup(a, name, strcspn(name, " ")), cell(a, &r.cells[i * r.columns + k]));
		json_array_append_new(list, j);
	}
	return rc;
}

/* Rows of the audit about the person, under whatever name. */
static enum rc
put_audit(struct admin_call *x, const struct whom *w)
{
	struct audit_filter by_name = { .person = w->user, .oldest = true }, by_account = { .oldest = true };
	json_t *list = json_array();
	struct audit_row *rows;
	enum rc rc;
	int n;

	admin_put(x->out, "audit", list);
	by_account.object = arena_printf(x->c->arena, "user %s", w->account_id);
	do {
		rc = audit_list(x->c, &by_name, &rows, &n);
		for (int i = 0; rc == RC_OK && i < n; i++)
			json_array_append_new(list, admin_audit_row(x, &rows[i]));
		by_name.after = n > 0 ? rows[n - 1].seq : 0;
	} while (rc == RC_OK && n == AUDIT_PAGE);
	if (rc != RC_OK)
		return rc;
	do {
		rc = audit_list(x->c, &by_account, &rows, &n);
		for (int i = 0; rc == RC_OK && i < n; i++) {
			if (rows[i].person_name == NULL || strcmp(rows[i].person_name, w->user) != 0)
				json_array_append_new(list, admin_audit_row(x, &rows[i]));
		}
		by_account.after = n > 0 ? rows[n - 1].seq : 0;
	} while (rc == RC_OK && n == AUDIT_PAGE);
	return rc;
}

/* The person of that name; without an account, whoever tried to enroll under it, or was spoken of. */
static enum rc
find_whom(struct admin_call *x, struct whom *out)
{
	static const char traces_sql[] = "SELECT 1 FROM attempt WHERE user_identifier = ?1 UNION ALL"
					 " SELECT 1 FROM audit_name WHERE name = ?1 LIMIT 1";
	struct call *c = x->c;
	struct account a;
	struct db_rows r;
	enum rc rc;

	*out = (struct whom){ .account_id = "", .user = account_fold(c->arena, x->r->segment[0]) };
	out->apple = out->user;
	if ((rc = account_find(c, out->user, &a)) == RC_OK)
		*out = (struct whom){ a.id, a.organization_id, a.user_identifier, a.managed_apple_account };
	if (rc != RC_NOT_FOUND)
		return rc;
	if ((rc = store_run(c, traces_sql, DB_ARGS(db_text(out->user)), &r)) != RC_OK)
		return rc;
	return r.rows > 0 ? RC_OK : fail(&c->err, RC_NOT_FOUND, "nothing is kept of %.200s", out->user);
}

enum rc
admin_user_export(struct admin_call *x)
{
	struct whom w;
	enum rc rc;

	if ((rc = find_whom(x, &w)) != RC_OK)
		return rc;
	x->out = admin_object(x);
	admin_put_text(x->out, "user", w.user);
	admin_put_text(x->out, "organization", w.organization_id);
	admin_put_time(x->out, "exported_at", x->c->now);
	for (size_t i = 0; rc == RC_OK && i < sizeof sections / sizeof sections[0]; i++)
		rc = put_section(x, &sections[i], &w);
	return rc == RC_OK ? put_audit(x, &w) : rc;
}

/* ---- erasing ---- */

/* In this order: what is found by other rows goes before them. Of an enrollment its certificates stay, which name
 * nothing but its id, so that its device is still told that it is no longer wanted. */
static const struct {
	const char *sql;
	int args;
} erasing[] = {
	{ "DELETE FROM event WHERE attempt_id IN " ATTEMPTS, 2 },
	{ "DELETE FROM attempt WHERE id IN " ATTEMPTS, 2 },
	{ "DELETE FROM provider_session WHERE account_id = ?1", 1 },
	{ "DELETE FROM oauth_code WHERE account_id = ?1", 1 },
	{ "DELETE FROM oauth_token WHERE grant_id IN (SELECT id FROM oauth_grant WHERE account_id = ?1)", 1 },
	{ "DELETE FROM oauth_grant WHERE account_id = ?1", 1 },
	{ "DELETE FROM command WHERE enrollment_id IN " ENROLLMENTS, 1 },
	{ "DELETE FROM enrollment WHERE account_id = ?1", 1 },
};

struct erasure {
	const struct whom *w;
	const char *by;
	bool evict;
	int evicted, rules;
	const char *pattern, *apple_pattern; /* of LIKE */
	struct db_rows mentions; /* events of others that speak of the person */
};

static enum rc
end_devices(struct call *c, struct erasure *g)
{
	struct enrollment *e;
	enum rc rc;
	int n;

	g->evicted = 0;
	if ((rc = person_enrollments(c, g->w->account_id, &e, &n)) != RC_OK)
		return rc;
	for (int i = 0; i < n && rc == RC_OK; i++) {
		/* Of one that no device came back for nothing is lost. */
		bool enrolled = strcmp(e[i].state, "pending") != 0;

		if (enrolled && !g->evict)
			return fail(&c->err, RC_CONFLICT,
			    "%d device(s) of %.200s are still enrolled: evict them first (postern enrollment evict), "
			    "or say "
			    "--evict to end their enrollments now",
			    n, g->w->user);
		g->evicted += enrolled;
		rc = enrollment_end(c, e[i].id, "evicted");
	}
	return rc;
}

static enum rc
forget_rules(struct call *c, struct erasure *g)
{
	struct db_rows r;
	enum rc rc = store_run(
	    c, "SELECT organization_id, id FROM rule WHERE LOWER(user_glob) = ?1", DB_ARGS(db_text(g->w->user)), &r);

	g->rules = rc == RC_OK ? r.rows : 0;
	for (int i = 0; rc == RC_OK && i < r.rows; i++)
		rc = rule_remove(c, db_get_text(&r, i, 0), db_get_text(&r, i, 1));
	return rc;
}

static enum rc
erase_in_unit(struct call *c, void *arg)
{
	struct erasure *g = arg;
	const struct db_value v[] = { db_text(g->w->account_id), db_text(g->w->user) };
	enum rc rc = RC_OK;

	if ((rc = end_devices(c, g)) != RC_OK || (rc = forget_rules(c, g)) != RC_OK)
		return rc;
	for (size_t i = 0; i < sizeof erasing / sizeof erasing[0] && rc == RC_OK; i++)
		rc = store_run(c, erasing[i].sql, (struct db_args){ v, erasing[i].args }, NULL);
	/* What a receiver was not told yet, or did not take. */
	if (rc == RC_OK)
		rc = store_run(c,
		    "DELETE FROM webhook_delivery WHERE LOWER(body) LIKE ?1 ESCAPE '!' OR LOWER(body) LIKE ?2 ESCAPE "
		    "'!'",
		    DB_ARGS(db_text(g->pattern), db_text(g->apple_pattern)), NULL);
	for (int i = 0; i < g->mentions.rows && rc == RC_OK; i++)
		rc = store_run(c, "UPDATE event SET details = NULL WHERE attempt_id = ?1 AND seq = ?2",
		    DB_ARGS(db_text(db_get_text(&g->mentions, i, 0)), db_int(db_get_int(&g->mentions, i, 1))), NULL);
	if (rc == RC_OK)
		rc = throttle_clear_person(c, g->w->user);
	return rc == RC_OK && g->w->account_id[0] != '\0' ? account_remove(c, g->w->account_id) : rc;
}

/* A pattern of LIKE that finds `text` anywhere. */
static const char *
anywhere(struct arena *a, const char *text)
{
	char *pattern = arena_alloc(a, 2 * strlen(text) + 3), *to = pattern;

	*to++ = '%';
	for (; *text != '\0'; text++) {
		if (strchr("%_!", *text) != NULL)
			*to++ = '!';
		*to++ = *text;
	}
	*to = '%';
	return pattern;
}

/* What administrators do is kept under their names, for as long as they are some. */
static enum rc
administers_not(struct call *c, const char *user)
{
	struct db_rows r;
	enum rc rc = store_run(c, "SELECT 1 FROM administrator WHERE name = ?1", DB_ARGS(db_text(user)), &r);

	if (rc == RC_OK && r.rows > 0)
		return fail(&c->err, RC_CONFLICT,
		    "%.200s administers this server: postern administrator remove %.200s first", user, user);
	return rc;
}

enum rc
admin_user_erase(struct admin_call *x)
{
	static const char mentions_sql[] = "SELECT attempt_id, seq FROM event WHERE LOWER(details) LIKE ?1 ESCAPE '!'"
					   " OR LOWER(details) LIKE ?2 ESCAPE '!'";
	struct call *c = x->c;
	struct whom w;
	struct erasure g = { .w = &w, .by = x->actor->name, .evict = admin_flag(x, "evict", false) };
	struct audit_entry by = { .actor = x->actor->name, .way = "server", .action = "erase", .outcome = "done" };
	const char *names[3] = { NULL };
	enum rc rc;

	if ((rc = find_whom(x, &w)) != RC_OK)
		return rc;
	if ((rc = administers_not(c, w.user)) != RC_OK)
		return rc;
	g.pattern = anywhere(c->arena, w.user);
	g.apple_pattern = anywhere(c->arena, account_fold(c->arena, w.apple));
	rc = store_run(c, mentions_sql, DB_ARGS(db_text(g.pattern), db_text(g.apple_pattern)), &g.mentions);
	if (rc != RC_OK || (rc = store_unit(c, erase_in_unit, &g)) != RC_OK)
		return rc;
	names[0] = w.user;
	names[1] = strcmp(w.apple, w.user) != 0 ? w.apple : NULL;
	by.organization_id = w.organization_id;
	if ((rc = audit_forget(c, &by, arena_printf(c->arena, "user %s", w.account_id), names)) != RC_OK)
		return rc;
	x->out = admin_object(x);
	admin_put_text(x->out, "user", w.user);
	admin_put_int(x->out, "evicted", g.evicted);
	admin_put_int(x->out, "rules", g.rules);
	return RC_OK;
}
