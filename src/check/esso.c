/* The document of Enrollment SSO (protocol 4.5), as a device reads it before anybody signs in. */
#include <string.h>

#include "check/walk.h"
#include "device/esso_document.h"
#include "device/url.h"

bool
walk_esso(struct walk *w, const struct http_client_answer *challenged)
{
	const char *url = http_client_header(challenged, "X-Apple-MDM-ESSO"), *about;
	struct http_client_request q = { .method = "GET", .url = url };
	struct http_client_answer r;
	struct device_esso document;
	struct walk_host *host;

	if (url == NULL || w->family->two_channels) /* a Mac does not look at it */
		return true;
	walk_reach(w, CHECK_ESSO);
	about = device_url_masked(w->a, url);
	if (!device_url_is(url, "https")) {
		walk_find(w, CAUSE_esso_url, about, "%s", about);
		return false;
	}
	if ((host = walk_host(w, url)) == NULL || !host->usable)
		return false;
	if (walk_ask(w, w->management, &q, host, &r) != RC_OK)
		walk_find(w, CAUSE_esso_none, about, "%s", w->err.text);
	else if (r.status != 200)
		walk_find(w, CAUSE_esso_status, about, "%d", r.status);
	else if (r.type == NULL || strcmp(r.type, "application/json") != 0)
		walk_find(w, CAUSE_esso_type, about, "%s", r.type != NULL ? r.type : "no Content-Type");
	else if (device_esso_read(w->a, r.body, false, true, &document, &w->err) != RC_OK)
		walk_find(w, CAUSE_esso_document, about, "%s", w->err.text);
	else {
		walk_note(
		    w, CHECK_ESSO, "%s, by %s", document.bundle, document.declarations ? "declarations" : "a profile");
		return true;
	}
	return false;
}
