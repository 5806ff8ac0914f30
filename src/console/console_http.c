#include <string.h>

#include "console/console.h"
#include "console/files.h"

#define NO_BODY 1024
#define INDEX "index.html"

static const char *
type_of(const char *path)
{
	static const char *const types[][2] = { { ".html", "text/html; charset=utf-8" },
		{ ".css", "text/css; charset=utf-8" }, { ".js", "text/javascript; charset=utf-8" },
		{ ".svg", "image/svg+xml" } };
	const char *ending = strrchr(path, '.');

	for (size_t i = 0; ending != NULL && i < sizeof types / sizeof types[0]; i++) {
		if (strcmp(types[i][0], ending) == 0)
			return types[i][1];
	}
	return "application/octet-stream";
}

static const struct console_file *
find(const char *path)
{
	const struct console_file *f = console_files;

	while (f->path != NULL && strcmp(f->path, path) != 0)
		f++;
	return f->path != NULL ? f : NULL;
}

/* What else the browser must not do with it. */
static void
guard(struct http_reply *out)
{
	http_set(out, "Content-Security-Policy",
	    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action "
	    "'self'; "
	    "frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'");
	http_set(out, "X-Content-Type-Options", "nosniff");
	http_set(out, "Referrer-Policy", "no-referrer");
	http_set(out, "Cross-Origin-Opener-Policy", "same-origin");
	http_set(out, "Cross-Origin-Resource-Policy", "same-origin");
}

static void
serve(struct http_reply *out, const struct console_file *f, const char *caching)
{
	guard(out);
	http_set(out, "Cache-Control", caching);
	http_answer(out, 200, type_of(f->path), bytes_str(f->text));
}

/* The one that names all others: asked for each time, so that an upgrade is seen. */
static void
get_index(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	(void)c;
	(void)r;
	(void)room;
	serve(out, find(INDEX), "no-cache");
}

/* Who types the host alone wants the console. */
static void
get_root(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	(void)c;
	(void)r;
	(void)room;
	http_answer(out, 303, NULL, (struct bytes){ 0 });
	http_set(out, "Location", "/console/");
	http_set(out, "Cache-Control", "no-store");
}

/* Of another version there is nothing here: the browser that asks has the document of before an upgrade. */
static void
get_file(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	const char *folder = r->segment[1], *name = r->segment[2];
	const struct console_file *f;

	(void)room;
	f = find(name != NULL ? arena_printf(c->arena, "%s/%s", folder, name) : folder);
	if (f == NULL || strcmp(r->segment[0], console_version) != 0)
		http_fail(out, RC_NOT_FOUND);
	else
		serve(out, f, "public, max-age=31536000, immutable");
}

#define DOORS (1u << HTTP_DOOR_ADMIN)

const struct http_route console_routes[] = {
	{ "GET", "/", HTTP_QUICK, NO_BODY, DOORS, get_root },
	{ "GET", "/console", HTTP_QUICK, NO_BODY, DOORS, get_index },
	{ "GET", "/console/", HTTP_QUICK, NO_BODY, DOORS, get_index },
	{ "GET", "/console/files/{}/{}", HTTP_QUICK, NO_BODY, DOORS, get_file },
	{ "GET", "/console/files/{}/{}/{}", HTTP_QUICK, NO_BODY, DOORS, get_file },
	{ 0 },
};
