#include "postern-apple/portal.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "apple/lab.h"
#include "apple/portal.h"
#include "base/clock.h"
#include "crypto/x509.h"
#include "fmt/uri.h"

/* clang-format off */
#define ORG ARGV_TEXT("org", "NAME", "The organization", .fallback = PORTAL_LABORATORY)

const struct argv_option portal_add_options[] = { PORTAL_STATE, ARGV_END };
const struct argv_option portal_org_options[] = {
	PORTAL_STATE,
	ORG,
	ARGV_TEXT("managed-accounts-on", "WHERE", "Where people may sign in to a Managed Apple Account", .choices = portal_maid_policies),
	ARGV_TEXT("account-driven-enrollment", "on|off", "off: ORG_NOT_SUPPORTED", .choices = portal_on_off),
	ARGV_TEXT("terms", "on|off", "off: new terms wait for consent, T_C_NOT_SIGNED", .choices = portal_on_off),
	ARGV_TEXT("type", "TYPE", "Of an organization: org or edu", .choices = portal_types),
	ARGV_END
};
const struct argv_option portal_domain_options[] = {
	PORTAL_STATE, ORG, ARGV_FLAG("unverified", "Nobody has proven yet that it is the organization's"), ARGV_END
};
const struct argv_option portal_account_options[] = {
	PORTAL_STATE, ORG, ARGV_TEXT("kind", "KIND", "What kind of Apple Account it is", .fallback = "federated", .choices = portal_kinds), ARGV_END
};
const struct argv_option portal_remove_options[] = { PORTAL_STATE, ORG, ARGV_END };
const struct argv_option portal_server_add_options[] = {
	PORTAL_STATE,
	ORG,
	ARGV_TEXT("certificate", "FILE", "Public key certificate of the MDM server (PEM), as it is uploaded", .required = true),
	ARGV_TEXT("token-out", "FILE", "Where to write the server's token, as it is downloaded (.p7m)", .required = true),
	ARGV_TEXT("default-for", "FAMILY", "Make it the default server of these devices; `all` for all", .fallback = "all"),
	ARGV_END
};
const struct argv_option portal_server_token_options[] = {
	PORTAL_STATE,
	ARGV_TEXT("certificate", "FILE", "Another certificate (PEM) in place of the one before"),
	ARGV_TEXT("token-out", "FILE", "Where to write the new token; the one before ends", .required = true),
	ARGV_END
};
const struct argv_option portal_default_options[] = {
	PORTAL_STATE, ARGV_LIST("family", "FAMILY", "Kind of device (default: all)"), ARGV_FLAG("none", "The server is no longer the default"), ARGV_END
};
const struct argv_option portal_discovery_options[] = {
	PORTAL_STATE,
	ARGV_TEXT("query", "WHAT", "Does the redirect of the discovery fallback carry the device's query on?", .required = true, .choices = portal_queries),
	ARGV_END
};
const struct argv_argument portal_name[] = { ARGV_ARG("NAME", "Its name"), ARGV_END };
const struct argv_argument portal_domain[] = { ARGV_ARG("DOMAIN", "A domain, such as example.org"), ARGV_END };
const struct argv_argument portal_account_argument[] = { ARGV_ARG("USER@DOMAIN", "The account"), ARGV_END };
/* clang-format on */

static int
complain(const struct err *e)
{
	fprintf(stderr, "postern-apple: %s\n", e->text);
	return 1;
}

/* One change of the portal: `change` does it, then it is written. */
struct change {
	const struct argv *v;
	struct portal portal;
	json_t *organization; /* of --org */
	struct err e;
};

static int
do_change(const struct argv *v, enum rc (*change)(struct change *x), bool with_organization)
{
	struct change x = { .v = v };
	enum rc rc = portal_begin(v->arena, argv_text(v, "state"), &x.portal, &x.e);

	if (rc != RC_OK)
		return complain(&x.e);
	if (with_organization) {
		x.organization = portal_organization(&x.portal, argv_text(v, "org"), false);
		if (x.organization == NULL)
			rc = fail(&x.e, RC_NOT_FOUND, "there is no organization %s", argv_text(v, "org"));
	}
	if (rc == RC_OK)
		rc = change(&x);
	if (rc == RC_OK)
		rc = portal_commit(&x.portal, &x.e);
	portal_end(&x.portal);
	return rc == RC_OK ? 0 : complain(&x.e);
}

/* ---- organizations, domains, accounts ---- */

static enum rc
add_org(struct change *x)
{
	portal_organization(&x->portal, argv_argument(x->v, 0), true);
	return RC_OK;
}

int
portal_org_add(const struct argv *v, void *ctx)
{
	(void)ctx;
	return do_change(v, add_org, false);
}

static enum rc
set_org(struct change *x)
{
	static const char *const settings[][2] = { { "managed-accounts-on", "managed_accounts_on" },
		{ "account-driven-enrollment", "account_driven_enrollment" }, { "terms", "terms" },
		{ "type", "type" } };

	for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
		const char *word = argv_text(x->v, settings[i][0]);

		if (word != NULL)
			json_object_set_new(x->organization, settings[i][1], json_string(word));
	}
	return RC_OK;
}

int
portal_org_set(const struct argv *v, void *ctx)
{
	(void)ctx;
	return do_change(v, set_org, true);
}

static const char *
lower(struct arena *a, const char *text)
{
	char *copy = arena_strdup(a, text);

	for (char *p = copy; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	return copy;
}

static enum rc
add_domain(struct change *x)
{
	const char *domain = lower(x->v->arena, argv_argument(x->v, 0)), *owner;

	if (!uri_is_fqdn(domain))
		return fail(&x->e, RC_BAD_INPUT, "%s is no domain", domain);
	if (!argv_flag(x->v, "unverified") && portal_organization_of(&x->portal, domain, &owner) != NULL &&
	    strcmp(owner, argv_text(x->v, "org")) != 0)
		return fail(&x->e, RC_CONFLICT, "%s has verified the domain %s", owner, domain);
	json_object_set_new(
	    portal_part(x->organization, "domains"), domain, json_boolean(!argv_flag(x->v, "unverified")));
	return RC_OK;
}

int
portal_domain_add(const struct argv *v, void *ctx)
{
	(void)ctx;
	return do_change(v, add_domain, true);
}

static enum rc
remove_from(struct change *x, const char *part)
{
	const char *key = lower(x->v->arena, argv_argument(x->v, 0));

	return json_object_del(portal_part(x->organization, part), key) == 0
		   ? RC_OK
		   : fail(&x->e, RC_NOT_FOUND, "%s does not have %s", argv_text(x->v, "org"), key);
}

static enum rc
remove_domain(struct change *x)
{
	return remove_from(x, "domains");
}

int
portal_domain_remove(const struct argv *v, void *ctx)
{
	(void)ctx;
	return do_change(v, remove_domain, true);
}

static enum rc
add_account(struct change *x)
{
	const char *address = lower(x->v->arena, argv_argument(x->v, 0)), *user, *domain;
	enum rc rc = uri_identifier_split(x->v->arena, address, &user, &domain, &x->e);

	if (rc != RC_OK)
		return rc;
	json_object_set_new(
	    portal_part(x->organization, "accounts"), address, json_pack("{s:s}", "kind", argv_text(x->v, "kind")));
	return RC_OK;
}

int
portal_account_add(const struct argv *v, void *ctx)
{
	(void)ctx;
	return do_change(v, add_account, true);
}

static enum rc
remove_account(struct change *x)
{
	return remove_from(x, "accounts");
}

int
portal_account_remove(const struct argv *v, void *ctx)
{
	(void)ctx;
	return do_change(v, remove_account, true);
}

/* ---- MDM servers ---- */

static enum rc
read_certificate(struct change *x, struct bytes *out)
{
	const char *path = argv_text(x->v, "certificate");
	struct bytes text, *certificates;
	enum rc rc;
	int n;

	if ((rc = lab_read(x->v->arena, path, LAB_FILE, &text, &x->e)) != RC_OK)
		return rc;
	if ((rc = x509_from_pem(x->v->arena, text, &certificates, &n, &x->e)) != RC_OK)
		return fail_in(&x->e, rc, "%s", path);
	*out = certificates[0];
	return RC_OK;
}

static enum rc
set_default(struct change *x, const char *uuid, const char *family, bool none)
{
	json_t *server = portal_server(&x->portal, uuid),
	       *o = portal_organization(&x->portal, json_get_text(server, "organization"), true),
	       *defaults = portal_part(o, "defaults");
	bool any = false;

	for (int i = 0; portal_families[i] != NULL; i++) {
		if (strcmp(family, "all") != 0 && strcmp(family, portal_families[i]) != 0)
			continue;
		any = true;
		if (none)
			json_object_del(defaults, portal_families[i]);
		else
			json_object_set_new(defaults, portal_families[i], json_string(uuid));
	}
	return any ? RC_OK : fail(&x->e, RC_BAD_INPUT, "%s is no kind of device", family);
}

/* The token goes where it is wanted before the portal remembers it. */
static enum rc
hand_out(struct change *x, const char *uuid)
{
	const char *path = argv_text(x->v, "token-out");
	struct bytes file;
	enum rc rc;

	if ((rc = portal_server_token(&x->portal, uuid, clock_now(), &file, &x->e)) != RC_OK ||
	    (rc = lab_write(path, file, &x->e)) != RC_OK)
		return rc;
	printf("server_uuid: %s\n", uuid);
	return RC_OK;
}

static enum rc
add_server(struct change *x)
{
	const char *name = argv_argument(x->v, 0), *uuid = NULL;
	struct bytes certificate = { 0 };
	enum rc rc;

	if ((rc = read_certificate(x, &certificate)) != RC_OK ||
	    (rc = portal_server_add(
		 &x->portal, argv_text(x->v, "org"), name, certificate, clock_now(), &uuid, &x->e)) != RC_OK ||
	    (rc = set_default(x, uuid, argv_text(x->v, "default-for"), false)) != RC_OK)
		return rc;
	return hand_out(x, uuid);
}

int
portal_server_new(const struct argv *v, void *ctx)
{
	(void)ctx;
	return do_change(v, add_server, true);
}

static enum rc
find_server(struct change *x, const char **uuid)
{
	const char *name = argv_argument(x->v, 0);

	if (portal_server_by(&x->portal, "name", name, uuid) != NULL)
		return RC_OK;
	return fail(&x->e, RC_NOT_FOUND, "there is no server %s", name);
}

static enum rc
new_token(struct change *x)
{
	struct bytes certificate = { 0 };
	const char *uuid = NULL;
	enum rc rc = find_server(x, &uuid);

	if (rc == RC_OK && argv_given(x->v, "certificate")) {
		if ((rc = read_certificate(x, &certificate)) == RC_OK)
			portal_server_certify(&x->portal, uuid, certificate);
	}
	return rc == RC_OK ? hand_out(x, uuid) : rc;
}

int
portal_server_token_new(const struct argv *v, void *ctx)
{
	(void)ctx;
	return do_change(v, new_token, false);
}

static enum rc
default_server(struct change *x)
{
	const char *const *families = argv_list(x->v, "family"), *uuid = NULL;
	bool none = argv_flag(x->v, "none");
	enum rc rc = find_server(x, &uuid);

	if (rc == RC_OK && families[0] == NULL)
		return set_default(x, uuid, "all", none);
	for (int i = 0; rc == RC_OK && families[i] != NULL; i++)
		rc = set_default(x, uuid, families[i], none);
	return rc;
}

int
portal_server_default(const struct argv *v, void *ctx)
{
	(void)ctx;
	return do_change(v, default_server, false);
}

/* Whoever has it for a default has none then. */
static enum rc
remove_server(struct change *x)
{
	const char *uuid = NULL, *name, *family;
	enum rc rc = find_server(x, &uuid);
	json_t *o, *value;
	void *next;

	if (rc != RC_OK)
		return rc;
	uuid = arena_strdup(x->v->arena, uuid);
	json_object_del(portal_part(x->portal.root, "servers"), uuid);
	json_object_foreach(portal_part(x->portal.root, "organizations"), name, o)
	{
		json_object_foreach_safe(portal_part(o, "defaults"), next, family, value)
		{
			if (strcmp(json_string_value(value), uuid) == 0)
				json_object_del(portal_part(o, "defaults"), family);
		}
	}
	return RC_OK;
}

int
portal_server_remove(const struct argv *v, void *ctx)
{
	(void)ctx;
	return do_change(v, remove_server, false);
}

/* ---- the rest ---- */

static enum rc
set_discovery(struct change *x)
{
	json_object_set_new(x->portal.root, "discovery_query", json_string(argv_text(x->v, "query")));
	return RC_OK;
}

int
portal_discovery_set(const struct argv *v, void *ctx)
{
	(void)ctx;
	return do_change(v, set_discovery, false);
}

/* Everything but the servers' secrets. */
int
portal_show(const struct argv *v, void *ctx)
{
	static const char *const secrets[] = { "consumer_key", "consumer_secret", "access_token", "access_secret" };
	struct portal portal;
	struct err e = { 0 };
	const char *uuid = NULL;
	json_t *server;

	(void)ctx;
	if (portal_begin(v->arena, argv_text(v, "state"), &portal, &e) != RC_OK)
		return complain(&e);
	json_object_foreach(portal_part(portal.root, "servers"), uuid, server)
	{
		for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++)
			json_object_del(server, secrets[i]);
	}
	printf("%s\n", (const char *)json_text(v->arena, portal.root, 2).p);
	portal_end(&portal);
	return 0;
}
