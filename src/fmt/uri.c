#include "fmt/uri.h"

#include <strings.h>

#include "fmt/utf8.h"

#define IDENTIFIER_MAX 254 /* octets: the longest mailbox SMTP can carry (RFC 5321 4.5.3.1.3) */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int
hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static char *
lower(struct arena *a, const char *s, size_t n)
{
	char *copy = arena_strndup(a, s, n);

	for (char *p = copy; *p != '\0'; p++) {
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	}
	return copy;
}

/* The octet that "%XX" at s stands for; -1: bad encoding. Stops at the terminator. */
static int
percent(const char *s)
{
	int high = hex_value(s[1]), low = high < 0 ? -1 : hex_value(s[2]);

	return low < 0 ? -1 : high << 4 | low;
}

/* ---- request targets ---- */

/* Length of a dot at s, literal or percent-encoded; 0 when there is none. */
static size_t
dot_length(const char *s)
{
	if (*s == '.')
		return 1;
	return s[0] == '%' && s[1] == '2' && (s[2] == 'e' || s[2] == 'E') ? 3 : 0;
}

static bool
is_dot_segment(const char *s)
{
	size_t n = dot_length(s);

	if (n == 0)
		return false;
	s += n;
	s += dot_length(s);
	return *s == '/' || *s == '\0';
}

/* What a proxy and we could read differently is refused, not normalized. */
static enum rc
check_path(const char *path, struct err *e)
{
	if (*path != '/')
		return fail(e, RC_BAD_INPUT, "the request target does not begin with '/'");
	for (const char *s = path; *s != '\0'; s++) {
		if (*s == '/' && s[1] == '/')
			return fail(e, RC_BAD_INPUT, "the request target has an empty segment");
		if (*s == '/' && is_dot_segment(s + 1))
			return fail(e, RC_BAD_INPUT, "the request target has a dot segment");
		if (*s == '\\')
			return fail(e, RC_BAD_INPUT, "the request target has a backslash");
		if (*s == '%') {
			int c = percent(s);

			if (c < 0)
				return fail(e, RC_BAD_INPUT, "the request target has a broken percent-encoding");
			if (c == '/' || c == '\\' || c == '\0')
				return fail(e, RC_BAD_INPUT, "the request target hides a separator or a NUL");
		}
	}
	return RC_OK;
}

static enum rc
check_query(const char *query, struct err *e)
{
	for (const char *s = query; *s != '\0'; s++) {
		if (*s == '%' && percent(s) < 0)
			return fail(e, RC_BAD_INPUT, "the query has a broken percent-encoding");
	}
	return RC_OK;
}

/* Host and port of an authority; `port` keeps its value where none is written. */
static enum rc
split_authority(struct arena *a, const char *s, size_t n, const char **host, int *port, struct err *e)
{
	size_t end = 0;

	if (memchr(s, '@', n) != NULL)
		return fail(e, RC_BAD_INPUT, "a URL with user information is refused");
	if (n > 0 && s[0] == '[') {
		while (end < n && s[end] != ']')
			end++;
		if (end == n || end < 3 || ++end > 48)
			return fail(e, RC_BAD_INPUT, "the URL's IPv6 address is malformed");
		for (size_t i = 1; i + 1 < end; i++) {
			if (hex_value(s[i]) < 0 && s[i] != ':' && s[i] != '.')
				return fail(e, RC_BAD_INPUT, "the URL's IPv6 address is malformed");
		}
	} else {
		while (end < n && (is_alnum(s[end]) || s[end] == '-' || s[end] == '.' || s[end] == '_'))
			end++;
		if (end == 0 || end > 254)
			return fail(e, RC_BAD_INPUT, "the URL has no usable host");
	}
	*host = lower(a, s, end);
	if (end == n)
		return RC_OK;
	if (s[end] != ':')
		return fail(e, RC_BAD_INPUT, "the URL's host has a character that no host name has");
	if (end + 1 == n) /* "host:" is legal and means the default (RFC 3986 3.2.3) */
		return RC_OK;
	*port = 0;
	for (size_t i = end + 1; i < n; i++) {
		if (!is_digit(s[i]) || (*port = *port * 10 + (s[i] - '0')) > 65535)
			return fail(e, RC_BAD_INPUT, "the URL's port is not a number up to 65535");
	}
	return *port == 0 ? fail(e, RC_BAD_INPUT, "port 0 is refused") : RC_OK;
}

/* Length of "http://" or "https://" at the start of s, 0 when there is neither. */
static size_t
scheme_length(const char *s)
{
	if (strncasecmp(s, "http://", 7) == 0)
		return 7;
	return strncasecmp(s, "https://", 8) == 0 ? 8 : 0;
}

enum rc
uri_target_parse(struct arena *a, struct bytes target, struct uri_target *out, struct err *e)
{
	char *path, *query;
	const char *text;
	size_t n;
	enum rc rc;

	*out = (struct uri_target){ 0 };
	for (size_t i = 0; i < target.n; i++) {
		if (target.p[i] <= ' ' || target.p[i] > 0x7e)
			return fail(e, RC_BAD_INPUT, "the request target has an octet that no URI has");
		if (target.p[i] == '#')
			return fail(e, RC_BAD_INPUT, "the request target has a fragment");
	}
	if (target.n == 0)
		return fail(e, RC_BAD_INPUT, "the request target is empty");
	text = arena_strndup(a, (const char *)target.p, target.n);
	if ((n = scheme_length(text)) > 0) {
		size_t length = strcspn(text + n, "/?");
		int port = 0;

		if ((rc = split_authority(a, text + n, length, &out->host, &port, e)) != RC_OK)
			return rc;
		text += n + length;
		if (*text != '/')
			text = arena_printf(a, "/%s", text);
	}
	path = arena_strdup(a, text);
	if ((query = strchr(path, '?')) != NULL)
		*query++ = '\0';
	if ((rc = check_path(path, e)) != RC_OK || (query != NULL && (rc = check_query(query, e)) != RC_OK))
		return rc;
	out->path = path;
	out->query = query;
	return RC_OK;
}

enum rc
uri_parse(struct arena *a, const char *text, struct uri *out, struct err *e)
{
	size_t n = scheme_length(text), length;
	char *path, *query;
	enum rc rc;

	*out = (struct uri){ 0 };
	for (const char *s = text; *s != '\0'; s++) {
		if (*s <= ' ' || *s > 0x7e) /* char may be signed: octets over 0x7f are below the space */
			return fail(e, RC_BAD_INPUT, "the URL has an octet that no URL has");
	}
	if (n == 0)
		return fail(e, RC_BAD_INPUT, "the URL does not begin with https:// or http://");
	out->scheme = n == 8 ? "https" : "http";
	out->port = n == 8 ? 443 : 80;
	length = strcspn(text + n, "/?#");
	if ((rc = split_authority(a, text + n, length, &out->host, &out->port, e)) != RC_OK)
		return rc;
	text += n + length;
	path = arena_printf(a, "%s%s", *text == '/' ? "" : "/", text);
	path[strcspn(path, "#")] = '\0'; /* a fragment never leaves the client */
	if ((query = strchr(path, '?')) != NULL)
		*query++ = '\0';
	out->path = path;
	out->query = query;
	return RC_OK;
}

/* ---- encoding ---- */

char *
uri_encode(struct arena *a, const char *text)
{
	static const char digits[] = "0123456789ABCDEF";
	char *out = arena_array(a, strlen(text) + 1, 3), *q = out;

	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (is_alnum(*text) || c == '-' || c == '.' || c == '_' || c == '~') {
			*q++ = *text;
		} else {
			*q++ = '%';
			*q++ = digits[c >> 4];
			*q++ = digits[c & 15];
		}
	}
	return out;
}

char *
uri_decode(struct arena *a, struct bytes raw, bool plus_is_space)
{
	char *text = arena_strndup(a, (const char *)raw.p, raw.n), *q = text;

	if (raw.n > 0 && memchr(raw.p, '\0', raw.n) != NULL)
		return NULL;
	for (const char *s = text; *s != '\0'; s++) {
		int c = (unsigned char)*s;

		if (c == '%') {
			if ((c = percent(s)) <= 0)
				return NULL;
			s += 2;
		} else if (c == '+' && plus_is_space) {
			c = ' ';
		}
		*q++ = (char)c;
	}
	*q = '\0';
	return utf8_valid(bytes_of(text, (size_t)(q - text))) ? text : NULL;
}

enum rc
uri_items_parse(
    struct arena *a, struct bytes raw, bool plus_is_space, int max_items, struct uri_items *out, struct err *e)
{
	const uint8_t *p = raw.p, *end = raw.n > 0 ? raw.p + raw.n : raw.p;
	int room = 1;

	*out = (struct uri_items){ 0 };
	for (size_t i = 0; i < raw.n && room < max_items; i++)
		room += raw.p[i] == '&';
	out->item = arena_array(a, (size_t)(room > 0 ? room : 1), sizeof *out->item);
	while (p < end) {
		const uint8_t *stop = memchr(p, '&', (size_t)(end - p)), *equals;
		struct uri_item *item;

		if (stop == NULL)
			stop = end;
		if (stop == p) { /* "a=1&&b=2": nothing between is no item (WHATWG URL 5.1) */
			p = stop + 1;
			continue;
		}
		if (out->n >= max_items)
			return fail(e, RC_TOO_LARGE, "more than %d items in a query or form", max_items);
		if ((equals = memchr(p, '=', (size_t)(stop - p))) == NULL)
			equals = stop;
		item = &out->item[out->n];
		item->name = uri_decode(a, bytes_of(p, (size_t)(equals - p)), plus_is_space);
		item->value = equals == stop
				  ? ""
				  : uri_decode(a, bytes_of(equals + 1, (size_t)(stop - equals - 1)), plus_is_space);
		if (item->name == NULL || item->value == NULL)
			return fail(e, RC_BAD_INPUT, "an item of a query or form is not properly encoded");
		out->n++;
		p = stop + 1;
	}
	return RC_OK;
}

const char *
uri_item(const struct uri_items *items, const char *name)
{
	for (int i = 0; i < items->n; i++) {
		if (strcmp(items->item[i].name, name) == 0)
			return items->item[i].value;
	}
	return NULL;
}

/* ---- identifiers ---- */

bool
uri_is_fqdn(const char *name)
{
	size_t n = strlen(name), label = 0;
	int labels = 0;
	bool digits_only = true; /* of the last label: "192.0.2.1" is an address, no name */

	if (n > 0 && name[n - 1] == '.')
		n--;
	if (n == 0 || n > 253)
		return false;
	for (size_t i = 0; i <= n; i++) {
		if (i == n || name[i] == '.') {
			if (label == 0 || label > 63 || name[i - 1] == '-')
				return false;
			labels++;
			label = 0;
			continue;
		}
		if (!is_alnum(name[i]) && !(name[i] == '-' && label > 0))
			return false;
		digits_only = is_digit(name[i]) && (digits_only || label == 0);
		label++;
	}
	return labels >= 2 && !digits_only;
}

enum rc
uri_identifier_split(struct arena *a, const char *identifier, const char **user, const char **domain, struct err *e)
{
	const char *at = strrchr(identifier, '@');
	size_t n = strlen(identifier);

	*user = *domain = NULL;
	if (n > IDENTIFIER_MAX)
		return fail(e, RC_BAD_INPUT, "the identifier is longer than %d octets", IDENTIFIER_MAX);
	for (const char *s = identifier; *s != '\0'; s++) {
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return fail(e, RC_BAD_INPUT, "the identifier has a control character");
	}
	if (!utf8_valid(bytes_of(identifier, n)))
		return fail(e, RC_BAD_INPUT, "the identifier is not UTF-8");
	if (at == NULL || at == identifier)
		return fail(e, RC_BAD_INPUT, "the identifier is not of the form user@domain");
	if (!uri_is_fqdn(at + 1))
		return fail(e, RC_BAD_INPUT, "what follows the identifier's '@' is no fully qualified domain name");
	*user = arena_strndup(a, identifier, (size_t)(at - identifier));
	*domain = lower(a, at + 1, strlen(at + 1));
	return RC_OK;
}
