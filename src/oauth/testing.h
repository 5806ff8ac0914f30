/* What the tests of this room share: a server without a network, with an organization, two people and an
 * enrolled device, and a browser that submits its forms. */
#ifndef OAUTH_TESTING_H
#define OAUTH_TESTING_H

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "account/account.h"
#include "base/tap.h"
#include "config/config.h"
#include "enroll/attempt.h"
#include "enroll/challenge.h"
#include "http/route.h"
#include "keys/keys.h"
#include "oauth/oauth.h"
#include "store/testing.h"

#define PASSWORD "correct horse"
#define FORM_TYPE "application/x-www-form-urlencoded"

struct scene {
	char dir[64];
	struct store *store;
	struct keys *keys;
	struct conf conf;
	struct oauth_room room;
	struct arena *arena; /* of what lives as long as the scene */
	int64_t now;
	const char *attempt; /* sealed, for ann@example.com on an iPhone */
	bool secure;
	const char *authorization; /* the header's value; NULL: none */
	char nonce[64]; /* the browser's cookie; "" none */
	char callback[3072]; /* its cookie after a sign-in, name and value; "" none */
};

static inline struct call
scene_call(struct scene *s)
{
	struct call c = testing_call(s->store);

	c.keys = s->keys;
	c.conf = &s->conf;
	c.now = s->now;
	return c;
}

static inline void
scene_account(struct call *c, const char *identifier)
{
	struct account a = { .user_identifier = identifier };
	char *hash;

	password_hash(NULL, c->arena, PASSWORD, &hash, &c->err);
	a.password_hash = hash;
	ok(account_add(c, &a) == RC_OK, "there is %s", identifier);
}

/* A fresh attempt of ann's iPhone, as discovery seals it and the enrollment request opens it. */
static inline void
scene_attempt(struct scene *s, const char *method)
{
	struct call c = scene_call(s);
	struct attempt_seal seal = { .at = s->now, .user_identifier = "ann@example.com", .model_family = "iPhone" };
	struct attempt row = { .organization_id = "bag",
		.kind = "enroll",
		.user_identifier = "ann@example.com",
		.model_family = "iPhone",
		.mode = "byod",
		.method = method,
		.address = "192.0.2.1" };
	const char *sealed;

	ok(attempt_seal(&c, &seal, &sealed) == RC_OK, "an attempt is sealed");
	row.id = attempt_id(c.arena, sealed);
	ok(attempt_open(&c, &row) == RC_OK, "and opened");
	s->attempt = arena_strdup(s->arena, sealed);
	testing_free(&c);
}

static inline void
scene_open(struct scene *s)
{
	static const char *const domains[] = { "example.com" }, *const others[] = { "other.example" };
	struct organization bag = { .id = "bag", .name = "Better <Bag>" }, other = { .id = "other", .name = "Other" };
	struct err e;
	struct call c;
	int from, to;

	*s = (struct scene){ .now = 1764000000, .arena = arena_new(0), .secure = true };
	testing_dir(s->dir);
	s->store = testing_store(":memory:");
	ok(store_migrate(s->store, &from, &to, &e) == RC_OK, "the schema is there");
	ok(keys_open(s->dir, &s->keys, &e) == RC_OK && keys_make_secret(s->keys, "seal", &e) == RC_OK, "and a key");
	conf_defaults(s->arena, s->dir, &s->conf);
	c = scene_call(s);
	ok(organization_add(&c, &bag, domains, 1) == RC_OK && organization_add(&c, &other, others, 1) == RC_OK,
	    "two organizations");
	scene_account(&c, "ann@example.com");
	scene_account(&c, "bob@example.com");
	scene_account(&c, "eve@other.example");
	testing_free(&c);
}

static inline void
scene_close(struct scene *s)
{
	char command[64 + 40];

	snprintf(command, sizeof command, "%s/keys/seal.secret", s->dir);
	unlink(command);
	snprintf(command, sizeof command, "%s/seal.secret", s->dir);
	unlink(command);
	snprintf(command, sizeof command, "%s/keys", s->dir);
	rmdir(command);
	rmdir(s->dir);
	keys_close(s->keys);
	store_close(s->store);
	arena_free(s->arena);
}

/* ---- requests ---- */

/* One request through the room's routes; the reply lives in c->arena. `type` is that of the body. */
static inline struct http_reply
scene_request(struct scene *s, struct call *c, const char *method, const char *path, const char *query,
    const char *type, const char *body)
{
	static const struct http_route *const tables[] = { oauth_routes };
	void *const rooms[] = { &s->room };
	struct http_routes routes = { tables, rooms, 1 };
	struct http_header headers[3];
	struct http_request r = { .method = method,
		.path = path,
		.query = query,
		.host = "mdm.example.com",
		.headers = headers,
		.body = bytes_str(body),
		.door = HTTP_DOOR_TLS,
		.peer = "192.0.2.1",
		.secure = s->secure,
		.peer_uid = -1 };
	struct http_reply out = { 0 };
	struct http_found found;
	int status = http_route_find(&routes, c->arena, r.door, method, path, r.segment, &found);

	if (type != NULL)
		headers[r.n_headers++] = (struct http_header){ "Content-Type", type };
	if (s->authorization != NULL)
		headers[r.n_headers++] = (struct http_header){ "Authorization", s->authorization };
	if (s->nonce[0] != '\0')
		headers[r.n_headers++] = (struct http_header){ "Cookie",
			arena_printf(c->arena, "other=1; %s=%s; %s",
			    s->secure ? "__Host-postern-signin" : "postern-signin", s->nonce, s->callback) };
	if (status != 0) {
		out.status = status;
		return out;
	}
	found.route->handler(c, &r, &out, found.room);
	return out;
}

static inline const char *
scene_header(const struct http_reply *r, const char *name)
{
	for (int i = 0; i < r->n_headers; i++) {
		if (strcasecmp(r->headers[i].name, name) == 0)
			return r->headers[i].value;
	}
	return NULL;
}

static inline const char *
scene_body(struct call *c, const struct http_reply *r)
{
	return arena_strndup(c->arena, (const char *)r->body.p, r->body.n);
}

/* Keep the cookie of a reply, as a browser does. */
static inline void
scene_cookie(struct scene *s, const struct http_reply *r)
{
	const char *set = scene_header(r, "Set-Cookie"), *eq = set != NULL ? strchr(set, '=') : NULL;

	if (eq != NULL)
		snprintf(s->nonce, sizeof s->nonce, "%.*s", (int)strcspn(eq + 1, ";"), eq + 1);
}

/* What a browser does with the form's answer: keep the cookie, go where it is sent. */
static inline struct http_reply
scene_follow(struct scene *s, struct call *c, const struct http_reply *r)
{
	const char *set = scene_header(r, "Set-Cookie"), *to = scene_header(r, "Location");

	ok(r->status == 303 && to != NULL && to[0] == '/' && set != NULL,
	    "the form is answered 303, to a page of ours");
	if (set != NULL)
		snprintf(s->callback, sizeof s->callback, "%.*s", (int)strcspn(set, ";"), set);
	return scene_request(s, c, "GET", to != NULL ? to : "/", NULL, NULL, NULL);
}

/* The value of the page's hidden field, or "". */
static inline const char *
scene_field(struct call *c, const struct http_reply *r)
{
	const char *body = scene_body(c, r), *at = strstr(body, "name=\"form\" value=\"");

	if (at == NULL)
		return "";
	at += strlen("name=\"form\" value=\"");
	return arena_strndup(c->arena, at, strcspn(at, "\""));
}

/* Newest event of the attempt that `path` is for. */
static inline const char *
scene_last_event(struct scene *s, struct call *c, const char *path)
{
	struct attempt a;

	(void)s;
	return challenge_attempt(c, path, &a) == RC_OK ? a.code : "";
}

#endif
