#include "device/data.h"

#include <string.h>

#include "fmt/json.h"

static const char *const accounts[SEPARATION_ACCOUNTS] = { "personal", "managed" };

/* Who sees where a thing went sees why. */
static void
tell_volume(struct device *d, const struct device_place *p)
{
	const struct separation_content *c = p->at.content;

	story_detail(&d->story, "account", "%s", accounts[p->at.account]);
	if (p->at.apart || p->at.account == SEPARATION_PERSONAL)
		story_detail(&d->story, "volume", "%s", p->at.apart ? "managed" : "personal");
	else
		story_detail(&d->story, "volume", "personal: %s %s does not keep this apart (%s)", d->family->os_label,
		    d->self.os, c->title);
	story_detail(&d->story, "apart", "%s", p->at.apart ? "yes" : "no");
}

static enum rc
find_kept(struct device *d, const char *name, struct device_place *out)
{
	enum rc rc = device_place_find(d, d->arena, name, out);

	if (rc == RC_OK && out->web) {
		(void)fail(&d->err, RC_BAD_INPUT, "nothing is kept on the web: %s", name);
		return RC_BAD_INPUT;
	}
	return rc;
}

enum rc
device_data_put(struct device *d, const char *place, const char *name, struct bytes text)
{
	struct device_place p;
	enum rc rc = find_kept(d, place, &p);

	if (rc == RC_OK)
		rc = separation_store_put(d->arena, d->dir, &p.at, name, text, &d->err);
	if (rc != RC_OK)
		return rc;
	story_step(&d->story, "kept", "%s is in %s", name, place);
	tell_volume(d, &p);
	return RC_OK;
}

enum rc
device_data_get(struct device *d, const char *place, const char *name, struct bytes *text)
{
	struct device_place p;
	enum rc rc = find_kept(d, place, &p);

	return rc == RC_OK ? separation_store_get(d->arena, d->dir, &p.at, name, text, &d->err) : rc;
}

enum rc
device_data_remove(struct device *d, const char *place, const char *name)
{
	struct device_place p;
	enum rc rc = find_kept(d, place, &p);

	if (rc == RC_OK && (rc = separation_store_remove(d->arena, d->dir, &p.at, name, &d->err)) == RC_OK)
		story_step(&d->story, "removed", "%s is no more in %s", name, place);
	return rc;
}

/* ---- all of it ---- */

static const char *
place_name(struct arena *a, const struct separation_content *c, enum separation_account account, const char *owner)
{
	if (owner[0] == '\0')
		return arena_printf(a, "%s@%s", c->name, accounts[account]);
	return strcmp(c->name, "containers") == 0 ? owner : arena_printf(a, "%s:%s", c->name, owner);
}

/* Apps of the organization with the iCloud of the enrollment's account, unless a restriction forbids it. A keychain file
 * of a Mac app never. */
static const char *
synced_with(struct device *d, const struct separation_rules *rules, const struct separation_content *c,
    enum separation_account account, bool apart)
{
	if (account == SEPARATION_PERSONAL)
		return accounts[account];
	if (strcmp(c->name, "keychain") == 0 && !apart)
		return NULL;
	if (strcmp(c->name, "containers") == 0 && !rules->allowManagedAppsCloudSync)
		return NULL;
	return d->profile.assigned_account;
}

static void
list_owners(struct device *d, const struct separation_rules *rules, json_t *out, const struct separation_content *c,
    enum separation_account account, bool apart, json_t *owners)
{
	const char *owner, *name;
	json_t *texts, *text;

	json_object_foreach(owners, owner, texts)
	{
		json_object_foreach(texts, name, text)
		{
			json_array_append_new(out, json_pack("{s:s, s:s, s:s, s:s, s:b, s:s?}", "place",
						       place_name(d->arena, c, account, owner), "name", name, "account",
						       accounts[account], "content", c->title, "apart", apart, "syncs",
						       synced_with(d, rules, c, account, apart)));
		}
	}
}

enum rc
device_data_list(struct device *d, json_t **out)
{
	static const struct {
		enum separation_account account;
		bool apart;
	} shelves[] = { { SEPARATION_PERSONAL, false }, { SEPARATION_MANAGED, true }, { SEPARATION_MANAGED, false } };
	struct separation_rules rules = device_separation_rules(d, d->arena);
	const struct separation_content *c;
	json_t *owners;
	enum rc rc;

	*out = json_keep(d->arena, json_array());
	for (size_t s = 0; s < sizeof shelves / sizeof *shelves; s++) {
		for (int i = 0; (c = separation_content_at(i)) != NULL; i++) {
			rc = separation_store_list(
			    d->arena, d->dir, c, shelves[s].account, shelves[s].apart, &owners, &d->err);
			if (rc != RC_OK)
				return rc;
			list_owners(d, &rules, *out, c, shelves[s].account, shelves[s].apart, owners);
		}
	}
	return RC_OK;
}

/* ---- from one place to another ---- */

static bool
is_of(const struct device_place *p, const char *content)
{
	return p->at.content != NULL && strcmp(p->at.content->name, content) == 0;
}

static bool
is_organizations_drive(const struct device_place *p)
{
	return is_of(p, "drive") && p->at.account == SEPARATION_MANAGED;
}

static enum separation_way
way_of(const struct device_place *from, const struct device_place *to, enum device_share by)
{
	if (by == DEVICE_SHARE_AIRDROP)
		return SEPARATION_AIRDROP;
	if (is_organizations_drive(from) || is_organizations_drive(to))
		return SEPARATION_DRIVE;
	if (is_of(from, "contacts"))
		return SEPARATION_READ_CONTACTS;
	if (is_of(to, "contacts"))
		return SEPARATION_WRITE_CONTACTS;
	return by == DEVICE_SHARE_PASTE ? SEPARATION_PASTE : SEPARATION_OPEN_IN;
}

enum rc
device_data_share(
    struct device *d, const char *name, const char *from, const char *to, enum device_share by, struct bytes text)
{
	static const char *const names[] = { "open-in", "paste", "airdrop" };
	struct separation_rules rules = device_separation_rules(d, d->arena);
	struct device_place source, target = { .name = "another device" };
	const char *why;
	enum rc rc;

	if ((rc = device_place_find(d, d->arena, from, &source)) != RC_OK ||
	    (to != NULL && (rc = find_kept(d, to, &target)) != RC_OK) ||
	    (!source.web && (rc = separation_store_get(d->arena, d->dir, &source.at, name, &text, &d->err)) != RC_OK))
		return rc;
	story_step(&d->story, "share", "%s goes from %s to %s", name, from, target.name);
	story_detail(&d->story, "by", "%s", names[by]);
	story_detail(&d->story, "from", "%s", accounts[source.at.account]);
	if (to != NULL)
		story_detail(&d->story, "to", "%s", accounts[target.at.account]);
	why = separation_flow_forbidden(&rules, way_of(&source, &target, by), source.at.account, target.at.account);
	story_detail(&d->story, "allowed", "%s", why == NULL ? "yes" : why);
	if (why != NULL) {
		(void)fail(&d->err, RC_FORBIDDEN, "%s may not go from %s to %s: %s", name, from, target.name, why);
		return RC_FORBIDDEN;
	}
	return to != NULL ? separation_store_put(d->arena, d->dir, &target.at, name, text, &d->err) : RC_OK;
}

/* ---- accounts ---- */

enum rc
device_data_sign_in(struct device *d, const char *app, bool web, const enum separation_account *choice)
{
	enum separation_account account;
	struct device_place p;
	enum rc rc;

	if ((rc = find_kept(d, app, &p)) != RC_OK)
		return rc;
	if (p.at.owner != app) {
		(void)fail(&d->err, RC_BAD_INPUT, "%s is no app", app);
		return RC_BAD_INPUT;
	}
	if ((rc = separation_signin_account(p.at.account, web, choice, &account, &d->err)) != RC_OK)
		return rc;
	story_step(&d->story, "sign-in-with-apple", "%s signs in with the %s Apple Account", app,
	    account == SEPARATION_MANAGED ? "Managed" : "personal");
	story_detail(&d->story, "app", "%s", accounts[p.at.account]);
	story_detail(&d->story, "account", "%s", accounts[account]);
	if (account == SEPARATION_MANAGED)
		story_detail(&d->story, "managed-apple-account", "%s", d->profile.assigned_account);
	return RC_OK;
}

/* ---- apps that went ---- */

static bool
is_managed(struct device *d, const char *bundle)
{
	struct device_place p;

	return device_place_find(d, d->arena, bundle, &p) == RC_OK && p.at.account == SEPARATION_MANAGED;
}

static enum rc
tidy(struct device *d, const struct separation_content *c, bool apart)
{
	bool changed = false;
	json_t *owners, *texts;
	const char *owner;
	void *next;
	enum rc rc;

	rc = separation_store_list(d->arena, d->dir, c, SEPARATION_MANAGED, apart, &owners, &d->err);
	if (rc != RC_OK)
		return rc;
	json_object_foreach_safe(owners, next, owner, texts)
	{
		if (!is_managed(d, owner)) {
			json_object_del(owners, owner);
			changed = true;
		}
	}
	return changed ? separation_store_replace(d->arena, d->dir, c, SEPARATION_MANAGED, apart, owners, &d->err)
		       : RC_OK;
}

enum rc
device_data_tidy(struct device *d)
{
	static const char *const kinds[] = { "containers", "keychain" };
	enum rc rc = RC_OK;

	for (size_t i = 0; d->dir != NULL && rc == RC_OK && i < sizeof kinds / sizeof *kinds; i++) {
		const struct separation_content *c = separation_content_find(kinds[i]);

		if ((rc = tidy(d, c, true)) == RC_OK)
			rc = tidy(d, c, false);
	}
	return rc;
}
