/* The sign-in page as the device's web view opens it, and the token endpoint as it would be asked. */
#include <string.h>

#include "check/walk.h"
#include "crypto/hash.h"
#include "device/url.h"
#include "fmt/json.h"

#define REDIRECTS_MAX 10

/* Where the view is sent first (protocol 4.2: the query is replaced; 4.3). */
static const char *
first_url(struct walk *w)
{
	const struct device_challenge *c = &w->challenge;
	const char *who = device_url_encode(w->a, w->plan->identifier);
	const char *scope = c->scope != NULL ? arena_printf(w->a, "&scope=%s", device_url_encode(w->a, c->scope)) : "";

	if (c->url != NULL)
		return device_url_set_query(w->a, c->url, arena_printf(w->a, "user-identifier=%s", who));
	return device_url_add_query(w->a, c->authorization_url,
	    arena_printf(w->a, "response_type=code&client_id=%s&redirect_uri=%s%s&state=%s&login_hint=%s",
		device_url_encode(w->a, c->client_id), device_url_encode(w->a, c->redirect_url), scope,
		crypto_uuid(w->a), who));
}

/* The view is sent back to the device before anybody signed in: fine if it brings something, as with a session of an
 * identity provider; an error otherwise. */
static void
judge_callback(struct walk *w, const char *about, const char *location)
{
	const char *error = device_url_item(w->a, location, "error");

	if (error != NULL || (device_url_item(w->a, location, "code") == NULL &&
				 device_url_item(w->a, location, "access-token") == NULL))
		walk_find(w, CAUSE_page_callback, about, "sent back with %s",
		    error != NULL ? error : "neither code nor token");
	else
		walk_note(w, CHECK_SIGN_IN, "%s signs in without a page", about);
}

static void
judge_page(struct walk *w, const char *about, const struct http_client_answer *r)
{
	if (r->status >= 400 || r->status < 200)
		walk_find(w, CAUSE_page_status, about, "%d", r->status);
	else if (r->type == NULL ||
		 (strcmp(r->type, "text/html") != 0 && strcmp(r->type, "application/xhtml+xml") != 0))
		walk_find(w, CAUSE_page_not_html, about, "%s", r->type != NULL ? r->type : "no Content-Type");
	else
		walk_note(w, CHECK_SIGN_IN, "%d, a page at %s", r->status, about);
}

static void
open_page(struct walk *w, const char *url)
{
	for (int n = 0;; n++) {
		struct http_client_request q = { .method = "GET", .url = url };
		const char *about = device_url_origin(w->a, url);
		struct walk_host *host;
		struct http_client_answer r;

		if (device_url_is(url, "http")) {
			walk_find(w, CAUSE_page_http, about, "the page is at %s", about);
			return;
		}
		if ((host = walk_host(w, url)) == NULL || !host->usable)
			return;
		walk_reach(w, CHECK_SIGN_IN);
		if (walk_ask(w, w->web, &q, host, &r) != RC_OK) {
			walk_find(w, CAUSE_page_none, about, "%s", w->err.text);
			return;
		}
		if (r.location == NULL) {
			judge_page(w, about, &r);
			return;
		}
		if (device_url_is(r.location, DEVICE_CALLBACK_SCHEME)) {
			judge_callback(w, about, r.location);
			return;
		}
		if (n == REDIRECTS_MAX) {
			walk_find(
			    w, CAUSE_page_loop, about, "the last leads to %s", device_url_origin(w->a, r.location));
			return;
		}
		url = r.location;
	}
}

/* ---- the token endpoint ---- */

static void
judge_token(struct walk *w, const char *about, const struct http_client_answer *r)
{
	const char *error = NULL;
	json_t *root;

	if (json_parse(w->a, r->body, &root, NULL) == RC_OK)
		error = json_get_text(root, "error");
	if (r->status == 200 && error == NULL)
		walk_find(w, CAUSE_token_given, about, "200 for a code that was made up");
	else if (error != NULL && (strcmp(error, "invalid_client") == 0 || strcmp(error, "unauthorized_client") == 0))
		walk_find(w, CAUSE_token_client, about, "%d, %s", r->status, error);
	else if (error == NULL || r->status >= 500)
		walk_find(
		    w, CAUSE_token_status, about, "%d, %s", r->status, r->type != NULL ? r->type : "no Content-Type");
	else
		walk_note(w, CHECK_TOKEN, "%d, %s for a made-up code, from %s", r->status, error, about);
}

static void
ask_token(struct walk *w)
{
	static const char *const headers[] = { "Content-Type: application/x-www-form-urlencoded", "Accept: */*", NULL };
	const struct device_challenge *c = &w->challenge;
	const char *body = arena_printf(w->a, "grant_type=authorization_code&code=%s&redirect_uri=%s&client_id=%s",
	    crypto_uuid(w->a), device_url_encode(w->a, c->redirect_url), device_url_encode(w->a, c->client_id));
	struct http_client_request q = {
		.method = "POST", .url = c->token_url, .headers = headers, .body = bytes_str(body), .max_body = 1u << 20
	};
	const char *about = device_url_origin(w->a, c->token_url);
	struct walk_host *host = walk_host(w, c->token_url);
	struct http_client_answer r;

	if (host == NULL || !host->usable)
		return;
	walk_reach(w, CHECK_TOKEN);
	if (walk_ask(w, w->management, &q, host, &r) != RC_OK)
		walk_find(w, CAUSE_token_none, about, "%s", w->err.text);
	else
		judge_token(w, about, &r);
}

void
walk_signin(struct walk *w)
{
	open_page(w, first_url(w));
	if (w->challenge.token_url != NULL)
		ask_token(w);
}
