#include "postern-device/status.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "device/place.h"
#include "device/visible.h"
#include "fmt/json.h"

/* ---- what is managed ---- */

static json_t *
profiles_of(const struct device *d)
{
	json_t *list = json_array(), *profile;
	size_t i;

	json_array_foreach(json_object_get(d->en.managed, "profiles"), i, profile)
	{
		json_array_append_new(
		    list, json_pack("{s:s, s:s, s:s}", "identifier", json_get_text(profile, "identifier"), "name",
			      json_get_text(profile, "name"), "by",
			      json_object_get(profile, "declaration") != NULL ? "declaration" : "command"));
	}
	return list;
}

static json_t *
apps_of(const struct device *d)
{
	json_t *list = json_array(), *app;
	const char *bundle;

	json_object_foreach(json_object_get(d->en.managed, "apps"), bundle, app)
	{
		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "identifier", bundle, "state",
						json_get_text(app, "Status"), "by", "command"));
	}
	json_object_foreach(json_object_get(d->en.managed, "declared-apps"), bundle, app)
	{
		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "identifier", bundle, "state",
						json_get_text(app, "state"), "by", "declaration"));
	}
	return list;
}

/* Each with the code of what stands against it first. */
static json_t *
declarations_of(const struct device *d)
{
	json_t *list = json_array(), *channel, *declaration;
	const char *name, *identifier;

	json_object_foreach(json_object_get(d->en.managed, "ddm"), name, channel)
	{
		json_object_foreach(json_object_get(channel, "declarations"), identifier, declaration)
		{
			const json_t *status = json_object_get(declaration, "status");
			const json_t *reason = json_array_get(json_object_get(status, "reasons"), 0);
			bool active = json_is_true(json_object_get(status, "active"));

			json_array_append_new(list,
			    json_pack("{s:s, s:s, s:s, s:s, s:s*, s:s*}", "identifier", identifier, "type",
				json_get_text(json_object_get(declaration, "document"), "Type"), "channel", name,
				"state", active ? "active" : "not active", "valid", json_get_text(status, "valid"),
				"reason", reason != NULL ? json_get_text(reason, "code") : NULL));
		}
	}
	return list;
}

/* What the managed account has in a volume of its own on this system, and what not. */
static json_t *
contents_of(const struct device *d)
{
	const struct separation_content *c;
	json_t *list = json_array();

	for (int i = 0; (c = separation_content_at(i)) != NULL; i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "kind", c->title, "state",
						device_keeps_apart(d, c) ? "apart" : "not apart"));
	return list;
}

static size_t
managed_apps(const json_t *apps)
{
	const json_t *app;
	size_t i, n = 0;

	json_array_foreach(apps, i, app)
	{
		const char *state = json_get_text(app, "state");

		n += strcmp(state, "Managed") == 0 || strcmp(state, "managed") == 0;
	}
	return n;
}

static void
add_managed(const struct device *d, json_t *o)
{
	json_t *apps = apps_of(d), *profiles = profiles_of(d), *declarations = declarations_of(d);

	json_object_set_new(o, "managed-apps", json_integer((json_int_t)managed_apps(apps)));
	json_object_set_new(o, "profiles", json_integer((json_int_t)json_array_size(profiles)));
	json_object_set_new(o, "declarations", json_integer((json_int_t)json_array_size(declarations)));
	json_object_set_new(o, "app-list", apps);
	json_object_set_new(o, "profile-list", profiles);
	json_object_set_new(o, "declaration-list", declarations);
	json_object_set_new(o, "content-list", contents_of(d));
}

/* ---- all ---- */

/* Everything but secrets: tokens, keys and push tokens are only said to be there. */
static json_t *
status_json(struct device *d)
{
	json_t *o = json_object();
	bool on = d->self.phase == DEVICE_ENROLLED;

	json_object_set_new(o, "state", json_string(device_phase_name(d->self.phase)));
	json_object_set_new(o, "family", json_string(d->self.family));
	json_object_set_new(o, "os", json_string(d->self.os));
	json_object_set_new(o, "build", json_string(device_build(d->arena, d->family, d->self.os)));
	json_object_set_new(o, "name", json_string(device_model(d)->marketing));
	json_object_set_new(o, "os-name", json_string(d->family->os_label));
	json_object_set_new(o, "product", json_string(device_model(d)->product));
	json_object_set_new(o, "udid", json_string(d->self.udid));
	json_object_set_new(o, "serial", json_string(d->self.serial));
	json_object_set_new(
	    o, "managed-volume", json_string(separation_volume_exists(d->dir, SEPARATION_MANAGED) ? "exists" : "none"));
	if (!on) {
		if (d->self.ended_because != NULL)
			json_object_set_new(o, "ended-because", json_string(d->self.ended_because));
		return o;
	}
	json_object_set_new(o, "identifier", json_string(d->en.identifier));
	json_object_set_new(o, "mode", json_string(d->en.mode));
	if (d->en.enrollment_id != NULL)
		json_object_set_new(o, "enrollment-id", json_string(d->en.enrollment_id));
	json_object_set_new(o, "managed-apple-account", json_string(d->profile.assigned_account));
	if (d->profile.organization != NULL)
		json_object_set_new(o, "organization", json_string(d->profile.organization));
	json_object_set_new(o, "server-url", json_string(d->profile.server_url));
	json_object_set_new(o, "method", json_string(d->en.challenge.method));
	if (d->en.esso != NULL)
		json_object_set_new(o, "enrollment-sso", json_string(d->en.esso));
	json_object_set_new(o, "sign-in-needed", json_boolean(d->en.needs_signin));
	json_object_set_new(o, "refresh-token", json_string(d->en.refresh_token != NULL ? "held" : "none"));
	if (d->en.expires_at > 0)
		json_object_set_new(o, "token-expires", json_string(clock_rfc3339(d->arena, d->en.expires_at)));
	json_object_set_new(
	    o, "unconfirmed-answer", json_boolean(d->en.device.pending.p != NULL || d->en.user.pending.p != NULL));
	add_managed(d, o);
	return o;
}

/* "app-list" has one line an item, which begins with what is counted above it: "app". */
static void
print_list(const char *key, const json_t *list)
{
	const json_t *item, *value;
	const char *name;
	size_t i;

	json_array_foreach(list, i, item)
	{
		printf("%-22.*s", (int)strcspn(key, "-"), key);
		json_object_foreach((json_t *)item, name, value)
		{
			printf(" %s", json_string_value(value));
		}
		putchar('\n');
	}
}

void
status_print(struct device *d, bool as_json)
{
	json_t *o = json_keep(d->arena, status_json(d)), *value;
	const char *key;

	if (as_json) {
		struct bytes text = json_text(d->arena, o, 0);

		printf("%.*s\n", (int)text.n, (const char *)text.p);
		return;
	}
	json_object_foreach(o, key, value)
	{
		if (json_is_string(value))
			printf("%-22s %s\n", key, json_string_value(value));
		else if (json_is_integer(value))
			printf("%-22s %lld\n", key, (long long)json_integer_value(value));
		else if (json_is_array(value))
			print_list(key, value);
		else
			printf("%-22s %s\n", key, json_is_true(value) ? "yes" : "no");
	}
}

static void
print_names(const char *title, const json_t *list)
{
	const json_t *item;
	size_t i;

	printf("%s\n", title);
	json_array_foreach(list, i, item)
	{
		const json_t *value = json_object_get(item, "value");
		char *text = value != NULL && !json_is_null(value)
				 ? json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6))
				 : NULL;

		printf("  %-32s %s\n", json_is_object(item) ? json_get_text(item, "name") : json_string_value(item),
		    text != NULL ? text : "");
		free(text);
	}
}

void
visible_print(struct device *d, bool as_json)
{
	static const char *const parts[][2] = { { "sees", "It can ask for" }, { "sees-not", "It can't ask for" },
		{ "does", "It can do" }, { "does-not", "It can't do" } };
	json_t *o = json_keep(d->arena, device_visible(d));

	if (as_json) {
		struct bytes text = json_text(d->arena, o, 0);

		printf("%.*s\n", (int)text.n, (const char *)text.p);
		return;
	}
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		print_names(parts[i][1], json_object_get(o, parts[i][0]));
	printf("Of apps it sees %s\n", strcmp(json_get_text(o, "apps"), "all") == 0 ? "all" : "those that it manages");
}
