#include "device/place.h"

#include <string.h>

#include "device/app.h"
#include "fmt/base64.h"
#include "fmt/json.h"

/* ---- places ---- */

static const char *const accounts[SEPARATION_ACCOUNTS] = { "personal", "managed" };

bool
device_keeps_apart(const struct device *d, const struct separation_content *content)
{
	return separation_content_is_apart(content, separation_os_of(d->family->os_label), device_version(d->self.os));
}

/* An app is managed or the person's; what comes with the system has accounts instead. */
static enum rc
account_of_app(struct device *d, const char *bundle, enum separation_account *account)
{
	const char *state =
	    json_get_text(json_object_get(json_object_get(d->en.managed, "declared-apps"), bundle), "state");
	const char *status = json_get_text(json_object_get(json_object_get(d->en.managed, "apps"), bundle), "Status");
	struct device_app app = { .bundle = bundle };

	*account = SEPARATION_MANAGED;
	if ((state != NULL && strcmp(state, "managed") == 0) || (status != NULL && strcmp(status, "Managed") == 0))
		return RC_OK;
	*account = SEPARATION_PERSONAL;
	if (device_app_is_personal(d, &app))
		return RC_OK;
	(void)fail(&d->err, RC_NOT_FOUND, "there is no app %s on this device", bundle);
	return RC_NOT_FOUND;
}

static enum rc
find_account(struct device *d, struct arena *a, const char *name, const char *at, struct device_place *out)
{
	const char *kind = arena_strndup(a, name, (size_t)(at - name));
	enum separation_account account = SEPARATION_ACCOUNTS;
	enum rc rc;

	for (int i = 0; i < SEPARATION_ACCOUNTS; i++)
		if (strcmp(accounts[i], at + 1) == 0)
			account = (enum separation_account)i;
	out->at.content = separation_content_find(kind);
	if (account == SEPARATION_ACCOUNTS || out->at.content == NULL || strcmp(kind, "keychain") == 0 ||
	    strcmp(kind, "containers") == 0) {
		(void)fail(&d->err, RC_BAD_INPUT, "%s is no place", name);
		return RC_BAD_INPUT;
	}
	if (account == SEPARATION_MANAGED && (rc = device_need_enrolled(d)) != RC_OK)
		return rc;
	out->at.account = account;
	out->at.apart = account == SEPARATION_MANAGED && device_keeps_apart(d, out->at.content);
	if (account == SEPARATION_MANAGED && strcmp(kind, "drive") == 0 && !out->at.apart) {
		(void)fail(&d->err, RC_NOT_FOUND, "%s has no iCloud Drive of the organization", d->family->os_label);
		return RC_NOT_FOUND;
	}
	return RC_OK;
}

static enum rc
find_app(struct device *d, const char *name, struct device_place *out)
{
	static const struct {
		const char *prefix, *content;
		bool file;
	} kinds[] = {
		{ "keychain:", "keychain", false },
		{ "file-keychain:", "keychain", true },
		{ "", "containers", false },
	};
	size_t i = 0;
	enum rc rc;

	while (strncmp(name, kinds[i].prefix, strlen(kinds[i].prefix)) != 0)
		i++;
	if (kinds[i].file && d->family->os != DEVICE_MACOS) {
		(void)fail(&d->err, RC_NOT_FOUND, "only a Mac has keychain files");
		return RC_NOT_FOUND;
	}
	out->at.owner = name + strlen(kinds[i].prefix);
	if ((rc = account_of_app(d, out->at.owner, &out->at.account)) != RC_OK)
		return rc;
	out->at.content = separation_content_find(kinds[i].content);
	out->at.apart =
	    out->at.account == SEPARATION_MANAGED && !kinds[i].file && device_keeps_apart(d, out->at.content);
	return RC_OK;
}

enum rc
device_place_find(struct device *d, struct arena *a, const char *name, struct device_place *out)
{
	const char *at = strrchr(name, '@');
	struct separation_rules rules;

	*out = (struct device_place){ .name = name, .at.owner = "" };
	if (strncmp(name, "https://", 8) == 0 || strncmp(name, "http://", 7) == 0) {
		rules = device_separation_rules(d, a);
		out->web = true;
		out->at.account = separation_web_is_managed(a, &rules, name) ? SEPARATION_MANAGED : SEPARATION_PERSONAL;
		return RC_OK;
	}
	return at != NULL ? find_account(d, a, name, at, out) : find_app(d, name, out);
}

/* ---- rules ---- */

#define RESTRICTIONS "com.apple.applicationaccess"
#define DOMAINS "com.apple.domains"
#define RULES_MAX 16
#define DOMAINS_MAX 1000

struct reading {
	struct separation_rules rules;
	struct device_schema schema;
	bool seen[RULES_MAX];
	const char **domains;
	size_t n;
};

static bool
counts(const struct reading *r, const char *type, const char *key)
{
	enum device_verdict v = device_schema_verdict(&r->schema, DEVICE_PAYLOAD, type, key, false);

	return v == DEVICE_ALLOWED || v == DEVICE_REQUIRED;
}

static void
read_restrictions(struct reading *r, plist_t payload)
{
	const char *key;

	for (int i = 0; i < RULES_MAX && (key = separation_rules_key(i)) != NULL; i++)
		if (plist_has(payload, key) && counts(r, RESTRICTIONS, key))
			separation_rules_take(&r->rules, key, plist_flag(payload, key, false), &r->seen[i]);
}

static void
read_domains(struct reading *r, struct arena *a, plist_t payload)
{
	plist_t list = counts(r, DOMAINS, NULL) ? plist_array(payload, "WebDomains") : NULL;
	uint32_t n = list != NULL ? plist_array_get_size(list) : 0;

	for (uint32_t i = 0; i < n && r->n < DOMAINS_MAX; i++) {
		plist_t item = plist_array_get_item(list, i);
		uint64_t length = 0;
		const char *text =
		    plist_get_node_type(item) == PLIST_STRING ? plist_get_string_ptr(item, &length) : NULL;

		if (text != NULL)
			r->domains[r->n++] = arena_strndup(a, text, (size_t)length);
	}
}

struct separation_rules
device_separation_rules(struct device *d, struct arena *a)
{
	json_t *profiles = json_object_get(d->en.managed, "profiles"), *profile;
	struct reading r = { .rules = separation_rules_none(),
		.schema = device_rules(d, false),
		.domains = arena_array(a, DOMAINS_MAX + 1, sizeof *r.domains) };
	size_t i;

	json_array_foreach(profiles, i, profile)
	{
		const char *document = json_get_text(profile, "document");
		struct device_configuration c;
		plist_t content = NULL;
		uint32_t n = 0;

		if (document != NULL &&
		    device_configuration_read(a, base64_decode(a, bytes_str(document), false), &c, &d->err) == RC_OK &&
		    (content = plist_array(c.root, "PayloadContent")) != NULL)
			n = plist_array_get_size(content);
		for (uint32_t k = 0; k < n; k++) {
			plist_t payload = plist_array_get_item(content, k);
			const char *type =
			    plist_get_node_type(payload) == PLIST_DICT ? plist_text(a, payload, "PayloadType") : NULL;

			if (type != NULL && strcmp(type, RESTRICTIONS) == 0)
				read_restrictions(&r, payload);
			else if (type != NULL && strcmp(type, DOMAINS) == 0)
				read_domains(&r, a, payload);
		}
	}
	r.rules.web_domains = r.domains;
	return r.rules;
}
