#include "http/route.h"

#include "base/tap.h"

static void
nothing(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	(void)c, (void)r, (void)out, (void)room;
}

/* clang-format off */
static const struct http_route first[] = {
	{ "GET",  "/",                HTTP_QUICK, 0, 0,                        nothing },
	{ "PUT",  "/mdm/{}/checkin",  HTTP_QUICK, 9, 0,                        nothing },
	{ "GET",  "/a/{}/{}/{}/{}",   HTTP_QUICK, 0, 0,                        nothing },
	{ "GET",  "/v1/admin",        HTTP_QUICK, 0, 1u << HTTP_DOOR_UNIX,     nothing },
	{ "PUT",  "/mtls",            HTTP_QUICK, 0, 1u << HTTP_DOOR_MTLS,     nothing },
	{ 0 },
};
static const struct http_route second[] = {
	{ "POST", "/mdm/{}/checkin",  HTTP_HEAVY, 1, 0, nothing },
	{ "GET",  "/mdm/{}/checkin",  HTTP_HEAVY, 1, 0, nothing },
	{ 0 },
};

static const struct {
	enum http_door door;
	const char *method, *path;
	int status;
	const char *detail, *rule; /* detail: first segment, or Allow */
} cases[] = {
	{ HTTP_DOOR_TLS,  "GET",    "/",                    0,   NULL,    "the root" },
	{ HTTP_DOOR_TLS,  "HEAD",   "/",                    0,   NULL,    "HEAD is served by GET (RFC 9110 9.3.2)" },
	{ HTTP_DOOR_TLS,  "PUT",    "/mdm/acme/checkin",    0,   "acme",  "{} takes a segment" },
	{ HTTP_DOOR_TLS,  "PUT",    "/mdm/a%40b/checkin",   0,   "a@b",   "a segment comes decoded" },
	{ HTTP_DOOR_TLS,  "PUT",    "/mdm/%zz/checkin",     400, NULL,    "a segment that can't be decoded is refused" },
	{ HTTP_DOOR_TLS,  "PUT",    "/mdm//checkin",        404, NULL,    "{} is never empty" },
	{ HTTP_DOOR_TLS,  "PUT",    "/mdm/a/b/checkin",     404, NULL,    "{} is one segment" },
	{ HTTP_DOOR_TLS,  "PUT",    "/mdm/acme/%63heckin",  404, NULL,    "literal segments match before decoding" },
	{ HTTP_DOOR_TLS,  "PUT",    "/mdm/acme/checkin/",   404, NULL,    "a slash at the end is another path" },
	{ HTTP_DOOR_TLS,  "PUT",    "/MDM/acme/checkin",    404, NULL,    "paths have case" },
	{ HTTP_DOOR_TLS,  "PUT",    "/mdm/acme",            404, NULL,    "half a path is none" },
	{ HTTP_DOOR_TLS,  "DELETE", "/mdm/acme/checkin",    405, "PUT, POST, GET, HEAD", "Allow lists all tables' methods" },
	{ HTTP_DOOR_TLS,  "GET",    "/a/1/2/3/4",           0,   "1",     "four segments" },
	{ HTTP_DOOR_TLS,  "GET",    "/v1/admin",            404, NULL,    "a route of the admin socket is not there for others" },
	{ HTTP_DOOR_UNIX, "GET",    "/v1/admin",            0,   NULL,    "it is on the socket" },
	{ HTTP_DOOR_UNIX, "GET",    "/",                    404, NULL,    "doors 0 leaves the socket out" },
	{ HTTP_DOOR_PLAIN,"PUT",    "/mtls",                404, NULL,    "a route for one door is not at another" },
	{ HTTP_DOOR_MTLS, "PUT",    "/mtls",                0,   NULL,    "it is at its own" },
};
/* clang-format on */

int
main(void)
{
	const struct http_route *const tables[] = { first, second };
	char one, two;
	void *const rooms[] = { &one, &two };
	const struct http_routes r = { tables, rooms, 2 };
	struct arena *a = arena_new(0);
	struct http_found found;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *segment[4] = { NULL };
		int status = http_route_find(&r, a, cases[i].door, cases[i].method, cases[i].path, segment, &found);
		const char *detail = status == 405 ? found.allow : segment[0];

		ok(status == cases[i].status && (cases[i].detail == NULL || strcmp(detail, cases[i].detail) == 0), "%s",
		    cases[i].rule);
	}
	{
		const char *segment[4] = { NULL };

		http_route_find(&r, a, HTTP_DOOR_TLS, "GET", "/mdm/x/checkin", segment, &found);
		ok(found.room == &two && found.allow == NULL, "a handler gets its own table's room");
	}
	arena_free(a);
	return done();
}
