/* The pages that a person sees while signing in: the form, in one or two steps; the last page of what can't go on; and
 * what an organization can and cannot see. No script, one inline style named by its hash, nothing loaded from anywhere
 * but the organization's logo from this server. Pure. */
#ifndef OAUTH_PAGE_H
#define OAUTH_PAGE_H

#include "enroll/challenge.h"
#include "oauth/signin.h"
#include "oauth/text.h"

#define PAGE_MAX (40 * 1024) /* octets */

struct page_look { /* whose page this is, and for whom */
	const struct text_catalogue *language;
	const struct organization *organization; /* NULL: not known */
};

struct page_form {
	const struct signin_attempt *attempt;
	const char *sealed; /* the hidden field */
	const char *user; /* the user name; NULL or empty: it is asked for first, without a password */
	const char *provider, *provider_url; /* who else signs people in, and the way there; NULL: nobody */
	const char *privacy_url; /* what the organization can see; NULL: it depends on what is not known yet */
	const char *alert; /* what went wrong with the last try; NULL: this is the first */
};
struct bytes page_form(struct arena *a, const struct page_look *l, const struct page_form *p);

/* `help_code`: what to read to the help desk; NULL: nothing is known of this there. */
struct bytes page_message(struct arena *a, const struct page_look *l, enum enroll_code code, const char *help_code);

/* `mode` "byod" or "adde", `family` as in attempts; `back`: the way to the page before, NULL: there is none. */
struct bytes
page_privacy(struct arena *a, const struct page_look *l, const char *mode, const char *family, const char *back);

/* Value of Content-Security-Policy for what shows nothing, and for all of them. form-action names the callback's scheme: browsers hold the
 * redirect after a form to it. `o` may be NULL. */
#define PAGE_POLICY_BLANK \
	"default-src 'none'; form-action 'self' " CHALLENGE_SCHEME ":; frame-ancestors 'none'; base-uri 'none'"
const char *page_policy(struct arena *a, const struct organization *o);

#endif
