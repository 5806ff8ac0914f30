#include "http/server.h"

#include <string.h>
#include <strings.h>

bool
http_is_named(const struct http_header *h, const char *name)
{
	return ((h->name[0] ^ name[0]) & ~0x20) == 0 && strcasecmp(h->name, name) == 0;
}

const char *
http_header(const struct http_request *r, const char *name)
{
	for (int i = 0; i < r->n_headers; i++) {
		if (http_is_named(&r->headers[i], name))
			return r->headers[i].value;
	}
	return NULL;
}

static bool
is_form(const struct http_request *r)
{
	static const char form[] = "application/x-www-form-urlencoded";
	const char *type = http_header(r, "Content-Type");
	size_t n = sizeof form - 1;

	return type != NULL && strncasecmp(type, form, n) == 0 && (type[n] == '\0' || strchr("; \t", type[n]) != NULL);
}

/* A form's items are read from the body only: a query beside it can't speak for the form. */
const char *
http_query(struct call *c, const struct http_request *r, const char *name, bool plus_is_space)
{
	struct bytes in = bytes_str(r->query);

	if (plus_is_space && is_form(r))
		in = r->body;
	while (in.n > 0) {
		const uint8_t *end = memchr(in.p, '&', in.n);
		size_t n = end != NULL ? (size_t)(end - in.p) : in.n;
		const uint8_t *eq = memchr(in.p, '=', n);
		size_t n_name = eq != NULL ? (size_t)(eq - in.p) : n;
		const char *got = uri_decode(c->arena, bytes_of(in.p, n_name), plus_is_space);

		if (got != NULL && strcmp(got, name) == 0) {
			size_t skip = eq != NULL ? n_name + 1 : n;

			return uri_decode(c->arena, bytes_of(in.p + skip, n - skip), plus_is_space);
		}
		in = end != NULL ? bytes_of(end + 1, in.n - n - 1) : bytes_of(in.p, 0);
	}
	return NULL;
}

const char *
http_cookie(struct call *c, const struct http_request *r, const char *name, size_t max)
{
	const char *p = http_header(r, "Cookie");
	size_t n = strlen(name), length;

	while (p != NULL && *p != '\0') {
		p += strspn(p, "; ");
		if (strncmp(p, name, n) == 0 && p[n] == '=' && (length = strcspn(p + n + 1, "; ")) <= max && length > 0)
			return arena_strndup(c->arena, p + n + 1, length);
		p += strcspn(p, ";");
	}
	return NULL;
}
