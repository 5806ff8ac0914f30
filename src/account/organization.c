#include "account/organization.h"

#include <stdlib.h>
#include <string.h>

#include "account/account.h"
#include "config/config.h"
#include "crypto/hash.h"
#include "crypto/x509.h"
#include "fmt/colour.h"
#include "fmt/uri.h"
#include "store/store.h"

#define ID_MAX 40
#define NAME_MAX 200
#define ACCESS_RIGHTS_ALL 8191 /* every right of the MDM payload */

/* What holds where neither the organization nor the configuration says otherwise (design 6). */
#define ACCESS_TOKEN_LIFE 3600
#define REFRESH_IDLE (90 * 86400)
#define REFRESH_MAX (365 * 86400)
#define WEB_TOKEN_LIFE (30 * 86400)
#define SPREAD 20

#define COLUMNS \
	"o.id, o.name, o.lab, o.topic, o.server_uuid, o.identity_proof, o.device_ca_mode, o.device_ca_ignore_times," \
	" o.access_rights, o.access_token_life_s, o.refresh_idle_s, o.refresh_max_s, o.web_token_life_s, " \
	"o.created_at," \
	" o.colour, (SELECT l.digest FROM organization_logo l WHERE l.organization_id = o.id)," \
	" o.spread"

char *
organization_slug(struct arena *a, const char *name)
{
	char *slug = arena_alloc(a, ID_MAX + 1);
	size_t n = 0;

	for (; *name != '\0' && n < ID_MAX; name++) {
		char ch = *name;

		if (ch >= 'A' && ch <= 'Z')
			ch = (char)(ch - 'A' + 'a');
		if ((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9'))
			slug[n++] = ch;
		else if (n > 0 && slug[n - 1] != '-')
			slug[n++] = '-';
	}
	while (n > 0 && slug[n - 1] == '-')
		n--;
	slug[n] = '\0';
	return n > 0 ? slug : arena_strdup(a, "organization"); /* a name in another script leaves nothing */
}

static bool
id_ok(const char *id)
{
	size_t n = id != NULL ? strlen(id) : 0;

	return n > 0 && n <= ID_MAX && strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

static bool
name_ok(const char *name)
{
	size_t n = name != NULL ? strlen(name) : 0;

	return n > 0 && n <= NAME_MAX && strpbrk(name, "\r\n") == NULL;
}

/* ---- making one ---- */

/* The last rules of a new organization: rows like any other, to be seen and changed. */
static const struct first_rule {
	const char *family, *outcome, *message;
} first_rules[] = {
	{ "iPhone", "byod", NULL },
	{ "iPad", "byod", NULL },
	{ "RealityDevice", "byod", NULL },
	{ "Mac", "adde", NULL },
	{ "Watch", "refuse", "Apple Watch can't be enrolled this way. Enroll the iPhone that it is paired with." },
	{ "AppleTV", "refuse", "Apple TV can't be enrolled this way." },
	{ NULL, "byod", NULL },
};

struct add {
	const struct organization *o;
	const char *const *domains;
	int n_domains;
};

static struct db_value
life(int64_t seconds) /* none of its own: NULL */
{
	return seconds > 0 ? db_int(seconds) : db_null();
}

/* RC_CONFLICT, with nothing kept, where the row was not inserted. */
static enum rc
inserted(struct call *c, const struct db_rows *r, const char *what, const char *name)
{
	if (r->rows > 0)
		return RC_OK;
	store_discard(c);
	return fail(&c->err, RC_CONFLICT, "%s %s is taken", what, name);
}

static enum rc
insert_domain(struct call *c, const char *organization_id, const char *domain)
{
	struct db_rows r;
	enum rc rc = store_run(c,
	    "INSERT INTO domain (name, organization_id, added_at) VALUES (?1, ?2, ?3)"
	    " ON CONFLICT DO NOTHING RETURNING name",
	    DB_ARGS(db_text(domain), db_text(organization_id), db_int(c->now)), &r);

	return rc == RC_OK ? inserted(c, &r, "the domain", domain) : rc;
}

static enum rc
insert_rules(struct call *c, const char *organization_id)
{
	for (size_t i = 0; i < sizeof first_rules / sizeof first_rules[0]; i++) {
		const struct first_rule *f = &first_rules[i];
		enum rc rc = store_run(c,
		    "INSERT INTO rule (id, organization_id, position, model_family, outcome, message, created_at)"
		    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
		    DB_ARGS(db_text(crypto_id(c->arena)), db_text(organization_id), db_int((int64_t)i + 1),
			db_text(f->family), db_text(f->outcome), db_text(f->message), db_int(c->now)),
		    NULL);

		if (rc != RC_OK)
			return rc;
	}
	return RC_OK;
}

static enum rc
add(struct call *c, void *arg)
{
	const struct add *in = arg;
	const struct organization *o = in->o;
	struct db_rows r;
	enum rc rc;

	rc = store_run(c,
	    "INSERT INTO organization (id, name, lab, topic, server_uuid, identity_proof, device_ca_mode,"
	    "  device_ca_ignore_times, access_rights, access_token_life_s, refresh_idle_s, refresh_max_s,"
	    "  web_token_life_s, created_at)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"
	    " ON CONFLICT DO NOTHING RETURNING id",
	    DB_ARGS(db_text(o->id), db_text(o->name), db_int(o->lab), db_text(o->topic), db_text(o->server_uuid),
		db_text(o->identity_proof != NULL ? o->identity_proof : "signature"),
		db_text(o->device_ca_mode != NULL ? o->device_ca_mode : "require"), db_int(o->device_ca_ignore_times),
		db_int(o->access_rights > 0 ? o->access_rights : ACCESS_RIGHTS_ALL), life(o->access_token_life_s),
		life(o->refresh_idle_s), life(o->refresh_max_s), life(o->web_token_life_s), db_int(c->now)),
	    &r);
	if (rc == RC_OK)
		rc = inserted(c, &r, "the organization", o->id);
	for (int i = 0; rc == RC_OK && i < in->n_domains; i++)
		rc = insert_domain(c, o->id, in->domains[i]);
	if (rc == RC_OK)
		rc = insert_rules(c, o->id);
	return rc;
}

enum rc
organization_add(struct call *c, const struct organization *o, const char *const *domains, int n_domains)
{
	const char **lowered = arena_array(c->arena, (size_t)n_domains, sizeof *lowered);
	struct add in = { o, lowered, n_domains };

	if (!id_ok(o->id))
		return fail(&c->err, RC_BAD_INPUT, "an organization's id has 1 to %d of a-z, 0-9 and -", ID_MAX);
	if (!name_ok(o->name))
		return fail(&c->err, RC_BAD_INPUT, "an organization's name is one line of 1 to %d octets", NAME_MAX);
	for (int i = 0; i < n_domains; i++) {
		if (!uri_is_fqdn(domains[i]))
			return fail(&c->err, RC_BAD_INPUT, "%.100s is no fully qualified domain name", domains[i]);
		lowered[i] = account_fold(c->arena, domains[i]);
	}
	return store_part(c, add, &in);
}

/* ---- reading ---- */

/* Its own, else the configuration's, else the default (a test without a configuration). */
static int64_t
life_or(const struct db_rows *r, int row, int column, int64_t configured, int64_t otherwise)
{
	if (!db_is_null(r, row, column))
		return db_get_int(r, row, column);
	return configured > 0 ? configured : otherwise;
}

static void
read_row(const struct call *c, const struct db_rows *r, int row, struct organization *o)
{
	static const struct conf none;
	const struct conf *conf = c->conf != NULL ? c->conf : &none;

	*o = (struct organization){
		.id = db_get_text(r, row, 0),
		.name = db_get_text(r, row, 1),
		.lab = db_get_int(r, row, 2) != 0,
		.topic = db_get_text(r, row, 3),
		.server_uuid = db_get_text(r, row, 4),
		.identity_proof = db_get_text(r, row, 5),
		.device_ca_mode = db_get_text(r, row, 6),
		.device_ca_ignore_times = db_get_int(r, row, 7) != 0,
		.access_rights = db_get_int(r, row, 8),
		.access_token_life_s = life_or(r, row, 9, conf->access_token_life_s, ACCESS_TOKEN_LIFE),
		.refresh_idle_s = life_or(r, row, 10, conf->refresh_idle_s, REFRESH_IDLE),
		.refresh_max_s = life_or(r, row, 11, conf->refresh_max_s, REFRESH_MAX),
		.web_token_life_s = life_or(r, row, 12, conf->web_token_life_s, WEB_TOKEN_LIFE),
		.created_at = db_get_int(r, row, 13),
		.colour = db_get_text(r, row, 14),
		.logo = db_get_text(r, row, 15),
		.spread = db_is_null(r, row, 16) ? SPREAD : db_get_int(r, row, 16),
	};
}

static enum rc
get_one(struct call *c, const char *sql, const char *key, const char *what, struct organization *out)
{
	struct db_rows r;
	enum rc rc = store_run(c, sql, DB_ARGS(db_text(key)), &r);

	if (rc != RC_OK)
		return rc;
	if (r.rows == 0)
		return fail(&c->err, RC_NOT_FOUND, "there is no organization %s %.100s", what, key);
	read_row(c, &r, 0, out);
	return RC_OK;
}

enum rc
organization_get(struct call *c, const char *id, struct organization *out)
{
	return get_one(c, "SELECT " COLUMNS " FROM organization o WHERE o.id = ?1", id, "with the id", out);
}

enum rc
organization_by_domain(struct call *c, const char *domain, struct organization *out)
{
	return get_one(c,
	    "SELECT " COLUMNS " FROM organization o JOIN domain d ON d.organization_id = o.id WHERE d.name = ?1",
	    account_fold(c->arena, domain), "for the domain", out);
}

enum rc
organization_list(struct call *c, struct organization **out, int *n)
{
	struct db_rows r;
	enum rc rc = store_run(c, "SELECT " COLUMNS " FROM organization o ORDER BY o.id", DB_NONE, &r);

	*n = 0;
	if (rc != RC_OK)
		return rc;
	*out = arena_array(c->arena, (size_t)r.rows, sizeof **out);
	for (*n = 0; *n < r.rows; (*n)++)
		read_row(c, &r, *n, &(*out)[*n]);
	return RC_OK;
}

/* ---- changing ---- */

enum kind { NAME, TEXT, CHOICE, NUMBER, FLAG, COLOUR };

static const char *const proofs[] = { "signature", "mtls", "proxy", NULL };
static const char *const modes[] = { "require", "warn", "off", NULL };

/* clang-format off */
static const struct setting {
	const char *key;
	enum kind kind;
	const char *const *choices;
	int64_t least, most;		/* numbers; lives in seconds */
	const char *sql, *allowed;
} settings[] = {
#define SET(column) "UPDATE organization SET " column " = ?2 WHERE id = ?1 RETURNING id"
	{ "name", NAME, NULL, 0, 0, SET("name"), "one line of 1 to 200 octets" },
	{ "topic", TEXT, NULL, 0, 0, SET("topic"), "1 to 200 characters without white space" },
	{ "server-uuid", TEXT, NULL, 0, 0, SET("server_uuid"), "1 to 200 characters without white space" },
	{ "identity-proof", CHOICE, proofs, 0, 0, SET("identity_proof"), "signature, mtls or proxy" },
	{ "device-ca-mode", CHOICE, modes, 0, 0, SET("device_ca_mode"), "require, warn or off" },
	{ "device-ca-ignore-times", FLAG, NULL, 0, 0, SET("device_ca_ignore_times"), "yes or no" },
	{ "access-rights", NUMBER, NULL, 1, ACCESS_RIGHTS_ALL, SET("access_rights"), "a number from 1 to 8191" },
	{ "lab", FLAG, NULL, 0, 0, SET("lab"), "yes or no" },
	{ "access-token-life", NUMBER, NULL, 1, 86400, SET("access_token_life_s"), "1 to 86400 seconds" },
	{ "refresh-idle", NUMBER, NULL, 60, 3650 * 86400LL, SET("refresh_idle_s"), "60 seconds to 10 years, in seconds" },
	{ "refresh-max", NUMBER, NULL, 60, 3650 * 86400LL, SET("refresh_max_s"), "60 seconds to 10 years, in seconds" },
	{ "web-token-life", NUMBER, NULL, 1, 3650 * 86400LL, SET("web_token_life_s"), "1 second to 10 years, in seconds" },
	{ "spread", NUMBER, NULL, 0, 90, SET("spread"), "0 to 90 per cent" },
	{ "colour", COLOUR, NULL, 0, 0, SET("colour"), "a colour like #0a5 or #00aa55, or none" },
#undef SET
};
/* clang-format on */

static const struct setting *
find_setting(const char *key)
{
	for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
		if (strcmp(settings[i].key, key) == 0)
			return &settings[i];
	}
	return NULL;
}

static bool
number(const char *text, int64_t least, int64_t most, int64_t *out)
{
	char *end;

	if (*text < '0' || *text > '9' || strlen(text) > 18)
		return false;
	*out = strtoll(text, &end, 10);
	return *end == '\0' && *out >= least && *out <= most;
}

static bool
flag(const char *text, int64_t *out)
{
	static const char *const words[][2] = { { "no", "yes" }, { "off", "on" }, { "false", "true" }, { "0", "1" } };

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		for (*out = 0; *out < 2; (*out)++) {
			if (strcmp(words[i][*out], text) == 0)
				return true;
		}
	}
	return false;
}

static bool
value_of(const struct setting *s, const char *text, struct db_value *out)
{
	struct colour colour;
	int64_t n = 0;
	bool good = true;

	*out = db_text(text);
	switch (s->kind) {
	case NAME:
		return name_ok(text);
	case TEXT:
		return name_ok(text) && strpbrk(text, " \t") == NULL;
	case CHOICE:
		for (int i = 0; s->choices[i] != NULL; i++) {
			if (strcmp(s->choices[i], text) == 0)
				return true;
		}
		return false;
	case NUMBER:
		good = number(text, s->least, s->most, &n);
		break;
	case FLAG:
		good = flag(text, &n);
		break;
	case COLOUR:
		if (strcmp(text, "none") == 0)
			*out = db_null();
		return strcmp(text, "none") == 0 || colour_parse(text, &colour);
	}
	*out = db_int(n);
	return good;
}

enum rc
organization_set(struct call *c, const char *id, const char *key, const char *value)
{
	const struct setting *s = find_setting(key);
	struct db_value v;
	struct db_rows r;
	enum rc rc;

	if (s == NULL)
		return fail(&c->err, RC_BAD_INPUT, "%.60s is no setting of an organization", key);
	if (!value_of(s, value, &v))
		return fail(&c->err, RC_BAD_INPUT, "%s is %s", s->key, s->allowed);
	if ((rc = store_run(c, s->sql, DB_ARGS(db_text(id), v), &r)) != RC_OK)
		return rc;
	return r.rows > 0 ? RC_OK : fail(&c->err, RC_NOT_FOUND, "there is no organization with the id %.60s", id);
}

#define OF_ADMINISTRATORS(table) \
	("DELETE FROM " table " WHERE administrator_id IN (SELECT id FROM administrator WHERE organization_id = ?1)")

static enum rc
remove_all(struct call *c, void *arg)
{
	/* Enrollments that ended, attempts and their events stay: history is pruned by its age. */
	static const char *const sql[] = {
		"DELETE FROM oauth_token WHERE grant_id IN (SELECT id FROM oauth_grant WHERE organization_id = ?1)",
		"DELETE FROM oauth_grant WHERE organization_id = ?1",
		"DELETE FROM oauth_code WHERE organization_id = ?1",
		("DELETE FROM provider_session WHERE provider_id IN (SELECT id FROM identity_provider"
		 " WHERE organization_id = ?1)"),
		("DELETE FROM account_identity WHERE provider_id IN (SELECT id FROM identity_provider"
		 " WHERE organization_id = ?1)"),
		"DELETE FROM identity_provider WHERE organization_id = ?1",
		"DELETE FROM account_group WHERE account_id IN (SELECT id FROM account WHERE organization_id = ?1)",
		"DELETE FROM account_change WHERE account_id IN (SELECT id FROM account WHERE organization_id = ?1)",
		"DELETE FROM account WHERE organization_id = ?1",
		"DELETE FROM assignment WHERE group_id IN (SELECT id FROM device_group WHERE organization_id = ?1)",
		"DELETE FROM device_group WHERE organization_id = ?1",
		"DELETE FROM desired_verdict WHERE item_id IN (SELECT id FROM desired_item WHERE organization_id = ?1)",
		"DELETE FROM desired_item WHERE organization_id = ?1",
		"DELETE FROM desired_round WHERE organization_id = ?1",
		"DELETE FROM licence WHERE organization_id = ?1",
		"DELETE FROM licence_event WHERE organization_id = ?1",
		"DELETE FROM licence_user WHERE organization_id = ?1",
		"DELETE FROM licence_asset WHERE organization_id = ?1",
		"DELETE FROM assignment_service WHERE organization_id = ?1",
		"DELETE FROM licence_service WHERE organization_id = ?1",
		"DELETE FROM group_policy WHERE organization_id = ?1",
		"DELETE FROM rule WHERE organization_id = ?1",
		"DELETE FROM device_ca WHERE organization_id = ?1",
		"DELETE FROM attestation_ca WHERE organization_id = ?1",
		"DELETE FROM esso_document WHERE organization_id = ?1",
		OF_ADMINISTRATORS("administrator_session"),
		OF_ADMINISTRATORS("administrator_code"),
		OF_ADMINISTRATORS("administrator_key"),
		"DELETE FROM administrator WHERE organization_id = ?1",
		"DELETE FROM service WHERE organization_id = ?1",
		"DELETE FROM api_token WHERE organization_id = ?1",
		"DELETE FROM webhook_delivery WHERE webhook_id IN (SELECT id FROM webhook WHERE organization_id = ?1)",
		"DELETE FROM webhook_state WHERE webhook_id IN (SELECT id FROM webhook WHERE organization_id = ?1)",
		"DELETE FROM webhook WHERE organization_id = ?1",
		"DELETE FROM directory_group WHERE organization_id = ?1",
		"DELETE FROM domain WHERE organization_id = ?1",
		"DELETE FROM organization_logo WHERE organization_id = ?1",
		"DELETE FROM organization WHERE id = ?1",
	};
	const char *id = arg;
	struct db_rows r;
	enum rc rc;

	rc = store_run(c, "SELECT id FROM enrollment WHERE organization_id = ?1 AND ended_at IS NULL LIMIT 1",
	    DB_ARGS(db_text(id)), &r);
	if (rc != RC_OK)
		return rc;
	if (r.rows > 0)
		return fail(&c->err, RC_CONFLICT, "%s still has enrolled devices: evict them first", id);
	for (size_t i = 0; i < sizeof sql / sizeof sql[0]; i++) {
		if ((rc = store_run(c, sql[i], DB_ARGS(db_text(id)), &r)) != RC_OK)
			return rc;
	}
	return r.changed > 0 ? RC_OK : fail(&c->err, RC_NOT_FOUND, "there is no organization with the id %.60s", id);
}

enum rc
organization_remove(struct call *c, const char *id)
{
	return store_part(c, remove_all, (void *)(uintptr_t)id);
}
