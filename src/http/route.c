#include "http/route.h"

#include <string.h>

#define SEGMENTS 4 /* as many {} as a request can carry */
#define OF_DEVICES (1u << HTTP_DOOR_PLAIN | 1u << HTTP_DOOR_TLS | 1u << HTTP_DOOR_MTLS)

/* "{}", or "{name}" where a reader is to know what stands there. */
static bool
is_open(const char *segment, size_t n)
{
	return n >= 2 && segment[0] == '{' && segment[n - 1] == '}';
}

struct spans {
	struct bytes span[SEGMENTS];
	int n;
};

/* Segment by segment, before percent-decoding: an encoded octet never equals a literal one, so no
 * spelling of a path is another route's. */
static bool
matches(const char *pattern, const char *path, struct spans *out)
{
	out->n = 0;
	while (*pattern == '/' && *path == '/') {
		size_t n, k;

		pattern++;
		path++;
		n = strcspn(pattern, "/");
		k = strcspn(path, "/");
		if (is_open(pattern, n)) {
			if (k == 0 || out->n == SEGMENTS)
				return false;
			out->span[out->n++] = bytes_of(path, k);
		} else if (n != k || memcmp(pattern, path, n) != 0) {
			return false;
		}
		pattern += n;
		path += k;
	}
	return *pattern == '\0' && *path == '\0';
}

static bool
door_open(const struct http_route *r, enum http_door door)
{
	unsigned doors = r->doors != 0 ? r->doors : OF_DEVICES;

	return (doors & 1u << door) != 0;
}

static bool
method_fits(const struct http_route *r, const char *method)
{
	return strcmp(r->method, method) == 0 || (strcmp(method, "HEAD") == 0 && strcmp(r->method, "GET") == 0);
}

static void
allow(struct arena *a, const struct http_route *r, struct http_found *out)
{
	const char *word = strcmp(r->method, "GET") == 0 ? "GET, HEAD" : r->method;

	if (out->allow == NULL)
		out->allow = word;
	else if (strstr(out->allow, word) == NULL)
		out->allow = arena_printf(a, "%s, %s", out->allow, word);
}

int
http_route_find(const struct http_routes *r, struct arena *a, enum http_door door, const char *method, const char *path,
    const char *segment[4], struct http_found *out)
{
	struct spans spans;
	int number = 0;

	*out = (struct http_found){ 0 };
	for (int t = 0; t < r->n; t++) {
		for (const struct http_route *row = r->tables[t]; row->path != NULL; row++, number++) {
			if (!door_open(row, door) || !matches(row->path, path, &spans))
				continue;
			if (!method_fits(row, method)) {
				allow(a, row, out);
				continue;
			}
			for (int i = 0; i < spans.n; i++) {
				if ((segment[i] = uri_decode(a, spans.span[i], false)) == NULL)
					return 400;
			}
			out->allow = NULL;
			out->route = row;
			out->number = number;
			out->room = r->rooms != NULL ? r->rooms[t] : NULL;
			return 0;
		}
	}
	return out->allow != NULL ? 405 : 404;
}
