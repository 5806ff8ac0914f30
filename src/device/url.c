#include "device/url.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "fmt/uri.h"

#define URL_MAX 65536 /* octets; what a redirect or a page can make us carry */

char *
device_url_encode(struct arena *a, const char *value)
{
	static const char kept[] = "-._~!$'()*,:@/?+";
	static const char hex[] = "0123456789ABCDEF";
	struct buf b;

	buf_init(&b, URL_MAX);
	for (const unsigned char *p = (const unsigned char *)value; *p != '\0'; p++) {
		if (*p < 0x80 && (isalnum(*p) || strchr(kept, *p) != NULL)) {
			buf_char(&b, (char)*p);
		} else {
			buf_char(&b, '%');
			buf_char(&b, hex[*p >> 4]);
			buf_char(&b, hex[*p & 15]);
		}
	}
	return buf_finish(&b, a);
}

char *
device_url_set_query(struct arena *a, const char *url, const char *query)
{
	size_t n = strcspn(url, "?#");

	return arena_printf(a, "%.*s?%s", (int)n, url, query);
}

char *
device_url_add_query(struct arena *a, const char *url, const char *query)
{
	size_t n = strcspn(url, "#");
	const char *mark = memchr(url, '?', n);
	const char *join = mark == NULL ? "?" : mark + 1 == url + n ? "" : "&";

	return arena_printf(a, "%.*s%s%s", (int)n, url, join, query);
}

const char *
device_url_item(struct arena *a, const char *url, const char *name)
{
	const char *p = strchr(url, '?');
	size_t length = strlen(name);

	while (p != NULL && *p != '#' && *p != '\0') {
		const char *item = p + 1;
		size_t n = strcspn(item, "&#");

		if (n > length && strncmp(item, name, length) == 0 && item[length] == '=')
			return uri_decode(a, bytes_of(item + length + 1, n - length - 1), false);
		p = item[n] == '&' ? item + n : NULL;
	}
	return NULL;
}

/* ---- RFC 3986 5.2 ---- */

struct parts { /* views into a reference; n 0 with p NULL is absent */
	struct bytes scheme, authority, path, query;
	bool has_authority, has_query;
};

static struct parts
split(const char *text)
{
	struct parts u = { 0 };
	size_t n = strcspn(text, ":/?#");

	if (text[n] == ':' && n > 0 && isalpha((unsigned char)text[0])) {
		u.scheme = bytes_of(text, n);
		text += n + 1;
	}
	if (text[0] == '/' && text[1] == '/') {
		u.has_authority = true;
		u.authority = bytes_of(text + 2, strcspn(text + 2, "/?#"));
		text += 2 + u.authority.n;
	}
	u.path = bytes_of(text, strcspn(text, "?#"));
	text += u.path.n;
	if (*text == '?') {
		u.has_query = true;
		u.query = bytes_of(text + 1, strcspn(text + 1, "#"));
	}
	return u;
}

/* RFC 3986 5.2.4, in place over `path` (terminated). */
static void
remove_dots(char *path)
{
	char *out = path;
	const char *in = path;

	while (*in != '\0') {
		const char *segment = in + (*in == '/');
		size_t n = strcspn(segment, "/");
		bool last = segment[n] == '\0';

		if (n == 1 && segment[0] == '.') {
			if (last)
				*out++ = '/';
		} else if (n == 2 && segment[0] == '.' && segment[1] == '.') {
			while (out > path && *--out != '/')
				;
			if (last)
				*out++ = '/';
		} else {
			if (*in == '/')
				*out++ = '/';
			memmove(out, segment, n);
			out += n;
		}
		in = segment + n;
	}
	*out = '\0';
}

char *
device_url_resolve(struct arena *a, const char *base, const char *reference)
{
	struct parts b = split(base), r = split(reference);
	const struct parts *q = &r; /* whose query counts */
	char *path;

	if (r.scheme.n > 0)
		return arena_strndup(a, reference, strcspn(reference, "#"));
	if (r.has_authority) {
		path = arena_strndup(a, (const char *)r.path.p, r.path.n);
		b.authority = r.authority;
	} else if (r.path.n == 0) {
		path = arena_strndup(a, (const char *)b.path.p, b.path.n);
		if (!r.has_query)
			q = &b;
	} else if (r.path.p[0] == '/') {
		path = arena_strndup(a, (const char *)r.path.p, r.path.n);
	} else {
		size_t keep = b.path.n;

		while (keep > 0 && b.path.p[keep - 1] != '/')
			keep--;
		path = arena_printf(
		    a, "%.*s%.*s", (int)keep, (const char *)b.path.p, (int)r.path.n, (const char *)r.path.p);
		if (path[0] != '/')
			path = arena_printf(a, "/%s", path);
	}
	remove_dots(path);
	return arena_printf(a, "%.*s://%.*s%s%s%.*s", (int)b.scheme.n, (const char *)b.scheme.p, (int)b.authority.n,
	    (const char *)b.authority.p, path, q->has_query ? "?" : "", (int)q->query.n,
	    q->query.p != NULL ? (const char *)q->query.p : "");
}

bool
device_url_is(const char *url, const char *scheme)
{
	size_t n = strlen(scheme);

	return strncasecmp(url, scheme, n) == 0 && url[n] == ':';
}

char *
device_url_origin(struct arena *a, const char *url)
{
	struct parts u = split(url);
	char *origin = arena_printf(a, "%.*s://%.*s", (int)u.scheme.n, (const char *)u.scheme.p, (int)u.authority.n,
	    (const char *)u.authority.p);
	size_t n = strlen(origin);

	for (char *p = origin; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	if (strncmp(origin, "https:", 6) == 0 && n > 4 && strcmp(origin + n - 4, ":443") == 0)
		origin[n - 4] = '\0';
	if (strncmp(origin, "http:", 5) == 0 && n > 3 && strcmp(origin + n - 3, ":80") == 0)
		origin[n - 3] = '\0';
	return origin;
}

char *
device_url_masked(struct arena *a, const char *url)
{
	static const char *const secret[] = { "access-token", "code", "token", "access_token", "refresh_token",
		"password" };
	const char *p = strchr(url, '?');
	struct buf b;

	if (p == NULL)
		return arena_strdup(a, url);
	buf_init(&b, URL_MAX);
	buf_add(&b, url, (size_t)(p - url));
	while (*p != '\0') {
		size_t name = strcspn(p + 1, "=&#"), item = strcspn(p + 1, "&#");
		bool hide = false;

		for (size_t i = 0; i < sizeof secret / sizeof *secret; i++)
			hide = hide || (strlen(secret[i]) == name && strncmp(p + 1, secret[i], name) == 0);
		buf_add(&b, p, 1 + (hide ? name : item));
		if (hide)
			buf_str(&b, "=***");
		p += 1 + item;
		if (*p == '#') {
			buf_str(&b, p);
			break;
		}
	}
	return buf_finish(&b, a);
}
