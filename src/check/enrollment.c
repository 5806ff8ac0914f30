/* The first enrollment request, and the challenge that answers it. */
#include <string.h>
#include <strings.h>

#include "check/walk.h"
#include "device/identity.h"
#include "device/url.h"

/* ---- the request ---- */

/* A device that nobody made: a throw-away certificate, or one of the test CA that the server trusts. */
static enum rc
born(struct walk *w, struct device *d)
{
	struct device_authority self;
	enum rc rc;

	device_init(d, w->a, NULL, STORY_QUIET, stderr);
	d->family = w->family;
	d->self.family = w->family->name;
	d->self.os = w->family->default_os;
	d->self.language = "en";
	if (w->plan->device_ca != NULL)
		rc = device_identity_make(d, w->plan->device_ca, X509_P256, w->plan->now);
	else if ((rc = device_authority_new(w->a, "postern check", X509_P256, NULL, w->plan->now, &self, &d->err)) ==
		 RC_OK) {
		d->self.key = self.key;
		d->self.certificate = d->self.issuer = self.certificate;
	}
	return rc;
}

static enum rc
body_of(struct walk *w, struct bytes *out)
{
	struct device d;
	enum rc rc = born(w, &d);

	if (rc == RC_OK)
		rc = device_machineinfo_signed(&d, strcmp(w->version, "mdm-byod") == 0, out);
	if (rc != RC_OK)
		fail(&w->err, rc, "%s", d.err.text);
	device_close(&d);
	return rc;
}

/* ---- the answer ---- */

static bool
judge_status(struct walk *w, const char *about, const struct http_client_answer *r)
{
	static const struct walk_status rows[] = {
		{ 200, 299, CAUSE_first_success },
		{ 300, 399, CAUSE_first_redirect },
		{ 400, 400, CAUSE_first_refused },
		{ 403, 403, CAUSE_first_refused },
		{ 404, 404, CAUSE_first_not_found },
		{ 405, 405, CAUSE_first_method },
		{ 410, 410, CAUSE_first_not_found },
		{ 429, 429, CAUSE_first_throttled },
		{ 500, 500, CAUSE_first_error },
		{ 501, 501, CAUSE_first_method },
		{ 502, 599, CAUSE_first_error },
	};
	const char *message = walk_message(w, r);

	if (r->status == 401)
		return true;
	walk_find(w, walk_cause_of(rows, sizeof rows / sizeof rows[0], r->status, CAUSE_first_other), about,
	    "%d%s%s%s%s", r->status, message != NULL ? ": " : "", message != NULL ? message : "",
	    r->location != NULL ? " to " : "", r->location != NULL ? device_url_masked(w->a, r->location) : "");
	return false;
}

static int
count_challenges(const struct http_client_answer *r, const char **first)
{
	int n = 0;

	*first = NULL;
	for (int i = 0; i < r->n_headers; i++) {
		if (strcasecmp(r->header_names[i], "WWW-Authenticate") != 0)
			continue;
		*first = *first != NULL ? *first : r->header_values[i];
		n++;
	}
	return n;
}

/* Which rule of the challenge was broken; device/challenge.h says that one is. */
static enum check_cause_id
what_is_wrong(enum rc rc, int n, const char *first, const struct device_challenge *c)
{
	const char *const urls[] = { c->url, c->authorization_url, c->token_url };

	if (n == 0)
		return CAUSE_no_challenge;
	if (rc == RC_NOT_FOUND)
		return strncasecmp(first, "Bearer", 6) == 0 ? CAUSE_scheme_case : CAUSE_not_bearer;
	if (c->method == NULL || (strcmp(c->method, "apple-as-web") != 0 && strcmp(c->method, "apple-oauth2") != 0))
		return CAUSE_bad_method;
	for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
		if (urls[i] != NULL && device_url_is(urls[i], "http"))
			return CAUSE_challenge_http;
	}
	return CAUSE_incomplete;
}

static bool
judge_challenge(struct walk *w, const char *about, const struct http_client_answer *r)
{
	struct device_challenge *c = &w->challenge;
	const char *first;
	int n = count_challenges(r, &first);
	enum rc rc = device_challenge_find(w->a, r, c, &w->err);

	walk_reach(w, CHECK_CHALLENGE);
	if (rc != RC_OK) {
		walk_find(w, what_is_wrong(rc, n, first, c), about, "%s", w->err.text);
		return false;
	}
	walk_note(w, CHECK_CHALLENGE, "%s", c->method);
	if (n > 1)
		walk_find(w, CAUSE_several_challenges, about, "%d headers", n);
	if (c->url != NULL && strchr(c->url, '?') != NULL)
		walk_find(w, CAUSE_web_query, about, "url is %s", device_url_masked(w->a, c->url));
	if (c->url != NULL && device_url_is(c->url, "http")) {
		walk_find(w, CAUSE_challenge_http, about, "url is %s", device_url_origin(w->a, c->url));
		return false;
	}
	return true;
}

bool
walk_enrollment(struct walk *w)
{
	static const char *const headers[] = { "Content-Type: application/pkcs7-signature", "Accept: */*",
		"Accept-Language: en", NULL };
	struct http_client_request q = {
		.method = "POST", .url = w->base_url, .headers = headers, .max_body = 1u << 20
	};
	const char *about = device_url_origin(w->a, w->base_url);
	struct walk_host *host = walk_host(w, w->base_url);
	struct http_client_answer r;

	if (host == NULL || !host->usable)
		return false;
	walk_reach(w, CHECK_ENROLLMENT);
	if (body_of(w, &q.body) != RC_OK) {
		walk_find(w, CAUSE_first_refused, about, "the request could not be made: %s", w->err.text);
		return false;
	}
	if (walk_ask(w, w->management, &q, host, &r) != RC_OK) {
		walk_find(w, CAUSE_first_none, about, "%s", w->err.text);
		return false;
	}
	walk_note(w, CHECK_ENROLLMENT, "%d to the first request, from %s", r.status, about);
	return judge_status(w, about, &r) && judge_challenge(w, about, &r) && walk_esso(w, &r);
}
