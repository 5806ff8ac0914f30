/* A scene for tests: a store in memory with all migrations, keys in a folder of their own, the
 * organization "bag" of betterbag.com (lab), and Eliza in the group "staff". */
#ifndef ENROLL_TESTING_H
#define ENROLL_TESTING_H

#include "account/account.h"
#include "account/organization.h"
#include "config/config.h"
#include "keys/keys.h"
#include "store/testing.h"

#define SCENE_NOW 1764000000

struct scene {
	struct arena *arena;
	struct store *store;
	struct keys *keys;
	struct conf conf;
	char dir[64];
	struct organization organization;
	struct account eliza;
};

/* A call of the scene; free it with testing_free. */
static inline struct call
scene_call(struct scene *s)
{
	return (struct call){
		.arena = arena_new(0), .store = s->store, .keys = s->keys, .conf = &s->conf, .now = SCENE_NOW
	};
}

static inline void
scene_open(struct scene *s)
{
	static const char *const domains[] = { "betterbag.com" }, *const groups[] = { "staff", NULL };
	struct organization o = {
		.id = "bag", .name = "Better Bag", .lab = true, .topic = "com.apple.mgmt.External.test"
	};
	struct account a = { .user_identifier = "eliza@betterbag.com", .groups = groups };
	struct call c;
	struct err e = { 0 };
	int from, to;

	*s = (struct scene){ .arena = arena_new(0) };
	testing_dir(s->dir);
	conf_defaults(s->arena, s->dir, &s->conf);
	s->conf.url = "https://mdm.betterbag.com";
	s->store = testing_store("sqlite::memory:");
	ok(store_migrate(s->store, &from, &to, &e) == RC_OK, "the schema is made");
	ok(keys_open(s->dir, &s->keys, &e) == RC_OK && keys_make_secret(s->keys, "seal", &e) == RC_OK,
	    "keys are there");
	c = scene_call(s);
	ok(organization_add(&c, &o, domains, 1) == RC_OK, "the organization is there");
	ok(account_add(&c, &a) == RC_OK, "Eliza is there");
	arena_defer(s->arena, (void (*)(void *))arena_free, c.arena);
	ok(organization_get(&c, "bag", &s->organization) == RC_OK && account_get(&c, a.id, &s->eliza) == RC_OK,
	    "and can be read");
}

static inline void
scene_close(struct scene *s)
{
	keys_close(s->keys);
	store_close(s->store);
	testing_rmtree(s->dir);
	arena_free(s->arena);
}

#endif
