#include "administrator/signin.h"

#include <string.h>

#include "account/account.h"
#include "account/throttle.h"
#include "administrator/session.h"
#include "administrator/totp.h"
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
	json_t *j = json_pack("{s:I, s:i, s:s*, s:s*, s:I, s:s*, s:s*, s:s*, s:s*, s:s*, s:s*, s:b}", "at",
	    (json_int_t)c->now, "stage", (int)w->stage, "to", w->to, "id", w->administrator_id, "changed_at",
	    (json_int_t)w->changed_at, "secret", w->secret.p != NULL ? hex_encode(a, w->secret) : NULL, "provider",
	    w->provider_id, "state", w->request.state, "nonce", w->request.nonce, "verifier", w->request.verifier,
	    "callback", w->request.redirect_uri, "again", (int)w->request.again);

	if (j == NULL)
		return fail(&c->err, RC_INTERNAL, "the state of a sign-in can't be written");
	json_keep(a, j);
	rc = keys_seal(c->keys, a, CONTEXT_WAY, json_text(a, j, 0), &sealed, &c->err);
	if (rc == RC_OK)
		*out = base64url_encode(a, sealed);
	return rc;
}

enum rc
administrator_way_open(struct call *c, const char *sealed, struct administrator_way *out)
{
	struct bytes box = { 0 }, plain;
	const char *secret;
	json_t *j = NULL;

	*out = (struct administrator_way){ 0 };
	if (sealed != NULL)
		box = base64url_decode(c->arena, bytes_str(sealed));
	if (box.p == NULL || keys_unseal(c->keys, c->arena, CONTEXT_WAY, box, &plain, &c->err) != RC_OK ||
	    json_parse(c->arena, plain, &j, &c->err) != RC_OK ||
	    json_get_int(j, "at", 0) + ADMINISTRATOR_WAY_S <= c->now)
		return fail(&c->err, RC_UNAUTHENTICATED, "no sign-in is under way in this browser");
	secret = json_get_text(j, "secret");
	*out = (struct administrator_way){
		.stage = (enum administrator_stage)json_get_int(j, "stage", STAGE_NAME),
		.to = json_get_text(j, "to"),
		.administrator_id = json_get_text(j, "id"),
		.changed_at = json_get_int(j, "changed_at", 0),
		.secret = secret != NULL ? hex_decode(c->arena, secret) : (struct bytes){ 0 },
		.provider_id = json_get_text(j, "provider"),
		.request = { json_get_text(j, "state"), json_get_text(j, "nonce"), json_get_text(j, "verifier"),
		    json_get_text(j, "callback"), json_is_true(json_object_get(j, "again")) },
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
go_on(struct call *c, const struct administrator *a, struct administrator_way *w)
{
	w->stage = has_second(a) ? STAGE_SECOND : STAGE_ENROL;
	w->administrator_id = a->id;
	w->changed_at = a->changed_at;
	if (w->stage == STAGE_ENROL) {
		uint8_t *secret = arena_alloc(c->arena, TOTP_SECRET);

		crypto_random(secret, TOTP_SECRET);
		w->secret = bytes_of(secret, TOTP_SECRET);
	}
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
		go_on(c, &who, w);
	return verdict;
}

/* ---- the second ---- */

struct proof { /* a second factor that holds, as far as reading can tell */
	const struct administrator *a;
	int64_t step; /* of a code of the app */
	struct bytes totp; /* the app's secret, sealed, where it is new; absent: it is not */
	struct bytes recovery; /* hash of a recovery code; absent: it was none */
	bool proven;
	struct administrator_done *out;
};

/* Spending is one statement each, so of two racing sign-ins with one code one wins. */
static enum rc
spend(struct call *c, const struct proof *p)
{
	const char *id = p->a->id;
	struct db_rows r;
	enum rc rc;

	if (p->recovery.p != NULL)
		rc = store_run(c, "DELETE FROM administrator_code WHERE hash = ?1 AND administrator_id = ?2",
		    DB_ARGS(db_blob(p->recovery), db_text(id)), &r);
	else if (p->totp.p != NULL)
		rc = store_run(c,
		    "UPDATE administrator SET totp = ?2, totp_step = ?3, changed_at = changed_at + 1 WHERE id = ?1 AND "
		    "totp IS NULL AND changed_at = ?4",
		    DB_ARGS(db_text(id), db_blob(p->totp), db_int(p->step), db_int(p->a->changed_at)), &r);
	else
		rc = store_run(c, "UPDATE administrator SET totp_step = ?2 WHERE id = ?1 AND totp_step < ?2",
		    DB_ARGS(db_text(id), db_int(p->step)), &r);
	if (rc == RC_OK && r.changed == 0)
		return fail(&c->err, RC_FORBIDDEN, "the code was used already");
	return rc;
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

static enum rc
finish(struct call *c, void *arg)
{
	const struct proof *p = arg;
	enum rc rc = RC_OK;

	*p->out = (struct administrator_done){ 0 };
	if (p->proven)
		rc = spend(c, p);
	if (rc == RC_OK && p->totp.p != NULL)
		rc = make_codes(c, p->a->id, &p->out->codes);
	if (rc == RC_OK)
		rc = throttle_clear_person(c, administrator_subject(c->arena, p->a->name));
	if (rc == RC_OK)
		rc = store_run(c, "UPDATE administrator SET signed_in_at = ?2 WHERE id = ?1",
		    DB_ARGS(db_text(p->a->id), db_int(c->now)), NULL);
	return rc == RC_OK ? session_begin(c, p->a->id, p->proven, &p->out->token) : rc;
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
administrator_code(struct call *c, const struct administrator_way *w, const char *code, const char *address,
    struct administrator_done *out, int *wait_s)
{
	struct administrator who = { 0 };
	struct proof p = { .a = &who, .proven = true, .out = out };
	struct throttle t;
	struct err why;
	enum rc rc = administrator_of_way(c, w, &who), verdict;

	if (rc != RC_OK)
		return rc;
	t = throttle_of(c->arena, administrator_subject(c->arena, who.name), address);
	if ((rc = throttle_begin(c, &t, wait_s)) != RC_OK)
		return rc;
	verdict = check_code(c, w, code, &p);
	if (verdict == RC_OK)
		verdict = store_unit(c, finish, &p);
	if (verdict == RC_OK)
		return RC_OK;
	why = c->err;
	if ((rc = throttle_end(c, &t, verdict == RC_FORBIDDEN)) != RC_OK)
		return rc;
	c->err = why;
	return verdict;
}

/* ---- a provider vouches ---- */

struct vouched {
	const struct provider *p;
	const struct idp_person *who;
	bool proven;
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
	return rc == RC_OK ? session_begin(c, a.id, in->proven, &in->out->token) : rc;
}

enum rc
administrator_vouched(
    struct call *c, const struct provider *p, const struct idp_person *who, bool proven, struct administrator_done *out)
{
	struct vouched in = { p, who, proven, out };

	*out = (struct administrator_done){ 0 };
	return store_unit(c, vouched, &in);
}
