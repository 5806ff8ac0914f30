/* A backup of the device, and a device that comes back from one. */
#include <string.h>

#include "device/data.h"
#include "fmt/json.h"
#include "separation/backup.h"

static const char restored[] = "restored from a backup, which holds no enrollment";

enum rc
device_backup(struct device *d, struct arena *a, struct bytes *out)
{
	json_t *root, *apps = json_array(), *contents;
	const char *const *app = d->self.personal_apps;
	enum rc rc = separation_backup_make(a, d->dir, &contents, &d->err);

	for (; app != NULL && *app != NULL; app++)
		json_array_append_new(apps, json_string(*app));
	root = json_keep(a, json_pack("{s:s, s:s, s:o}", "family", d->self.family, "os", d->self.os, "apps", apps));
	if (rc != RC_OK)
		return rc;
	json_object_set(root, "contents", contents);
	*out = json_text(a, root, 1);
	story_step(&d->story, "backup", "The backup has what is the person's");
	story_detail(&d->story, "left out", "%s",
	    d->self.phase == DEVICE_ENROLLED ? "the enrollment, and all of the managed account" : "nothing");
	return RC_OK;
}

static enum rc
read_backup(struct device *d, struct bytes backup, const json_t **contents, const json_t **apps)
{
	json_t *root, *app;
	size_t i;

	if (json_parse(d->arena, backup, &root, &d->err) != RC_OK) {
		(void)fail_in(&d->err, RC_BAD_INPUT, "the backup");
		return RC_BAD_INPUT;
	}
	*contents = json_object_get(root, "contents");
	*apps = json_object_get(root, "apps");
	json_array_foreach(*apps, i, app)
	{
		if (!json_is_string(app))
			*apps = NULL;
	}
	if (!json_is_object(*contents) || !json_is_array(*apps)) {
		(void)fail(&d->err, RC_BAD_INPUT, "this is no backup of a device");
		return RC_BAD_INPUT;
	}
	return RC_OK;
}

static void
take_apps(struct device *d, const json_t *apps)
{
	const char **list = arena_array(d->arena, json_array_size(apps) + 1, sizeof *list);
	const json_t *app;
	size_t i;

	json_array_foreach(apps, i, app)
	{
		list[i] = arena_strdup(d->arena, json_string_value(app));
	}
	d->self.personal_apps = list;
}

enum rc
device_erase(struct device *d, const char *because)
{
	enum rc rc = device_forget(d, because);

	if (rc == RC_OK && separation_volume_exists(d->dir, SEPARATION_PERSONAL))
		rc = separation_volume_create(d->arena, d->dir, SEPARATION_PERSONAL, &d->err);
	return rc;
}

/* The person's things from a backup, in place of those that are here. */
static enum rc
fill(struct device *d, struct bytes backup)
{
	const json_t *contents = NULL, *apps = NULL;
	enum rc rc;

	if ((rc = read_backup(d, backup, &contents, &apps)) != RC_OK ||
	    (rc = separation_backup_check(contents, &d->err)) != RC_OK || (rc = device_forget(d, restored)) != RC_OK ||
	    (rc = separation_backup_restore(d->arena, d->dir, contents, &d->err)) != RC_OK)
		return rc;
	take_apps(d, apps);
	return RC_OK;
}

enum rc
device_restore(struct device *d, struct bytes backup)
{
	enum device_phase before = d->self.phase;
	enum rc rc;

	story_stage(&d->story, "restore", "Erase the device and restore it from its backup");
	rc = backup.p != NULL ? fill(d, backup) : device_forget(d, restored);
	if (rc != RC_OK)
		return rc;
	if (before == DEVICE_NEVER) {
		d->self.phase = DEVICE_NEVER;
		d->self.ended_because = NULL;
	}
	if ((rc = device_save(d)) != RC_OK)
		return rc;
	story_step(&d->story, "restored", "The person's own data is back; the device is not enrolled");
	return RC_OK;
}
