#include "licence/service.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "config/config.h"
#include "crypto/hash.h"
#include "fmt/base64.h"
#include "http/trace.h"
#include "keys/keys.h"
#include "store/store.h"

#define CONTEXT "apps-and-books"
#define TOKEN_MAX 8192
#define TRY_AGAIN 9603 /* Apple's "internal error, try again" */
#define REST_LONGEST_S 86400 /* that a Retry-After counts for */

/* ---- the token ---- */

struct token {
	const char *organization_id, *location;
	struct bytes secrets;
	int64_t expires_at;
};

static enum rc
read_token(struct call *c, const char *text, struct token *t)
{
	struct bytes plain;
	json_t *j, *secrets;

	if (strlen(text) > TOKEN_MAX)
		return fail(&c->err, RC_TOO_LARGE, "a token has at most %d octets", TOKEN_MAX);
	plain = base64_decode(c->arena, bytes_str(text), true);
	if (plain.p == NULL || json_parse(c->arena, plain, &j, NULL) != RC_OK || json_get_text(j, "token") == NULL)
		return fail(&c->err, RC_BAD_INPUT,
		    "this is no content token: download it in Apple Business, under Payments and Billing");
	t->location = json_get_text(j, "orgName");
	t->expires_at = clock_from_rfc3339(json_get_text(j, "expDate"));
	if (t->expires_at != 0 && t->expires_at <= c->now)
		return fail(&c->err, RC_BAD_INPUT, "the token has expired: download a new one from Apple");
	secrets = json_keep(
	    c->arena, json_pack("{s:s#,s:s}", "token", text, strcspn(text, "\r\n"), "notice", crypto_token(c->arena)));
	return keys_seal(c->keys, c->arena, CONTEXT, json_text(c->arena, secrets, 0), &t->secrets, &c->err);
}

enum rc
licence_token_set(struct call *c, const char *organization_id, const char *text)
{
	static const char sql[] = "INSERT INTO licence_service (organization_id, secrets, expires_at, location, "
				  "turn_until, tries, changed_at)"
				  " VALUES (?1, ?2, ?3, ?4, 0, 0, ?5) ON CONFLICT (organization_id) DO UPDATE SET "
				  "secrets = ?2, expires_at = ?3,"
				  " location = ?4, told_at = NULL, counted_at = NULL, turn_until = 0, tries = 0, "
				  "trouble = NULL, changed_at = ?5";
	struct token t = { .organization_id = organization_id };
	enum rc rc = read_token(c, text, &t);

	if (rc != RC_OK)
		return rc;
	return store_run(c, sql,
	    DB_ARGS(db_text(organization_id), db_blob(t.secrets), t.expires_at != 0 ? db_int(t.expires_at) : db_null(),
		db_text(t.location), db_int(c->now)),
	    NULL);
}

enum rc
licence_token_remove(struct call *c, const char *organization_id)
{
	struct db_rows r;
	enum rc rc = store_run(
	    c, "DELETE FROM licence_service WHERE organization_id = ?1", DB_ARGS(db_text(organization_id)), &r);

	return rc == RC_OK && r.changed == 0
		   ? fail(&c->err, RC_NOT_FOUND, "%s has no token for Apps and Books", organization_id)
		   : rc;
}

enum rc
licence_service_get(struct call *c, const char *organization_id, struct licence_service *out)
{
	static const char sql[] = "SELECT location, expires_at, trouble, counted_at FROM licence_service"
				  " WHERE organization_id = ?1";
	struct db_rows r;
	enum rc rc = store_run(c, sql, DB_ARGS(db_text(organization_id)), &r);

	if (rc != RC_OK)
		return rc;
	if (r.rows == 0)
		return fail(&c->err, RC_NOT_FOUND, "%s has no token for Apps and Books", organization_id);
	*out = (struct licence_service){ organization_id, db_get_text(&r, 0, 0), db_get_int(&r, 0, 1),
		db_get_text(&r, 0, 2), db_get_int(&r, 0, 3) };
	return RC_OK;
}

enum rc
licence_secrets(struct call *c, const char *organization_id, const char **token, const char **notice_token)
{
	struct bytes plain = { NULL, 0 };
	struct db_rows r;
	json_t *j = NULL;
	enum rc rc = store_run(
	    c, "SELECT secrets FROM licence_service WHERE organization_id = ?1", DB_ARGS(db_text(organization_id)), &r);

	if (rc != RC_OK)
		return rc;
	if (r.rows == 0)
		return fail(&c->err, RC_NOT_FOUND, "%s has no token for Apps and Books", organization_id);
	if ((rc = keys_unseal(c->keys, c->arena, CONTEXT, db_get_blob(&r, 0, 0), &plain, &c->err)) != RC_OK ||
	    (rc = json_parse(c->arena, plain, &j, &c->err)) != RC_OK)
		return rc;
	*token = json_get_text(j, "token");
	*notice_token = json_get_text(j, "notice");
	return *token != NULL && *notice_token != NULL ? RC_OK : fail(&c->err, RC_INTERNAL, "the token can't be read");
}

/* ---- requests ---- */

int64_t
licence_doubled(int64_t first, int64_t most, int64_t times)
{
	while (times-- > 0 && first < most)
		first *= 2;
	return first < most ? first : most;
}

static enum rc
rest(struct call *c, struct licence_way *w, int64_t s, const char *why)
{
	w->trouble = arena_strdup(c->arena, why);
	w->rest_s = s;
	return fail(&c->err, RC_UNAVAILABLE, "%s", why);
}

/* An answer that is no success: about the account, about this moment, or about this request. */
static enum rc
refused(struct call *c, struct licence_way *w, const struct http_client_answer *x, const json_t *body)
{
	const char *after = http_client_header(x, "Retry-After"), *message = json_get_text(body, "errorMessage");
	int64_t s = after != NULL ? strtoll(after, NULL, 10) : 0;

	w->error = json_get_int(body, "errorNumber", 0);
	if (message == NULL)
		message = "without a reason";
	if (x->status == 401 || x->status == 403)
		return rest(c, w, LICENCE_REST_TOKEN_S,
		    arena_printf(
			c->arena, "Apple does not accept the token: %.200s (%lld)", message, (long long)w->error));
	if (x->status >= 500 || x->status == 429 || w->error == TRY_AGAIN)
		return rest(c, w,
		    s > 0 && s <= REST_LONGEST_S ? s : licence_doubled(LICENCE_REST_S, LICENCE_REST_MAX_S, w->tries),
		    arena_printf(c->arena, "Apps and Books answered %d: %.200s", x->status, message));
	return fail(&c->err, RC_FORBIDDEN, "Apple refuses: %.200s (%lld)", message, (long long)w->error);
}

enum rc
licence_ask(struct call *c, struct licence_way *w, const char *path, json_t *body, json_t **out)
{
	const char *headers[] = { arena_printf(c->arena, "Authorization: Bearer %s", w->token),
		"Accept: application/json", body != NULL ? "Content-Type: application/json" : NULL, NULL };
	struct http_client_request r = { .method = body != NULL ? "POST" : "GET",
		.url = arena_printf(c->arena, "%s%s", c->conf->apps_and_books_url, path),
		.headers = headers,
		.traceparent = http_trace(c) };
	struct http_client_answer x;
	json_t *said = NULL;
	enum rc rc;

	if (body != NULL)
		r.body = json_text(c->arena, json_keep(c->arena, body), 0);
	w->error = 0;
	if (http_client_send(w->http, c->arena, &r, &x, &c->err) != RC_OK)
		return rest(c, w, licence_doubled(LICENCE_REST_S, LICENCE_REST_MAX_S, w->tries),
		    arena_printf(c->arena, "Apps and Books can't be reached: %.300s", c->err.text));
	rc = json_parse(c->arena, x.body, &said, NULL);
	if (x.status < 200 || x.status > 299 || json_get_int(said, "errorNumber", 0) != 0)
		return refused(c, w, &x, said);
	if (rc != RC_OK || !json_is_object(said))
		return rest(c, w, licence_doubled(LICENCE_REST_S, LICENCE_REST_MAX_S, w->tries),
		    "Apps and Books answered what is no JSON");
	*out = said;
	return RC_OK;
}
