#include "migration/plan.h"

#include <string.h>

#include "enroll/os.h"

static const struct {
	const char *code, *todo;
	bool acts;
} fates[] = {
#define MIGRATION_FATE_ROW(name, code, acts, todo) [name] = { code, todo, acts },
	MIGRATION_FATES(MIGRATION_FATE_ROW)
#undef MIGRATION_FATE_ROW
};

/* From when on a system has account-driven enrollment (protocol 1; Apple Platform Deployment). iOS 15 knows User
 * Enrollment alone. */
static const struct {
	const char *family, *since, *device_enrollment_since;
} systems[] = {
	{ "iPhone", "15", "16" },
	{ "iPad", "15", "16" },
	{ "Mac", "14", "14" },
	{ "RealityDevice", "1.1", "1.1" },
};
#define N_SYSTEMS (sizeof systems / sizeof systems[0])

const char *
migration_fate_code(enum migration_fate f)
{
	return fates[f].code;
}

const char *
migration_fate_todo(enum migration_fate f)
{
	return fates[f].todo;
}

bool
migration_fate_acts(enum migration_fate f)
{
	return fates[f].acts;
}

const char *
migration_family(const struct inventory_device *d)
{
	return os_family(d->product);
}

enum migration_fate
migration_fate(const struct inventory_device *d)
{
	const char *family = migration_family(d), *version, *since;
	size_t i = 0;

	if (!d->enrolled)
		return FATE_GONE;
	while (i < N_SYSTEMS && family != NULL && strcmp(systems[i].family, family) != 0)
		i++;
	/* A device that doesn't say what it is may be any: the person finds out. */
	if (family != NULL && i == N_SYSTEMS)
		return FATE_OTHER_KIND;
	since = family == NULL ? NULL : d->user_enrollment ? systems[i].since : systems[i].device_enrollment_since;
	version = os_version(family, d->os_version, d->build_version);
	if (since != NULL && version != NULL && os_compare(version, since) < 0)
		return FATE_UPDATE;
	if (d->assigned)
		return FATE_ASSIGNED;
	return d->user_enrollment ? FATE_BYOD : FATE_ENROLL;
}

const struct migration_part migration_parts[] = {
	{ "device id (UDID, EnrollmentID)", "not kept: an enrollment of a person's own device gets a new EnrollmentID; "
					    "any other device says its UDID again" },
	{ "push token, PushMagic",
	    "not kept: they belong to the enrollment there; each new enrollment brings its own with TokenUpdate" },
	{ "topic, push certificate",
	    "may be kept: give the same certificate and key by postern org set; both servers can use it side by side" },
	{ "identity certificate",
	    "not kept: it is of the other server's CA; each new enrollment gets one of this server's" },
	{ "serial number", "said again by devices that are not enrolled as a person's own, and by no other" },
	{ "unlock token, bootstrap token",
	    "not kept: they are good for the enrollment there; keep that store until the last wave is through" },
	{ "queued commands, answers", "not kept" },
	{ "installed profiles, managed apps",
	    "go with the other server's profile; postern give hands them to the new enrollment" },
	{ "the person", "not known there; said by --people, and added by --apply" },
	{ NULL, NULL },
};
