#include "assignment/assignment.h"

#include <stdlib.h>
#include <string.h>

#include "account/organization.h"
#include "assignment/client.h"
#include "assignment/token.h"
#include "base/log.h"
#include "config/config.h"
#include "crypto/hash.h"
#include "fmt/uri.h"
#include "keys/keys.h"
#include "store/store.h"

#define CONTEXT "assignment"
#define DAY_S 86400
#define AGAIN_S 3600 /* after Apple did not answer */
#define TURN_S 300 /* longer than a check takes */
#define TIMEOUT_MS 20000
#define URL_MAX 2048

/* ---- rows ---- */

struct kept { /* one row, and what is to become of it */
	const char *organization_id;
	struct assignment_way way;
	struct bytes secrets, session; /* sealed */
	int64_t expires_at, check_in_s;
	json_t *account; /* NULL: as it was */
	const char *server_uuid; /* of it */
	const char *discovery_url, *found_url, *since, *trouble;
	bool registered; /* discovery_url is another one now */
};

static enum rc
seal(struct call *c, json_t *j, struct bytes *out)
{
	return keys_seal(c->keys, c->arena, CONTEXT, json_text(c->arena, json_keep(c->arena, j), 0), out, &c->err);
}

static enum rc
unseal(struct call *c, struct bytes sealed, json_t **out)
{
	struct bytes plain = { NULL, 0 };
	enum rc rc = keys_unseal(c->keys, c->arena, CONTEXT, sealed, &plain, &c->err);

	return rc == RC_OK ? json_parse(c->arena, plain, out, &c->err) : rc;
}

static enum rc
seal_secrets(struct call *c, struct kept *k)
{
	const struct assignment_secrets *s = &k->way.secrets;

	return seal(c,
	    json_pack("{s:s,s:s,s:s,s:s}", "consumer_key", s->consumer_key, "consumer_secret", s->consumer_secret,
		"access_token", s->access_token, "access_secret", s->access_secret),
	    &k->secrets);
}

static enum rc
seal_session(struct call *c, struct kept *k)
{
	if (k->way.session == NULL)
		return RC_OK;
	return seal(c, json_pack("{s:s}", "session", k->way.session), &k->session);
}

static enum rc
no_token(struct call *c, const char *organization_id)
{
	return fail(&c->err, RC_NOT_FOUND, "%s has no server token of Apple: postern apple setup", organization_id);
}

static enum rc
load(struct call *c, const char *organization_id, struct kept *k)
{
	static const char sql[] =
	    "SELECT secrets, session, discovery_url, found_url FROM assignment_service WHERE organization_id = ?1";
	struct db_rows r;
	json_t *j;
	enum rc rc = store_run(c, sql, DB_ARGS(db_text(organization_id)), &r);

	*k = (struct kept){ .organization_id = organization_id, .check_in_s = DAY_S };
	if (rc != RC_OK)
		return rc;
	if (r.rows == 0)
		return no_token(c, organization_id);
	k->discovery_url = db_get_text(&r, 0, 2);
	k->found_url = db_get_text(&r, 0, 3);
	if ((rc = unseal(c, db_get_blob(&r, 0, 0), &j)) != RC_OK)
		return rc;
	k->way.secrets =
	    (struct assignment_secrets){ json_get_text(j, "consumer_key"), json_get_text(j, "consumer_secret"),
		    json_get_text(j, "access_token"), json_get_text(j, "access_secret") };
	if (db_get_blob(&r, 0, 1).p == NULL || (rc = unseal(c, db_get_blob(&r, 0, 1), &j)) != RC_OK)
		return rc;
	k->way.session = json_get_text(j, "session");
	return RC_OK;
}

static struct db_value
blob_or_null(struct bytes b)
{
	return b.p != NULL ? db_blob(b) : db_null();
}

/* What came of asking. The account is the organization's, and so is its server_uuid. */
static enum rc
keep_in_unit(struct call *c, void *arg)
{
	static const char heard[] = "UPDATE assignment_service SET session = ?2, trouble = ?3, check_at = ?4,"
				    " discovery_url = CASE WHEN ?9 = 1 THEN ?5 ELSE discovery_url END,"
				    " found_url = ?6, checked_at = ?7, clock_off_s = ?8 WHERE organization_id = ?1";
	static const char silent[] =
	    "UPDATE assignment_service SET trouble = ?2, check_at = ?3 WHERE organization_id = ?1";
	static const char account[] =
	    "UPDATE assignment_service SET account = ?2, server_uuid = ?3 WHERE organization_id = ?1";
	struct kept *k = arg;
	struct db_value org = db_text(k->organization_id), at = db_int(c->now + k->check_in_s);
	enum rc rc;

	if (!k->way.heard)
		return store_run(c, silent, DB_ARGS(org, db_text(k->trouble), at), NULL);
	rc = store_run(c, heard,
	    DB_ARGS(org, blob_or_null(k->session), db_text(k->trouble), at, db_text(k->discovery_url),
		db_text(k->found_url), db_int(c->now), db_int(k->way.clock_off_s), db_int(k->registered)),
	    NULL);
	if (rc != RC_OK || k->account == NULL)
		return rc;
	rc = store_run(c, account,
	    DB_ARGS(org, db_text((const char *)json_text(c->arena, k->account, 0).p), db_text(k->server_uuid)), NULL);
	return rc == RC_OK ? organization_set(c, k->organization_id, "server-uuid", k->server_uuid) : rc;
}

/* So that not all organizations of all servers ask in the same minute. */
static int64_t
spread(int64_t s)
{
	uint32_t r;

	crypto_random(&r, sizeof r);
	return s - s / 8 + r % (s / 4);
}

/* What came of asking is kept, whatever it was. Returns `asked`, with its sentence, unless the store fails. */
static enum rc
keep(struct call *c, struct kept *k, enum rc asked)
{
	struct err e = c->err;
	enum rc rc;

	k->check_in_s = spread(asked == RC_UNAVAILABLE ? AGAIN_S : DAY_S);
	k->trouble = asked == RC_UNAVAILABLE || asked == RC_FORBIDDEN ? arena_strdup(c->arena, c->err.text) : NULL;
	if ((rc = seal_session(c, k)) != RC_OK || (rc = store_unit(c, keep_in_unit, k)) != RC_OK)
		return rc;
	c->err = e;
	return asked;
}

/* ---- asking ---- */

static enum rc
open_way(struct call *c, struct kept *k)
{
	const struct http_client_settings settings = {
		.ca_file = c->conf->assignment_ca, .user_agent = "postern", .timeout_ms = TIMEOUT_MS, .https_only = true
	};

	return http_client_open(&settings, &k->way.http, &c->err);
}

static void
close_way(struct kept *k)
{
	http_client_close(k->way.http);
	k->way.http = NULL;
}

static enum rc
ask_account(struct call *c, struct kept *k)
{
	enum rc rc = assignment_ask(c, &k->way, "GET", "/account", NULL, &k->account);

	if (rc != RC_OK)
		return rc;
	if ((k->server_uuid = json_get_text(k->account, "server_uuid")) == NULL || *k->server_uuid == '\0') {
		k->account = NULL;
		return fail(&c->err, RC_UNAVAILABLE, "Apple named no server_uuid");
	}
	return RC_OK;
}

/* What the service lists of itself is asked for before it is called. */
static enum rc
ask_profile(struct call *c, struct kept *k, const char *method, const char *url)
{
	json_t *body = url != NULL ? json_keep(c->arena, json_pack("{s:s}", "mdm_service_discovery_url", url)) : NULL,
	       *said;
	enum rc rc = ask_account(c, k);

	if (rc == RC_OK && !assignment_can(k->account, ASSIGNMENT_PROFILE, method))
		rc = fail(&c->err, RC_FORBIDDEN,
		    "Apple does not offer alternate discovery to this organization: its account lists "
		    "no " ASSIGNMENT_PROFILE
		    "; see in Apple School Manager or Apple Business that its domain is verified");
	if (rc != RC_OK || (rc = assignment_ask(c, &k->way, method, ASSIGNMENT_PROFILE, body, &said)) != RC_OK)
		return rc;
	k->found_url = url != NULL ? url : json_get_text(said, "mdm_service_discovery_url");
	k->since = json_get_text(said, "last_updated_timestamp");
	return RC_OK;
}

/* ---- the token ---- */

static enum rc
put_token_in_unit(struct call *c, void *arg)
{
	/* What was registered was so for another server, where the UUID is another one. */
	static const char sql[] =
	    "INSERT INTO assignment_service (organization_id, secrets, expires_at, session, account, server_uuid,"
	    " checked_at, check_at, clock_off_s, changed_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?7)"
	    " ON CONFLICT (organization_id) DO UPDATE SET secrets = ?2, expires_at = ?3, session = ?4, account = ?5,"
	    " discovery_url = CASE WHEN assignment_service.server_uuid = ?6 THEN assignment_service.discovery_url END,"
	    " found_url = CASE WHEN assignment_service.server_uuid = ?6 THEN assignment_service.found_url END,"
	    " server_uuid = ?6, checked_at = ?7, check_at = ?8, clock_off_s = ?9, changed_at = ?7, trouble = NULL";
	const struct kept *k = arg;
	enum rc rc = store_run(c, sql,
	    DB_ARGS(db_text(k->organization_id), db_blob(k->secrets),
		k->expires_at != 0 ? db_int(k->expires_at) : db_null(), blob_or_null(k->session),
		db_text((const char *)json_text(c->arena, k->account, 0).p), db_text(k->server_uuid), db_int(c->now),
		db_int(c->now + k->check_in_s), db_int(k->way.clock_off_s)),
	    NULL);

	return rc == RC_OK ? organization_set(c, k->organization_id, "server-uuid", k->server_uuid) : rc;
}

enum rc
assignment_token_set(struct call *c, const char *organization_id, struct bytes file)
{
	struct kept k = { .organization_id = organization_id, .check_in_s = spread(DAY_S) };
	struct assignment_token t;
	enum rc rc;

	rc = assignment_token_read(c, arena_printf(c->arena, "maid-%s", organization_id), file, &t);
	if (rc != RC_OK)
		return rc;
	k.way.secrets = t.secrets;
	k.expires_at = t.expires_at;
	if ((rc = open_way(c, &k)) != RC_OK)
		return rc;
	rc = ask_account(c, &k);
	close_way(&k);
	if (rc != RC_OK || (rc = seal_secrets(c, &k)) != RC_OK || (rc = seal_session(c, &k)) != RC_OK)
		return rc;
	return store_unit(c, put_token_in_unit, &k);
}

enum rc
assignment_service_get(struct call *c, const char *organization_id, struct assignment_service *out)
{
	static const char sql[] =
	    "SELECT account, server_uuid, expires_at, discovery_url, found_url, checked_at, trouble,"
	    " clock_off_s FROM assignment_service WHERE organization_id = ?1";
	struct db_rows r;
	json_t *account;
	enum rc rc = store_run(c, sql, DB_ARGS(db_text(organization_id)), &r);

	if (rc != RC_OK)
		return rc;
	if (r.rows == 0)
		return no_token(c, organization_id);
	if ((rc = json_parse(c->arena, bytes_str(db_get_text(&r, 0, 0)), &account, &c->err)) != RC_OK)
		return rc;
	*out = (struct assignment_service){ .account = account,
		.server_uuid = db_get_text(&r, 0, 1),
		.expires_at = db_get_int(&r, 0, 2),
		.discovery_url = db_get_text(&r, 0, 3),
		.found_url = db_get_text(&r, 0, 4),
		.checked_at = db_get_int(&r, 0, 5),
		.trouble = db_get_text(&r, 0, 6),
		.clock_off_s = db_get_int(&r, 0, 7) };
	if (llabs(out->clock_off_s) <= ASSIGNMENT_CLOCK_S)
		out->clock_off_s = 0;
	return RC_OK;
}

/* ---- the discovery URL ---- */

const char *
assignment_own_url(struct call *c, const char *organization_id)
{
	return arena_printf(c->arena, "%s/apple/discovery/%s", c->conf->url, organization_id);
}

/* One of the three calls. `k` says what came of it, and is kept where Apple was heard. */
static enum rc
call_profile(struct call *c, const char *organization_id, const char *method, const char *url, struct kept *k)
{
	enum rc rc;

	if ((rc = load(c, organization_id, k)) != RC_OK || (rc = open_way(c, k)) != RC_OK)
		return rc;
	rc = ask_profile(c, k, method, url);
	close_way(k);
	if (rc == RC_NOT_FOUND)
		k->found_url = NULL;
	if (rc == RC_OK && strcmp(method, "GET") != 0) {
		k->discovery_url = url;
		k->registered = true;
	}
	return k->way.heard ? keep(c, k, rc) : rc;
}

enum rc
assignment_discovery_set(struct call *c, const char *organization_id, const char *url)
{
	struct kept k;
	struct uri u;

	if (url == NULL)
		url = assignment_own_url(c, organization_id);
	if (strlen(url) > URL_MAX || uri_parse(c->arena, url, &u, NULL) != RC_OK || strcmp(u.scheme, "https") != 0)
		return fail(&c->err, RC_BAD_INPUT,
		    "a discovery URL is https://HOST/PATH, of at most %d characters: not %.100s", URL_MAX, url);
	return call_profile(c, organization_id, "POST", url, &k);
}

enum rc
assignment_discovery_get(struct call *c, const char *organization_id, const char **url, const char **since)
{
	struct kept k;
	enum rc rc = call_profile(c, organization_id, "GET", NULL, &k);

	*url = k.found_url;
	*since = k.since;
	return rc;
}

enum rc
assignment_discovery_remove(struct call *c, const char *organization_id)
{
	struct kept k;

	return call_profile(c, organization_id, "DELETE", NULL, &k);
}

/* ---- once a day ---- */

/* One that is due, which is this node's until the turn ends. RC_NOT_FOUND: there is none. */
static enum rc
take_turn(struct call *c, const char **organization_id)
{
	static const char due[] = "SELECT organization_id FROM assignment_service WHERE check_at <= ?1 LIMIT 1";
	static const char take[] = "UPDATE assignment_service SET check_at = ?1 + ?2 WHERE organization_id = ?3"
				   " AND check_at <= ?1 RETURNING organization_id";
	struct db_rows r;
	enum rc rc = store_run(c, due, DB_ARGS(db_int(c->now)), &r);

	/* Looked for first: who finds nothing is not to write. */
	if (rc == RC_OK && r.rows > 0) {
		*organization_id = db_get_text(&r, 0, 0);
		rc = store_run(c, take, DB_ARGS(db_int(c->now), db_int(TURN_S), db_text(*organization_id)), &r);
	}
	return rc == RC_OK && r.rows == 0 ? RC_NOT_FOUND : rc;
}

/* Who registered no URL may have an organization that can't. */
static enum rc
check(struct call *c, struct kept *k)
{
	enum rc rc = open_way(c, k);

	if (rc != RC_OK)
		return rc;
	rc = k->discovery_url != NULL ? ask_profile(c, k, "GET", NULL) : ask_account(c, k);
	close_way(k);
	if (rc == RC_NOT_FOUND)
		k->found_url = NULL;
	return rc;
}

enum rc
assignment_look(struct call *c, bool *more)
{
	const char *id = NULL;
	struct kept k;
	enum rc rc = take_turn(c, &id);

	*more = rc == RC_OK;
	if (rc != RC_OK)
		return rc == RC_NOT_FOUND ? RC_OK : rc;
	if ((rc = load(c, id, &k)) != RC_OK)
		return rc;
	rc = check(c, &k);
	if (rc == RC_UNAVAILABLE || rc == RC_FORBIDDEN)
		log_warn("device assignment services", "organization", id, "error", c->err.text);
	(void)keep(c, &k, rc);
	return RC_OK;
}
