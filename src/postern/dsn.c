/* The database's address on a command line. It may hold a password, which others of this machine would see
 * there: so it can also be the first line of a file. */
#include <string.h>
#include <sys/stat.h>

#include "backup/files.h"
#include "postern/cli.h"

#define DSN_MAX 180 /* octets: what fits into a line of postern.conf */

static enum rc
from_file(struct cli *k, const char *path, const char **out)
{
	struct bytes text;
	struct stat st;
	char *p;
	enum rc rc;

	if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & S_IRWXO) != 0)
		return fail(&k->err, RC_FORBIDDEN, "%s is open to everybody: run chmod 600 on it", path);
	if ((rc = file_read(k->a, path, 4096, &text, &k->err)) != RC_OK)
		return rc;
	p = arena_strndup(k->a, (const char *)text.p, text.n);
	p[strcspn(p, "\r\n")] = '\0';
	*out = p;
	return *p != '\0' ? RC_OK : fail(&k->err, RC_BAD_INPUT, "%s has no address in its first line", path);
}

/* Where the password of "//user:password@host" begins; NULL: it has none. */
static const char *
password_in(const char *dsn)
{
	const char *slashes = strstr(dsn, "://"), *at, *colon;

	if (slashes == NULL)
		return NULL;
	at = strrchr(slashes, '@');
	colon = strchr(slashes + 3, ':');
	return at != NULL && colon != NULL && colon < at ? colon + 1 : NULL;
}

static bool
has_password(const char *dsn)
{
	return password_in(dsn) != NULL || strstr(dsn, "?password=") != NULL || strstr(dsn, "&password=") != NULL;
}

enum rc
cli_dsn(struct cli *k, const char *text, const char **out)
{
	enum rc rc;

	*out = text;
	if (text[0] == '@') {
		if ((rc = from_file(k, text + 1, out)) != RC_OK)
			return rc;
	} else if (has_password(text)) {
		cli_warn(k, "others on this machine could see the password in this command line: put the address into a"
			    " file, or the password into ~/.pgpass");
	}
	if (strlen(*out) > DSN_MAX)
		return fail(&k->err, RC_TOO_LARGE,
		    "the database's address is longer than %d octets: use a service file (postgresql://?service=NAME)",
		    DSN_MAX);
	return RC_OK;
}

enum rc
cli_store(struct cli *k, const char **out)
{
	const char *text = argv_text(k->v, "store"), *file = argv_text(k->v, "store-file");

	*out = NULL;
	if (file != NULL)
		text = arena_printf(k->a, "@%s", file);
	return text != NULL ? cli_dsn(k, text, out) : RC_OK;
}

const char *
cli_dsn_text(struct arena *a, const char *dsn)
{
	const char *password = password_in(dsn), *parameter = strstr(dsn, "password=");

	if (password != NULL)
		return arena_printf(a, "%.*s...%s", (int)(password - dsn), dsn, strrchr(dsn, '@'));
	if (parameter != NULL && parameter > dsn && (parameter[-1] == '?' || parameter[-1] == '&'))
		return arena_printf(
		    a, "%.*s...%s", (int)(parameter - dsn) + 9, dsn, parameter + strcspn(parameter, "&"));
	return dsn;
}
