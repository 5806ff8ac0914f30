/* Status reports: what the server does not know yet, and once a day all. */
#include <ctype.h>
#include <string.h>

#include "crypto/x509.h"
#include "device/ddm.h"
#include "device/tables.h"
#include "fmt/base64.h"
#include "fmt/json.h"

#define SUBSCRIPTIONS "com.apple.configuration.management.status-subscriptions"

/* ---- the items ---- */

static json_t *
of_declarations(struct device_ddm *m, const char *name)
{
	json_t *value = json_pack("{s:[], s:[], s:[], s:[]}", "activations", "assets", "configurations", "management");
	json_t *declaration;
	const char *identifier;

	(void)name;
	json_object_foreach(json_object_get(m->kept, "declarations"), identifier, declaration)
	{
		json_array_append(
		    json_object_get(value, json_get_text(declaration, "kind")), json_object_get(declaration, "status"));
	}
	return value;
}

/* Each name once, of those that this enrollment may have on this channel. */
static void
add_supported(struct device_ddm *m, enum device_kind kind, struct table_cell cell, json_t *into)
{
	const char *name = arena_strndup(m->a, cell.p, cell.n);

	if (device_schema_may(&m->rules, kind, name, NULL, false))
		json_object_set_new(into, name, json_true());
}

static void
add_keys(json_t *array, const json_t *object)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)object, key, value)
	{
		json_array_append_new(array, json_string(key));
	}
}

/* Overrides bring some to systems whose tables did not have them: each row of a table is asked about, whatever its
 * system. */
static json_t *
of_capabilities(struct device_ddm *m, const char *name)
{
	static const char *const kinds[] = { "activations", "assets", "configurations", "management" };
	json_t *declarations = json_object(), *items = json_array(), *names;
	struct table_row r;

	(void)name;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		json_t *list = json_array();

		names = json_keep(m->a, json_object());
		r = (struct table_row){ 0 };
		while (table_next(embed_declarations, NULL, &r))
			if (table_is(&r, "kind", kinds[i]))
				add_supported(m, DEVICE_DECLARATION, table_cell(&r, "declaration_type"), names);
		add_keys(list, names);
		json_object_set_new(declarations, kinds[i], list);
	}
	names = json_keep(m->a, json_object());
	r = (struct table_row){ 0 };
	while (table_next(embed_status_items, NULL, &r))
		if (memchr(table_cell(&r, "status_item").p, ' ', table_cell(&r, "status_item").n) == NULL)
			add_supported(m, DEVICE_STATUS_ITEM, table_cell(&r, "status_item"), names);
	r = (struct table_row){ 0 };
	while (table_next(embed_overrides, "status-items", &r)) /* what came after the schema */
		add_supported(m, DEVICE_STATUS_ITEM, table_cell(&r, "name"), names);
	add_keys(items, names);
	return json_pack("{s:[s], s:{}, s:{s:o, s:o}}", "supported-versions", "1.0.0", "supported-features",
	    "supported-payloads", "declarations", declarations, "status-items", items);
}

static json_t *
of_device(struct device_ddm *m, const char *name)
{
	const struct device *d = m->d;
	const struct device_model *model = device_model(d);
	const struct {
		const char *name, *value;
	} facts[] = {
		{ "device.identifier.serial-number", d->self.serial },
		{ "device.identifier.udid", d->self.udid },
		{ "device.model.family", d->family->name },
		{ "device.model.identifier", model->product },
		{ "device.model.marketing-name", model->marketing },
		{ "device.model.number", model->number },
		{ "device.operating-system.family", d->family->os_label },
		{ "device.operating-system.version", d->self.os },
		{ "device.operating-system.build-version", device_build(m->a, d->family, d->self.os) },
		{ "device.operating-system.marketing-name",
		    arena_printf(m->a, "%s %s", d->family->os_label, d->self.os) },
		{ "device.operating-system.supplemental.build-version", device_build(m->a, d->family, d->self.os) },
		{ "device.operating-system.supplemental.extra-version", "" },
		{ "device.power.battery-health", "normal" },
		{ "softwareupdate.install-state", "none" },
		{ "softwareupdate.device-id", model->product },
		{ "softwareupdate.beta-enrollment", "" },
		{ "test.string-value", "a string" },
	};

	for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
		if (strcmp(facts[i].name, name) == 0)
			return json_string(facts[i].value);
	return NULL;
}

static json_t *
of_mdm(struct device_ddm *m, const char *name)
{
	const struct device_enrollment *en = &m->d->en;
	const struct device_channel_state *c = m->channel == DEVICE_CHANNEL_USER ? &en->user : &en->device;
	const struct {
		const char *name, *value;
	} facts[] = {
		/* A Mac is supervised by Device Enrollment (data/overrides.csv). */
		{ "mdm.enrollment-type", m->rules.byod                 ? "user"
					 : m->rules.os == DEVICE_MACOS ? "supervised"
								       : "device" },
		{ "mdm.push-token", c->push_token.n > 0 ? base64_encode(m->a, c->push_token) : NULL },
		{ "mdm.push-magic", c->push_magic },
	};

	for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
		if (strcmp(facts[i].name, name) == 0 && facts[i].value != NULL)
			return json_string(facts[i].value);
	return NULL;
}

static json_t *
of_no(struct device_ddm *m, const char *name)
{
	(void)m;
	(void)name;
	return json_false();
}

static json_t *
of_yes(struct device_ddm *m, const char *name)
{
	(void)m;
	(void)name;
	return json_true();
}

/* Status in the words of this item: "ManagedButUninstalled" is "managed-but-uninstalled". */
static const char *
hyphened(struct arena *a, const char *words)
{
	char *text = arena_alloc(a, 2 * strlen(words) + 1), *p = text;

	for (const char *w = words; *w != '\0'; w++) {
		if (isupper((unsigned char)*w) && w != words)
			*p++ = '-';
		*p++ = (char)tolower((unsigned char)*w);
	}
	*p = '\0';
	return text;
}

static json_t *
of_mdm_apps(struct device_ddm *m, const char *name)
{
	json_t *list = json_array(), *app;
	const char *bundle;

	(void)name;
	json_object_foreach(device_managed(m->d, "apps", false), bundle, app)
	{
		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "identifier", bundle, "name", bundle, "state",
						hyphened(m->a, json_get_text(app, "Status"))));
	}
	return list;
}

/* As it is kept: in the words of the report. */
static json_t *
of_declared_apps(struct device_ddm *m, const char *name)
{
	json_t *list = json_array(), *app;
	const char *bundle;

	(void)name;
	json_object_foreach(device_managed(m->d, "declared-apps", false), bundle, app)
	{
		json_array_append(list, app);
	}
	return list;
}

static json_t *
of_certificates(struct device_ddm *m, const char *name)
{
	const struct device *d = m->d;
	struct x509_info info;

	(void)name;
	if (x509_parse(m->a, d->en.certificate, &info, NULL) != RC_OK)
		return json_array();
	return json_pack("[{s:s, s:s, s:b, s:s}]", "identifier", d->profile.identifier, "data",
	    base64_encode(m->a, d->en.certificate), "is-identity", 1, "subject-summary",
	    info.cn != NULL ? info.cn : "");
}

/* Accounts that declarations brought; there are no others that management sees. */
static json_t *
of_accounts(struct device_ddm *m, const char *name)
{
	const char *kind = name + strlen("account.list.");
	json_t *list = json_array(), *setting;
	const char *identifier;

	json_object_foreach(device_managed(m->d, "settings", false), identifier, setting)
	{
		const char *type = json_get_text(setting, "Type") + strlen("com.apple.configuration.");

		if (strncmp(type, "account.", 8) == 0 && strncmp(kind, type + 8, strlen(type + 8)) == 0)
			json_array_append_new(list,
			    json_pack("{s:s, s:s}", "identifier", identifier, "declaration-identifier", identifier));
	}
	return list;
}

static json_t *
of_nothing(struct device_ddm *m, const char *name)
{
	(void)m;
	(void)name;
	return json_array();
}

static const struct {
	const char *begins; /* of the name */
	json_t *(*value)(struct device_ddm *m, const char *name); /* a new reference; NULL: no value */
} items[] = {
	/* clang-format off */
	{ "management.declarations",        of_declarations },
	{ "management.client-capabilities", of_capabilities },
	{ "app.managed.list",               of_declared_apps },
	{ "mdm.app",                        of_mdm_apps },
	{ "mdm.is-awaiting-configuration",  of_no },
	{ "mdm.",                           of_mdm },
	{ "security.lockdown-mode",         of_no },
	{ "passcode.",                      of_yes },
	{ "diskmanagement.filevault.",      of_yes },
	{ "test.boolean-value",             of_yes },
	{ "security.certificate.list",      of_certificates },
	{ "account.list.",                  of_accounts },
	{ "screensharing.",                 of_nothing },
	{ "services.background-task",       of_nothing },
	{ "test.array-value",               of_nothing },
	{ "",                               of_device },
	/* clang-format on */
};

static json_t *
value_of(struct device_ddm *m, const char *name)
{
	for (size_t i = 0; i < sizeof items / sizeof *items; i++)
		if (strncmp(items[i].begins, name, strlen(items[i].begins)) == 0)
			return items[i].value(m, name);
	return NULL;
}

/* ---- which of them ---- */

static void
refuse(json_t *errors, const char *name, const char *code, const char *why)
{
	json_array_append_new(errors,
	    json_pack("{s:s, s:[{s:s, s:s}]}", "StatusItem", name, "Reasons", "Code", code, "Description", why));
}

static void
add_item(struct device_ddm *m, const char *name, json_t *values, json_t *errors)
{
	json_t *value;

	if (json_object_get(values, name) != NULL)
		return;
	if (!device_schema_may(&m->rules, DEVICE_STATUS_ITEM, name, NULL, false)) {
		refuse(errors, name, "Error.UnsupportedStatusItem", "not reported in this enrollment");
		return;
	}
	if ((value = value_of(m, name)) == NULL)
		refuse(errors, name, "Error.UnsupportedStatusItem", "this simulated device has no value for it");
	else
		json_object_set_new(values, name, value);
}

/* The values now of everything that the server is told: two items always, the others by subscription. */
static void
collect(struct device_ddm *m, json_t *values, json_t *errors)
{
	const json_t *declaration, *item;
	const char *identifier;
	size_t i;

	json_object_foreach(json_object_get(m->kept, "declarations"), identifier, declaration)
	{
		const json_t *document = json_object_get(declaration, "document");

		if (strcmp(json_get_text(document, "Type"), SUBSCRIPTIONS) != 0 || !device_ddm_is_active(declaration))
			continue;
		json_array_foreach(json_object_get(json_object_get(document, "Payload"), "StatusItems"), i, item)
		{
			const char *name = json_get_text(item, "Name");

			if (name != NULL)
				add_item(m, name, values, errors);
		}
	}
	add_item(m, "management.client-capabilities", values, errors);
	add_item(m, "management.declarations", values, errors);
}

/* ---- what is new of it ---- */

static const json_t *
item_of(const json_t *array, const char *identifier)
{
	const json_t *item;
	size_t i;

	json_array_foreach(array, i, item)
	{
		const char *other = json_get_text(item, "identifier");

		if (other != NULL && strcmp(other, identifier) == 0)
			return item;
	}
	return NULL;
}

/* Of an array those items that are new or changed, and of those that went the name. */
static json_t *
changed_items(const json_t *before, const json_t *now)
{
	json_t *list = json_array(), *item;
	size_t i;

	json_array_foreach(now, i, item)
	{
		if (!json_equal((json_t *)item_of(before, json_get_text(item, "identifier")), item))
			json_array_append(list, item);
	}
	json_array_foreach(before, i, item)
	{
		const char *identifier = json_get_text(item, "identifier");

		if (item_of(now, identifier) == NULL)
			json_array_append_new(list, json_pack("{s:s, s:b}", "identifier", identifier, "_removed", 1));
	}
	return list;
}

/* "a.b.c" becomes { a: { b: { c: value } } }. The reference is taken over. */
static void
put_nested(struct arena *a, json_t *root, const char *name, json_t *value)
{
	const char *dot;

	while ((dot = strchr(name, '.')) != NULL) {
		const char *part = arena_strndup(a, name, (size_t)(dot - name));
		json_t *next = json_object_get(root, part);

		if (next == NULL) {
			next = json_object();
			json_object_set_new(root, part, next);
		}
		root = next;
		name = dot + 1;
	}
	json_object_set_new(root, name, value);
}

static size_t
differences(struct device_ddm *m, json_t *values, bool full, json_t *into)
{
	const json_t *told = json_object_get(m->kept, "told"), *before;
	const char *name;
	json_t *value;
	size_t n = 0;

	json_object_foreach(values, name, value)
	{
		before = json_object_get(told, name);
		if (!full && before != NULL && json_equal((json_t *)before, value))
			continue;
		put_nested(m->a, into, name,
		    !full && json_is_array(value) && before != NULL ? changed_items(before, value)
								    : json_incref(value));
		n++;
	}
	return n;
}

enum rc
device_ddm_report(struct device_ddm *m)
{
	int64_t full_at = json_get_int(m->kept, "full_at", 0);
	bool full = full_at != 0 && m->now >= full_at + DEVICE_DDM_FULL_EVERY;
	json_t *values = json_keep(m->a, json_object()), *errors = json_keep(m->a, json_array());
	json_t *status = json_object(), *report = json_keep(m->a, json_pack("{s:o}", "StatusItems", status));
	struct http_client_answer answer;
	size_t n;
	enum rc rc;

	collect(m, values, errors);
	n = differences(m, values, full, status);
	if (n == 0 && json_equal(errors, json_object_get(m->kept, "errors")))
		return RC_OK;
	json_object_set(report, "Errors", errors);
	if (full)
		json_object_set_new(report, "FullReport", json_true());
	story_step(&m->d->story, "ddm-report", "Report the status%s: %zu items", full ? " in full" : "", n);
	if (json_array_size(errors) > 0)
		story_detail(&m->d->story, "not reported", "%zu items", json_array_size(errors));
	if ((rc = device_ddm_ask(m, "status", json_text(m->a, report, 0), &answer)) != RC_OK)
		return rc;
	/* Only what a 2xx has met counts as told: what did not is in the next report again. */
	json_object_set_new(m->kept, "told", json_deep_copy(values));
	json_object_set(m->kept, "errors", errors);
	if (full || full_at == 0)
		json_object_set_new(m->kept, "full_at", json_integer(m->now));
	return RC_OK;
}
