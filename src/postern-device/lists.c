#include "postern-device/lists.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "device/family.h"
#include "device/feature.h"
#include "device/quirk.h"

static const char *const families[] = { "iPhone", "iPad", "RealityDevice", "Mac", NULL };

const struct argv_option features_options[] = {
	ARGV_TEXT("family", "FAMILY", "Kind of device", .fallback = "iPhone", .choices = families),
	ARGV_TEXT("os", "VERSION", "Only what this version of its system can do"),
	ARGV_FLAG("json", "One JSON object a line"),
	ARGV_END,
};
const struct argv_option list_options[] = {
	ARGV_FLAG("json", "One JSON object a line"),
	ARGV_END,
};

/* The reference is taken over. */
static void
print_line(json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT);

	puts(text != NULL ? text : "{}");
	free(text);
	json_decref(object);
}

static const char *
version_text(struct arena *a, unsigned v)
{
	return v == 0 ? "never" : arena_printf(a, "%u.%u", v >> 16, v >> 8 & 255);
}

int
features_command(const struct argv *v, void *ctx)
{
	const struct device_family *family = device_family_find(argv_text(v, "family"));
	const char *os = argv_text(v, "os");
	unsigned version = os != NULL ? device_version(os) : 0;

	(void)ctx;
	if (os != NULL && version == 0) {
		fprintf(stderr, "postern-device: --os %s is no version\n", os);
		return ARGV_USAGE;
	}
	for (int i = 0; i < DEVICE_FEATURES; i++) {
		const struct device_feature_row *f = &device_features[i];
		const char *since = version_text(v->arena, f->since[family->os]);

		if (os != NULL && !device_os_can(family->os, version, (enum device_feature)i))
			continue;
		if (argv_flag(v, "json"))
			print_line(json_pack("{s:s, s:s, s:s, s:s}", "feature", f->name, "since", since, "section",
			    f->section, "text", f->text));
		else
			printf("%-28s %-6s %s (%s)\n", f->name, since, f->text, f->section);
	}
	return 0;
}

int
quirks_command(const struct argv *v, void *ctx)
{
	(void)ctx;
	for (int i = 0; i < DEVICE_QUIRKS; i++) {
		const struct device_quirk_row *q = &device_quirks[i];

		if (argv_flag(v, "json"))
			print_line(json_pack("{s:s, s:s, s:s, s:s}", "quirk", q->name, "section", q->section,
			    "tolerant", q->tolerant, "strict", q->strict));
		else
			printf("%s (%s)\n  without  %s\n  strict   %s\n", q->name, q->section, q->tolerant, q->strict);
	}
	return 0;
}

int
models_command(const struct argv *v, void *ctx)
{
	const struct device_model *m;

	(void)ctx;
	for (int i = 0; (m = device_model_at(i)) != NULL; i++) {
		const char *since = version_text(v->arena, m->since);

		if (argv_flag(v, "json"))
			print_line(json_pack("{s:s, s:s, s:s, s:s, s:i, s:b, s:b}", "family", m->family, "product",
			    m->product, "name", m->marketing, "since", since, "capacity", m->capacity_gb, "cellular",
			    m->cellular, "battery", m->battery));
		else
			printf("%-14s %-18s %-6s %4d GB %-8s %s\n", m->family, m->product, since, m->capacity_gb,
			    m->cellular ? "cellular" : "", m->marketing);
	}
	return 0;
}
