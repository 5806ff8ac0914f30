#include "device/state.h"

#include <stddef.h>
#include <string.h>

#include "base/disk.h"
#include "separation/volume.h"
#include "fmt/base64.h"
#include "fmt/json.h"

#define SELF_NAME "device.json"

/* Structs are kept as JSON by tables of their members: what a row does not name is not kept. */
enum member_kind { TEXT, OCTETS, NUMBER, FLAG, LIST, TREE, PHASE };
struct member {
	const char *name;
	enum member_kind kind;
	size_t offset;
};

#define SELF(kind, m) \
	{ \
#m, kind, offsetof(struct device_self, m) \
	}
static const struct member self_members[] = {
	SELF(TEXT, family),
	SELF(TEXT, os),
	SELF(TEXT, model),
	SELF(TEXT, udid),
	SELF(TEXT, serial),
	SELF(TEXT, imei),
	SELF(OCTETS, key),
	SELF(OCTETS, certificate),
	SELF(OCTETS, issuer),
	SELF(TEXT, language),
	SELF(TEXT, ca_file),
	SELF(TEXT, fallback_url),
	SELF(TEXT, apple_url),
	SELF(TEXT, apple_ca),
	SELF(TEXT, attestation_ca),
	SELF(LIST, connect_to),
	SELF(LIST, personal_apps),
	SELF(TEXT, store_file),
	SELF(LIST, strict),
	SELF(FLAG, network_user),
	SELF(FLAG, leak),
	SELF(TEXT, maid_verdict),
	SELF(NUMBER, maid_delay_s),
	SELF(PHASE, phase),
	SELF(TEXT, ended_because),
};

#define EN(kind, m) \
	{ \
#m, kind, offsetof(struct device_enrollment, m) \
	}
static const struct member enrollment_members[] = {
	EN(TEXT, identifier),
	EN(TEXT, mode),
	EN(TEXT, base_url),
	EN(TEXT, enrollment_id),
	EN(OCTETS, profile),
	EN(OCTETS, key),
	EN(OCTETS, certificate),
	EN(TEXT, challenge.method),
	EN(TEXT, challenge.url),
	EN(TEXT, challenge.authorization_url),
	EN(TEXT, challenge.token_url),
	EN(TEXT, challenge.redirect_url),
	EN(TEXT, challenge.client_id),
	EN(TEXT, challenge.scope),
	EN(TEXT, access_token),
	EN(TEXT, refresh_token),
	EN(NUMBER, expires_at),
	EN(TEXT, esso),
	EN(LIST, esso_urls),
	EN(LIST, esso_hosts),
	EN(FLAG, esso_declared),
	EN(FLAG, needs_signin),
	EN(FLAG, user_due),
	EN(FLAG, token_due),
	EN(OCTETS, device.push_token),
	EN(TEXT, device.push_magic),
	EN(OCTETS, device.pending),
	EN(OCTETS, user.push_token),
	EN(TEXT, user.push_magic),
	EN(OCTETS, user.pending),
	EN(TEXT, user_guid),
	EN(TEXT, user_short),
	EN(TEXT, user_long),
	EN(FLAG, removing),
	EN(FLAG, erased),
	EN(TREE, managed),
};

#define COUNT(x) (sizeof(x) / sizeof *(x))

static const char *const phases[] = { "never", "enrolling", "enrolled", "unenrolled" };

const char *
device_phase_name(enum device_phase phase)
{
	return phases[phase];
}

static json_t *
list_to_json(const char *const *list)
{
	json_t *array = json_array();

	for (; *list != NULL; list++)
		json_array_append_new(array, json_string(*list));
	return array;
}

static void
put(struct arena *a, json_t *object, const struct member *m, const char *at)
{
	json_t *value = NULL; /* what is absent is left out */

	switch (m->kind) {
	case TEXT: {
		const char *text = *(const char *const *)at;

		value = text != NULL ? json_string(text) : NULL;
		break;
	}
	case OCTETS: {
		const struct bytes *b = (const struct bytes *)at;

		value = b->p != NULL ? json_string(base64_encode(a, *b)) : NULL;
		break;
	}
	case NUMBER:
		value = json_integer(*(const int64_t *)at);
		break;
	case FLAG:
		value = json_boolean(*(const bool *)at);
		break;
	case LIST: {
		const char *const *list = *(const char *const *const *)at;

		value = list != NULL ? list_to_json(list) : NULL;
		break;
	}
	case TREE: {
		json_t *tree = *(json_t *const *)at;

		value = tree != NULL ? json_incref(tree) : NULL;
		break;
	}
	case PHASE:
		value = json_string(phases[*(const enum device_phase *)at]);
		break;
	}
	if (value != NULL)
		json_object_set_new(object, m->name, value);
}

static const char *const *
list_from_json(struct arena *a, const json_t *array)
{
	size_t n = json_array_size(array);
	const char **list = arena_array(a, n + 1, sizeof *list);

	for (size_t i = 0; i < n; i++) {
		const char *text = json_string_value(json_array_get(array, i));

		list[i] = arena_strdup(a, text != NULL ? text : "");
	}
	return list;
}

static void
get(struct arena *a, const json_t *object, const struct member *m, char *at)
{
	json_t *value = json_object_get(object, m->name);
	const char *text = json_string_value(value);

	if (value == NULL)
		return;
	switch (m->kind) {
	case TEXT:
		*(const char **)at = text != NULL ? arena_strdup(a, text) : NULL;
		break;
	case OCTETS:
		*(struct bytes *)at = text != NULL ? base64_decode(a, bytes_str(text), false) : (struct bytes){ 0 };
		break;
	case NUMBER:
		*(int64_t *)at = json_integer_value(value);
		break;
	case FLAG:
		*(bool *)at = json_is_true(value);
		break;
	case LIST:
		*(const char *const **)at = list_from_json(a, value);
		break;
	case TREE:
		*(json_t **)at = json_keep(a, json_incref(value));
		break;
	case PHASE:
		for (size_t i = 0; text != NULL && i < COUNT(phases); i++)
			if (strcmp(phases[i], text) == 0)
				*(enum device_phase *)at = (enum device_phase)i;
		break;
	}
}

static struct bytes
write_members(struct arena *a, const struct member *members, size_t n, const void *from)
{
	json_t *object = json_keep(a, json_object());

	for (size_t i = 0; i < n; i++)
		put(a, object, &members[i], (const char *)from + members[i].offset);
	return json_text(a, object, 1);
}

static enum rc
read_members(struct arena *a, struct bytes text, const struct member *members, size_t n, void *to, struct err *e)
{
	json_t *object;
	enum rc rc = json_parse(a, text, &object, e);

	if (rc != RC_OK)
		return rc;
	for (size_t i = 0; i < n; i++)
		get(a, object, &members[i], (char *)to + members[i].offset);
	return RC_OK;
}

enum rc
device_self_load(struct arena *a, const char *dir, struct device_self *out, struct err *e)
{
	struct bytes text;
	enum rc rc;

	*out = (struct device_self){ 0 };
	rc = disk_read(a, dir, SELF_NAME, &text, e);
	if (rc == RC_NOT_FOUND)
		return fail(e, rc, "%s holds no device: enroll one first", dir);
	if (rc == RC_OK)
		rc = read_members(a, text, self_members, COUNT(self_members), out, e);
	return rc == RC_OK ? RC_OK : fail_in(e, rc, "%s/" SELF_NAME, dir);
}

enum rc
device_self_save(struct arena *a, const char *dir, const struct device_self *self, struct err *e)
{
	return disk_write(dir, SELF_NAME, write_members(a, self_members, COUNT(self_members), self), e);
}

enum rc
device_enrollment_load(struct arena *a, const char *dir, struct device_enrollment *out, struct err *e)
{
	struct bytes text;
	enum rc rc;

	*out = (struct device_enrollment){ 0 };
	if ((rc = separation_volume_read(a, dir, SEPARATION_MANAGED, NULL, &text, e)) != RC_OK)
		return rc;
	if ((rc = read_members(a, text, enrollment_members, COUNT(enrollment_members), out, e)) != RC_OK)
		return fail_in(e, rc, "managed volume");
	if (out->managed == NULL)
		out->managed = json_keep(a, json_object());
	return RC_OK;
}

enum rc
device_enrollment_save(struct arena *a, const char *dir, const struct device_enrollment *en, struct err *e)
{
	return separation_volume_write(
	    a, dir, SEPARATION_MANAGED, NULL, write_members(a, enrollment_members, COUNT(enrollment_members), en), e);
}
