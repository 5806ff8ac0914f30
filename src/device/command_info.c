/* Commands that ask about the device or set something on it. */
#include <stdlib.h>
#include <string.h>

#include "crypto/x509.h"
#include "device/command.h"
#include "device/identity.h"

enum answer_kind { TEXT, RADIO /* text; needs a radio */, WHOLE, REAL, FLAG, ORGANIZATION, OPTIONS };

static const struct query {
	const char *name;
	enum answer_kind kind;
	const char *text; /* NULL: see text_of */
	double number;
	const char *leaked; /* what a device that leaks tells; NULL otherwise */
} queries[] = {
	/* clang-format off */
	{ "DeviceName",                    TEXT, NULL, 0, NULL },
	{ "OSVersion",                     TEXT, NULL, 0, NULL },
	{ "BuildVersion",                  TEXT, NULL, 0, NULL },
	{ "ModelName",                     TEXT, NULL, 0, NULL },
	{ "Model",                         TEXT, NULL, 0, NULL },
	{ "ModelNumber",                   TEXT, NULL, 0, NULL },
	{ "ProductName",                   TEXT, NULL, 0, NULL },
	{ "TimeZone",                      TEXT, "Europe/Berlin", 0, NULL },
	{ "SIMMCC",                        RADIO, "262", 0, NULL },
	{ "SIMMNC",                        RADIO, "01", 0, NULL },
	{ "EASDeviceIdentifier",           TEXT, "5B3CA1D0F1E24E5D8A2F6C0B9D7E4A13", 0, NULL },
	{ "DeviceCapacity",                REAL, NULL, 0, NULL },
	{ "AvailableDeviceCapacity",       REAL, NULL, 0, NULL },
	{ "BatteryLevel",                  REAL, NULL, 0, NULL },
	{ "CellularTechnology",            WHOLE, NULL, 0, NULL },
	{ "IsSupervised",                  FLAG, NULL, 0, NULL },
	{ "IsMultiUser",                   FLAG, NULL, 0, NULL },
	{ "IsDeviceLocatorServiceEnabled", FLAG, NULL, 1, NULL },
	{ "DiagnosticSubmissionEnabled",   FLAG, NULL, 0, NULL },
	{ "AppAnalyticsEnabled",           FLAG, NULL, 0, NULL },
	{ "IsNetworkTethered",             FLAG, NULL, 0, NULL },
	{ "IsActivationLockEnabled",       FLAG, NULL, 1, NULL },
	{ "OrganizationInfo",              ORGANIZATION, NULL, 0, NULL },
	{ "MDMOptions",                    OPTIONS, NULL, 0, NULL },
	{ "UDID",                          TEXT, NULL, 0, DEVICE_LEAK_UDID },
	{ "SerialNumber",                  TEXT, NULL, 0, DEVICE_LEAK_SERIAL },
	{ "IMEI",                          RADIO, NULL, 0, DEVICE_LEAK_IMEI },
	{ "MEID",                          RADIO, NULL, 0, DEVICE_LEAK_MEID },
	/* clang-format on */
};
#define N_QUERIES (sizeof queries / sizeof *queries)

static const char *
text_of(const struct device_command *c, const struct query *q)
{
	const struct device *d = c->d;
	const struct device_model *model = device_model(d);
	const struct {
		const char *name, *value;
	} own[] = {
		{ "DeviceName", model->name },
		{ "OSVersion", d->self.os },
		{ "BuildVersion", device_build(c->a, d->family, d->self.os) },
		{ "ModelName", model->name },
		{ "Model", model->number },
		{ "ModelNumber", model->number },
		{ "ProductName", model->product },
		{ "UDID", d->self.udid },
		{ "SerialNumber", d->self.serial },
		{ "IMEI", d->self.imei },
	};

	if (d->self.leak && q->leaked != NULL)
		return q->leaked;
	for (size_t i = 0; q->text == NULL && i < sizeof own / sizeof *own; i++)
		if (strcmp(own[i].name, q->name) == 0)
			return own[i].value;
	return q->text;
}

/* What depends on the hardware; the table has the others. */
static double
number_of(const struct device_model *m, const struct query *q)
{
	const struct {
		const char *name;
		double value;
	} own[] = {
		{ "DeviceCapacity", m->capacity_gb },
		{ "AvailableDeviceCapacity", m->capacity_gb * 0.7 },
		{ "BatteryLevel", m->battery ? 0.82 : -1 }, /* -1: it can't be told */
		{ "CellularTechnology", m->cellular ? 3 : 0 },
	};

	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		if (strcmp(own[i].name, q->name) == 0)
			return own[i].value;
	return q->number;
}

static plist_t
value_of(const struct device_command *c, const struct query *q)
{
	const struct device_model *model = device_model(c->d);
	const char *text;
	plist_t dict;

	switch (q->kind) {
	case RADIO:
		if (!model->cellular)
			return NULL;
		/* fall through */
	case TEXT:
		text = text_of(c, q);
		return text != NULL ? plist_new_string(text) : NULL;
	case WHOLE:
		return plist_new_uint((uint64_t)number_of(model, q));
	case REAL:
		return plist_new_real(number_of(model, q));
	case FLAG:
		return plist_new_bool(q->number != 0);
	case ORGANIZATION:
		dict = plist_new_dict();
		if (c->d->profile.organization != NULL)
			plist_put_text(dict, "OrganizationName", c->d->profile.organization);
		return dict;
	default:
		return plist_new_dict();
	}
}

/* May this query be answered? Asked on both sides of the schema: as an item of the request and as a
 * key of the response. */
static bool
may_tell(const struct device_command *c, const struct query *q)
{
	const char *item = arena_printf(c->a, "Queries.QueriesItem.%s", q->name);
	const char *answer = arena_printf(c->a, "QueryResponses.%s", q->name);

	return device_schema_may(&c->rules, DEVICE_COMMAND, c->type, item, false) &&
	       device_schema_may(&c->rules, DEVICE_COMMAND, c->type, answer, true);
}

/* Refuses the whole command where one query is forbidden. */
static bool
asks_forbidden(struct device_command *c, plist_t list, uint32_t n)
{
	char *text = NULL;

	for (uint32_t i = 0; i < n && c->error == DEVICE_ERROR_NONE; i++) {
		plist_t item = plist_array_get_item(list, i);

		if (plist_get_node_type(item) != PLIST_STRING)
			continue;
		plist_get_string_val(item, &text);
		if (device_schema_verdict(&c->rules, DEVICE_COMMAND, c->type,
			arena_printf(c->a, "Queries.QueriesItem.%s", text), false) == DEVICE_FORBIDDEN)
			device_command_refuse(c, DEVICE_ERROR_NOT_AUTHORIZED, "%s may not be asked", text);
		free(text);
	}
	return c->error != DEVICE_ERROR_NONE;
}

void
device_on_device_information(struct device_command *c)
{
	plist_t list = plist_array(c->request, "Queries"), responses = plist_new_dict();
	uint32_t n = list != NULL ? plist_array_get_size(list) : 0;
	unsigned omitted = 0;

	if (device_is_strict(c->d, DEVICE_QUERY_ERROR) && asks_forbidden(c, list, n)) {
		plist_free(responses);
		return;
	}
	for (uint32_t i = 0; i < n; i++) {
		plist_t item = plist_array_get_item(list, i), value = NULL;

		for (size_t k = 0; k < N_QUERIES && plist_get_node_type(item) == PLIST_STRING; k++) {
			const struct query *q = &queries[k];

			if (plist_string_val_compare(item, q->name) != 0)
				continue;
			if (may_tell(c, q) || (c->d->self.leak && q->leaked != NULL))
				value = value_of(c, q);
			if (value != NULL)
				plist_put(responses, q->name, value);
		}
		omitted += value == NULL;
	}
	/* What leaks, leaks unasked. */
	for (size_t k = 0; k < N_QUERIES && c->d->self.leak; k++)
		if (queries[k].leaked != NULL && plist_dict_get_item(responses, queries[k].name) == NULL)
			plist_put_text(responses, queries[k].name, queries[k].leaked);
	plist_put(c->answer, "QueryResponses", responses);
	story_step(&c->d->story, "queries", "Answered %u of %u queries", (unsigned)n - omitted, (unsigned)n);
}

void
device_on_security_info(struct device_command *c)
{
	static const struct {
		const char *name;
		bool flag;
		int value;
	} facts[] = {
		{ "HardwareEncryptionCaps", false, 3 },
		{ "PasscodeCompliant", true, 1 },
		{ "PasscodePresent", true, 1 },
		{ "PasscodeCompliantWithProfiles", true, 1 },
	};
	plist_t info = plist_new_dict(), status = plist_new_dict();

	for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
		if (!device_schema_may(
			&c->rules, DEVICE_COMMAND, c->type, arena_printf(c->a, "SecurityInfo.%s", facts[i].name), true))
			continue;
		if (facts[i].flag)
			plist_put_flag(info, facts[i].name, facts[i].value != 0);
		else
			plist_put_int(info, facts[i].name, facts[i].value);
	}
	plist_put_flag(status, "EnrolledViaDEP", false);
	plist_put_flag(status, "IsUserEnrollment", c->rules.byod);
	plist_put_flag(status, "UserApprovedEnrollment", true);
	plist_put(info, "ManagementStatus", status);
	plist_put(c->answer, "SecurityInfo", info);
}

void
device_on_certificate_list(struct device_command *c)
{
	plist_t list = plist_new_array(), item = plist_new_dict();
	struct x509_info info;

	if (x509_parse(c->a, c->d->en.certificate, &info, NULL) == RC_OK)
		plist_put_text(item, "CommonName", info.cn != NULL ? info.cn : "");
	plist_put_data(item, "Data", c->d->en.certificate);
	plist_put_flag(item, "IsIdentity", true);
	plist_array_append_item(list, item);
	plist_put(c->answer, "CertificateList", list);
}

/* One result for each item; a forbidden one fails alone (protocol 10). */
void
device_on_settings(struct device_command *c)
{
	plist_t items = plist_array(c->request, "Settings"), results = plist_new_array();
	uint32_t n = items != NULL ? plist_array_get_size(items) : 0;

	if (items == NULL) {
		device_command_refuse(c, DEVICE_ERROR_MALFORMED, "Settings holds no Settings");
		plist_free(results);
		return;
	}
	for (uint32_t i = 0; i < n; i++) {
		plist_t item = plist_array_get_item(items, i), result = plist_new_dict();
		const char *why = "this setting is not allowed in this enrollment";
		const char *name = plist_get_node_type(item) == PLIST_DICT ? plist_text(c->a, item, "Item") : NULL;
		bool good = name != NULL && device_schema_may(&c->rules, DEVICE_COMMAND, c->type,
						arena_printf(c->a, "Settings.%s", name), false);

		if (good && !device_app_setting(c, item, name)) {
			good = false;
			why = "no command manages this app";
		}
		plist_put_text(result, "Item", name != NULL ? name : "");
		plist_put_text(result, "Status", good ? "Acknowledged" : "Error");
		if (!good) {
			plist_t chain = plist_new_array(), error = plist_new_dict();

			plist_put_int(error, "ErrorCode", DEVICE_ERROR_NOT_AUTHORIZED);
			plist_put_text(error, "ErrorDomain", "MCMDMErrorDomain");
			plist_put_text(error, "LocalizedDescription", why);
			plist_array_append_item(chain, error);
			plist_put(result, "ErrorChain", chain);
		}
		plist_array_append_item(results, result);
	}
	plist_put(c->answer, "Settings", results);
}

void
device_on_nothing(struct device_command *c)
{
	(void)c;
}

/* The whole device is erased, the enrollment with it, as soon as the answer is delivered. */
void
device_on_erase(struct device_command *c)
{
	c->d->en.removing = true;
	c->d->en.erased = true;
}
