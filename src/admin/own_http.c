/* /console/sign-in/own: what those who are signed in see and change of their own sign-in. Shown only to who has just
 * proven who they are. The session's cookie is Strict, so no other site sends one of these forms. */
#include <string.h>

#include "admin/admin.h"
#include "admin/signin_page.h"
#include "admin/signin_reply.h"
#include "administrator/session.h"
#include "administrator/signin.h"
#include "fmt/uri.h"

#define OWN SIGN_IN "/own"
#define ITEMS_MAX 8

struct own { /* a request */
	struct call *c;
	const struct http_request *r;
	const struct admin_room *room;
	const char *token; /* of the session */
	struct administrator who;
	struct uri_items form;
	const char *done, *alert; /* what to say of it */
	const char *const *codes; /* to show; NULL: none */
	bool over; /* the session has ended with it */
};

/* False: the answer is written. */
static bool
begin(struct own *o, struct http_reply *out)
{
	struct session s = { 0 };
	enum rc rc;

	o->token = http_cookie(o->c, o->r, SESSION_COOKIE, SESSION_TOKEN_MAX);
	rc = o->token != NULL ? session_find(o->c, o->token, false, &s) : RC_UNAUTHENTICATED;
	if (rc == RC_OK && actor_is_proven(&s.actor, o->c->now))
		rc = administrator_get(o->c, s.actor.id, &o->who);
	else if (rc == RC_OK)
		rc = RC_FORBIDDEN;
	if (rc == RC_OK)
		return true;
	if (rc == RC_UNAUTHENTICATED || rc == RC_NOT_FOUND)
		admin_signin_redirect(out, SIGN_IN "?to=" OWN);
	else if (rc == RC_FORBIDDEN)
		admin_signin_redirect(out, SIGN_IN "/prove?to=" OWN);
	else
		admin_signin_trouble(o->c, out);
	return false;
}

static void
show(struct own *o, int status, struct http_reply *out)
{
	struct signin_own p = { .name = o->who.name, .local = o->who.provider_id == NULL };
	struct own_session *sessions = NULL;
	struct own_key *keys = NULL;

	/* What was just changed is shown as it is now. */
	if (administrator_get(o->c, o->who.id, &o->who) != RC_OK ||
	    own_keys(o->c, o->who.id, &keys, &p.n_keys) != RC_OK ||
	    own_sessions(o->c, o->who.id, o->token, &sessions, &p.n_sessions) != RC_OK) {
		admin_signin_trouble(o->c, out);
		return;
	}
	p.app = o->who.totp.p != NULL;
	p.codes = o->who.codes;
	p.keys = keys;
	p.sessions = sessions;
	admin_signin_show(o->c, out, status, signin_page_own(o->c->arena, &p, o->done, o->alert));
}

/* ---- what may be done ---- */

static enum rc
change_password(struct own *o)
{
	const char *now = uri_item(&o->form, "password"), *new = uri_item(&o->form, "new");
	struct administrator_way unused = { .stage = STAGE_NAME };
	char *hash = NULL;
	int wait_s = 0;
	enum rc rc;

	if (now == NULL || now[0] == '\0' || new == NULL || new[0] == '\0')
		return fail(&o->c->err, RC_BAD_INPUT, "Type both passwords.");
	rc = administrator_password(o->c, o->room->gate, o->who.name, now, o->r->peer, &unused, &wait_s);
	if (rc == RC_FORBIDDEN)
		return fail(&o->c->err, rc, "That is not your password.");
	if (rc == RC_TOO_LARGE)
		return fail(&o->c->err, rc, "There were too many tries. Wait %d seconds, then try again.", wait_s);
	if (rc != RC_OK || (rc = password_hash(o->room->gate, o->c->arena, new, &hash, &o->c->err)) != RC_OK)
		return rc;
	o->over = true;
	return administrator_set_password(o->c, o->who.id, hash);
}

static enum rc
remove_key(struct own *o)
{
	const char *which = uri_item(&o->form, "which");
	enum rc rc = own_remove_key(o->c, o->who.id, which != NULL ? which : "");

	return rc == RC_CONFLICT ? fail(&o->c->err, rc, "It is your last second factor. Add another one first.") : rc;
}

static enum rc
remove_app(struct own *o)
{
	enum rc rc = own_remove_app(o->c, o->who.id);

	return rc == RC_CONFLICT ? fail(&o->c->err, rc, "It is your last second factor. Add a key first.") : rc;
}

static enum rc
new_codes(struct own *o)
{
	return administrator_new_codes(o->c, o->who.id, &o->codes);
}

static enum rc
end_others(struct own *o)
{
	return own_end_other_sessions(o->c, o->who.id, o->token);
}

static const struct act {
	const char *name; /* of the form; also the action of its row in the audit, "own: " before it */
	bool local; /* not for those whom a provider signs in */
	enum rc (*run)(struct own *o);
	const char *done;
} acts[] = {
	{ "password", true, change_password, NULL },
	{ "remove key", true, remove_key, "The key is removed." },
	{ "remove app", true, remove_app, "The app is removed." },
	{ "new codes", true, new_codes, NULL },
	{ "end others", false, end_others, "The other sessions have ended." },
};

static const struct act *
act_named(const struct own *o, const char *name)
{
	for (size_t i = 0; name != NULL && i < sizeof acts / sizeof acts[0]; i++) {
		if (strcmp(acts[i].name, name) == 0 && (!acts[i].local || o->who.provider_id == NULL))
			return &acts[i];
	}
	return NULL;
}

/* ---- doors ---- */

void
admin_signin_get_own(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	struct own o = { .c = c, .r = r, .room = room };

	if (begin(&o, out))
		show(&o, 200, out);
}

void
admin_signin_post_own(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	struct own o = { .c = c, .r = r, .room = room };
	const struct act *a = NULL;
	enum rc rc;

	if (!begin(&o, out))
		return;
	rc = uri_items_parse(c->arena, r->body, true, ITEMS_MAX, &o.form, &c->err);
	if (rc == RC_OK)
		a = act_named(&o, uri_item(&o.form, "do"));
	if (a == NULL) {
		o.alert = "That could not be read. Try again.";
		show(&o, 400, out);
		return;
	}
	if (!admin_signin_record(c, o.token, arena_printf(c->arena, "own: %s", a->name), out))
		return;
	rc = a->run(&o);
	if (rc == RC_UNAVAILABLE || rc == RC_INTERNAL) {
		admin_signin_trouble(c, out);
	} else if (rc != RC_OK) {
		o.alert = c->err.text;
		show(&o, http_status(rc), out);
	} else if (o.over) {
		admin_signin_show(c, out, 200,
		    signin_page_message(c->arena, "Password changed", "All your sessions have ended.",
			SIGN_IN "?to=" HOME, "Sign in", false));
		admin_signin_set_cookie(c, out, SESSION_COOKIE, "", 0, "Strict");
	} else if (o.codes != NULL) {
		admin_signin_show(c, out, 200, signin_page_codes(c->arena, o.codes, OWN));
	} else {
		o.done = a->done;
		show(&o, 200, out);
	}
}
