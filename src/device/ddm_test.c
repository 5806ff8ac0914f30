#include "device/ddm.h"

#include "base/tap.h"
#include "device/app.h"
#include "fmt/json.h"

static struct device
device(struct arena *a, const char *family, const char *os, const char *mode)
{
	struct device d;

	device_init(&d, a, NULL, STORY_QUIET, stdout);
	d.family = device_family_find(family);
	d.self = (struct device_self){ .family = family, .os = os, .phase = DEVICE_ENROLLED };
	d.en = (struct device_enrollment){ .mode = mode, .managed = json_keep(a, json_object()) };
	return d;
}

static enum rc
keep(struct device_ddm *m, const char *identifier, const char *text)
{
	json_t *document;

	if (json_parse(m->a, bytes_str(text), &document, &m->d->err) != RC_OK)
		return RC_INTERNAL;
	return device_ddm_keep(m, NULL, identifier, document);
}

static const json_t *
status(struct device_ddm *m, const char *identifier)
{
	return json_object_get(json_object_get(json_object_get(m->kept, "declarations"), identifier), "status");
}

static const char *
code(struct device_ddm *m, const char *identifier)
{
	return json_get_text(json_array_get(json_object_get(status(m, identifier), "reasons"), 0), "code");
}

/* The code against one configuration that an activation names; NULL: it is in force. */
static const char *
verdict(struct arena *a, const char *family, const char *os, const char *mode, enum device_channel channel,
    const char *type, const char *payload)
{
	struct device *d = arena_alloc(a, sizeof *d);
	struct device_ddm m;

	*d = device(a, family, os, mode);
	device_ddm_turn_on(d, channel);
	m = device_ddm_open(d, a, channel, 1);
	keep(&m, "x",
	    arena_printf(a,
		"{\"Type\":\"com.apple.configuration.%s\",\"Identifier\":\"x\",\"ServerToken\":\"1\",\"Payload\":%s}",
		type, payload));
	keep(&m, "act",
	    "{\"Type\":\"com.apple.activation.simple\",\"Identifier\":\"act\",\"ServerToken\":\"1\","
	    "\"Payload\":{\"StandardConfigurations\":[\"x\"]}}");
	device_ddm_judge(&m);
	return json_is_true(json_object_get(status(&m, "x"), "active")) ? NULL : code(&m, "x");
}

#define NOT_SUPPORTED "Error.ConfigurationNotSupported"
#define APP "{\"BundleID\":\"org.x\"}"

static void
by_tables(struct arena *a)
{
	static const struct {
		const char *family, *os, *mode, *type, *payload, *want;
		enum device_channel channel;
	} cases[] = {
		/* clang-format off */
		{ "iPhone",        "17.0", "BYOD", "app.managed",             APP,  NOT_SUPPORTED, DEVICE_CHANNEL_DEVICE },
		{ "iPhone",        "17.2", "BYOD", "app.managed",             APP,  NULL,          DEVICE_CHANNEL_DEVICE },
		{ "RealityDevice", "2.2",  "ADDE", "app.managed",             APP,  NOT_SUPPORTED, DEVICE_CHANNEL_DEVICE },
		{ "RealityDevice", "2.4",  "ADDE", "app.managed",             APP,  NULL,          DEVICE_CHANNEL_DEVICE },
		{ "Mac",           "15.2", "ADDE", "app.managed",             APP,  NOT_SUPPORTED, DEVICE_CHANNEL_DEVICE },
		{ "Mac",           "26.0", "BYOD", "app.managed",             APP,  NULL,          DEVICE_CHANNEL_DEVICE },
		{ "iPad",          "18.2", "BYOD", "softwareupdate.settings", "{}", NOT_SUPPORTED, DEVICE_CHANNEL_DEVICE },
		{ "iPad",          "18.2", "ADDE", "softwareupdate.settings", "{}", NULL,          DEVICE_CHANNEL_DEVICE },
		{ "iPhone",        "18.2", "BYOD", "passcode.settings",       "{}", NULL,          DEVICE_CHANNEL_DEVICE },
		{ "Mac",           "15.2", "BYOD", "passcode.settings",       "{}", NOT_SUPPORTED, DEVICE_CHANNEL_DEVICE },
		{ "Mac",           "15.2", "ADDE", "passcode.settings",       "{}", NULL,          DEVICE_CHANNEL_DEVICE },
		{ "iPhone",        "18.2", "BYOD", "math.settings",           "{}", NOT_SUPPORTED, DEVICE_CHANNEL_DEVICE },
		{ "Mac",           "15.2", "ADDE", "math.settings",           "{}", NOT_SUPPORTED, DEVICE_CHANNEL_DEVICE },
		{ "Mac",           "15.2", "ADDE", "math.settings",           "{}", NULL,          DEVICE_CHANNEL_USER },
		/* clang-format on */
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		is_str(verdict(a, cases[i].family, cases[i].os, cases[i].mode, cases[i].channel, cases[i].type,
			   cases[i].payload),
		    cases[i].want,
		    arena_printf(a, "D-26: %s in %s on %s %s, %s channel", cases[i].type, cases[i].mode,
			cases[i].family, cases[i].os, cases[i].channel == DEVICE_CHANNEL_USER ? "user" : "device"));
}

static void
by_limits(struct arena *a)
{
	struct device d = device(a, "iPhone", "18.2", "BYOD");
	struct device_ddm m;
	char token[DEVICE_DDM_NAME_MAX + 2] = { 0 };

	ok(!device_ddm_is_on(&d, DEVICE_CHANNEL_DEVICE), "D-26: declarative management is off at first");
	device_ddm_turn_on(&d, DEVICE_CHANNEL_DEVICE);
	ok(device_ddm_is_on(&d, DEVICE_CHANNEL_DEVICE) && !device_ddm_is_on(&d, DEVICE_CHANNEL_USER),
	    "D-26: on for one channel");
	m = device_ddm_open(&d, a, DEVICE_CHANNEL_DEVICE, 1);
	memset(token, 't', sizeof token - 1);
	for (int longer = 1; longer >= 0; longer--) {
		token[DEVICE_DDM_NAME_MAX + longer] = '\0';
		ok((keep(&m, "x",
			arena_printf(a,
			    "{\"Type\":\"com.apple.management.test\",\"Identifier\":\"x\",\"ServerToken\":\"%s\","
			    "\"Payload\":{}}",
			    token)) == RC_OK) != longer,
		    "14: a ServerToken has at most 64 octets");
	}
	ok(keep(&m, "x",
	       "{\"Type\":\"com.apple.asset.data\",\"Identifier\":\"y\",\"ServerToken\":\"1\",\"Payload\":{}}") ==
		RC_BAD_INPUT,
	    "D-26: another declaration than was asked for is not kept");
	ok(keep(&m, "x", "{\"Type\":\"com.apple.asset.data\",\"Identifier\":\"x\",\"ServerToken\":\"1\"}") ==
		RC_BAD_INPUT,
	    "D-26: nor one without Payload");
	ok(keep(&m, "x", "{\"Type\":\"org.example\",\"Identifier\":\"x\",\"ServerToken\":\"1\",\"Payload\":{}}") ==
		RC_BAD_INPUT,
	    "D-26: nor one of no kind");
}

static void
by_keys(struct arena *a)
{
	is_str(verdict(a, "iPhone", "18.2", "BYOD", DEVICE_CHANNEL_DEVICE, "passcode.settings",
		   "{\"MinimumLength\":\"6\"}"),
	    "Error.ConfigurationCannotBeDeserialized", "D-26: a key of another type");
	is_str(verdict(a, "iPhone", "18.2", "BYOD", DEVICE_CHANNEL_DEVICE, "legacy", "{}"),
	    "Error.ConfigurationCannotBeDeserialized", "D-26: a key that is missing");
	is_str(verdict(a, "iPhone", "18.2", "BYOD", DEVICE_CHANNEL_DEVICE, "legacy",
		   "{\"ProfileURL\":\"https://x.example\",\"Colour\":1}"),
	    "Error.UnknownPayloadKeys", "D-26: a key that nobody knows");
	is_str(verdict(a, "iPhone", "18.4", "BYOD", DEVICE_CHANNEL_DEVICE, "app.managed",
		   "{\"BundleID\":\"org.x\",\"AppConfig\":{\"DataAssetReference\":\"a\"}}"),
	    "Error.MissingAssets", "D-26: an asset that is named and is not there, wherever it is named");
}

static void
by_app(struct arena *a)
{
	static const char *const own[] = { "org.own=7", "org.other", NULL };
	static const char *const refused[] = { "org.refused", NULL };
	struct device d = device(a, "iPhone", "18.2", "BYOD");
	struct device_app app;

	d.self.personal_apps = own;
	d.refused_apps = d.unlicensed_apps = refused;
	d.profile.required_app = 9;
	ok(device_app_find(&d, a, 7, NULL, NULL, &app) == RC_OK && strcmp(app.bundle, "app.7") == 0,
	    "11: without a store a number is a bundle identifier of its own");
	ok(device_app_is_personal(&d, &app), "11: a person's app is known by its number");
	device_app_find(&d, a, 0, "org.own", NULL, &app);
	ok(device_app_is_personal(&d, &app), "11: and by its bundle identifier");
	device_app_find(&d, a, 0, "org.ow", NULL, &app);
	ok(!device_app_is_personal(&d, &app), "11: not by the beginning of it");
	ok(device_app_find(&d, a, 0, NULL, NULL, &app) == RC_BAD_INPUT, "11: something must name the app");
	app = (struct device_app){ .bundle = "org.refused", .store = 9 };
	ok(device_app_try(&d, &app, true) == DEVICE_APP_INSTALLED, "11: nobody is asked about an app that is managed");
	ok(device_app_try(&d, &app, false) == DEVICE_APP_UNLICENSED, "11: without a licence it does not come");
	d.unlicensed_apps = NULL;
	ok(device_app_try(&d, &app, false) == DEVICE_APP_INSTALLED, "11: nobody is asked about RequiredAppIDForMDM");
	app.store = 0;
	ok(device_app_try(&d, &app, false) == DEVICE_APP_REFUSED, "11: the person is asked about others");
	d.self.store_file = "/nonexistent/store.json";
	ok(device_app_find(&d, a, 7, NULL, NULL, &app) == RC_BAD_INPUT, "a store that can't be read is an error");
}

int
main(void)
{
	struct arena *a = arena_new(0);

	by_tables(a);
	by_limits(a);
	by_keys(a);
	by_app(a);
	arena_free(a);
	return done();
}
