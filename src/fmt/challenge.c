#include "fmt/challenge.h"

#include <string.h>
#include <strings.h>

#include "base/buf.h"

#define SCHEME "Bearer"

static bool
is_space(char c)
{
	return c == ' ' || c == '\t';
}

/* RFC 9110 5.6.2 */
static bool
is_token(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* The shipped client compares the scheme exactly, though RFC 9110 11.1 says without case. */
static const char *
after_scheme(const char *text)
{
	size_t n = strlen(SCHEME);

	text += strspn(text, " \t");
	if (strncmp(text, SCHEME, n) != 0 || (text[n] != '\0' && !is_space(text[n])))
		return NULL;
	return text + n;
}

/* A value between quotes, or up to a separator. NULL: malformed. */
static const char *
value(struct arena *a, const char *p, const char **out)
{
	const char *begin = p;
	char *text, *q;

	if (*p != '"') {
		while (*p > ' ' && *p != ',' && *p != '"' && *p != 0x7f)
			p++;
		if (p == begin || *p == '"')
			return NULL;
		*out = arena_strndup(a, begin, (size_t)(p - begin));
		return p;
	}
	text = q = arena_alloc(a, strlen(p));
	for (p++; *p != '"'; p++) {
		if (*p == '\\') /* quoted-pair (RFC 9110 5.6.4) */
			p++;
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return NULL;
		*q++ = *p;
	}
	*out = text;
	return p + 1;
}

/* "name=value" at p, "name = value" too. NULL and *another false: malformed; NULL and true: a word
 * without '=', which begins another challenge. */
static const char *
parameter(struct arena *a, const char *p, struct challenge_parameter *out, bool *another)
{
	const char *begin = p, *end;

	*another = false;
	while (is_token(*p))
		p++;
	end = p;
	p += strspn(p, " \t");
	if (end == begin)
		return NULL;
	if (*p != '=') {
		*another = is_space(*end) || *end == ',' || *end == '\0';
		return NULL;
	}
	p++;
	p += strspn(p, " \t");
	out->name = arena_strndup(a, begin, (size_t)(end - begin));
	return value(a, p, &out->value);
}

enum rc
challenge_parse(struct arena *a, const char *text, struct challenge *out, struct err *e)
{
	const char *p = after_scheme(text);

	*out = (struct challenge){ 0 };
	if (p == NULL)
		return fail(e, RC_NOT_FOUND, "not a Bearer challenge");
	if (strlen(text) > CHALLENGE_LENGTH_MAX)
		return fail(e, RC_BAD_INPUT, "a challenge of more than %d octets", CHALLENGE_LENGTH_MAX);
	for (;;) {
		struct challenge_parameter found;
		bool another;

		while (is_space(*p) || *p == ',')
			p++;
		if (*p == '\0')
			return RC_OK;
		p = parameter(a, p, &found, &another);
		if (p == NULL)
			return another ? RC_OK : fail(e, RC_BAD_INPUT, "a malformed challenge");
		if (*p != '\0' && *p != ',' && !is_space(*p))
			return fail(e, RC_BAD_INPUT, "a challenge with text behind a value");
		if (challenge_get(out, found.name) != NULL)
			return fail(e, RC_BAD_INPUT, "a challenge that says %.40s twice", found.name);
		if (out->n == CHALLENGE_PARAMETERS_MAX)
			return fail(
			    e, RC_BAD_INPUT, "a challenge of more than %d parameters", CHALLENGE_PARAMETERS_MAX);
		out->parameter[out->n++] = found;
	}
}

const char *
challenge_get(const struct challenge *c, const char *name)
{
	for (int i = 0; i < c->n; i++) {
		if (strcasecmp(c->parameter[i].name, name) == 0)
			return c->parameter[i].value;
	}
	return NULL;
}

static bool
is_writable(const struct challenge_parameter *p)
{
	if (*p->name == '\0')
		return false;
	for (const char *s = p->name; *s != '\0'; s++) {
		if (!is_token(*s))
			return false;
	}
	for (const char *s = p->value; *s != '\0'; s++) {
		if (*s < ' ' || *s > '~' || *s == '"' || *s == '\\')
			return false;
	}
	return true;
}

enum rc
challenge_write(struct arena *a, const struct challenge_parameter *parameters, int n, char **out, struct err *e)
{
	const char *separator = " ";
	struct buf b;

	*out = NULL;
	buf_init(&b, CHALLENGE_LENGTH_MAX);
	buf_str(&b, SCHEME);
	for (int i = 0; i < n; i++) {
		if (parameters[i].value == NULL)
			continue;
		if (!is_writable(&parameters[i])) {
			buf_free(&b);
			return fail(
			    e, RC_BAD_INPUT, "%.40s has a value that no challenge can carry", parameters[i].name);
		}
		buf_printf(&b, "%s%s=\"%s\"", separator, parameters[i].name, parameters[i].value);
		separator = ", ";
	}
	if (!buf_ok(&b)) {
		buf_free(&b);
		return fail(e, RC_BAD_INPUT, "a challenge of more than %d octets", CHALLENGE_LENGTH_MAX);
	}
	*out = buf_finish(&b, a);
	return RC_OK;
}
