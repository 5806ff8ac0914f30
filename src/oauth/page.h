/* The pages that a person sees while signing in: one form, and one that says why there is none. No script,
 * one inline style named by its hash, nothing loaded from anywhere. Pure. */
#ifndef OAUTH_PAGE_H
#define OAUTH_PAGE_H

#include "base/arena.h"
#include "oauth/signin.h"

struct page_form {
	const struct signin_attempt *attempt;
	const char *sealed; /* the hidden field */
	const char *user; /* what the user name begins as; may be NULL */
	const char *provider, *provider_url; /* who else signs people in, and the way there; NULL: nobody */
	const char *alert; /* what went wrong with the last try; NULL: this is the first */
};

struct bytes page_form(struct arena *a, const struct page_form *p);

/* `organization` may be NULL: it is not known whose page this is. */
struct bytes page_message(struct arena *a, const char *organization, const char *title, const char *text);

/* Value of Content-Security-Policy for both. form-action names the callback's scheme: browsers hold the
 * redirect after a form to it. */
const char *page_policy(struct arena *a);

#endif
