/* The doors of Device Assignment Services, the discovery fallback, the sign-in to Managed Apple Accounts, and invitations
 * of Apps and Books. */
#include <stdlib.h>
#include <string.h>

#include "apple/apple.h"
#include "apple/assignment.h"

static void
serve_assignment(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	const struct apple *apple = room;
	const char *version = http_header(r, "X-Server-Protocol-Version"), *host = http_header(r, "Host");
	const struct assignment_request request = { .method = r->method,
		.path = r->path,
		.query = r->query,
		.authority = host != NULL ? host : "",
		.authorization = http_header(r, "Authorization"),
		.session = http_header(r, "X-ADM-Auth-Session"),
		.version = version != NULL ? strtoll(version, NULL, 10) : 0,
		.body = r->body };
	struct assignment_answer answer;

	assignment_serve(apple->assignment, c, &request, &answer);
	if (answer.body != NULL)
		http_answer(out, answer.status, "application/json;charset=UTF8", json_text(c->arena, answer.body, 0));
	else
		http_answer(out, answer.status, "text/plain;charset=UTF8",
		    answer.text != NULL ? bytes_str(answer.text) : (struct bytes){ 0 });
	if (answer.session != NULL)
		http_set(out, "X-ADM-Auth-Session", answer.session);
	if (answer.retry_after > 0)
		http_set(out, "Retry-After", arena_printf(c->arena, "%d", answer.retry_after));
}

static void
serve_fallback(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	const struct apple *apple = room;
	struct fallback_answer answer;

	fallback_serve(&apple->fallback, c, r->query, http_query(c, r, "user-identifier", false),
	    http_query(c, r, "model-family", false), &answer);
	if (answer.body != NULL)
		http_answer(out, answer.status, "application/json", json_text(c->arena, answer.body, 0));
	else
		http_answer(out, answer.status, NULL, (struct bytes){ 0 });
	if (answer.location != NULL)
		http_set(out, "Location", answer.location);
}

static void
serve_sign_in(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	const struct apple *apple = room;
	struct account_answer answer;

	accounts_sign_in(apple->accounts, c, r->body, &answer);
	if (answer.body != NULL)
		http_answer(out, answer.status, "application/json", json_text(c->arena, answer.body, 0));
	else
		http_answer(out, answer.status, NULL, (struct bytes){ 0 });
}

/* How a person takes up an invitation of Apps and Books is not published: here it is one request,
 * {"inviteCode", "account"}. 403: not with this account ({"sentence"}); 404: there is none. */
static void
serve_invitation(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	const struct apple *apple = room;
	const char *code, *account;
	enum rc rc = RC_BAD_INPUT;
	json_t *said;

	if (json_parse(c->arena, r->body, &said, &c->err) == RC_OK &&
	    (code = json_get_text(said, "inviteCode")) != NULL && (account = json_get_text(said, "account")) != NULL &&
	    (rc = accounts_usable(apple->accounts, c, account)) == RC_OK)
		rc = books_invited(apple->books, code, account);
	if (rc == RC_OK)
		http_answer(out, 200, "application/json", bytes_str("{}"));
	else if (rc == RC_FORBIDDEN)
		http_answer(out, 403, "application/json",
		    json_text(c->arena, json_keep(c->arena, json_pack("{s:s}", "sentence", c->err.text)), 0));
	else
		http_fail(out, rc);
}

#define TLS (1u << HTTP_DOOR_TLS)

/* A request may need the portal's memory, which goes by the largest body. */
const struct http_route services_routes[] = {
	{ "GET", "/session", HTTP_HEAVY, 1 << 20, TLS, serve_assignment },
	{ "GET", "/account", HTTP_HEAVY, 1 << 20, TLS, serve_assignment },
	{ "POST", "/account-driven-enrollment/profile", HTTP_HEAVY, 1 << 20, TLS, serve_assignment },
	{ "GET", "/account-driven-enrollment/profile", HTTP_HEAVY, 1 << 20, TLS, serve_assignment },
	{ "DELETE", "/account-driven-enrollment/profile", HTTP_HEAVY, 1 << 20, TLS, serve_assignment },
	{ "GET", "/.well-known/com.apple.remotemanagement", HTTP_HEAVY, 1 << 20, TLS, serve_fallback },
	{ "POST", "/managed-apple-account/sign-in", HTTP_HEAVY, 1 << 20, TLS, serve_sign_in },
	{ "POST", "/apps-and-books/invitation", HTTP_HEAVY, 1 << 20, TLS, serve_invitation },
	{ 0 },
};
