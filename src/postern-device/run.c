#include "postern-device/run.h"

#include <stdio.h>
#include <unistd.h>

#include "base/disk.h"

int
run_complain(const char *stage, const struct err *e)
{
	if (stage != NULL)
		fprintf(stderr, "postern-device: %s: %s\n", stage, e->text);
	else
		fprintf(stderr, "postern-device: %s\n", e->text);
	return 1;
}

enum rc
run_begin(struct run *r, const struct argv *v, bool make)
{
	enum story_mode mode = argv_flag(v, "json") ? STORY_JSON : argv_flag(v, "quiet") ? STORY_QUIET : STORY_HUMAN;
	const char *dir = argv_text(v, "state");
	enum rc rc;

	r->arena = arena_new(0);
	r->lock = -1;
	device_init(&r->d, r->arena, dir, mode, stdout);
	if ((make && (rc = disk_dir_make(dir, &r->d.err)) != RC_OK) ||
	    (rc = disk_dir_lock(dir, &r->lock, &r->d.err)) != RC_OK)
		return rc;
	return device_load(&r->d);
}

int
run_end(struct run *r, enum rc rc, bool name_stage)
{
	int status = 0;

	device_close(&r->d);
	if (rc != RC_OK)
		status = run_complain(name_stage ? r->d.story.stage : NULL, &r->d.err);
	if (r->lock >= 0)
		close(r->lock);
	arena_free(r->arena);
	return status;
}
