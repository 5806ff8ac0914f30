/* Identity providers of organizations. */
#include <stdlib.h>
#include <string.h>

#include "admin/routes.h"
#include "crypto/x509.h"
#include "idp/remote.h"

static json_t *
provider_json(struct admin_call *x, const struct provider *p)
{
	json_t *j = json_object();

	admin_put_text(j, "id", p->id);
	admin_put_text(j, "organization", p->organization_id);
	admin_put_text(j, "kind", p->kind);
	admin_put_text(j, "name", p->name);
	admin_put_text(j, "domain", p->domain);
	admin_put_text(j, "issuer", p->issuer);
	admin_put_text(j, "client_id", p->client_id);
	admin_put_text(j, "client_auth", p->client_auth);
	admin_put_text(j, "tenant", p->tenant);
	admin_put_text(j, "scope", p->scope);
	admin_put_text(j, "user_claim", p->user_claim);
	admin_put_text(j, "user_claim_else", provider_user_else(x->c->arena, p));
	admin_put_text(j, "apple_account", p->apple_account);
	admin_put_text(j, "groups_claim", p->groups_claim);
	admin_put_text(j, "key_id", p->key_id);
	admin_put_text(j, "directory", p->directory);
	admin_put_text(j, "again", p->again);
	admin_put_text(j, "group_needed", p->group_needed);
	admin_put_int(j, "interval_s", p->interval_s);
	admin_put_int(j, "grace_s", p->grace_s);
	admin_put(j, "longest_s", p->longest_s > 0 ? json_integer(p->longest_s) : json_null());
	admin_put_flag(j, "creates", p->creates);
	admin_put_flag(j, "redirects", p->redirects);
	admin_put_text(j, "redirect_uri", provider_redirect_uri(x->c));
	admin_put_text(j, "notices", provider_preset(p->kind)->notices);
	admin_put_time(j, "created_at", p->created_at);
	return j;
}

static enum rc
organization_of(struct admin_call *x, struct organization *o)
{
	const char *id = admin_text(x, "organization");

	return admin_organization(x, id != NULL ? id : admin_query(x, "organization"), o);
}

/* One of the organization's: by its id, or by a beginning of it that no other has. */
static enum rc
find(struct admin_call *x, struct provider *out)
{
	const char *id = x->r->segment[0];
	struct organization o;
	struct provider *all;
	enum rc rc;
	int n, found = 0;

	if ((rc = organization_of(x, &o)) != RC_OK || (rc = provider_list(x->c, o.id, &all, &n)) != RC_OK)
		return rc;
	for (int i = 0; i < n; i++) {
		if (strncmp(all[i].id, id, strlen(id)) != 0)
			continue;
		*out = all[i];
		found++;
	}
	if (found == 1)
		return RC_OK;
	return fail(&x->c->err, RC_NOT_FOUND,
	    found == 0 ? "%s has no identity provider %.40s (postern idp list)"
		       : "%s has several identity providers that begin with %.40s",
	    o.id, id);
}

enum rc
admin_idp_list(struct admin_call *x)
{
	json_t *items = admin_items(x);
	struct organization o;
	struct provider *all;
	enum rc rc;
	int n;

	if ((rc = organization_of(x, &o)) != RC_OK || (rc = provider_list(x->c, o.id, &all, &n)) != RC_OK)
		return rc;
	for (int i = 0; i < n; i++)
		json_array_append_new(items, provider_json(x, &all[i]));
	return RC_OK;
}

enum rc
admin_idp_get(struct admin_call *x)
{
	struct provider p = { 0 };
	enum rc rc = find(x, &p);

	if (rc == RC_OK)
		x->out = json_keep(x->c->arena, provider_json(x, &p));
	return rc;
}

#define LIFE_MAX INT64_C(315360000) /* ten years */

/* A life of the body, in seconds. RC_BAD_INPUT: it is none. */
static enum rc
life(struct admin_call *x, const char *name, int64_t otherwise, int64_t *out)
{
	const char *text = admin_text(x, name);

	*out = otherwise;
	if (text == NULL)
		return RC_OK;
	text = admin_seconds(x->c->arena, text);
	if (text[0] == '\0' || strlen(text) > 10 || text[strspn(text, "0123456789")] != '\0' ||
	    (*out = strtoll(text, NULL, 10)) > LIFE_MAX)
		return fail(
		    &x->c->err, RC_BAD_INPUT, "%s is a time like 90s, 15m, 4h or 30d, of at most ten years", name);
	return RC_OK;
}

/* The first line: what a file holds that an editor wrote. */
static const char *
first_line(struct arena *a, const char *text)
{
	return text != NULL ? arena_strndup(a, text, strcspn(text, "\r\n")) : NULL;
}

/* What the body says of a provider, over what is there. *secret NULL: nothing of it. */
static enum rc
read_body(struct admin_call *x, struct provider *p, const char **secret)
{
	const struct {
		const char *name, **field;
	} texts[] = {
		{ "name", &p->name },
		{ "client_auth", &p->client_auth },
		{ "scope", &p->scope },
		{ "user_claim", &p->user_claim },
		{ "apple_account", &p->apple_account },
		{ "groups_claim", &p->groups_claim },
		{ "key_id", &p->key_id },
		{ "directory", &p->directory },
		{ "again", &p->again },
		{ "group_needed", &p->group_needed },
	};
	const char *ca = admin_text(x, "ca"), *key = admin_text(x, "client_key");
	struct call *c = x->c;
	struct bytes *list;
	enum rc rc;
	int n;

	if (key != NULL)
		p->client_auth = "private_key_jwt";
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		if (admin_has(x, texts[i].name))
			*texts[i].field = admin_text(x, texts[i].name);
	}
	p->creates = !admin_flag(x, "known_only", !p->creates);
	p->redirects = !admin_flag(x, "button", !p->redirects);
	*secret = key != NULL ? key : first_line(c->arena, admin_text(x, "client_secret"));
	if (ca != NULL) {
		if ((rc = x509_from_pem(c->arena, bytes_str(ca), &list, &n, &c->err)) != RC_OK)
			return fail_in(&c->err, rc, "CA certificates of the provider");
		p->ca = bytes_str(ca);
	}
	if ((rc = life(x, "interval", p->interval_s, &p->interval_s)) != RC_OK ||
	    (rc = life(x, "grace", p->grace_s, &p->grace_s)) != RC_OK)
		return rc;
	return life(x, "longest", p->longest_s, &p->longest_s);
}

enum rc
admin_idp_add(struct admin_call *x)
{
	struct provider p = {
		.kind = admin_text(x, "kind"),
		.domain = admin_text(x, "domain"),
		.issuer = admin_text(x, "issuer"),
		.client_id = admin_text(x, "client_id"),
		.tenant = admin_text(x, "tenant"),
		.grace_s = -1,
		.creates = true,
		.redirects = true,
	};
	struct organization o;
	const char *secret;
	enum rc rc;

	if ((rc = organization_of(x, &o)) != RC_OK || (rc = read_body(x, &p, &secret)) != RC_OK)
		return rc;
	p.organization_id = o.id;
	if ((rc = provider_add(x->c, &p, secret, o.lab)) != RC_OK)
		return rc;
	x->out = json_keep(x->c->arena, provider_json(x, &p));
	x->status = 201;
	return RC_OK;
}

enum rc
admin_idp_set(struct admin_call *x)
{
	struct organization o;
	const char *secret;
	struct provider p = { 0 };
	enum rc rc;

	if ((rc = organization_of(x, &o)) != RC_OK || (rc = find(x, &p)) != RC_OK ||
	    (rc = read_body(x, &p, &secret)) != RC_OK || (rc = provider_change(x->c, &p, secret, o.lab)) != RC_OK)
		return rc;
	x->out = json_keep(x->c->arena, provider_json(x, &p));
	return RC_OK;
}

enum rc
admin_idp_remove(struct admin_call *x)
{
	struct provider p = { 0 };
	enum rc rc;

	if ((rc = find(x, &p)) != RC_OK || (rc = provider_remove(x->c, p.id)) != RC_OK)
		return rc;
	x->out = json_keep(x->c->arena, provider_json(x, &p));
	return RC_OK;
}

/* Ask the provider for its documents, as a sign-in does. */
enum rc
admin_idp_check(struct admin_call *x)
{
	struct idp_endpoints at = { 0 };
	const struct jose_keys *keys = NULL;
	struct provider p = { 0 };
	enum rc rc;

	if ((rc = find(x, &p)) != RC_OK || (rc = idp_endpoints(x->room->idp, x->c, &p, &at)) != RC_OK ||
	    (rc = idp_keys(x->room->idp, x->c, &p, true, &keys)) != RC_OK)
		return rc;
	x->out = json_keep(x->c->arena, provider_json(x, &p));
	admin_put_text(x->out, "authorization_endpoint", at.authorization);
	admin_put_text(x->out, "token_endpoint", at.token);
	admin_put_text(x->out, "jwks_uri", at.jwks);
	admin_put_int(x->out, "keys", jose_keys_count(keys));
	admin_put_flag(x->out, "pkce", at.pkce);
	admin_put_flag(x->out, "iss_parameter", at.iss_parameter);
	return RC_OK;
}
