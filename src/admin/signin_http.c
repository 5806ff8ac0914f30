/* The doors of administrators' sign-in: /console/sign-in shows what the sign-in under way wants next, and takes it.
 *
 * All that a sign-in is lies in one sealed cookie, so nothing is in a form that another site could send: browsers leave
 * a Lax cookie out of other sites' forms. It is Lax for the way back from an identity provider; the session's own is
 * Strict. */
#include <string.h>

#include "admin/admin.h"
#include "admin/signin_page.h"
#include "admin/signin_reply.h"
#include "administrator/session.h"
#include "administrator/signin.h"
#include "administrator/totp.h"
#include "base/log.h"
#include "fmt/uri.h"
#include "idp/remote.h"
#include "store/store.h"

#define BODY_MAX (64 * 1024)
#define ITEMS_MAX 32
#define ANSWER SIGN_IN "/answer"
#define WAY_COOKIE "__Host-postern_admin_way"
#define WAY_MAX 3500 /* octets; browsers take 4096 a cookie */
#define OFFERS_MAX 8 /* providers on the first page */

static void
end_way(struct call *c, struct http_reply *out)
{
	admin_signin_set_cookie(c, out, WAY_COOKIE, "", 0, "Lax");
}

/* False: the answer is written. */
static bool
keep_way(struct call *c, const struct administrator_way *w, struct http_reply *out)
{
	const char *sealed;

	if (administrator_way_seal(c, w, &sealed) != RC_OK) {
		admin_signin_trouble(c, out);
		return false;
	}
	admin_signin_set_cookie(c, out, WAY_COOKIE, sealed, ADMINISTRATOR_WAY_S, "Lax");
	return true;
}

/* A path of the console and nothing else: what a link brings along must not lead to another site. */
static const char *
safe(const char *to)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/?=&%@+:,#";

	return to != NULL && strncmp(to, HOME, strlen(HOME)) == 0 && strspn(to, allowed) == strlen(to) &&
		       strlen(to) < 1024 && (strncmp(to, SIGN_IN, strlen(SIGN_IN)) != 0 || to[strlen(SIGN_IN)] == '/')
		   ? to
		   : HOME;
}

/* ---- what is wanted next ---- */

/* Providers that sign some administrator in. Which ones do is no secret; who has which is. */
static enum rc
offers(struct call *c, struct signin_offer **out)
{
	struct db_rows r;
	enum rc rc = store_run(c,
	    "SELECT p.id, p.name FROM identity_provider p WHERE p.id IN"
	    " (SELECT provider_id FROM administrator WHERE disabled_at IS NULL) ORDER BY p.name LIMIT ?1",
	    DB_ARGS(db_int(OFFERS_MAX)), &r);

	if (rc != RC_OK)
		return rc;
	*out = arena_array(c->arena, (size_t)r.rows + 1, sizeof **out);
	for (int i = 0; i < r.rows; i++)
		(*out)[i] = (struct signin_offer){ db_get_text(&r, i, 0), db_get_text(&r, i, 1) };
	return RC_OK;
}

static void
show_name(struct call *c, int status, const char *name, const char *alert, struct http_reply *out)
{
	struct signin_offer *list;

	if (offers(c, &list) != RC_OK)
		admin_signin_trouble(c, out);
	else
		admin_signin_show(c, out, status, signin_page_name(c->arena, name, list, alert));
}

/* Host and port as the browser has them: its origin. */
static const char *
host_of(const struct http_request *r)
{
	const char *host = http_header(r, "Host");

	return host != NULL ? host : r->host;
}

static void
show(struct call *c, const struct http_request *r, const struct administrator_way *w, int status, const char *alert,
    struct http_reply *out)
{
	struct administrator a = { 0 };
	struct signin_key k;
	enum rc rc;

	if (w->stage == STAGE_NAME || w->stage == STAGE_PROVIDER || administrator_of_way(c, w, &a) != RC_OK) {
		show_name(c, status, NULL, alert, out);
		return;
	}
	k = (struct signin_key){ .challenge = w->challenge, .rp_id = r->host, .user_id = a.id, .user_name = a.name };
	rc = administrator_keys(c, a.id, &k.ids);
	if (rc != RC_OK)
		admin_signin_trouble(c, out);
	else if (w->stage == STAGE_SECOND)
		admin_signin_show(c, out, status,
		    signin_page_second(c->arena, &k, a.totp.p != NULL, w->session.p != NULL ? HOME : NULL, alert));
	else if (w->secret.p == NULL)
		admin_signin_show(c, out, status, signin_page_enrol(c->arena, &k, NULL, NULL, alert));
	else
		admin_signin_show(c, out, status,
		    signin_page_enrol(c->arena, &k, totp_base32(c->arena, w->secret),
			totp_uri(c->arena, w->secret, arena_printf(c->arena, "Postern %s", r->host), a.name), alert));
}

static void
get_script(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	(void)c;
	(void)r;
	(void)room;
	http_answer(out, 200, "text/javascript; charset=utf-8", bytes_str(signin_page_script));
	http_set(out, "X-Content-Type-Options", "nosniff");
	http_set(out, "Cache-Control", "no-cache");
}

static void
get_signin(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	const char *to = http_query(c, r, "to", false);
	struct administrator_way w;

	(void)room;
	/* Who comes with a place to go to begins anew; who comes without goes on. */
	if (to != NULL || administrator_way_open(c, http_cookie(c, r, WAY_COOKIE, WAY_MAX), &w) != RC_OK) {
		w = (struct administrator_way){ .stage = STAGE_NAME, .to = safe(to) };
		if (!keep_way(c, &w, out))
			return;
	}
	show(c, r, &w, 200, NULL, out);
}

/* ---- it comes ---- */

static void
wait_for(
    struct call *c, const struct http_request *r, const struct administrator_way *w, int wait_s, struct http_reply *out)
{
	show(c, r, w, 429,
	    arena_printf(c->arena, "There were too many tries. Wait %d seconds, then try again.", wait_s), out);
	http_set(out, "Retry-After", arena_printf(c->arena, "%d", wait_s));
}

/* The session is there; `body` is what the browser shows, absent: it goes on at once. `token` NULL: it is the one that
 * the browser has, proven again; else it takes that one's place. */
static void
enter(struct call *c, const struct http_request *r, const struct administrator_way *w, const char *token,
    struct bytes body, struct http_reply *out)
{
	const char *had = http_cookie(c, r, SESSION_COOKIE, SESSION_TOKEN_MAX);

	if (token != NULL ? !admin_signin_record(c, token, "sign in", out)
			  : had != NULL && !admin_signin_record(c, had, "prove again", out))
		return;
	if (token != NULL && had != NULL && session_end(c, had) != RC_OK) {
		admin_signin_trouble(c, out);
		return;
	}
	if (body.p != NULL)
		admin_signin_show(c, out, 200, body);
	else
		admin_signin_redirect(out, safe(w->to));
	if (token != NULL)
		admin_signin_set_cookie(c, out, SESSION_COOKIE, token, SESSION_LIFE_S, "Strict");
	end_way(c, out);
}

static void
signed_in(struct call *c, const struct http_request *r, const struct administrator_way *w,
    const struct administrator_done *d, struct http_reply *out)
{
	struct bytes codes = { 0 };

	if (d->codes != NULL)
		codes = signin_page_codes(c->arena, d->codes, safe(w->to));
	enter(c, r, w, d->token, codes, out);
}

/* Refused tries: from where, and why; what was typed as a name may be a password. */
static void
note(const struct call *c, const struct http_request *r, enum rc rc)
{
	if (rc == RC_FORBIDDEN || rc == RC_BAD_INPUT || rc == RC_TOO_LARGE)
		log_warn("administrators' sign-in", "refused", c->err.text, "from", r->peer);
}

static void
take_password(struct call *c, const struct http_request *r, const struct admin_room *room, const struct uri_items *form,
    struct administrator_way *w, struct http_reply *out)
{
	const char *name = uri_item(form, "username"), *password = uri_item(form, "password");
	int wait_s = 0;
	enum rc rc;

	if (name == NULL || name[0] == '\0' || password == NULL || password[0] == '\0') {
		show_name(c, 400, name, "Type your user name and your password.", out);
		return;
	}
	rc = administrator_password(c, room->gate, name, password, r->peer, w, &wait_s);
	note(c, r, rc);
	if (rc == RC_OK) {
		if (keep_way(c, w, out))
			admin_signin_redirect(out, SIGN_IN);
	} else if (rc == RC_FORBIDDEN) {
		show_name(c, 403, name, "User name or password is wrong.", out);
	} else if (rc == RC_TOO_LARGE) {
		wait_for(c, r, w, wait_s, out);
	} else {
		admin_signin_trouble(c, out);
	}
}

static void
take_second(struct call *c, const struct http_request *r, const struct uri_items *form,
    const struct administrator_way *w, struct http_reply *out)
{
	const struct administrator_shown s = { uri_item(form, "code"), uri_item(form, "credential"), host_of(r) };
	struct administrator_done d;
	int wait_s = 0;
	enum rc rc;

	if (s.credential == NULL && (s.code == NULL || s.code[0] == '\0')) {
		show(c, r, w, 400, "Type the code.", out);
		return;
	}
	rc = administrator_second(c, w, &s, r->peer, &d, &wait_s);
	note(c, r, rc);
	if (rc == RC_OK) {
		signed_in(c, r, w, &d, out);
	} else if (rc == RC_FORBIDDEN || rc == RC_BAD_INPUT) {
		show(c, r, w, rc == RC_FORBIDDEN ? 403 : 400,
		    s.credential != NULL ? "That key is not one of yours for this server, or it was not asked just now."
					 : "The code is wrong, or it was used already. Take the next one.",
		    out);
	} else if (rc == RC_TOO_LARGE) {
		wait_for(c, r, w, wait_s, out);
	} else if (rc == RC_UNAUTHENTICATED) {
		end_way(c, out);
		admin_signin_redirect(out, SIGN_IN);
	} else {
		admin_signin_trouble(c, out);
	}
}

static void
post_signin(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	struct administrator_way w;
	struct uri_items form;

	if (administrator_way_open(c, http_cookie(c, r, WAY_COOKIE, WAY_MAX), &w) != RC_OK)
		admin_signin_redirect(out, SIGN_IN "?to=" HOME);
	else if (uri_items_parse(c->arena, r->body, true, ITEMS_MAX, &form, &c->err) != RC_OK)
		show(c, r, &w, 400, "That could not be read. Try again.", out);
	else if (w.stage == STAGE_SECOND || w.stage == STAGE_ENROL)
		take_second(c, r, &form, &w, out);
	else
		take_password(c, r, room, &form, &w, out);
}

/* ---- an identity provider ---- */

/* Where the browser says that it is; the provider has a list of its own of what that may be. */
static const char *
callback(struct call *c, const struct http_request *r)
{
	return arena_printf(c->arena, "https://%s" ANSWER, host_of(r));
}

static void
refused(struct call *c, struct http_reply *out, int status, const char *sentence)
{
	log_warn("administrators' sign-in", "refused", c->err.text);
	admin_signin_show(c, out, status,
	    signin_page_message(c->arena, "Not signed in", sentence, SIGN_IN "?to=" HOME, "Try again", false));
	end_way(c, out);
}

static void
ask_provider(struct call *c, const struct http_request *r, const struct admin_room *room, const char *id,
    const char *to, enum idp_ask ask, struct http_reply *out)
{
	struct administrator_way w = { .stage = STAGE_PROVIDER, .to = to };
	struct idp_endpoints at;
	struct provider p;
	const char *url;
	enum rc rc;

	rc = provider_get(c, id, &p);
	if (rc == RC_OK && (rc = idp_endpoints(room->idp, c, &p, &at)) == RC_OK) {
		w.provider_id = p.id;
		url = idp_begin(c, &p, &at, callback(c, r), NULL, ask, &w.request);
		if (keep_way(c, &w, out))
			admin_signin_redirect(out, url);
	} else if (rc == RC_NOT_FOUND) {
		refused(c, out, 404, "There is no such identity provider.");
	} else {
		refused(c, out, 503, "The identity provider does not answer.");
	}
}

static void
get_provider(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	struct administrator_way w;
	enum rc rc = administrator_way_open(c, http_cookie(c, r, WAY_COOKIE, WAY_MAX), &w);

	/* Asked again each time: what a browser left open administers nothing. */
	ask_provider(c, r, room, r->segment[0], rc == RC_OK ? w.to : HOME, IDP_AGAIN, out);
}

/* A provider that is set to take the sign-in that it has open was asked to ask, and does not say that it did. The session
 * stays as it is. */
static void
not_proven(struct call *c, struct http_reply *out)
{
	log_warn("administrators' sign-in", "not proven", c->err.text);
	admin_signin_show(c, out, 409,
	    signin_page_message(c->arena, "Not proven",
		"Your identity provider took the sign-in that it has open, and did not say that it asked you just now. "
		"So it "
		"proves nothing anew.",
		HOME, "Back", false));
	end_way(c, out);
}

static void
get_answer(struct call *c, const struct http_request *r, struct http_reply *out, void *arg)
{
	const struct admin_room *room = arg;
	enum enroll_code code = EV_provider_answer;
	struct administrator_done d;
	struct administrator_way w;
	struct uri_items query;
	struct idp_person who = { 0 };
	struct idp_answer answer;
	struct provider p;
	enum rc rc;

	rc = administrator_way_open(c, http_cookie(c, r, WAY_COOKIE, WAY_MAX), &w);
	if (rc == RC_OK && (w.stage != STAGE_PROVIDER || w.provider_id == NULL || w.request.state == NULL))
		rc = fail(&c->err, RC_UNAUTHENTICATED, "no provider was asked in this browser");
	if (rc == RC_OK)
		rc = uri_items_parse(c->arena, bytes_str(r->query), true, ITEMS_MAX, &query, &c->err);
	if (rc == RC_OK)
		rc = provider_get(c, w.provider_id, &p);
	if (rc == RC_OK) {
		answer = (struct idp_answer){ uri_item(&query, "state"), uri_item(&query, "code"),
			uri_item(&query, "error"), uri_item(&query, "iss") };
		rc = idp_finish(room->idp, c, &p, &w.request, &answer, &who, &code);
	}
	if (rc != RC_UNAVAILABLE && w.request.anew_at != 0 && (rc != RC_OK || !who.asked)) {
		not_proven(c, out);
		return;
	}
	if (rc == RC_OK)
		rc = administrator_vouched(c, &p, &who, &d);
	if (rc == RC_UNAVAILABLE) {
		refused(c, out, 503, "The identity provider does not answer, or the server has trouble of its own.");
	} else if (rc != RC_OK) {
		refused(c, out, 403, "The identity provider did not sign in anybody who administers this server.");
	} else {
		/* A page in between: a redirect would still be the other site's, which Strict cookies don't follow. */
		enter(c, r, &w, d.token,
		    signin_page_message(c->arena, "Signed in", "The console opens.", safe(w.to), "Continue", true),
		    out);
	}
}

/* ---- who is signed in proves it again ---- */

static void
get_prove(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	const char *token = http_cookie(c, r, SESSION_COOKIE, SESSION_TOKEN_MAX), *provider_id = NULL;
	struct administrator_way w = { .to = safe(http_query(c, r, "to", false)) };
	struct session s = { 0 };
	enum rc rc = token != NULL ? session_find(c, token, false, &s) : RC_UNAUTHENTICATED;

	if (rc == RC_OK)
		rc = administrator_prove(c, s.actor.id, token, &w, &provider_id);
	if (rc == RC_OK && keep_way(c, &w, out))
		show(c, r, &w, 200, NULL, out);
	else if (rc == RC_CONFLICT)
		ask_provider(c, r, room, provider_id, w.to, IDP_ANEW, out);
	else if (rc == RC_UNAUTHENTICATED || rc == RC_NOT_FOUND)
		admin_signin_redirect(out, arena_printf(c->arena, SIGN_IN "?to=%s", uri_encode(c->arena, w.to)));
	else if (rc != RC_OK)
		admin_signin_trouble(c, out);
}

/* ---- one more second factor ---- */

static void
get_add(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	const char *token = http_cookie(c, r, SESSION_COOKIE, SESSION_TOKEN_MAX);
	struct administrator_way w = { .to = HOME };
	struct session s;
	enum rc rc = token != NULL ? session_find(c, token, false, &s) : RC_UNAUTHENTICATED;

	(void)room;
	if (rc == RC_UNAUTHENTICATED || (rc == RC_OK && !actor_is_proven(&s.actor, c->now))) {
		admin_signin_redirect(out, rc == RC_OK ? SIGN_IN "/prove?to=" SIGN_IN "/add" : SIGN_IN "?to=" HOME);
	} else if (rc == RC_OK && (rc = administrator_add_factor(c, s.actor.id, &w)) == RC_OK) {
		if (keep_way(c, &w, out))
			admin_signin_redirect(out, SIGN_IN);
	} else if (rc == RC_CONFLICT || rc == RC_TOO_LARGE) {
		refused(c, out, 409, "Your identity provider signs you in, or you have as many keys as there can be.");
	} else {
		admin_signin_trouble(c, out);
	}
}

/* ---- the end ---- */

static void
post_signout(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	const char *token = http_cookie(c, r, SESSION_COOKIE, SESSION_TOKEN_MAX);

	(void)room;
	if (token != NULL && !admin_signin_record(c, token, "sign out", out))
		return;
	if (token != NULL && session_end(c, token) != RC_OK) {
		admin_signin_trouble(c, out);
		return;
	}
	admin_signin_show(c, out, 200,
	    signin_page_message(
		c->arena, "Signed out", "The session has ended.", SIGN_IN "?to=" HOME, "Sign in", false));
	admin_signin_set_cookie(c, out, SESSION_COOKIE, "", 0, "Strict");
}

#define DOOR (1u << HTTP_DOOR_ADMIN)
const struct http_route admin_signin_routes[] = {
	/* method  path                                 class          body      door  handler */
	{ "GET", SIGN_IN, HTTP_QUICK, BODY_MAX, DOOR, get_signin },
	{ "POST", SIGN_IN, HTTP_HEAVY, BODY_MAX, DOOR, post_signin },
	{ "GET", SIGN_IN "/key.js", HTTP_QUICK, BODY_MAX, DOOR, get_script },
	{ "GET", SIGN_IN "/prove", HTTP_OUTWARD, BODY_MAX, DOOR, get_prove },
	{ "GET", SIGN_IN "/own", HTTP_QUICK, BODY_MAX, DOOR, admin_signin_get_own },
	{ "POST", SIGN_IN "/own", HTTP_HEAVY, BODY_MAX, DOOR, admin_signin_post_own },
	{ "GET", SIGN_IN "/add", HTTP_QUICK, BODY_MAX, DOOR, get_add },
	{ "GET", SIGN_IN "/provider/{provider}", HTTP_OUTWARD, BODY_MAX, DOOR, get_provider },
	{ "GET", ANSWER, HTTP_OUTWARD, BODY_MAX, DOOR, get_answer },
	{ "POST", "/console/sign-out", HTTP_QUICK, BODY_MAX, DOOR, post_signout },
	{ .method = NULL },
};
