#include "enroll/enrollment.h"

#include <string.h>
#include <strings.h>

#include "config/config.h"
#include "crypto/hash.h"
#include "enroll/attempt.h"
#include "enroll/os.h"
#include "store/store.h"

#define EVICT_WAIT_S (7 * 86400) /* an evicting device that never comes back is called evicted then */

void
enrollment_read(struct enrollment *e, const struct db_rows *r, int row, int column)
{
	*e = (struct enrollment){
		.id = db_get_text(r, row, column),
		.organization_id = db_get_text(r, row, column + 1),
		.mode = db_get_text(r, row, column + 2),
		.device_id = db_get_text(r, row, column + 3),
		.account_id = db_get_text(r, row, column + 4),
		.attempt_id = db_get_text(r, row, column + 5),
		.grant_id = db_get_text(r, row, column + 6),
		.state = db_get_text(r, row, column + 7),
		.family = db_get_text(r, row, column + 8),
		.product = db_get_text(r, row, column + 9),
		.os_version = db_get_text(r, row, column + 10),
		.build_version = db_get_text(r, row, column + 11),
		.device_name = db_get_text(r, row, column + 12),
		.serial_number = db_get_text(r, row, column + 13),
		.imei = db_get_text(r, row, column + 14),
		.meid = db_get_text(r, row, column + 15),
		.topic = db_get_text(r, row, column + 16),
		.server_url = db_get_text(r, row, column + 17),
		.check_in_url = db_get_text(r, row, column + 18),
		.assigned_managed_apple_id = db_get_text(r, row, column + 19),
		.access_rights = db_is_null(r, row, column + 20) ? -1 : db_get_int(r, row, column + 20),
		.per_user_connections = db_get_int(r, row, column + 21) != 0,
		.identity_proof = db_get_text(r, row, column + 22),
		.profile_identifier = db_get_text(r, row, column + 23),
		.certificate_fp = db_get_blob(r, row, column + 24),
		.reauth_attempt_id = db_get_text(r, row, column + 25),
		.created_at = db_get_int(r, row, column + 26),
		.enrolled_at = db_get_int(r, row, column + 27),
		.evict_at = db_get_int(r, row, column + 28),
		.ended_at = db_get_int(r, row, column + 29),
		.last_seen_at = db_get_int(r, row, column + 30),
		.declarations_token = db_get_text(r, row, column + 31),
		.declarations_token_at = db_get_int(r, row, column + 32),
	};
}

static enum rc
one(struct call *c, const char *sql, struct db_args args, struct enrollment *out)
{
	struct db_rows r;
	enum rc rc = store_run(c, sql, args, &r);

	if (rc != RC_OK)
		return fail_in(&c->err, rc, "find enrollment");
	if (r.rows == 0)
		return fail(&c->err, RC_NOT_FOUND, "no such enrollment");
	enrollment_read(out, &r, 0, 0);
	return RC_OK;
}

enum rc
enrollment_get(struct call *c, const char *id, struct enrollment *out)
{
	return one(c, "SELECT " ENROLLMENT_COLUMNS " FROM enrollment e WHERE id = ?1", DB_ARGS(db_text(id)), out);
}

enum rc
enrollment_by_device(struct call *c, const char *organization_id, const char *device_id, struct enrollment *out)
{
	static const char sql[] = "SELECT " ENROLLMENT_COLUMNS " FROM enrollment e"
				  " WHERE organization_id = ?1 AND device_id = ?2 AND ended_at IS NULL";

	return one(c, sql, DB_ARGS(db_text(organization_id), db_text(device_id)), out);
}

int64_t
enrollment_inactive_since(const struct call *c)
{
	return c->conf != NULL ? c->now - c->conf->inactive_days * 86400 : 0;
}

bool
enrollment_inactive(const struct call *c, const struct enrollment *e)
{
	int64_t seen = e->last_seen_at != 0 ? e->last_seen_at : e->enrolled_at;

	return (strcmp(e->state, "enrolled") == 0 || strcmp(e->state, "reauth") == 0) &&
	       seen < enrollment_inactive_since(c);
}

enum rc
enrollment_list(struct call *c, const char *organization_id, const char *account_id, const char *state,
    const struct db_page *page, struct enrollment **out, int *n)
{
	/* As in attempt_list: an index is for the account, else for the organization and the state. */
	const bool theirs = account_id != NULL, all = state == NULL, live = !all && strcmp(state, "live") == 0,
		   inactive = !all && strcmp(state, "inactive") == 0;
	struct db_rows r;
	enum rc rc;

	rc = store_run(c,
	    arena_printf(c->arena,
		"SELECT " ENROLLMENT_COLUMNS "%s AND %s AND %s AND %s AND e.created_at <= ?4"
		" AND (e.created_at < ?4 OR e.id < ?6) ORDER BY e.created_at DESC, e.id DESC LIMIT ?7",
		inactive ? ENROLLMENT_INACTIVE_FROM("?5") : " FROM enrollment e WHERE ?5 = ?5",
		theirs ? "e.account_id = ?2" : "?2 = ''",
		!theirs && organization_id != NULL ? "e.organization_id = ?1" : "(?1 = '' OR e.organization_id = ?1)",
		all || inactive ? "?3 = ?3"
		: live          ? "?3 = ?3 AND e.ended_at IS NULL"
				: "e.state = ?3"),
	    DB_ARGS(db_text(organization_id != NULL ? organization_id : ""), db_text(theirs ? account_id : ""),
		db_text(all ? "" : state), db_int(page->before != 0 ? page->before : INT64_MAX),
		db_int(enrollment_inactive_since(c)), db_text(page->id != NULL ? page->id : ""), db_int(page->limit)),
	    &r);
	if (rc != RC_OK)
		return fail_in(&c->err, rc, "list enrollments");
	*out = arena_array(c->arena, (size_t)r.rows, sizeof **out);
	*n = r.rows;
	for (int i = 0; i < r.rows; i++)
		enrollment_read(&(*out)[i], &r, i, 0);
	return RC_OK;
}

int64_t
enrollment_renew_at(const struct call *c, const char *id, int64_t issued_at, int64_t not_after)
{
	int64_t half_life = (not_after - issued_at) / 2, before = c->conf->renew_before_s;
	struct bytes hash;

	if (not_after == 0)
		return 0;
	hash = crypto_sha256_text(c->arena, id);
	if (before > half_life)
		before = half_life;
	return not_after - before + before / 2 * (hash.p[0] * 256 + hash.p[1]) / 65536;
}

static enum rc
prepare_in_unit(struct call *c, void *arg)
{
	/* A device that lost the answer asks for its profile again: the row is the same, with what was
	 * frozen the first time. */
	static const char again_sql[] =
	    "SELECT " ENROLLMENT_COLUMNS " FROM enrollment e"
	    " WHERE attempt_id = ?1 AND state = 'pending' AND account_id = ?2 AND mode = ?3";
	static const char insert_sql[] =
	    "INSERT INTO enrollment (id, organization_id, mode, account_id, attempt_id, grant_id, state, family, "
	    "product,"
	    " os_version, topic, server_url, check_in_url, assigned_managed_apple_id, access_rights, "
	    "per_user_connections,"
	    " identity_proof, profile_identifier, created_at) VALUES"
	    " (?1, ?2, ?3, ?4, ?5, ?6, 'pending', ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)";
	struct enrollment *e = arg;
	struct db_rows r;
	enum rc rc;

	rc = store_run(c, again_sql, DB_ARGS(db_text(e->attempt_id), db_text(e->account_id), db_text(e->mode)), &r);
	if (rc != RC_OK)
		return rc;
	if (r.rows > 0) {
		const char *grant_id = e->grant_id;

		enrollment_read(e, &r, 0, 0);
		e->grant_id = grant_id;
		return store_run(c, "UPDATE enrollment SET grant_id = ?2, pass_hash = NULL WHERE id = ?1",
		    DB_ARGS(db_text(e->id), db_text(grant_id)), NULL);
	}
	return store_run(c, insert_sql,
	    DB_ARGS(db_text(e->id), db_text(e->organization_id), db_text(e->mode), db_text(e->account_id),
		db_text(e->attempt_id), db_text(e->grant_id), db_text(e->family), db_text(e->product),
		db_text(e->os_version), db_text(e->topic), db_text(e->server_url), db_text(e->check_in_url),
		db_text(e->assigned_managed_apple_id), e->access_rights < 0 ? db_null() : db_int(e->access_rights),
		db_int(e->per_user_connections), db_text(e->identity_proof), db_text(e->profile_identifier),
		db_int(c->now)),
	    NULL);
}

enum rc
enrollment_prepare(struct call *c, struct enrollment *e)
{
	enum rc rc;

	if (e->id == NULL)
		e->id = crypto_uuid(c->arena);
	e->state = "pending";
	e->created_at = c->now;
	rc = store_part(c, prepare_in_unit, e);
	return rc == RC_OK ? rc : fail_in(&c->err, rc, "prepare enrollment");
}

bool
enrollment_evicts_by_status(const char *family, const char *os_version)
{
	static const struct {
		const char *os, *since;
	} rows[] = { { "iOS", "17" }, { "macOS", "14" }, { "visionOS", "1.1" } };

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (strcmp(rows[i].os, os_name(family)) == 0)
			return os_compare(os_version, rows[i].since) >= 0;
	}
	return true;
}

enum rc
enrollment_evict(struct call *c, const char *id, const char **way)
{
	static const char sql[] = "UPDATE enrollment SET state = 'evicting', evict_at = ?2"
				  " WHERE id = ?1 AND ended_at IS NULL AND state <> 'evicting'";
	struct enrollment e = { 0 };
	enum rc rc;

	if ((rc = enrollment_get(c, id, &e)) != RC_OK)
		return rc;
	if (!ENROLLMENT_LIVE(&e))
		return fail(&c->err, RC_CONFLICT, "the enrollment already ended (%s)", e.state);
	*way = enrollment_evicts_by_status(e.family, e.os_version) ? "status" : "profile";
	return store_run(c, sql, DB_ARGS(db_text(id), db_int(c->now + EVICT_WAIT_S)), NULL);
}

enum rc
enrollment_event(struct call *c, const char *id, enum enroll_code code, const char *details)
{
	struct enrollment e = { 0 };
	enum rc rc = id != NULL ? enrollment_get(c, id, &e) : RC_NOT_FOUND;

	if (rc != RC_OK && rc != RC_NOT_FOUND)
		return rc;
	return attempt_event(c, rc == RC_OK ? e.attempt_id : NULL, code, details != NULL ? "%s" : NULL, details);
}

bool
enrollment_same_device(const char *family, const struct device_ids *attested, const struct device_ids *said)
{
	bool udid_counts = strcmp(os_name(family), "macOS") != 0;

	if (attested->serial_number != NULL && said->serial_number != NULL &&
	    strcmp(attested->serial_number, said->serial_number) != 0)
		return false;
	return !udid_counts || attested->udid == NULL || said->udid == NULL ||
	       strcasecmp(attested->udid, said->udid) == 0;
}

enum rc
enrollment_attested(struct call *c, const char *id, struct device_ids *out)
{
	static const char sql[] =
	    "SELECT serial_number, udid FROM acme_order WHERE enrollment_id = ?1 AND state = 'valid'"
	    " ORDER BY expires_at DESC LIMIT 1";
	struct db_rows r;
	enum rc rc = store_run(c, sql, DB_ARGS(db_text(id)), &r);

	*out = (struct device_ids){ NULL, NULL };
	if (rc == RC_OK && r.rows > 0)
		*out = (struct device_ids){ db_get_text(&r, 0, 0), db_get_text(&r, 0, 1) };
	return rc;
}
