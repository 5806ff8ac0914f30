#include "administrator/signin.h"

#include <string.h>

#include "account/account.h"
#include "account/throttle.h"
#include "administrator/session.h"
#include "administrator/totp.h"
#include "administrator/webauthn.h"
#include "crypto/hash.h"
#include "fmt/base64.h"
#include "fmt/json.h"
#include "keys/keys.h"
#include "store/store.h"

#define CONTEXT_WAY "administrator-way"
#define CODE_MAX 64 /* octets; what is longer is no code */

const char *
administrator_subject(struct arena *a, const char *name)
{
	return arena_printf(a, "administrator %s", name);
}

/* ---- between the steps ---- */

enum rc
administrator_way_seal(struct call *c, const struct administrator_way *w, const char **out)
{
	struct arena *a = c->arena;
	struct bytes sealed;
	enum rc rc;
	json_t *j = json_pack("{s:I, s:i, s:s*, s:s*, s:I, s:s*, s:s*, s:s*, s:s*, s:s*, s:s*, s:s*, s:s*, s:b, s:I}",
	    "at", (json_int_t)c->now, "stage", (int)w->stage, "to", w->to, "id", w->administrator_id, "changed_at",
	    (json_int_t)w->changed_at, "secret", w->secret.p != NULL ? hex_encode(a, w->secret) : NULL, "session",
	    w->session.p != NULL ? hex_encode(a, w->session) : NULL, "challenge", w->challenge, "provider",
	    w->provider_id, "state", w->request.state, "nonce", w->request.nonce, "verifier", w->request.verifier,
	    "callback", w->request.redirect_uri, "again", (int)w->request.again, "anew_at",
	    (json_int_t)w->request.anew_at);

	if (j == NULL)
		return fail(&c->err, RC_INTERNAL, "the state of a sign-in can't be written");
	json_keep(a, j);
	rc = keys_seal(c->keys, a, CONTEXT_WAY, json_text(a, j, 0), &sealed, &c->err);
	if (rc == RC_OK)
		*out = base64url_encode(a, sealed);
	return rc;
}

static struct bytes
from_hex(struct arena *a, const char *text)
{
	return text != NULL ? hex_decode(a, text) : (struct bytes){ 0 };
}

enum rc
administrator_way_open(struct call *c, const char *sealed, struct administrator_way *out)
{
	struct bytes box = { 0 }, plain;
	json_t *j = NULL;

	*out = (struct administrator_way){ 0 };
	if (sealed != NULL)
		box = base64url_decode(c->arena, bytes_str(sealed));
	if (box.p == NULL || keys_unseal(c->keys, c->arena, CONTEXT_WAY, box, &plain, &c->err) != RC_OK ||
	    json_parse(c->arena, plain, &j, &c->err) != RC_OK ||
	    json_get_int(j, "at", 0) + ADMINISTRATOR_WAY_S <= c->now)
		return fail(&c->err, RC_UNAUTHENTICATED, "no sign-in is under way in this browser");
	*out = (struct administrator_way){
		.stage = (enum administrator_stage)json_get_int(j, "stage", STAGE_NAME),
		.to = json_get_text(j, "to"),
		.administrator_id = json_get_text(j, "id"),
		.changed_at = json_get_int(j, "changed_at", 0),
		.secret = from_hex(c->arena, json_get_text(j, "secret")),
		.session = from_hex(c->arena, json_get_text(j, "session")),
		.challenge = json_get_text(j, "challenge"),
		.provider_id = json_get_text(j, "provider"),
		.request = { json_get_text(j, "state"), json_get_text(j, "nonce"), json_get_text(j, "verifier"),
		    json_get_text(j, "callback"), json_is_true(json_object_get(j, "again")),
		    json_get_int(j, "anew_at", 0) },
	};
	return RC_OK;
}

enum rc
administrator_of_way(struct call *c, const struct administrator_way *w, struct administrator *out)
{
	enum rc rc = RC_NOT_FOUND;

	*out = (struct administrator){ 0 };
	if (w->administrator_id != NULL)
		rc = administrator_get(c, w->administrator_id, out);
	if (rc == RC_NOT_FOUND || (rc == RC_OK && (out->disabled_at != 0 || out->changed_at != w->changed_at)))
		return fail(&c->err, RC_UNAUTHENTICATED, "the administrator was changed since the sign-in began");
	return rc;
}

/* ---- the first step ---- */

static bool
has_second(const struct administrator *a)
{
	return a->totp.p != NULL || a->keys > 0;
}

static void
go_on(struct call *c, const struct administrator *a, enum administrator_stage stage, struct administrator_way *w)
{
	w->stage = stage;
	w->administrator_id = a->id;
	w->changed_at = a->changed_at;
	w->challenge = crypto_token(c->arena);
	if (stage == STAGE_ENROL && a->totp.p == NULL) {
		uint8_t *secret = arena_alloc(c->arena, TOTP_SECRET);

		crypto_random(secret, TOTP_SECRET);
		w->secret = bytes_of(secret, TOTP_SECRET);
	}
}

enum rc
administrator_add_factor(struct call *c, const char *id, struct administrator_way *w)
{
	struct administrator a = { 0 };
	enum rc rc = administrator_get(c, id, &a);

	if (rc == RC_OK && a.provider_id != NULL)
		return fail(&c->err, RC_CONFLICT, "%s is signed in by an identity provider", a.name);
	if (rc == RC_OK && a.keys >= ADMINISTRATOR_KEYS_MAX)
		return fail(&c->err, RC_TOO_LARGE, "%s has %d keys, which is the most", a.name, ADMINISTRATOR_KEYS_MAX);
	if (rc == RC_OK)
		go_on(c, &a, STAGE_ENROL, w);
	return rc;
}

enum rc
administrator_prove(
    struct call *c, const char *id, const char *token, struct administrator_way *w, const char **provider_id)
{
	struct administrator a = { 0 };
	enum rc rc = administrator_get(c, id, &a);

	*provider_id = a.provider_id;
	if (rc == RC_OK && a.provider_id != NULL)
		return fail(&c->err, RC_CONFLICT, "%s is signed in by an identity provider", a.name);
	if (rc == RC_OK) {
		go_on(c, &a, STAGE_SECOND, w);
		w->session = crypto_sha256_text(c->arena, token);
	}
	return rc;
}

/* As account_sign_in: every way through here reads and writes the same rows and hashes once. */
enum rc
administrator_password(struct call *c, struct password_gate *gate, const char *name, const char *password,
    const char *address, struct administrator_way *w, int *wait_s)
{
	struct throttle t = throttle_of(c->arena, administrator_subject(c->arena, name), address);
	struct administrator who = { 0 };
	struct err why;
	enum rc rc, verdict;
	bool known;

	if ((rc = throttle_begin(c, &t, wait_s)) != RC_OK)
		return rc;
	rc = administrator_get(c, name, &who);
	/* By name only: an id is no secret, but it is nothing to sign in with either. */
	known = rc == RC_OK && strcmp(who.name, account_fold(c->arena, name)) == 0;
	if (rc != RC_OK && rc != RC_NOT_FOUND)
		return rc;
	verdict = password_verify(gate, known ? who.password_hash : NULL, password, &c->err);
	if (verdict == RC_OK && who.disabled_at != 0)
		verdict = RC_FORBIDDEN;
	why = c->err;
	/* Who knows the password is not done yet: the count stands as it was, and the second factor counts. */
	if ((rc = throttle_end(c, &t, verdict == RC_FORBIDDEN)) != RC_OK)
		return rc;
	c->err = why;
	if (verdict == RC_FORBIDDEN)
		return fail(&c->err, RC_FORBIDDEN, "wrong password, no such administrator, or a disabled one");
	if (verdict == RC_OK)
		go_on(c, &who, has_second(&who) ? STAGE_SECOND : STAGE_ENROL, w);
	return verdict;
}

/* ---- the second ---- */

struct proof { /* a second factor that holds, as far as reading can tell */
	const struct administrator *a;
	enum administrator_stage stage;
	const char *challenge;
	int64_t step; /* of a code of the app */
	struct bytes totp; /* the app's secret, sealed, where it is new */
	struct bytes recovery; /* hash of a recovery code */
	struct webauthn_credential key; /* id NULL: it was no key */
	struct bytes session; /* to prove again; absent: a new one begins */
	struct administrator_done *out;
};

/* A counter that does not move on is a copy of the key (WebAuthn 7.2, step 21); a challenge is answered once, with whatever
 * key. It is spent by what signs in: who is refused may answer it again. */
static enum rc
spend_challenge(struct call *c, const struct proof *p, struct db_rows *r)
{
	struct db_value hash = db_blob(crypto_sha256_text(c->arena, p->challenge));
	enum rc rc = store_run(c,
	    "UPDATE administrator_key SET counter = ?3, used_at = ?5 WHERE id = ?2 AND administrator_id = ?1"
	    " AND (counter < ?3 OR (counter = 0 AND ?3 = 0))"
	    " AND NOT EXISTS (SELECT 1 FROM administrator_challenge WHERE hash = ?4)",
	    DB_ARGS(db_text(p->a->id), db_text(p->key.id), db_int(p->key.counter), hash, db_int(c->now)), r);

	if (rc != RC_OK || r->changed == 0)
		return rc;
	rc = store_run(c, "DELETE FROM administrator_challenge WHERE good_until <= ?1", DB_ARGS(db_int(c->now)), NULL);
	return rc != RC_OK ? rc
			   : store_run(c, "INSERT INTO administrator_challenge (hash, good_until) VALUES (?1, ?2)",
				 DB_ARGS(hash, db_int(c->now + ADMINISTRATOR_WAY_S)), r);
}

/* Spending is one unit each, so of two racing sign-ins with one code one wins. */
static enum rc
spend(struct call *c, const struct proof *p, struct db_rows *r)
{
	struct db_value id = db_text(p->a->id);

	if (p->recovery.p != NULL)
		return store_run(c, "DELETE FROM administrator_code WHERE hash = ?2 AND administrator_id = ?1",
		    DB_ARGS(id, db_blob(p->recovery)), r);
	if (p->key.id != NULL)
		return spend_challenge(c, p, r);
	return store_run(c, "UPDATE administrator SET totp_step = ?2 WHERE id = ?1 AND totp_step < ?2",
	    DB_ARGS(id, db_int(p->step)), r);
}

/* A new one. Whatever else was begun with the row as it was is no longer good, so one sign-in sets up one. */
static enum rc
keep(struct call *c, const struct proof *p, struct db_rows *r)
{
	struct db_value id = db_text(p->a->id);
	enum rc rc = store_run(c,
	    "UPDATE administrator SET totp = COALESCE(?2, totp), totp_step = CASE WHEN ?3 > totp_step THEN ?3 ELSE"
	    " totp_step END, changed_at = changed_at + 1 WHERE id = ?1 AND changed_at = ?4",
	    DB_ARGS(id, db_blob(p->totp), db_int(p->step), db_int(p->a->changed_at)), r);

	if (rc != RC_OK || r->changed == 0 || p->key.id == NULL)
		return rc;
	return store_run(c,
	    "INSERT INTO administrator_key (id, administrator_id, public_key, counter, created_at, used_at)"
	    " VALUES (?2, ?1, ?3, ?4, ?5, ?5) ON CONFLICT DO NOTHING",
	    DB_ARGS(id, db_text(p->key.id), db_blob(p->key.public_key), db_int(p->key.counter), db_int(c->now)), r);
}

/* 80 random bits each, so a plain hash of them is enough. */
static enum rc
make_codes(struct call *c, const char *id, const char *const **out)
{
	const char **codes = arena_array(c->arena, ADMINISTRATOR_CODES + 1, sizeof *codes);
	enum rc rc =
	    store_run(c, "DELETE FROM administrator_code WHERE administrator_id = ?1", DB_ARGS(db_text(id)), NULL);

	for (int i = 0; i < ADMINISTRATOR_CODES && rc == RC_OK; i++) {
		const char *code = crypto_id(c->arena);

		codes[i] = arena_printf(c->arena, "%.4s-%.4s-%.4s-%.4s", code, code + 4, code + 8, code + 12);
		rc = store_run(c, "INSERT INTO administrator_code (hash, administrator_id) VALUES (?1, ?2)",
		    DB_ARGS(db_blob(crypto_sha256_text(c->arena, code)), db_text(id)), NULL);
	}
	*out = codes;
	return rc;
}

struct new_codes {
	const char *id, *const *codes;
};

static enum rc
codes_in_unit(struct call *c, void *arg)
{
	struct new_codes *n = arg;

	return make_codes(c, n->id, &n->codes);
}

enum rc
administrator_new_codes(struct call *c, const char *id, const char *const **out)
{
	struct new_codes n = { .id = id };
	enum rc rc = store_unit(c, codes_in_unit, &n);

	*out = n.codes;
	return rc;
}

static enum rc
finish(struct call *c, void *arg)
{
	const struct proof *p = arg;
	struct db_rows r = { 0 };
	enum rc rc = p->stage == STAGE_ENROL ? keep(c, p, &r) : spend(c, p, &r);

	*p->out = (struct administrator_done){ 0 };
	if (rc == RC_OK && r.changed == 0)
		return fail(&c->err, RC_FORBIDDEN, "the code is wrong, or was used already");
	if (rc == RC_OK && p->stage == STAGE_ENROL && p->a->codes == 0)
		rc = make_codes(c, p->a->id, &p->out->codes);
	if (rc == RC_OK)
		rc = throttle_clear_person(c, administrator_subject(c->arena, p->a->name));
	if (rc == RC_OK)
		rc = store_run(c, "UPDATE administrator SET signed_in_at = ?2 WHERE id = ?1",
		    DB_ARGS(db_text(p->a->id), db_int(c->now)), NULL);
	if (rc != RC_OK)
		return rc;
	return p->session.p != NULL ? session_prove(c, p->session, p->a->id)
				    : session_begin(c, p->a->id, true, &p->out->token);
}

static const char *
context_of(struct arena *a, const char *id)
{
	return arena_printf(a, "administrator-totp %s", id);
}

/* What people make of a code when they type it. */
static const char *
bare(struct arena *a, const char *code)
{
	char *s = arena_alloc(a, strlen(code) + 1), *to = s;

	for (const char *p = account_fold(a, code); *p != '\0'; p++) {
		if (*p != '-' && *p != ' ')
			*to++ = *p;
	}
	return s;
}

static enum rc
check_code(struct call *c, const struct administrator_way *w, const char *typed, struct proof *p)
{
	const char *code = strlen(typed) <= CODE_MAX ? bare(c->arena, typed) : "";
	struct bytes secret = w->secret;
	enum rc rc = RC_OK;

	if (w->stage == STAGE_ENROL && secret.p == NULL)
		return fail(&c->err, RC_FORBIDDEN, "there is an app already");
	if (w->stage == STAGE_ENROL) {
		rc = keys_seal(c->keys, c->arena, context_of(c->arena, p->a->id), secret, &p->totp, &c->err);
	} else if (strlen(code) != 6) {
		p->recovery = crypto_sha256_text(c->arena, code);
		return RC_OK; /* whether there is such a code is known when it is spent */
	} else if (p->a->totp.p != NULL) {
		rc = keys_unseal(c->keys, c->arena, context_of(c->arena, p->a->id), p->a->totp, &secret, &c->err);
	}
	if (rc != RC_OK)
		return rc == RC_BAD_INPUT ? fail(&c->err, RC_INTERNAL, "the secret was sealed with another key") : rc;
	if (secret.p == NULL ||
	    !totp_check(c->arena, secret, code, c->now, w->stage == STAGE_ENROL ? 0 : p->a->totp_step, &p->step))
		return fail(&c->err, RC_FORBIDDEN, "the code is wrong, or was used already");
	return RC_OK;
}

enum rc
administrator_keys(struct call *c, const char *id, const char *const **out)
{
	struct db_rows r;
	enum rc rc = store_run(
	    c, "SELECT id FROM administrator_key WHERE administrator_id = ?1 ORDER BY id", DB_ARGS(db_text(id)), &r);
	const char **list;

	if (rc != RC_OK)
		return rc;
	list = arena_array(c->arena, (size_t)r.rows + 1, sizeof *list);
	for (int i = 0; i < r.rows; i++)
		list[i] = db_get_text(&r, i, 0);
	*out = list;
	return RC_OK;
}

/* A member of the script's JSON as octets; absent: none, or no base64url. */
static struct bytes
octets(struct arena *a, const json_t *j, const char *name)
{
	const char *text = json_get_text(j, name);

	return text != NULL ? base64url_decode(a, bytes_str(text)) : (struct bytes){ 0 };
}

static enum rc
check_key(struct call *c, const struct administrator_way *w, const struct administrator_shown *s, struct proof *p)
{
	struct arena *a = c->arena;
	const struct webauthn_expected e = { w->challenge, arena_printf(a, "https://%s", s->host),
		arena_strndup(a, s->host, strcspn(s->host, ":")) };
	struct bytes client, data;
	uint32_t counter = 0;
	struct db_rows r;
	json_t *j = NULL;
	enum rc rc = json_parse(a, bytes_str(s->credential), &j, &c->err);

	if (rc != RC_OK)
		return rc;
	client = octets(a, j, "client");
	data = octets(a, j, "data");
	if (client.p == NULL || data.p == NULL || w->challenge == NULL)
		return fail(&c->err, RC_BAD_INPUT, "the credential is incomplete");
	if (w->stage == STAGE_ENROL)
		return webauthn_created(a, &e, client, data, &p->key, &c->err);
	rc = store_run(c, "SELECT id, public_key FROM administrator_key WHERE id = ?1 AND administrator_id = ?2",
	    DB_ARGS(db_text(json_get_text(j, "id")), db_text(p->a->id)), &r);
	if (rc != RC_OK)
		return rc;
	if (r.rows == 0)
		return fail(&c->err, RC_FORBIDDEN, "no key of this administrator");
	p->key.id = db_get_text(&r, 0, 0);
	p->key.public_key = db_get_blob(&r, 0, 1);
	rc = webauthn_asserted(a, &e, &p->key, client, data, octets(a, j, "signature"), &counter, &c->err);
	p->key.counter = counter;
	return rc;
}

enum rc
administrator_second(struct call *c, const struct administrator_way *w, const struct administrator_shown *s,
    const char *address, struct administrator_done *out, int *wait_s)
{
	struct administrator who = { 0 };
	struct proof p = { .a = &who, .stage = w->stage, .challenge = w->challenge, .session = w->session, .out = out };
	struct throttle t;
	struct err why;
	enum rc rc = administrator_of_way(c, w, &who), verdict;

	if (rc != RC_OK)
		return rc;
	t = throttle_of(c->arena, administrator_subject(c->arena, who.name), address);
	if ((rc = throttle_begin(c, &t, wait_s)) != RC_OK)
		return rc;
	verdict = s->credential != NULL ? check_key(c, w, s, &p) : check_code(c, w, s->code, &p);
	if (verdict == RC_OK)
		verdict = store_unit(c, finish, &p);
	if (verdict == RC_OK)
		return RC_OK;
	why = c->err;
	if ((rc = throttle_end(c, &t, verdict == RC_FORBIDDEN || verdict == RC_BAD_INPUT)) != RC_OK)
		return rc;
	c->err = why;
	return verdict;
}

/* ---- a provider vouches ---- */

struct vouched {
	const struct provider *p;
	const struct idp_person *who;
	struct administrator_done *out;
};

static enum rc
vouched(struct call *c, void *arg)
{
	const struct vouched *in = arg;
	struct administrator a = { 0 };
	struct db_rows r;
	enum rc rc = administrator_at_provider(c, in->p->id, in->who->subject, in->who->user_identifier, &a);

	if (rc == RC_NOT_FOUND || (rc == RC_OK && a.disabled_at != 0))
		return fail(
		    &c->err, RC_FORBIDDEN, "%.254s is no administrator, or a disabled one", in->who->user_identifier);
	if (rc != RC_OK)
		return rc;
	/* From now on it is this subject, whatever it is called there. */
	rc = store_run(c, "UPDATE administrator SET subject = ?2, signed_in_at = ?3 WHERE id = ?1",
	    DB_ARGS(db_text(a.id), db_text(in->who->subject), db_int(c->now)), &r);
	return rc == RC_OK ? session_begin(c, a.id, in->who->asked, &in->out->token) : rc;
}

enum rc
administrator_vouched(
    struct call *c, const struct provider *p, const struct idp_person *who, struct administrator_done *out)
{
	struct vouched in = { p, who, out };

	*out = (struct administrator_done){ 0 };
	return store_unit(c, vouched, &in);
}
