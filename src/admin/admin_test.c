/* The administration API as its clients see it: every row of the table, what bodies may hold, who is
 * recorded, and what a change leaves in the timeline. */
#include "admin/admin.h"

#include <ftw.h>
#include <stdlib.h>

#include "account/account.h"
#include "account/organization.h"
#include "admin/reply.h"
#include "administrator/token.h"
#include "base/tap.h"
#include "config/config.h"
#include "enroll/attempt.h"
#include "enroll/enrollment.h"
#include "fmt/base64.h"
#include "fmt/json.h"
#include "http/route.h"
#include "store/testing.h"

#define UID 4711

static const char *the_token; /* "Bearer ..." of the next requests; NULL: none. Of this test alone */

struct answer {
	int status;
	const json_t *body;
	const char *error;
};

/* One request through the same search for a row as the server's. */
static struct answer
ask_at(struct call *c, struct admin_room *room, enum http_door door, const char *method, const char *path,
    const char *query, const char *body)
{
	const struct http_route *const tables[] = { admin_routes };
	void *const rooms[] = { room };
	const struct http_routes routes = { tables, rooms, 1 };
	const struct http_header bearer = { "Authorization", the_token };
	struct http_request r = { .method = method, .path = path, .query = query, .door = door, .peer_uid = UID };
	struct http_reply out = { 0 };
	struct answer got = { 0 };
	struct http_found found;
	json_t *j = NULL;

	c->err = (struct err){ 0 };
	if (the_token != NULL) {
		r.headers = &bearer;
		r.n_headers = 1;
	}
	r.body = bytes_str(body);
	got.status = http_route_find(&routes, c->arena, door, method, path, r.segment, &found);
	if (got.status != 0)
		return got;
	found.route->handler(c, &r, &out, found.room);
	got.status = out.status;
	if (json_parse(c->arena, out.body, &j, NULL) == RC_OK)
		got.body = j;
	got.error = json_get_text(got.body, "detail");
	return got;
}

static struct admin_room *the_room; /* of this test alone */

static struct answer
ask(struct call *c, const char *method, const char *path, const char *body)
{
	return ask_at(c, the_room, HTTP_DOOR_UNIX, method, path, NULL, body);
}

static struct answer
query(struct call *c, const char *path, const char *items)
{
	return ask_at(c, the_room, HTTP_DOOR_UNIX, "GET", path, items, NULL);
}

static const char *
text(struct answer a, const char *key)
{
	return json_get_text(a.body, key);
}

/* ---- the table ---- */

static void
doors(struct call *c)
{
	bool own_doors = true, below = true, said = true;
	int n = 0;

	for (const struct http_route *r = admin_routes; r->method != NULL; r++, n++) {
		own_doors = own_doors && r->doors == (1u << HTTP_DOOR_UNIX | 1u << HTTP_DOOR_ADMIN);
		below = below && strncmp(r->path, "/api/v1/", 8) == 0;
	}
	ok(n > 30 && own_doors, "every one of the %d rows is on the Unix socket and the door of administrators alone",
	    n);
	ok(below, "and below /api/v1/");
	for (const struct admin_route *row = admin_rows; row->path != NULL; row++) {
		bool reads = row->what == ADMIN_SEES || row->what == ADMIN_PERSON;

		said = said && reads == (strcmp(row->method, "GET") == 0);
	}
	ok(said, "each says whether it reads or changes, as its method does");
	ok(ask_at(c, the_room, HTTP_DOOR_TLS, "GET", "/api/v1/status", NULL, NULL).status == 404,
	    "on a TLS listener there is no such path");
	ok(ask_at(c, the_room, HTTP_DOOR_PLAIN, "GET", "/api/v1/status", NULL, NULL).status == 404,
	    "nor behind a proxy");
}

static void
bodies(struct call *c)
{
	static const struct {
		const char *body, *rule, *says;
	} rows[] = {
		{ "{", "what is not JSON is refused", "not JSON" },
		{ "[]", "a body is an object", "object" },
		{ "{}", "a field that must be there is named", "user is missing" },
		{ "{\"user\":null}", "null counts as absent", "user is missing" },
		{ "{\"user\":7}", "a field has its type", "user must be" },
		{ "{\"user\":\"\"}", "a text is not empty", "user must be" },
		{ "{\"user\":\"a@bag.example\",\"admin\":1}", "a field that a row does not list is refused",
		    "no field admin" },
		{ "{\"user\":\"a@bag.example\",\"groups\":\"x\"}", "a list is an array", "groups must be" },
		{ "{\"user\":\"a@bag.example\",\"groups\":[1]}", "of texts", "groups must be" },
		{ "{\"user\":\"a@bag.example\",\"user\":\"b@bag.example\"}", "a key stands once", "not JSON" },
	};
	struct answer a;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		a = ask(c, "POST", "/api/v1/users", rows[i].body);
		ok(a.status == 400 && a.error != NULL && strstr(a.error, rows[i].says) != NULL, "%s", rows[i].rule);
	}
	ok(strcmp(text(a, "type"), "about:blank") == 0 && strcmp(text(a, "title"), "Bad Request") == 0 &&
		json_get_int(a.body, "status", 0) == 400 && text(a, "code") != NULL,
	    "a refusal is a problem document (RFC 9457 3.1)");
	a = query(c, "/api/v1/attempts", "before=-1");
	ok(a.status == 400, "a number in a query is one");
	a = query(c, "/api/v1/attempts", "before=99999999999999999999");
	ok(a.status == 400, "and not too long");
}

/* ---- organizations ---- */

static void
organizations(struct call *c)
{
	struct bytes *certificates;
	struct organization o;
	struct err e;
	int n = 0;

	ok(ask(c, "GET", "/api/v1/organizations/_", NULL).status == 404, "without any there is not the only one");
	ok(ask(c, "POST", "/api/v1/organizations", "{\"name\":\"Bag\",\"domains\":[\"bag.example\"],\"lab\":true}")
		    .status == 201,
	    "an organization is added");
	ok(keys_certificates(the_room->keys, c->arena, "ca-bag", &certificates, &n, &e) == RC_OK && n == 1,
	    "with its enrollment CA");
	ok(organization_get(c, "bag", &o) == RC_OK && strncmp(o.topic, "com.apple.mgmt.External.", 24) == 0,
	    "a lab gets a topic");
	is_str(text(ask(c, "GET", "/api/v1/organizations/_", NULL), "id"), "bag", "the only one needs no name");
	ok(ask(c, "POST", "/api/v1/organizations", "{\"name\":\"Other\",\"domains\":[\"bag.example\"]}").status == 409,
	    "a domain belongs to one");
	ok(keys_certificates(the_room->keys, c->arena, "ca-other", &certificates, &n, &e) != RC_OK || n == 0,
	    "the refused one leaves no keys");
	ok(ask(c, "PATCH", "/api/v1/organizations/_",
	       "{\"settings\":{\"access-token-life\":\"15m\",\"identity-proof\":\"trust\"}}")
			.status == 400 &&
		organization_get(c, "bag", &o) == RC_OK && o.access_token_life_s == 3600,
	    "of several settings all are kept or none");
	ok(ask(c, "PATCH", "/api/v1/organizations/_", "{\"settings\":{\"access-token-life\":\"15m\"}}").status == 200 &&
		organization_get(c, "bag", &o) == RC_OK && o.access_token_life_s == 900,
	    "a life may have a unit");
	ok(ask(c, "POST", "/api/v1/organizations", "{\"name\":\"Two\",\"domains\":[\"two.example\"]}").status == 201,
	    "a second one");
	ok(ask(c, "GET", "/api/v1/organizations/_", NULL).status == 400 &&
		query(c, "/api/v1/rules", NULL).status == 400,
	    "with two, one must be named");
	ok(query(c, "/api/v1/rules", "organization=two").status == 200, "by its id");
	ok(query(c, "/api/v1/rules", "organization=Two").status == 200, "or by its name");
	ok(query(c, "/api/v1/rules", "organization=T-wo").status == 404, "and by nothing else");
	ok(ask(c, "DELETE", "/api/v1/organizations/two", NULL).status == 200, "it is removed");
	ok(keys_certificates(the_room->keys, c->arena, "ca-two", &certificates, &n, &e) != RC_OK || n == 0,
	    "and its keys");
}

/* ---- enrollments and timelines ---- */

static struct enrollment
enrolled(struct call *c, const char *account_id, const char *attempt_id, const char *id, const char *state)
{
	struct attempt t = { .id = attempt_id, .organization_id = "bag", .kind = "enroll" };
	struct enrollment e = { .id = id,
		.organization_id = "bag",
		.mode = "byod",
		.account_id = account_id,
		.attempt_id = attempt_id,
		.family = "iPhone",
		.product = "iPhone17,2",
		.os_version = "18.2",
		.topic = "t",
		.server_url = "https://x",
		.check_in_url = "https://x",
		.assigned_managed_apple_id = "a@bag.example",
		.access_rights = -1,
		.identity_proof = "signature",
		.profile_identifier = "p" };

	if (attempt_open(c, &t) != RC_OK || enrollment_prepare(c, &e) != RC_OK)
		ok(0, "an enrollment is made: %s", c->err.text);
	if (store_run(c, "UPDATE enrollment SET state = ?2 WHERE id = ?1", DB_ARGS(db_text(id), db_text(state)),
		NULL) != RC_OK)
		ok(0, "its state is set: %s", c->err.text);
	return e;
}

static const struct event *
last_event(struct call *c, const char *attempt_id)
{
	static const struct event none = { .code = "none", .details = "" };
	struct event *all;
	int n;

	return attempt_events(c, attempt_id, &all, &n) == RC_OK && n > 0 ? &all[n - 1] : &none;
}

static void
timelines(struct call *c)
{
	struct enrollment e;
	struct account a;
	struct answer r;

	ask(c, "POST", "/api/v1/users", "{\"user\":\"Anna@bag.example\"}");
	ok(account_find(c, "anna@bag.example", &a) == RC_OK, "a person is added, in lower case");
	e = enrolled(c, a.id, "attempt000000001", "AAAA1111", "enrolled");
	enrolled(c, a.id, "attempt000000002", "AAAA2222", "pending");
	ok(ask(c, "GET", "/api/v1/enrollments/aaaa1", NULL).status == 200, "a beginning of an id names an enrollment");
	r = ask(c, "GET", "/api/v1/enrollments/AAAA", NULL);
	ok(r.status == 400 && strstr(r.error, "several") != NULL, "unless several begin so");
	ok(ask(c, "GET", "/api/v1/enrollments/%25", NULL).status == 404, "and no pattern does");
	r = ask(c, "PATCH", "/api/v1/users/anna@bag.example", "{\"disabled\":true}");
	ok(r.status == 200 && json_get_int(r.body, "live_enrollments", 0) == 2, "a person is disabled");
	is_str(last_event(c, e.attempt_id)->code, "person-disabled", "the timeline of each device says so");
	is_str(last_event(c, e.attempt_id)->details, "by uid 4711", "with the user id of the administrator");
	ok(ask(c, "DELETE", "/api/v1/enrollments/AAAA1111", NULL).status == 409, "a live enrollment is not removed");
	r = ask(c, "POST", "/api/v1/enrollments/AAAA1111/evict", NULL);
	ok(r.status == 200 && strcmp(text(r, "way"), "status") == 0, "S-26: iOS 18 is evicted by status");
	is_str(last_event(c, e.attempt_id)->code, "eviction-ordered", "the timeline says who ordered it");
	r = ask(c, "POST", "/api/v1/enrollments/AAAA2222/evict", NULL);
	ok(r.status == 200 && strcmp(text(r, "way"), "ended") == 0 && enrollment_get(c, "AAAA2222", &e) == RC_OK &&
		!ENROLLMENT_LIVE(&e),
	    "a profile that no device came back with just ends");
	ok(ask(c, "POST", "/api/v1/enrollments/AAAA2222/evict", NULL).status == 409, "what ended is not evicted");
	ok(ask(c, "DELETE", "/api/v1/enrollments/AAAA2222", NULL).status == 200 &&
		enrollment_get(c, "AAAA2222", &e) == RC_NOT_FOUND,
	    "what ended is removed");
	r = ask(c, "DELETE", "/api/v1/users/anna@bag.example", NULL);
	ok(r.status == 200 && json_get_int(r.body, "evicted", 0) == 1 && account_get(c, a.id, &a) == RC_NOT_FOUND,
	    "a person is removed after the eviction");
}

/* ---- who may what ---- */

static const char *
token_of(struct call *c, const char *name, enum actor_role role, const char *organization_id)
{
	struct api_token t = { .name = name,
		.role = role,
		.organization_id = organization_id,
		.created_by = "test",
		.expires_at = c->now + 3600 };
	const char *secret = "";

	if (api_token_add(c, &t, &secret) != RC_OK)
		ok(false, "a token is made: %s", c->err.text);
	return arena_printf(c->arena, "Bearer %s", secret);
}

struct names { /* what stands in the {name} of a path, and in a field of that name */
	const char *name, *value;
};

static const char *
value_of(const struct names *all, const char *name, size_t n)
{
	for (; all->name != NULL; all++) {
		if (strlen(all->name) == n && strncmp(all->name, name, n) == 0)
			return all->value;
	}
	return "x";
}

static const char *
path_of(struct call *c, const char *pattern, const struct names *all)
{
	char *path = arena_strdup(c->arena, "/api/v1");

	while (*pattern != '\0') {
		size_t n = strcspn(pattern, "{"), k = strcspn(pattern + n, "}");

		path = arena_printf(c->arena, "%s%.*s%s", path, (int)n, pattern,
		    pattern[n] == '{' ? value_of(all, pattern + n + 1, k - 1) : "");
		pattern += n + k + (pattern[n + k] == '}');
	}
	return path;
}

/* A body with every field that the row lists, each of its type. */
static const char *
body_of(struct call *c, const char *fields, const struct names *all)
{
	json_t *body = json_keep(c->arena, json_object());
	struct bytes text;

	while (*fields != '\0') {
		size_t n;

		fields += strspn(fields, " !");
		n = strcspn(fields, " :");
		if (n > 0) {
			char *name = arena_strndup(c->arena, fields, n);
			char type = fields[n] == ':' ? fields[n + 1] : 's';

			json_object_set_new(body, name,
			    type == 'i'   ? json_integer(1)
			    : type == 'b' ? json_true()
			    : type == 'o' ? json_pack("{ss}", "name", "changed")
			    : type == 'a' ? json_pack("[s]", "x")
					  : json_string(value_of(all, name, n)));
		}
		fields += n + (fields[n] == ':' ? 2 : 0);
	}
	text = json_text(c->arena, body, 0);
	return arena_strndup(c->arena, (const char *)text.p, text.n);
}

/* Said here a second time, without a look at the table: what a role must not have. */
static bool
must_not(enum actor_role role, const char *method, const char *path)
{
	bool looks = strcmp(method, "GET") == 0;

	if (role == ACTOR_READ)
		return !looks && strstr(path, "/check") == NULL;
	if (role == ACTOR_HELP_DESK)
		return (!looks && strstr(path, "/renew") == NULL && strstr(path, "/push") == NULL) ||
		       strstr(path, "token") != NULL || strstr(path, "/certificates") != NULL ||
		       (strstr(path, "/commands") != NULL && strstr(path, "available") == NULL);
	return false;
}

static void
roles(struct call *c)
{
	static const struct names none[] = { { NULL, NULL } };
	static const enum actor_role all[] = { ACTOR_READ, ACTOR_HELP_DESK, ACTOR_ADMIN };
	int wrong = 0, asked = 0, loose = 0;

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		const char *token = token_of(c, actor_role_name(all[i]), all[i], NULL);

		for (const struct admin_route *row = admin_rows; row->path != NULL; row++, asked++) {
			bool may = (row->roles & all[i]) != 0;
			struct answer a;

			the_token = token;
			a = ask_at(
			    c, the_room, HTTP_DOOR_ADMIN, row->method, path_of(c, row->path, none), NULL, "{\"x\":1}");
			if (a.status == 401 || (a.status == 403) == may) {
				wrong++;
				printf(
				    "# %s %s as %s: %d\n", row->method, row->path, actor_role_name(all[i]), a.status);
			}
			loose += may && must_not(all[i], row->method, row->path);
		}
	}
	the_token = NULL;
	ok(wrong == 0, "each of %d rows lets in the roles that it names, and no other", asked / 3);
	ok(loose == 0, "readers change nothing, and the help desk sees no tokens and no results");
	for (const struct admin_route *row = admin_rows; row->path != NULL; row++)
		wrong +=
		    ask_at(c, the_room, HTTP_DOOR_ADMIN, row->method, path_of(c, row->path, none), NULL, NULL).status !=
		    401;
	ok(wrong == 0, "and nobody without a token");
}

/* Every cell of the tables that a person can change, in order. */
static const char *
everything(struct call *c)
{
	static const char *const tables[] = { "organization", "domain", "account", "account_group", "rule", "attempt",
		"event", "enrollment", "command", "certificate", "service", "oauth_grant", "api_token", "device_group",
		"desired_item", "identity_provider", "device_ca" };
	char *text = arena_strdup(c->arena, "");

	for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++) {
		struct db_rows r = { 0 };

		if (store_run(c, arena_printf(c->arena, "SELECT * FROM %s ORDER BY 1, 2", tables[t]), DB_NONE, &r) !=
		    RC_OK)
			ok(false, "%s: %s", tables[t], c->err.text);
		for (int i = 0; i < r.rows; i++)
			for (int k = 0; k < r.columns; k++) {
				const struct db_value *v = &r.cells[i * r.columns + k];

				text = arena_printf(c->arena, "%s|%lld%s%s", text, (long long)v->i,
				    v->text != NULL ? v->text : "", hex_encode(c->arena, v->blob));
			}
	}
	return text;
}

static void
run(struct call *c, const char *sql)
{
	if (store_run(c, sql, DB_NONE, NULL) != RC_OK)
		ok(false, "%s: %s", sql, c->err.text);
}

/* An administrator of one organization, at every row, with what another one has. */
static void
reach(struct call *c)
{
	static const struct names theirs[] = { { "organization", "bag" }, { "user", "berta@bag.example" },
		{ "enrollment", "BBBB1111" }, { "attempt", "attempt0000000b1" }, { "command", "C-1" },
		{ "grant", "grant-b" }, { "service", "service-b" }, { "domain", "bag.example" }, { "rule", "1" },
		{ "device_group", "phones" }, { "kind", "app" }, { "item", "notes" }, { "api_token", "of-bag" },
		{ "certificate", "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff" },
		{ "provider", "p" }, { "document", "standard" }, { "purpose", "ca" }, { "role", "read" },
		{ NULL, NULL } };
	static const char *const queries[] = { NULL, "organization=bag", "user=berta@bag.example",
		"enrollment=BBBB1111" };
	struct account a;
	const char *before;
	struct answer r;
	int open = 0, rows = 0;

	ask(c, "POST", "/api/v1/organizations", "{\"name\":\"Two\",\"domains\":[\"two.example\"],\"lab\":true}");
	ask(c, "POST", "/api/v1/users", "{\"user\":\"berta@bag.example\"}");
	ok(account_find(c, "berta@bag.example", &a) == RC_OK, "somebody of the other organization");
	enrolled(c, a.id, "attempt0000000b1", "BBBB1111", "enrolled");
	run(c, "INSERT INTO oauth_grant (id, account_id, organization_id, attempt_id, method, generation, confirmed,"
	       " created_at, used_at, ends_at) VALUES ('grant-b', 'x', 'bag', 'x', 'apple-as-web', 1, 0, 1, 1, "
	       "4000000000)");
	run(c, "INSERT INTO service (id, organization_id, name, purpose, hash, created_at, created_by)"
	       " VALUES ('service-b', 'bag', 'scim-of-bag', 'scim', 'x', 1, 'x')");
	ask(c, "POST", "/api/v1/device-groups", "{\"organization\":\"bag\",\"name\":\"phones\",\"by_name\":true}");
	(void)token_of(c, "of-bag", ACTOR_ADMIN, "bag");
	the_token = token_of(c, "of-two", ACTOR_ADMIN, "two");
	(void)ask_at(c, the_room, HTTP_DOOR_ADMIN, "GET", "/api/v1/domains", NULL, NULL); /* it was used: written now */
	before = everything(c);
	for (const struct admin_route *row = admin_rows; row->path != NULL; row++) {
		/* A kind is nobody's: its listing is the actor's own. */
		bool named = (strchr(row->path, '{') != NULL && strcmp(row->path, "/items/{kind}") != 0) ||
			     strstr(row->fields, "organization") != NULL;

		rows++;
		for (size_t q = 0; q < sizeof queries / sizeof queries[0]; q++) {
			bool get = strcmp(row->method, "GET") == 0;
			struct bytes said;
			const char *all;

			r = ask_at(c, the_room, HTTP_DOOR_ADMIN, row->method, path_of(c, row->path, theirs), queries[q],
			    get ? NULL : body_of(c, row->fields, theirs));
			said = r.body != NULL ? json_text(c->arena, r.body, 0) : bytes_str("");
			all = arena_strndup(c->arena, (const char *)said.p, said.n);
			if (r.status < 400 && (named || strstr(all, "bag") != NULL || strstr(all, "BBBB") != NULL)) {
				open++;
				printf("# %s %s %s: %d %.300s\n", row->method, row->path, queries[q] ? queries[q] : "",
				    r.status, all);
			}
		}
	}
	ok(strcmp(everything(c), before) == 0, "asked for another organization's at each row, nothing of it changes");
	the_token = NULL;
	ok(rows > 80 && open == 0, "none of %d rows answers, and no listing tells of it", rows);
}

static int
forget(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

/* ---- the document ---- */

static void
described(struct call *c)
{
	json_t *paths = json_object_get(ask(c, "GET", "/api/v1/openapi.json", NULL).body, "paths"), *path, *operation;
	const char *name, *method;
	int rows = 0, mute = 0, blind = 0;

	for (const struct admin_route *row = admin_rows; row->path != NULL; row++) {
		bool edits = strcmp(row->method, "GET") != 0 && strcmp(row->method, "POST") != 0;

		if (edits && !admin_condition_applies(row)) {
			blind++;
			printf("# %s %s\n", row->method, row->path);
		}
	}
	ok(blind == 0, "whatever is edited has an ETag to be compared with (RFC 9110 13.1.1)");
	json_object_foreach(paths, name, path) json_object_foreach(path, method, operation)
	{
		const char *summary = json_get_text(operation, "summary");

		rows++;
		if (summary == NULL || *summary == '\0') {
			mute++;
			printf("# %s %s\n", method, name);
		}
	}
	ok(rows > 100 && mute == 0, "the OpenAPI document says what each of %d requests does and answers", rows);
}

/* Rows of one time, more than a page, among 650. */
static const struct {
	const char *table, *path, *sql;
} paged[] = {
	{ "enrollment", "/api/v1/enrollments",
	    "INSERT INTO enrollment (id, organization_id, mode, account_id, attempt_id, state, topic, server_url,"
	    " check_in_url, assigned_managed_apple_id, per_user_connections, identity_proof, profile_identifier, "
	    "created_at)"
	    " VALUES (?1, 'bag', 'byod', 'x', 'x', 'pending', 't', 's', 's', 'a', 0, 'signature', 'p', ?2)" },
	{ "attempt", "/api/v1/attempts",
	    "INSERT INTO attempt (id, organization_id, kind, state, stage, code, events, started_at, updated_at)"
	    " VALUES (?1, 'bag', 'enroll', 'open', 'enroll', 'x', 0, ?2, ?2)" },
	{ "oauth_grant", "/api/v1/tokens",
	    "INSERT INTO oauth_grant (id, account_id, organization_id, attempt_id, method, generation, confirmed,"
	    " created_at, used_at, ends_at) VALUES (?1, 'x', 'bag', 'x', 'apple-as-web', 1, 0, ?2, ?2, ?2)" },
	{ "licence", "/api/v1/organizations/bag/licences",
	    "INSERT INTO licence (account_id, adam_id, organization_id, wanted, state, tries, updated_at)"
	    " VALUES (?1, ?2, 'bag', 1, 'held', 0, 1)" },
	{ "group_policy", "/api/v1/groups",
	    "INSERT INTO group_policy (organization_id, name, what, value) VALUES ('bag', ?1, 'grace', ?2)" },
	{ "rule", "/api/v1/rules",
	    "INSERT INTO rule (id, organization_id, position, outcome, created_at) VALUES (?1, 'bag', ?2, 'byod', 1)" },
	{ "administrator", "/api/v1/administrators",
	    "INSERT INTO administrator (id, name, role, totp_step, created_at, created_by, changed_at)"
	    " VALUES (?1, ?1, 'read', 0, ?2, 'x', ?2)" },
};

static void
pages(struct call *c)
{
	for (size_t t = 0; t < sizeof paged / sizeof *paged; t++) {
		const char *before = "organization=bag";
		size_t listed = 0;
		int requests = 0;

		store_run(c, arena_printf(c->arena, "DELETE FROM %s", paged[t].table), DB_NONE, NULL);
		for (int i = 0; i < 650; i++)
			if (store_run(c, paged[t].sql,
				DB_ARGS(db_text(arena_printf(c->arena, "E%04d", i)), db_int(i < 20 ? i + 1 : 200)),
				NULL) != RC_OK)
				ok(false, "%s", c->err.text);
		do {
			struct answer a = query(c, paged[t].path, before);
			const char *next = json_get_text(a.body, "next");

			listed += json_array_size(json_object_get(a.body, "items"));
			before =
			    next != NULL ? arena_printf(c->arena, "organization=bag&limit=70&cursor=%s", next) : NULL;
		} while (before != NULL && ++requests < 20);
		ok(listed == 650, "pages list everything once, however many rows have the same time (%s: %zu of 650)",
		    paged[t].path, listed);
	}
}

int
main(void)
{
	struct admin_room room = { 0 };
	struct store *s = testing_store(":memory:");
	struct call c = testing_call(s);
	struct conf conf;
	char dir[64];
	int from, to;

	the_room = &room;
	testing_dir(dir);
	conf_defaults(c.arena, dir, &conf);
	c.conf = &conf;
	if (store_migrate(s, &from, &to, &c.err) != RC_OK || keys_open(dir, &room.keys, &c.err) != RC_OK ||
	    keys_make_secret(room.keys, "seal", &c.err) != RC_OK) {
		printf("Bail out! %s\n", c.err.text);
		return 1;
	}
	c.keys = room.keys;
	doors(&c);
	organizations(&c);
	bodies(&c);
	timelines(&c);
	roles(&c);
	reach(&c);
	described(&c);
	pages(&c);
	keys_close(room.keys);
	testing_free(&c);
	store_close(s);
	nftw(dir, forget, 8, FTW_DEPTH | FTW_PHYS);
	return done();
}
