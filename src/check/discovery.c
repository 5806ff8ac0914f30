/* From the domain to the enrollment URL. */
#include <string.h>
#include <strings.h>

#include "check/walk.h"
#include "device/url.h"
#include "fmt/json.h"
#include "fmt/uri.h"

#define ANSWER_MAX (64u * 1024)
#define REDIRECTS_MAX 10

static const char *const device_headers[] = { "Accept: */*", "Accept-Language: en", NULL };

enum rc
walk_ask(struct walk *w, struct http_client *agent, const struct http_client_request *q, struct walk_host *host,
    struct http_client_answer *out)
{
	enum rc rc = http_client_send(agent, w->a, q, out, &w->err);
	const char *server = rc == RC_OK ? walk_server_of(out) : NULL;

	if (host != NULL && server != NULL)
		host->server = server;
	return rc;
}

static bool
has_dot(struct walk *w, const char *url)
{
	struct uri u;

	return uri_parse(w->a, url, &u, NULL) == RC_OK && u.host[strlen(u.host) - 1] == '.';
}

/* ---- redirects ---- */

/* Both items must arrive as they left; once lost, no later hop can put them back. */
static bool
judge_query(struct walk *w, const char *from, const char *to)
{
	const char *const names[] = { "user-identifier", "model-family" };
	const char *const values[] = { w->plan->identifier, w->family->name };
	const char *lost = "", *changed = "";

	for (int i = 0; i < 2; i++) {
		const char *value = device_url_item(w->a, to, names[i]);

		if (value == NULL)
			lost = arena_printf(w->a, "%s%s%s", lost, *lost != '\0' ? " and " : "", names[i]);
		else if (strcmp(value, values[i]) != 0)
			changed = arena_printf(
			    w->a, "%s%s%s becomes \"%s\"", changed, *changed != '\0' ? ", " : "", names[i], value);
	}
	if (*lost != '\0')
		walk_find(w, CAUSE_lost_query, from, "Location has no %s: %.*s", lost, (int)strcspn(to, "?#"), to);
	if (*changed != '\0')
		walk_find(w, CAUSE_changed_query, from, "%s", changed);
	return *lost == '\0' && *changed == '\0';
}

/* The path of a URL for people: without the query, which is another one for each kind of device. */
static const char *
bare(struct walk *w, const char *url)
{
	return arena_strndup(w->a, url, strcspn(url, "?#"));
}

static bool
judge_redirect(struct walk *w, const struct http_client_answer *r, const char *const *seen, int n)
{
	const char *from = bare(w, seen[n - 1]), *to = r->location;

	walk_reach(w, CHECK_REDIRECT);
	if (to == NULL || (!device_url_is(to, "https") && !device_url_is(to, "http"))) {
		walk_find(
		    w, CAUSE_redirect_nowhere, from, "%d, Location %s", r->status, to != NULL ? to : "is missing");
		return false;
	}
	walk_note(w, CHECK_REDIRECT, "%d from %s to %s", r->status, from, bare(w, to));
	if (device_url_is(to, "http")) {
		walk_find(w, CAUSE_plain_http, from, "%d to %s", r->status, bare(w, to));
		return false;
	}
	if (has_dot(w, to))
		walk_find(w, CAUSE_dot_host, from, "%d to %s", r->status, bare(w, to));
	for (int i = 0; i < n; i++) {
		if (strcmp(seen[i], to) == 0) {
			walk_find(w, CAUSE_redirect_loop, from, "%d back to %s", r->status, bare(w, to));
			return false;
		}
	}
	return true;
}

/* ---- the last answer ---- */

const char *
walk_message(struct walk *w, const struct http_client_answer *r)
{
	json_t *root;
	const char *text = NULL;

	if (json_parse(w->a, r->body, &root, NULL) == RC_OK) {
		text = json_get_text(root, "message");
		text = text != NULL ? text : json_get_text(root, "code");
	}
	return text;
}

enum check_cause_id
walk_cause_of(const struct walk_status *rows, size_t n, int status, enum check_cause_id otherwise)
{
	for (size_t i = 0; i < n; i++) {
		if (status >= rows[i].from && status <= rows[i].to)
			return rows[i].cause;
	}
	return otherwise;
}

static bool
judge_status(struct walk *w, const char *url, const struct http_client_answer *r)
{
	static const struct walk_status rows[] = {
		{ 401, 401, CAUSE_needs_login },
		{ 403, 403, CAUSE_forbidden },
		{ 404, 404, CAUSE_not_found },
		{ 410, 410, CAUSE_not_found },
		{ 500, 599, CAUSE_server_error },
	};
	const char *message = r->status == 403 ? walk_message(w, r) : NULL;

	walk_reach(w, CHECK_STATUS);
	walk_note(w, CHECK_STATUS, "%d from %s", r->status, url);
	if (r->status == 200)
		return true;
	if (message != NULL) {
		walk_find(w, CAUSE_organization_refuses, url, "403: %s", message);
		return false;
	}
	walk_find(w, walk_cause_of(rows, sizeof rows / sizeof rows[0], r->status, CAUSE_wrong_status), url,
	    "%d instead of 200", r->status);
	return false;
}

static bool
begins(struct bytes b, const char *with)
{
	return b.n >= strlen(with) && strncasecmp((const char *)b.p, with, strlen(with)) == 0;
}

/* A web page, whatever it calls itself. */
static bool
is_page(const struct http_client_answer *r)
{
	struct bytes b = r->body;

	while (b.n > 0 && strchr(" \t\r\n", b.p[0]) != NULL)
		b = bytes_of(b.p + 1, b.n - 1);
	return begins(b, "<!doctype") || begins(b, "<html") || begins(b, "<head");
}

static bool
judge_type(struct walk *w, const char *url, const struct http_client_answer *r)
{
	if (is_page(r))
		walk_find(w, CAUSE_html, url, "%s, a web page", r->type != NULL ? r->type : "no Content-Type");
	else if (r->type == NULL)
		walk_find(w, CAUSE_type_missing, url, "no Content-Type");
	else if (strcmp(r->type, "application/json") != 0)
		walk_find(w, CAUSE_type_wrong, url, "%s", r->type);
	else
		return true;
	return false;
}

static bool
judge_server(struct walk *w, const char *url, const json_t *first)
{
	const char *version = json_get_text(first, "Version"), *base = json_get_text(first, "BaseURL");
	bool known = version != NULL && (strcmp(version, "mdm-byod") == 0 || strcmp(version, "mdm-adde") == 0);
	struct uri u;

	w->version = known ? version : NULL;
	if (!known)
		walk_find(w, CAUSE_version, url, "Version %s", version != NULL ? version : "is missing");
	if (base == NULL || uri_parse(w->a, base, &u, NULL) != RC_OK) {
		walk_find(w, CAUSE_base_url, url, "BaseURL %s", base != NULL ? base : "is missing");
		return false;
	}
	w->base_url = base;
	walk_note(w, CHECK_DOCUMENT, "Version %s, BaseURL at %s", version != NULL ? version : "missing",
	    device_url_origin(w->a, base));
	if (has_dot(w, base))
		walk_find(w, CAUSE_base_url_dot, url, "BaseURL at %s", device_url_origin(w->a, base));
	if (!device_url_is(base, "https"))
		walk_find(w, CAUSE_base_url_http, url, "BaseURL at %s", device_url_origin(w->a, base));
	return known && device_url_is(base, "https");
}

static bool
judge_document(struct walk *w, const char *url, const struct http_client_answer *r)
{
	static const uint8_t bom[] = { 0xef, 0xbb, 0xbf };
	struct bytes body = r->body;
	bool good = judge_type(w, url, r);
	json_t *root, *servers;

	walk_reach(w, CHECK_DOCUMENT);
	if (body.n >= sizeof bom && memcmp(body.p, bom, sizeof bom) == 0) {
		walk_find(w, CAUSE_bom, url, "it begins with EF BB BF");
		body = bytes_of(body.p + sizeof bom, body.n - sizeof bom);
	}
	if (is_page(r))
		return false;
	if (body.n == 0) {
		walk_find(w, CAUSE_empty, url, "0 octets");
		return false;
	}
	if (json_parse(w->a, body, &root, &w->err) != RC_OK) {
		walk_find(w, CAUSE_not_json, url, "%s", w->err.text);
		return false;
	}
	servers = json_object_get(root, "Servers");
	if (!json_is_object(json_array_get(servers, 0))) {
		walk_find(w, CAUSE_no_servers, url, "Servers %s",
		    servers == NULL          ? "is missing"
		    : json_is_array(servers) ? "has no object as its first item"
					     : "is no array");
		return false;
	}
	if (json_array_size(servers) > 1)
		walk_find(w, CAUSE_several_servers, url, "%zu items", json_array_size(servers));
	return judge_server(w, url, json_array_get(servers, 0)) && good;
}

static void
no_answer(struct walk *w, const char *url, enum rc rc)
{
	walk_find(w, rc == RC_TOO_LARGE ? CAUSE_too_large : CAUSE_no_answer, url, "%s", w->err.text);
}

bool
walk_discovery(struct walk *w, const char *url)
{
	const char **seen = arena_array(w->a, REDIRECTS_MAX + 2, sizeof *seen);
	struct http_client_answer r;
	struct walk_host *host;
	bool kept = true;
	enum rc rc;

	for (int n = 1;; n++) {
		struct http_client_request q = {
			.method = "GET", .headers = device_headers, .max_body = ANSWER_MAX, .url = url
		};

		seen[n - 1] = url;
		if ((host = walk_host(w, url)) == NULL || !host->usable)
			return false;
		walk_reach(w, CHECK_STATUS);
		if ((rc = walk_ask(w, w->management, &q, host, &r)) != RC_OK) {
			no_answer(w, bare(w, url), rc);
			return false;
		}
		if (r.status / 100 != 3)
			break;
		if (!judge_redirect(w, &r, seen, n))
			return false;
		kept = kept && judge_query(w, bare(w, url), r.location);
		if (n > REDIRECTS_MAX) {
			walk_find(w, CAUSE_redirect_many, bare(w, seen[0]), "%d, and the next leads to %s", n,
			    bare(w, r.location));
			return false;
		}
		url = r.location;
	}
	walk_reach(w, CHECK_REDIRECT);
	if (strcmp(url, seen[0]) == 0)
		walk_note(w, CHECK_REDIRECT, "none");
	return judge_status(w, bare(w, url), &r) && judge_document(w, bare(w, url), &r);
}
