#include "device/feature.h"

#include "base/tap.h"
#include "device/device.h"
#include "device/schema.h"

static const char *const systems[DEVICE_SYSTEMS] = {
	[DEVICE_IOS] = "iOS", [DEVICE_MACOS] = "macOS", [DEVICE_VISIONOS] = "visionOS"
};

/* Where Apple's tables speak of a feature they say the same version. */
static void
agrees(const struct device_feature_row *f, enum device_os os, unsigned since)
{
	struct device_schema at = { .os = os, .version = since }, before = { .os = os, .version = since - 1 };
	enum device_kind kind = (enum device_kind)f->kind;

	ok(device_schema_verdict(&at, kind, f->table_name, f->table_key, false) != DEVICE_ABSENT &&
		device_schema_verdict(&before, kind, f->table_name, f->table_key, false) == DEVICE_ABSENT,
	    "15: Apple's tables too have %s on %s from %u.%u", f->name, systems[os], since >> 16, since >> 8 & 255);
}

static void
hardware(struct arena *a)
{
	static const struct {
		const char *family, *os, *product;
	} first[] = {
		{ "iPhone", "15.7", "iPhone14,5" },
		{ "iPhone", "18.2", "iPhone17,2" },
		{ "iPad", "15.8", "iPad14,1" },
		{ "Mac", "14.0", "Mac14,2" },
		{ "Mac", "27.0", "Mac15,3" },
		{ "RealityDevice", "1.1", "RealityDevice14,1" },
	};
	struct device d;

	for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
		device_init(&d, a, NULL, STORY_QUIET, stdout);
		d.family = device_family_find(first[i].family);
		d.self.os = first[i].os;
		is_str(device_model(&d)->product, first[i].product,
		    arena_printf(a, "3.1: %s with %s is a model that ran it", first[i].family, first[i].os));
	}
	ok(device_model_find(device_family_find("iPhone"), DEVICE_VERSION(17, 0, 0), "iPhone17,2") == NULL,
	    "3.1: no hardware runs a system older than itself");
}

int
main(void)
{
	struct arena *a = arena_new(0);

	for (int i = 0; i < DEVICE_FEATURES; i++) {
		const struct device_feature_row *f = &device_features[i];

		for (int os = 0; os < DEVICE_SYSTEMS; os++) {
			unsigned since = f->since[os];
			enum device_feature feature = (enum device_feature)i;

			if (since == 0) {
				ok(!device_os_can((enum device_os)os, DEVICE_VERSION(99, 0, 0), feature),
				    "15: %s never comes to %s", f->name, systems[os]);
				continue;
			}
			ok(device_os_can((enum device_os)os, since, feature) &&
				!device_os_can((enum device_os)os, since - 1, feature),
			    "15: %s has %s from %u.%u on", systems[os], f->name, since >> 16, since >> 8 & 255);
			if (f->table_name != NULL || f->table_key != NULL)
				agrees(f, (enum device_os)os, since);
		}
	}
	hardware(a);
	arena_free(a);
	return done();
}
