/* What a person can do with a web page without script: its forms, a redirect it asks for, the error
 * it shows. A tolerant scanner, not a parser: sign-in pages of identity providers are of any quality.
 * Pure. */
#ifndef DEVICE_HTML_FORM_H
#define DEVICE_HTML_FORM_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/bytes.h"

#define HTML_FORMS_MAX 16
#define HTML_FIELDS_MAX 128 /* a form; further ones are left out */

enum html_field_kind {
	HTML_TEXT, /* text, email, tel and the like: what a person types */
	HTML_PASSWORD,
	HTML_HIDDEN,
	HTML_CHECK, /* checkbox, radio */
	HTML_SUBMIT, /* sent only when it is the button that is pressed */
	HTML_OTHER, /* select, textarea: sent as they stand */
};

struct html_field {
	enum html_field_kind kind;
	const char *name, *value; /* never NULL; a field without a name is not sent */
	bool checked; /* HTML_CHECK; HTML_OTHER: always */
};

struct html_form {
	const char *action; /* as written; "" is the page itself */
	bool post; /* method */
	bool multipart; /* enctype multipart/form-data */
	struct html_field *field;
	int n;
};

struct html_page {
	struct html_form form[HTML_FORMS_MAX];
	int n;
	const char *base; /* <base href>, or NULL */
	const char *refresh; /* target of a <meta http-equiv=refresh>, or NULL */
	const char *link; /* first link to DEVICE_CALLBACK_SCHEME, or NULL */
	const char *alert; /* text of the first element with role=alert or a class naming an error; or NULL */
	const char *title; /* or NULL */
};

/* Never fails: what can't be understood is stepped over. */
void html_page_scan(struct arena *a, struct bytes document, struct html_page *out);

/* The form a person would fill: the first with a password field, else the first with a text field,
 * else the first that can be sent. -1: the page has no form. */
int html_page_choose(const struct html_page *page);

bool html_form_has(const struct html_form *form, enum html_field_kind kind);

#endif
