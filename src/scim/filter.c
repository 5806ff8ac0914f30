#include "scim/filter.h"

#include <string.h>
#include <strings.h>

#define NAME "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.$:-"

static const char *
bad(struct err *e, const char *why)
{
	(void)fail(e, RC_BAD_INPUT, "filter: %s", why);
	return NULL;
}

static const char *
word(struct arena *a, const char *p, const char **out, struct err *e)
{
	size_t n = strspn(p, NAME);

	if (n == 0)
		return bad(e, "an attribute's name is missing");
	*out = arena_strndup(a, p, n);
	return p + n;
}

/* A JSON string with \" and \\, or a bare word: true, false, a number. */
static const char *
literal(struct arena *a, const char *p, const char **out, struct err *e)
{
	char *s;

	if (*p != '"')
		return word(a, p, out, e);
	*out = s = arena_alloc(a, strlen(p) + 1);
	for (p++; *p != '\0' && *p != '"'; p++) {
		if (*p == '\\' && (p[1] == '"' || p[1] == '\\'))
			p++;
		else if (*p == '\\')
			return bad(e, "an escape that no directory sends");
		*s++ = *p;
	}
	*s = '\0';
	return *p == '"' ? p + 1 : bad(e, "a quote does not end");
}

/* `attribute eq value`; NULL: it is none, e says why. */
static const char *
term(struct arena *a, const char *p, const char **attribute, const char **value, struct err *e)
{
	p = word(a, p + strspn(p, " "), attribute, e);
	if (p == NULL)
		return NULL;
	if (*p != ' ' || strncasecmp(p + strspn(p, " "), "eq ", 3) != 0)
		return bad(e, "eq is the only operator");
	p += strspn(p, " ") + 3;
	return literal(a, p + strspn(p, " "), value, e);
}

enum rc
filter_parse(struct arena *a, const char *text, struct filter *out, struct err *e)
{
	const char *p = text;

	out->n = 0;
	if (text == NULL)
		return RC_OK;
	if (strlen(text) > FILTER_MAX)
		return fail(e, RC_BAD_INPUT, "filter: over %d octets", FILTER_MAX);
	for (;;) {
		if (out->n == FILTER_TERMS)
			return fail(e, RC_BAD_INPUT, "filter: more than %d terms", FILTER_TERMS);
		p = term(a, p, &out->term[out->n].attribute, &out->term[out->n].value, e);
		if (p == NULL)
			return RC_BAD_INPUT;
		out->n++;
		p += strspn(p, " ");
		if (*p == '\0')
			return RC_OK;
		if (strncasecmp(p, "and ", 4) != 0)
			return fail(e, RC_BAD_INPUT, "filter: and is the only connection");
		p += 4;
	}
}

enum rc
filter_path(struct arena *a, const char *path, const char **attribute, const char **value, struct err *e)
{
	const char *p = path, *sub;

	*value = NULL;
	if (strlen(path) > FILTER_MAX || (p = word(a, path, attribute, e)) == NULL)
		return fail(e, RC_BAD_INPUT, "the path is malformed, or over %d octets", FILTER_MAX);
	if (*p == '\0')
		return RC_OK;
	if (*p != '[' || (p = term(a, p + 1, &sub, value, e)) == NULL || *p != ']')
		return fail(e, RC_BAD_INPUT, "the path is malformed");
	/* What follows names a part of what the bracket chose: emails[type eq "work"].value. */
	if (p[1] != '\0')
		*attribute = arena_printf(a, "%s%s", *attribute, p + 1);
	return RC_OK;
}
