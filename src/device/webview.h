/* The sign-in view: what a person does with a browser, from the first page to the callback. Fetches
 * pages, keeps cookies, follows redirects, obeys the page's form-action policy, fills in the form and
 * sends every field of it, as Safari would. */
#ifndef DEVICE_WEBVIEW_H
#define DEVICE_WEBVIEW_H

#include "device/device.h"
#include "device/html_form.h"

#define WEBVIEW_STEPS_MAX 40 /* pages and redirects of one sign-in */

struct device_extension { /* an SSO extension in the person's place */
	bool there;
	const char *const *urls, *const *hosts; /* NULL-terminated: what it answers for */
};

struct device_person {
	const char *identifier; /* typed into text fields that are empty */
	const char *password; /* secret; NULL with a command */
	const char *command; /* program that signs in instead: gets the URL, prints the callback */
	struct device_extension extension; /* with what it knows in `identifier` and `password` */
};

/* Is this URL one that the extension answers for: it begins with one of `urls`, or its host is one of `hosts`, or
 * below one that begins with a dot. (An extension by hosts answers a host's HTTP challenge; here it answers its
 * pages.) Pure. */
bool device_extension_covers(struct arena *a, const struct device_extension *x, const char *url);

/* Sign in at `url`. *callback is the URL of DEVICE_CALLBACK_SCHEME that ended it, in d->arena.
 * RC_UNAUTHENTICATED: the page asked for the password again, or is none of the extension's. RC_UNAVAILABLE: an error status.
 * RC_BAD_INPUT: a page that a person could not go on with. */
enum rc
device_webview_run(struct device *d, const char *url, const struct device_person *person, const char **callback);

/* The body (or query) of a form as `person` fills it. `*type` is the media type of the body. Pure but
 * for the boundary of multipart. */
struct bytes device_form_encode(
    struct arena *a, const struct html_form *form, const struct device_person *person, const char **type);

/* Whether a Content-Security-Policy lets a form of a page at `page_url` go to `target`, as browsers
 * check it: also for every redirect that follows. NULL policy: it does. Pure. */
bool device_csp_allows_form(struct arena *a, const char *policy, const char *page_url, const char *target);

#endif
