#include "admin/signin_reply.h"

#include "admin/signin_page.h"
#include "administrator/session.h"
#include "audit/audit.h"
#include "base/log.h"

void
admin_signin_show(struct call *c, struct http_reply *out, int status, struct bytes body)
{
	http_answer(out, status, "text/html; charset=utf-8", body);
	http_set(out, "Content-Security-Policy", signin_page_policy(c->arena));
	http_set(out, "X-Content-Type-Options", "nosniff");
	http_set(out, "X-Frame-Options", "DENY");
	http_set(out, "Referrer-Policy", "no-referrer");
	http_set(out, "Cache-Control", "no-store");
}

void
admin_signin_redirect(struct http_reply *out, const char *to)
{
	http_answer(out, 303, NULL, (struct bytes){ 0 });
	http_set(out, "Location", to);
	http_set(out, "Referrer-Policy", "no-referrer");
	http_set(out, "Cache-Control", "no-store");
}

void
admin_signin_trouble(struct call *c, struct http_reply *out)
{
	log_error("administrators' sign-in", "error", c->err.text);
	admin_signin_show(c, out, 503,
	    signin_page_message(c->arena, "Not now", "The server has trouble of its own. Try again soon.", SIGN_IN,
		"Try again", false));
	http_set(out, "Retry-After", "30");
}

void
admin_signin_set_cookie(
    struct call *c, struct http_reply *out, const char *name, const char *value, int life_s, const char *site)
{
	http_set(out, "Set-Cookie",
	    arena_printf(
		c->arena, "%s=%s; Path=/; Max-Age=%d; Secure; HttpOnly; SameSite=%s", name, value, life_s, site));
}

/* Nobody comes in, and nobody leaves, without a row. False: the answer is written. */
bool
admin_signin_record(struct call *c, const char *token, const char *action, struct http_reply *out)
{
	struct session s = { 0 };
	struct audit_entry e = { .way = "session", .action = action, .outcome = "done" };
	enum rc rc = session_find(c, token, true, &s);

	if (rc == RC_UNAUTHENTICATED) /* it has ended by itself */
		return true;
	e.actor = s.actor.name;
	e.organization_id = s.actor.organization_id;
	if (rc == RC_OK && audit_add(c, &e) == RC_OK)
		return true;
	(void)session_end(c, token);
	admin_signin_trouble(c, out);
	return false;
}
