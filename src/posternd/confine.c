#include "posternd/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "store/store.h"

#define PATHS_MAX 96

struct list {
	struct arena *a;
	const char *closed[3]; /* without links: no folder is opened that has one of these; NULL: not one more */
	struct sandbox_path path[PATHS_MAX + 1]; /* ended by NULL */
	int n;
};

static const char *
resolve(struct arena *a, const char *path)
{
	char *real = realpath(path, NULL);
	const char *copy = real != NULL ? arena_strdup(a, real) : NULL;

	free(real);
	return copy;
}

static bool
has_closed(const struct list *l, const char *real)
{
	size_t n = strlen(real);

	for (int i = 0; i < 3; i++) {
		const char *p = l->closed[i];

		if (p != NULL && strncmp(p, real, n) == 0 && (p[n] == '/' || p[n] == '\0' || n == 1))
			return true;
	}
	return false;
}

/* False: it is not there, or what is closed is below it. */
static bool
add(struct list *l, const char *path, unsigned access)
{
	const char *real = resolve(l->a, path);

	if (real == NULL || has_closed(l, real) || l->n == PATHS_MAX)
		return false;
	l->path[l->n++] = (struct sandbox_path){ real, access };
	return true;
}

static const char *
folder_of(struct arena *a, const char *path)
{
	return dirname(arena_strdup(a, path));
}

/* By its folder, so that one of the same name that replaces it is found; and by that of what a link leads to. */
static void
add_file(struct list *l, const char *path)
{
	const char *real = resolve(l->a, path);

	if (!add(l, folder_of(l->a, path), SANDBOX_READ))
		(void)add(l, path, SANDBOX_READ);
	if (real != NULL)
		(void)add(l, folder_of(l->a, real), SANDBOX_READ);
}

/* What libraries read: names of hosts, certificates, modules of the resolver, the number of processors, PostgreSQL's
 * password file. */
static void
add_system(struct list *l)
{
	static const char *const read[] = { "/etc", "/usr", "/lib", "/lib64", "/sys/devices/system/cpu",
		"/dev/urandom" };
	static const char *const at_home[] = { ".pgpass", ".postgresql", ".pg_service.conf" };
	static const char *const named[] = { "PGPASSFILE", "PGSERVICEFILE", "PGSYSCONFDIR", "SSL_CERT_FILE",
		"SSL_CERT_DIR" };
	const char *home = getenv("HOME");

	for (size_t i = 0; i < sizeof read / sizeof read[0]; i++)
		(void)add(l, read[i], SANDBOX_READ);
	(void)add(l, "/dev/null", SANDBOX_READ | SANDBOX_WRITE);
	(void)add(l, arena_printf(l->a, "/proc/%d", (int)getpid()), SANDBOX_READ);
	add_file(l, "/etc/resolv.conf");
	for (size_t i = 0; home != NULL && i < sizeof at_home / sizeof at_home[0]; i++)
		(void)add(l, arena_printf(l->a, "%s/%s", home, at_home[i]), SANDBOX_READ);
	for (size_t i = 0; i < sizeof named / sizeof named[0]; i++) {
		if (getenv(named[i]) != NULL)
			(void)add(l, getenv(named[i]), SANDBOX_READ);
	}
}

/* SQLite's files by themselves, not their folder, where the keys are: they are made now if they are missing, and stay. So
 * their names are made durable now, which SQLite would do for its log at the first flush. */
static enum rc
add_store(struct list *l, const char *dsn, struct err *e)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", ".lock" };
	const char *file = store_file(l->a, dsn);
	enum rc rc = RC_OK;
	int folder;

	if (file == NULL)
		return RC_OK;
	for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
		const char *path = arena_printf(l->a, "%s%s", file, suffixes[i]);
		int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

		if (fd >= 0)
			close(fd);
		(void)add(l, path, SANDBOX_READ | SANDBOX_WRITE);
	}
	folder = open(folder_of(l->a, file), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0 || fsync(folder) != 0)
		rc =
		    fail(e, RC_UNAVAILABLE, "the names of %s's files can't be made durable: %s", file, strerror(errno));
	if (folder >= 0)
		close(folder);
	return rc;
}

const struct sandbox_path *
confine_listener_paths(struct arena *a, const struct conf *conf, const struct http_listener *listeners, int n)
{
	struct list *l = arena_alloc(a, sizeof *l);
	const char *store = store_file(a, conf->store);

	l->a = a;
	l->closed[0] = resolve(a, arena_printf(a, "%s/keys", conf->data));
	l->closed[1] = resolve(a, arena_printf(a, "%s/%s", conf->data, CONF_FILE));
	l->closed[2] = store != NULL ? resolve(a, store) : NULL;
	for (int i = 0; i < n; i++) {
		if (!HTTP_DOOR_HAS_TLS(listeners[i].door))
			continue;
		add_file(l, listeners[i].cert_file);
		add_file(l, listeners[i].key_file);
	}
	return l->path;
}

enum rc
confine(struct arena *a, const struct conf *conf, struct err *e)
{
	struct list *l = arena_alloc(a, sizeof *l);
	const char *const *files = conf_files(a, conf);
	enum rc rc;

	l->a = a;
	if ((l->closed[0] = resolve(a, arena_printf(a, "%s/keys", conf->data))) == NULL)
		return fail(e, RC_UNAVAILABLE, "%s/keys: %s", conf->data, strerror(errno));
	add_system(l);
	if ((rc = add_store(l, conf->store, e)) != RC_OK)
		return rc;
	for (; *files != NULL; files++)
		add_file(l, *files);
	rc = sandbox_enter(SANDBOX_SERVER, conf->sandbox, l->path, e);
	log_debug("the server is confined", "files", arena_printf(a, "%d", l->n));
	return rc;
}
