/* The sentences of the pages, in the languages of oauth/lang (script/catalogue makes the tables), and which of them a
 * browser wants. Pure. */
#ifndef OAUTH_TEXT_H
#define OAUTH_TEXT_H

#include "base/arena.h"
#include "enroll/failure.h"
#include "oauth/text_table.h"

enum text {
#define X(name, english) TEXT_##name,
	PAGE_TEXTS(X)
#undef X
	    TEXTS
};

struct text_catalogue {
	const char *tag; /* "en", "de": of RFC 5646 */
	const char *direction; /* "ltr", "rtl" */
	const char *texts[TEXTS];
	const char *failures[ENROLL_CODES]; /* NULL: no page shows it */
};
extern const struct text_catalogue text_catalogues[]; /* English first */
extern const int text_catalogues_n;

/* Of an Accept-Language header (RFC 9110 12.5.4; RFC 4647 3.4, lookup): the language that is wanted most among ours.
 * English where there is none, and where the header is NULL, longer than TEXT_ACCEPT_MAX or has nothing of ours. */
#define TEXT_ACCEPT_MAX 1000 /* octets */
const struct text_catalogue *text_choose(const char *accept_language);

struct text_values { /* what stands for the placeholders; NULL: nothing */
	const char *organization, *device, *provider;
};
const char *text_fill(struct arena *a, const struct text_catalogue *t, enum text which, const struct text_values *v);
/* What a person is told of `code`. */
const char *text_failure(const struct text_catalogue *t, enum enroll_code code);

#endif
