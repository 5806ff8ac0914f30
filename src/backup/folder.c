#include "backup/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/files.h"
#include "config/config.h"

#define STAGING ".making"

/* What is made, and a killed process may have moved already. The staging folder last: while it is there,
 * the rest is known to be unfinished. */
static const char *const ours[] = { "keys", "tls", "proxy", "proxy-secret", "postern.db", "postern.db-wal",
	"postern.db-shm", "postern.db.lock", STAGING, NULL };

static bool
has(const char *const *names, const char *name)
{
	for (; names != NULL && *names != NULL; names++) {
		if (strcmp(*names, name) == 0)
			return true;
	}
	return false;
}

static void
clear_away(struct folder *f)
{
	for (const char *const *o = ours; *o != NULL; o++)
		tree_remove(f->a, arena_printf(f->a, "%s/%s", f->path, *o));
}

static enum rc
lock(struct folder *f, struct err *e)
{
	f->made = mkdir(f->path, 0700) == 0;
	if (!f->made && errno != EEXIST)
		return fail(e, RC_UNAVAILABLE, "%s can't be made: %s", f->path, strerror(errno));
	f->lock = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->lock < 0 || flock(f->lock, LOCK_EX | LOCK_NB) != 0)
		return fail(e, RC_UNAVAILABLE, "%s can't be used: %s", f->path, strerror(errno));
	return RC_OK;
}

/* RC_CONFLICT before anything in it is touched. */
static enum rc
be_empty(struct folder *f, struct err *e)
{
	const char *const *names = dir_names(f->a, f->path);

	if (names == NULL)
		return fail(e, RC_UNAVAILABLE, "%s can't be read: %s", f->path, strerror(errno));
	if (has(names, CONF_FILE))
		return fail(e, RC_CONFLICT,
		    "%s has an installation already (" CONF_FILE
		    "): it was left as it is. Name another folder with --data",
		    f->path);
	if (has(names, STAGING)) {
		clear_away(f);
		names = dir_names(f->a, f->path);
	}
	for (; names != NULL && *names != NULL; names++) {
		if (strcmp(*names, "lost+found") != 0)
			return fail(e, RC_CONFLICT,
			    "%s is not empty (%.100s): it was left as it is. Name another folder with --data", f->path,
			    *names);
	}
	return RC_OK;
}

enum rc
folder_take(struct arena *a, const char *path, struct folder *f, struct err *e)
{
	enum rc rc;

	*f = (struct folder){ .a = a, .path = path, .lock = -1, .staging = arena_printf(a, "%s/" STAGING, path) };
	if ((rc = lock(f, e)) == RC_OK && (rc = be_empty(f, e)) == RC_OK) {
		if (!f->made && chmod(f->path, 0700) != 0)
			rc = fail(e, RC_UNAVAILABLE, "%s can't be made private: %s", f->path, strerror(errno));
		else if (mkdir(f->staging, 0700) != 0)
			rc = fail(e, RC_UNAVAILABLE, "%s: %s", f->staging, strerror(errno));
	}
	if (rc != RC_OK) {
		if (f->made)
			rmdir(f->path);
		if (f->lock >= 0)
			close(f->lock);
	}
	return rc;
}

static enum rc
move(struct folder *f, const char *name, struct err *e)
{
	if (rename(arena_printf(f->a, "%s/%s", f->staging, name), arena_printf(f->a, "%s/%s", f->path, name)) != 0)
		return fail(e, RC_UNAVAILABLE, "%s can't be moved into place: %s", name, strerror(errno));
	return RC_OK;
}

/* What root makes in a folder that is another user's is for that user: posternd runs as it. */
static enum rc
give_to_owner(struct folder *f, struct err *e)
{
	struct stat st;

	if (geteuid() != 0)
		return RC_OK;
	if (fstat(f->lock, &st) != 0)
		return fail(e, RC_UNAVAILABLE, "%s: %s", f->path, strerror(errno));
	return st.st_uid == 0 ? RC_OK : tree_give(f->a, f->staging, st.st_uid, st.st_gid, e);
}

/* Its name in the folder above. */
static enum rc
sync_name(struct folder *f, struct err *e)
{
	return f->made ? dir_sync(dirname(arena_strdup(f->a, f->path)), e) : RC_OK;
}

enum rc
folder_keep(struct folder *f, struct err *e)
{
	const char *const *names = dir_names(f->a, f->staging);
	enum rc rc;

	if (names == NULL)
		return fail(e, RC_UNAVAILABLE, "%s can't be read: %s", f->staging, strerror(errno));
	if ((rc = give_to_owner(f, e)) == RC_OK)
		rc = tree_sync(f->a, f->staging, e);
	for (; *names != NULL && rc == RC_OK; names++) {
		if (strcmp(*names, CONF_FILE) != 0)
			rc = move(f, *names, e);
	}
	if (rc != RC_OK || (rc = dir_sync(f->path, e)) != RC_OK || (rc = move(f, CONF_FILE, e)) != RC_OK)
		return rc;
	rmdir(f->staging);
	return (rc = dir_sync(f->path, e)) == RC_OK ? sync_name(f, e) : rc;
}

void
folder_leave(struct folder *f, bool failed)
{
	if (failed)
		clear_away(f);
	if (failed && f->made)
		rmdir(f->path);
	close(f->lock);
}
