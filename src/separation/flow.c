#include "separation/flow.h"

#include <string.h>

#include "fmt/uri.h"

/* ---- rules ---- */

/* Apple's table combines several values of an "allow" to false, and of a "require" or "force" to true. */
static const struct rule {
	const char *key;
	size_t offset;
	bool otherwise, strict;
} keys[] = {
#define RULE(name, otherwise, strict) \
	{ \
#name, offsetof(struct separation_rules, name), otherwise, strict \
	}
	RULE(allowOpenFromManagedToUnmanaged, true, false),
	RULE(allowOpenFromUnmanagedToManaged, true, false),
	RULE(requireManagedPasteboard, false, true),
	RULE(forceAirDropUnmanaged, false, true),
	RULE(allowUnmanagedToReadManagedContacts, false, false),
	RULE(allowManagedToWriteUnmanagedContacts, false, false),
	RULE(allowManagedAppsCloudSync, true, false),
#undef RULE
};
#define N_KEYS (int)(sizeof keys / sizeof *keys)

static bool *
value_at(struct separation_rules *r, const struct rule *k)
{
	return (bool *)((char *)r + k->offset);
}

struct separation_rules
separation_rules_none(void)
{
	static const char *const none[] = { NULL };
	struct separation_rules r = { .web_domains = none };

	for (int i = 0; i < N_KEYS; i++)
		*value_at(&r, &keys[i]) = keys[i].otherwise;
	return r;
}

bool
separation_rules_take(struct separation_rules *r, const char *key, bool value, bool *seen)
{
	for (int i = 0; i < N_KEYS; i++) {
		bool *at = value_at(r, &keys[i]);

		if (strcmp(keys[i].key, key) != 0)
			continue;
		*at = *seen && *at == keys[i].strict ? keys[i].strict : value;
		*seen = true;
		return true;
	}
	return false;
}

const char *
separation_rules_key(int i)
{
	return i < N_KEYS ? keys[i].key : NULL;
}

bool
separation_rules_value(const struct separation_rules *r, int i)
{
	struct separation_rules copy = *r;

	return *value_at(&copy, &keys[i]);
}

/* ---- flows ---- */

static const char *
open_in(const struct separation_rules *r, enum separation_account from, enum separation_account to)
{
	if (from == SEPARATION_MANAGED && to == SEPARATION_PERSONAL && !r->allowOpenFromManagedToUnmanaged)
		return "allowOpenFromManagedToUnmanaged is false";
	if (from == SEPARATION_PERSONAL && to == SEPARATION_MANAGED && !r->allowOpenFromUnmanagedToManaged)
		return "allowOpenFromUnmanagedToManaged is false";
	return NULL;
}

const char *
separation_flow_forbidden(
    const struct separation_rules *r, enum separation_way way, enum separation_account from, enum separation_account to)
{
	bool leaves = from == SEPARATION_MANAGED && to == SEPARATION_PERSONAL;

	switch (way) {
	case SEPARATION_OPEN_IN:
		return open_in(r, from, to);
	case SEPARATION_PASTE:
		return r->requireManagedPasteboard ? open_in(r, from, to) : NULL;
	case SEPARATION_AIRDROP:
		/* Not counted as unmanaged unless that is forced. */
		return r->forceAirDropUnmanaged ? open_in(r, from, SEPARATION_PERSONAL) : NULL;
	case SEPARATION_READ_CONTACTS:
		/* The two keys of contacts say something only where nothing else may leave. */
		return r->allowUnmanagedToReadManagedContacts || !leaves || open_in(r, from, to) == NULL
			   ? NULL
			   : "allowUnmanagedToReadManagedContacts is false";
	case SEPARATION_WRITE_CONTACTS:
		return r->allowManagedToWriteUnmanagedContacts || !leaves || open_in(r, from, to) == NULL
			   ? NULL
			   : "allowManagedToWriteUnmanagedContacts is false";
	case SEPARATION_DRIVE:
		return from == to ? NULL : "the organization's iCloud Drive is for what is managed only";
	}
	return NULL;
}

/* ---- managed web domains ---- */

static const char *
without_www(const char *host)
{
	return strncmp(host, "www.", 4) == 0 ? host + 4 : host;
}

static bool
host_matches(const char *pattern, const char *host)
{
	size_t n = strlen(host), m;

	if (strncmp(pattern, "*.", 2) != 0)
		return strcmp(without_www(pattern), without_www(host)) == 0;
	m = strlen(pattern + 1); /* with its dot */
	return n > m && strcmp(host + n - m, pattern + 1) == 0;
}

static bool
path_matches(const char *pattern, const char *path)
{
	size_t n = strlen(pattern);

	while (n > 0 && pattern[n - 1] == '/')
		n--;
	return strncmp(path, pattern, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

static bool
matches(struct arena *a, const char *pattern, const struct uri *u)
{
	const char *bare = strstr(pattern, "://") != NULL ? strstr(pattern, "://") + 3 : pattern;
	const char *wild = strncmp(bare, "*.", 2) == 0 ? "*." : "";
	struct uri p;
	bool usual = u->port == (strcmp(u->scheme, "https") == 0 ? 443 : 80), names_port;

	if (uri_parse(a, arena_printf(a, "https://%s", bare + strlen(wild)), &p, NULL) != RC_OK)
		return false;
	names_port = memchr(bare, ':', strcspn(bare, "/")) != NULL;
	return host_matches(arena_printf(a, "%s%s", wild, p.host), u->host) && path_matches(p.path, u->path) &&
	       (names_port ? p.port == u->port : usual);
}

bool
separation_web_is_managed(struct arena *a, const struct separation_rules *r, const char *url)
{
	struct uri u;

	if (uri_parse(a, url, &u, NULL) != RC_OK)
		return false;
	for (const char *const *p = r->web_domains; *p != NULL; p++)
		if (matches(a, *p, &u))
			return true;
	return false;
}

/* ---- Sign in with Apple ---- */

enum rc
separation_signin_account(enum separation_account app, bool web, const enum separation_account *choice,
    enum separation_account *out, struct err *e)
{
	bool free = web && app == SEPARATION_MANAGED;

	*out = free ? SEPARATION_PERSONAL : app;
	if (choice == NULL || *choice == app || free) {
		if (choice != NULL)
			*out = *choice;
		return RC_OK;
	}
	(void)fail(e, RC_FORBIDDEN,
	    app == SEPARATION_MANAGED ? "a managed app signs in with the Managed Apple Account"
				      : "what is not managed signs in with the personal Apple Account");
	return RC_FORBIDDEN;
}
