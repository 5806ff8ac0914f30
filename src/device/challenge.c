#include "device/challenge.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "device/url.h"

enum { WEB = 1, OAUTH2 = 2, OPTIONAL = 4, HTTPS = 8, ANY_HTTP = 16, CALLBACK = 32 };

static const struct parameter {
	const char *name;
	size_t offset; /* of its member in struct device_challenge */
	unsigned rule;
} parameters[] = {
	/* clang-format off */
	{ "method",            offsetof(struct device_challenge, method),            WEB | OAUTH2 },
	{ "url",               offsetof(struct device_challenge, url),               WEB | ANY_HTTP },
	{ "authorization-url", offsetof(struct device_challenge, authorization_url), OAUTH2 | HTTPS },
	{ "token-url",         offsetof(struct device_challenge, token_url),         OAUTH2 | HTTPS },
	{ "redirect-url",      offsetof(struct device_challenge, redirect_url),      OAUTH2 | CALLBACK },
	{ "client-id",         offsetof(struct device_challenge, client_id),         OAUTH2 },
	{ "scope",             offsetof(struct device_challenge, scope),             OAUTH2 | OPTIONAL },
	/* clang-format on */
};
#define N_PARAMETERS (sizeof parameters / sizeof *parameters)

static const char **
member(struct device_challenge *c, const struct parameter *p)
{
	return (const char **)((char *)c + p->offset);
}

static const struct parameter *
find(const char *name, size_t n)
{
	for (size_t i = 0; i < N_PARAMETERS; i++)
		if (strlen(parameters[i].name) == n && strncasecmp(parameters[i].name, name, n) == 0)
			return &parameters[i];
	return NULL;
}

/* Take `name=value` pairs until the text ends. What is not a pair is stepped over, as the pattern of
 * the real client does. */
static void
scan(struct arena *a, const char *p, struct device_challenge *out)
{
	while (*p != '\0') {
		const char *name, *value;
		const struct parameter *known;
		size_t n, length;

		p += strspn(p, " \t,");
		name = p;
		n = strcspn(p, "= \t,\"");
		p += n;
		if (*p != '=') {
			p += *p == '"';
			continue;
		}
		value = ++p;
		if (*p == '"') {
			value++;
			length = strcspn(value, "\"");
			p = value + length + (value[length] == '"');
		} else {
			length = strcspn(value, " \t,");
			p += length;
		}
		known = find(name, n);
		if (known != NULL && *member(out, known) == NULL)
			*member(out, known) = arena_strndup(a, value, length);
	}
}

static enum rc
check(struct device_challenge *c, struct err *e)
{
	unsigned method;

	if (c->method == NULL)
		return fail(e, RC_BAD_INPUT, "the challenge names no method");
	method = strcmp(c->method, "apple-as-web") == 0 ? WEB : strcmp(c->method, "apple-oauth2") == 0 ? OAUTH2 : 0;
	if (method == 0)
		return fail(e, RC_BAD_INPUT, "the challenge names the unknown method \"%s\"", c->method);
	for (size_t i = 0; i < N_PARAMETERS; i++) {
		const struct parameter *p = &parameters[i];
		const char **m = member(c, p);

		if ((p->rule & method) == 0) {
			*m = NULL;
			continue;
		}
		if (*m == NULL || **m == '\0') {
			if ((p->rule & OPTIONAL) == 0)
				return fail(e, RC_BAD_INPUT, "the challenge (%s) has no %s", c->method, p->name);
			*m = NULL;
			continue;
		}
		if (((p->rule & HTTPS) && !device_url_is(*m, "https")) ||
		    ((p->rule & ANY_HTTP) && !device_url_is(*m, "https") && !device_url_is(*m, "http")))
			return fail(e, RC_BAD_INPUT, "the challenge's %s is not an https URL: %s", p->name, *m);
		if ((p->rule & CALLBACK) && !device_url_is(*m, DEVICE_CALLBACK_SCHEME))
			return fail(
			    e, RC_BAD_INPUT, "the challenge's redirect-url has not the scheme " DEVICE_CALLBACK_SCHEME);
	}
	return RC_OK;
}

enum rc
device_challenge_parse(struct arena *a, const char *value, struct device_challenge *out, struct err *e)
{
	*out = (struct device_challenge){ 0 };
	value += strspn(value, " \t");
	/* The real client compares the scheme exactly, though HTTP says any case. */
	if (strncmp(value, "Bearer", 6) != 0 || !(value[6] == ' ' || value[6] == '\t'))
		return fail(e, RC_NOT_FOUND, "the challenge is not of the scheme Bearer");
	scan(a, value + 6, out);
	return check(out, e);
}

enum rc
device_challenge_find(
    struct arena *a, const struct http_client_answer *answer, struct device_challenge *out, struct err *e)
{
	bool seen = false;

	for (int i = 0; i < answer->n_headers; i++) {
		enum rc rc;

		if (strcasecmp(answer->header_names[i], "WWW-Authenticate") != 0)
			continue;
		seen = true;
		rc = device_challenge_parse(a, answer->header_values[i], out, e);
		if (rc != RC_NOT_FOUND)
			return rc;
	}
	*out = (struct device_challenge){ 0 };
	return fail(
	    e, RC_NOT_FOUND, "%s", seen ? "the 401 has no Bearer challenge" : "the 401 has no challenge at all");
}
