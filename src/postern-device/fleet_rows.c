#include "postern-device/fleet_rows.h"

#include <string.h>

#include "account/words.h"
#include "base/buf.h"
#include "crypto/hash.h"
#include "enroll/failure.h"
#include "fmt/plist.h"
#include "store/store.h"

#define SQL_MAX 65536
#define CERTIFICATE_LIFE_S (365 * 86400)
#define EVENT_DETAILS "prepared by postern-device fleet: rows written directly, nothing of this was enrolled"

struct ids {
	char account[FLEET_ROW_ID], attempt[FLEET_ROW_ID], grant[FLEET_ROW_ID], enrollment[FLEET_UUID],
	    device[FLEET_UUID];
};

/* Texts of one INSERT: they live until it ran. */
struct batch {
	struct call *c;
	const struct fleet_rows *r;
	const struct fleet_head *h;
	struct db_value v[FLEET_PLACEHOLDERS];
	int columns, rows, at_once;
	char *sql; /* of at_once rows */
	const char *into;
};

static const struct ids *
ids_of(struct batch *b, uint64_t n)
{
	struct ids *i = arena_alloc(b->c->arena, sizeof *i);
	uint32_t tag = b->h->tag;

	fleet_row_id(i->account, tag, FLEET_ROW_ACCOUNT, n);
	fleet_row_id(i->attempt, tag, FLEET_ROW_ATTEMPT, n);
	fleet_row_id(i->grant, tag, FLEET_ROW_GRANT, n);
	fleet_uuid(i->enrollment, tag, FLEET_UUID_ROW, n);
	fleet_uuid(i->device, tag, FLEET_UUID_DEVICE, n);
	return i;
}

static const char *
person(struct batch *b, uint64_t n)
{
	return arena_printf(b->c->arena, "fleet-%08x-%llu@%s", b->h->tag, (unsigned long long)n, b->h->domain);
}

/* ---- one row each ---- */

static void
account_row(struct batch *b, uint64_t n, const struct ids *i, struct db_value *v)
{
	const char *who = person(b, n);
	const struct db_value row[] = { db_text(i->account), db_text(b->h->organization), db_text(who), db_text(who),
		db_text("local"), db_text(b->r->password_hash), db_int(b->c->now), db_int(b->c->now),
		db_text(account_words(b->c->arena, who, who, NULL)) };

	memcpy(v, row, sizeof row);
}

static void
attempt_row(struct batch *b, uint64_t n, const struct ids *i, struct db_value *v)
{
	const struct enroll_failure *last = enroll_failure(EV_enrolled);
	const struct db_value row[] = { db_text(i->attempt), db_text(b->h->organization), db_text("enroll"),
		db_text(person(b, n)), db_text(i->account), db_text(b->h->family), db_text(b->h->product),
		db_text(b->h->os_version), db_text("byod"), db_text("apple-oauth2"), db_text("enrolled"),
		db_text(enroll_stage_name(last->stage)), db_text(last->code), db_int(1), db_text(i->enrollment),
		db_int(b->c->now), db_int(b->c->now) };

	memcpy(v, row, sizeof row);
}

static void
event_row(struct batch *b, uint64_t n, const struct ids *i, struct db_value *v)
{
	const struct enroll_failure *last = enroll_failure(EV_enrolled);
	const struct db_value row[] = { db_text(i->attempt), db_int(1), db_int(b->c->now),
		db_text(enroll_stage_name(last->stage)), db_text(last->code),
		db_text(enroll_outcome_name(last->outcome)), db_text(EVENT_DETAILS) };

	(void)n;
	memcpy(v, row, sizeof row);
}

static void
grant_row(struct batch *b, uint64_t n, const struct ids *i, struct db_value *v)
{
	const struct db_value row[] = { db_text(i->grant), db_text(b->h->organization), db_text(i->account),
		db_text(i->attempt), db_text(i->enrollment), db_text("apple-oauth2"), db_text(b->h->client_id),
		db_int(1), db_int(1), db_int(b->c->now), db_int(b->c->now),
		db_int(b->c->now + b->r->organization->refresh_max_s) };

	(void)n;
	memcpy(v, row, sizeof row);
}

static void
put_token(struct batch *b, struct db_value *v, const char *token, const char *kind, const char *grant,
    int64_t generation, int64_t expires_at)
{
	const struct db_value row[] = { db_blob(crypto_sha256_text(b->c->arena, token)), db_text(kind), db_text(grant),
		db_int(generation), db_int(b->c->now), db_int(expires_at) };

	memcpy(v, row, sizeof row);
}

static void
access_row(struct batch *b, uint64_t n, const struct ids *i, struct db_value *v)
{
	put_token(b, v, fleet_at(b->r->fleet, n)->access, "access", i->grant, 1, b->c->now + b->r->token_life_s);
}

/* Of a generation that no rotation ever tidies away, so that it stays expired and known. */
static void
expired_row(struct batch *b, uint64_t n, const struct ids *i, struct db_value *v)
{
	char token[FLEET_TOKEN];

	fleet_token(token, b->h->secret, FLEET_EXPIRED, n);
	put_token(b, v, token, "access", i->grant, INT32_MAX, b->c->now - 1);
}

static void
family_row(struct batch *b, uint64_t n, const struct ids *i, struct db_value *v)
{
	char token[FLEET_TOKEN];

	fleet_token(token, b->h->secret, FLEET_FAMILY, n);
	put_token(b, v, token, "family", i->grant, 1, b->c->now + b->r->organization->refresh_max_s);
}

static void
refresh_row(struct batch *b, uint64_t n, const struct ids *i, struct db_value *v)
{
	put_token(b, v, fleet_at(b->r->fleet, n)->refresh, "refresh", i->grant, 1,
	    b->c->now + b->r->organization->refresh_idle_s);
}

static struct bytes
certificate_of(struct batch *b, uint64_t n)
{
	uint8_t *der = arena_alloc(b->c->arena, b->h->certificate_size);

	fleet_certificate(b->r->fleet, n, der);
	return bytes_of(der, b->h->certificate_size);
}

static void
certificate_row(struct batch *b, uint64_t n, const struct ids *i, struct db_value *v)
{
	struct bytes der = certificate_of(b, n);
	char *serial = arena_alloc(b->c->arena, 33);

	for (int k = 0; k < 16; k++) {
		serial[2 * k] = "0123456789abcdef"[der.p[b->h->serial_at + (uint32_t)k] >> 4];
		serial[2 * k + 1] = "0123456789abcdef"[der.p[b->h->serial_at + (uint32_t)k] & 15];
	}
	const struct db_value row[] = { db_blob(crypto_sha256(b->c->arena, der)), db_text(b->h->organization),
		db_text(serial), db_text(i->enrollment), db_blob(der),
		db_blob(b->r->raw_keys[fleet_at(b->r->fleet, n)->key]), db_int(b->c->now),
		db_int((int64_t)b->h->prepared_at + CERTIFICATE_LIFE_S) };

	memcpy(v, row, sizeof row);
}

static void
enrollment_row(struct batch *b, uint64_t n, const struct ids *i, struct db_value *v)
{
	const struct fleet_head *h = b->h;
	struct arena *a = b->c->arena;
	const struct db_value row[] = { db_text(i->enrollment), db_text(h->organization), db_text("byod"),
		db_text(i->device), db_text(i->account), db_text(i->attempt), db_text(i->grant), db_text("enrolled"),
		db_text(h->family), db_text(h->product), db_text(h->os_version), db_text(h->build), db_text(h->topic),
		db_text(arena_printf(a, "%s%s", h->url, h->command_path)),
		db_text(arena_printf(a, "%s%s", h->url, h->checkin_path)), db_text(person(b, n)), db_int(0),
		db_text(b->r->organization->identity_proof),
		db_text(arena_printf(a, "postern.%s.enrollment", h->organization)),
		db_blob(crypto_sha256(a, certificate_of(b, n))), db_int(b->c->now), db_int(b->c->now),
		db_blob(crypto_sha256_text(a, fleet_at(b->r->fleet, n)->access)),
		db_int(b->c->now + b->r->token_life_s), db_blob(b->r->raw_keys[fleet_at(b->r->fleet, n)->key]) };

	memcpy(v, row, sizeof row);
}

static void
channel_row(struct batch *b, uint64_t n, const struct ids *i, struct db_value *v)
{
	uint8_t *push = arena_alloc(b->c->arena, 32);
	char *magic = arena_alloc(b->c->arena, FLEET_MAGIC);
	const struct db_value row[] = { db_text(i->enrollment), db_text(""), db_blob(bytes_of(push, 32)),
		db_text(magic), db_int(b->c->now), b->h->commands > 0 ? db_int(b->c->now) : db_null() };

	fleet_secret(push, b->h->secret, FLEET_PUSH_TOKEN, n, 0);
	fleet_push_magic(magic, b->h->tag, n, 0);
	memcpy(v, row, sizeof row);
}

/* ---- tables ---- */

static const struct {
	const char *into;
	int columns;
	void (*row)(struct batch *b, uint64_t n, const struct ids *i, struct db_value *v);
} tables[] = {
	/* clang-format off */
	{ "account (id, organization_id, user_identifier, managed_apple_account, source, password_hash, created_at,"
	  " updated_at, words)", 9, account_row },
	{ "attempt (id, organization_id, kind, user_identifier, account_id, model_family, product, os_version, mode,"
	  " method, state, stage, code, events, enrollment_id, started_at, updated_at)", 17, attempt_row },
	{ "event (attempt_id, seq, at, stage, code, outcome, details)", 7, event_row },
	{ "oauth_grant (id, organization_id, account_id, attempt_id, enrollment_id, method, client_id, generation,"
	  " confirmed, created_at, used_at, ends_at)", 12, grant_row },
	{ "oauth_token (hash, kind, grant_id, generation, issued_at, expires_at)", 6, access_row },
	{ "oauth_token (hash, kind, grant_id, generation, issued_at, expires_at)", 6, family_row },
	{ "oauth_token (hash, kind, grant_id, generation, issued_at, expires_at)", 6, refresh_row },
	{ "certificate (fingerprint, organization_id, serial, enrollment_id, certificate, raw_key, issued_at,"
	  " not_after)", 8, certificate_row },
	{ "enrollment (id, organization_id, mode, device_id, account_id, attempt_id, grant_id, state, family,"
	  " product, os_version, build_version, topic, server_url, check_in_url, assigned_managed_apple_id,"
	  " per_user_connections, identity_proof, profile_identifier, certificate_fp, created_at, enrolled_at,"
	  " pass_hash, pass_until, pass_key)", 25, enrollment_row },
	{ "channel (enrollment_id, user_id, push_token, push_magic, updated_at, wake_at)", 6, channel_row },
	/* clang-format on */
};
static const char expired_into[] = "oauth_token (hash, kind, grant_id, generation, issued_at, expires_at)";
static const char command_into[] = "command (uuid, enrollment_id, user_id, position, request_type, payload,"
				   " queued_at, queued_by, put_off)";

static char *
insert_sql(struct arena *a, const char *into, int columns, int rows)
{
	struct buf b;

	buf_init(&b, SQL_MAX);
	buf_printf(&b, "INSERT INTO %s VALUES ", into);
	for (int i = 0; i < rows * columns; i++)
		buf_printf(&b, "%s?%d%s",
		    i % columns != 0 ? ", "
		    : i > 0          ? ", ("
				     : "(",
		    i + 1, (i + 1) % columns == 0 ? ")" : "");
	return buf_finish(&b, a);
}

static void
start(struct batch *b, const char *into, int columns)
{
	b->into = into;
	b->columns = columns;
	b->at_once = b->r->placeholders / columns > 1 ? b->r->placeholders / columns : 1;
	b->rows = 0;
	b->sql = insert_sql(b->c->arena, into, columns, b->at_once);
}

static enum rc
flush(struct batch *b)
{
	const char *sql = b->rows == b->at_once ? b->sql : insert_sql(b->c->arena, b->into, b->columns, b->rows);
	struct db_args args = { b->v, b->rows * b->columns };

	if (b->rows == 0)
		return RC_OK;
	b->rows = 0;
	return store_run(b->c, sql, args, NULL);
}

static struct db_value *
next_row(struct batch *b, enum rc *rc)
{
	*rc = b->rows == b->at_once ? flush(b) : RC_OK;
	return &b->v[b->rows++ * b->columns];
}

/* ---- commands ---- */

static struct bytes
device_information(struct arena *a, const char *uuid)
{
	static const char *const queries[] = { "DeviceName", "OSVersion", "BuildVersion", "ModelName", "ProductName" };
	plist_t root = plist_keep(a, plist_new_dict()), command = plist_new_dict(), list = plist_new_array();

	for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++)
		plist_array_append_item(list, plist_new_string(queries[i]));
	plist_put_text(root, "CommandUUID", uuid);
	plist_put_text(command, "RequestType", "DeviceInformation");
	plist_put(command, "Queries", list);
	plist_put(root, "Command", command);
	return plist_xml(a, root);
}

static enum rc
write_commands(struct batch *b)
{
	struct bytes pattern = device_information(b->c->arena, "00000000-0000-4000-8000-000000000000");
	size_t at = (size_t)((const uint8_t *)memmem(pattern.p, pattern.n, "00000000-", 9) - pattern.p);
	enum rc rc = RC_OK;

	start(b, command_into, 9);
	for (uint64_t n = b->r->from; n < b->r->to; n++) {
		const struct ids *i = ids_of(b, n);

		for (unsigned k = 0; k < b->h->commands; k++) {
			char *uuid = arena_alloc(b->c->arena, FLEET_UUID);
			struct bytes payload = arena_copy(b->c->arena, pattern);
			struct db_value *v = next_row(b, &rc);

			if (rc != RC_OK)
				return rc;
			fleet_command_uuid(uuid, b->h->tag, n, k);
			memcpy((uint8_t *)payload.p + at, uuid, FLEET_UUID - 1);
			const struct db_value row[] = { db_text(uuid), db_text(i->enrollment), db_text(""),
				db_int(k + 1), db_text("DeviceInformation"), db_blob(payload), db_int(b->c->now),
				db_text("fleet"), db_int(0) };

			memcpy(v, row, sizeof row);
		}
	}
	return flush(b);
}

static enum rc
write_table(struct batch *b, const char *into, int columns,
    void (*row)(struct batch *b, uint64_t n, const struct ids *i, struct db_value *v))
{
	enum rc rc = RC_OK;

	start(b, into, columns);
	for (uint64_t n = b->r->from; n < b->r->to; n++) {
		struct db_value *v = next_row(b, &rc);

		if (rc != RC_OK)
			return rc;
		row(b, n, ids_of(b, n), v);
	}
	return flush(b);
}

enum rc
fleet_rows_write(struct call *c, void *rows)
{
	const struct fleet_rows *r = rows;
	struct batch *b = arena_alloc(c->arena, sizeof *b);
	enum rc rc = RC_OK;

	b->c = c;
	b->r = r;
	b->h = r->fleet->head;
	for (size_t i = 0; rc == RC_OK && i < sizeof tables / sizeof tables[0]; i++)
		rc = write_table(b, tables[i].into, tables[i].columns, tables[i].row);
	if (rc == RC_OK && b->h->has_expired)
		rc = write_table(b, expired_into, 6, expired_row);
	if (rc == RC_OK && b->h->commands > 0)
		rc = write_commands(b);
	return rc;
}
