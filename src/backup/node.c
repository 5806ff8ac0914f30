/* A node that runs already takes over keys that were made at another one since it joined. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "backup/archive.h"
#include "backup/backup.h"
#include "backup/files.h"
#include "backup/parts.h"
#include "fmt/json.h"
#include "keys/files.h"

#define KEYS_MAX 8192
#define PREFIX "keys/"

struct key_file {
	const char *name; /* below keys/ */
	struct bytes content;
};

struct update {
	const struct backup *b;
	struct backup_facts *facts;
	struct err *e;
	struct key_file *keys;
	int n;
};

static bool
is_key(const char *name)
{
	size_t stem = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return stem > 0 && (strcmp(name + stem, ".key") == 0 || strcmp(name + stem, ".pem") == 0 ||
			       strcmp(name + stem, ".secret") == 0);
}

static enum rc
take(struct update *u, struct archive_reader *r, enum archive_kind kind, struct bytes content)
{
	const char *path;
	json_t *o;
	enum rc rc;

	if (kind == ARCHIVE_END)
		return RC_OK;
	if (json_parse(u->b->a, content, &o, u->e) != RC_OK)
		return fail(u->e, RC_BAD_INPUT, "%s is not in order: take another copy", u->b->file);
	if (kind == ARCHIVE_MANIFEST) {
		path = json_get_text(o, "what");
		u->facts->made_at = json_get_int(o, "made_at", 0);
		return path != NULL && strcmp(path, PART_NODE) == 0
			   ? RC_OK
			   : fail(u->e, RC_BAD_INPUT, "%s is not a node's file: make one with postern node export",
				 u->b->file);
	}
	path = json_get_text(o, "path");
	if (kind != ARCHIVE_FILE || path == NULL)
		return fail(u->e, RC_BAD_INPUT, "%s has a part that is not known", u->b->file);
	if ((rc = archive_next(r, &kind, &content, u->e)) != RC_OK)
		return rc;
	if (strncmp(path, PREFIX, strlen(PREFIX)) == 0 && is_key(path + strlen(PREFIX)) && u->n < KEYS_MAX)
		u->keys[u->n++] = (struct key_file){ path + strlen(PREFIX), arena_copy(u->b->a, content) };
	return RC_OK;
}

/* All of it is read and found whole before a file is touched. */
static enum rc
read_keys(struct update *u)
{
	enum archive_kind kind = ARCHIVE_MANIFEST;
	struct archive_reader *r = NULL;
	struct bytes content;
	enum rc rc = archive_open(u->b->file, u->b->passphrase, &r, u->e);

	u->keys = arena_array(u->b->a, KEYS_MAX, sizeof *u->keys);
	while (rc == RC_OK && kind != ARCHIVE_END) {
		if ((rc = archive_next(r, &kind, &content, u->e)) == RC_OK) {
			enum archive_kind was = kind;

			rc = take(u, r, kind, content);
			kind = was;
		}
	}
	archive_close(r);
	return rc;
}

/* Keys of another installation would replace ours by theirs. */
static enum rc
check_seal(const struct update *u, int dir)
{
	struct bytes ours;
	enum rc rc = files_read(dir, u->b->a, "seal.secret", &ours, u->e);

	if (rc != RC_OK)
		return rc;
	for (int i = 0; i < u->n; i++) {
		if (strcmp(u->keys[i].name, "seal.secret") == 0 && bytes_eq(u->keys[i].content, ours))
			return RC_OK;
	}
	return fail(u->e, RC_CONFLICT, "%s is of another installation than %s", u->b->file, u->b->dir);
}

static enum rc
write_keys(const struct update *u, int dir)
{
	struct bytes there;
	struct err ignored;
	enum rc rc = RC_OK;

	for (int i = 0; i < u->n && rc == RC_OK; i++) {
		const struct key_file *k = &u->keys[i];

		if (files_read(dir, u->b->a, k->name, &there, &ignored) == RC_OK && bytes_eq(there, k->content))
			continue;
		if ((rc = files_write(dir, k->name, k->content, true, u->e)) == RC_OK)
			u->facts->files++;
	}
	return rc;
}

enum rc
backup_update(const struct backup *b, struct backup_facts *out, struct err *e)
{
	struct update u = { .b = b, .facts = out, .e = e };
	const char *path = arena_printf(b->a, "%s/keys", b->dir);
	int dir;
	enum rc rc;

	*out = (struct backup_facts){ 0 };
	if ((dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return fail(e, errno == ENOENT ? RC_NOT_FOUND : RC_UNAVAILABLE, "%s: %s", path, strerror(errno));
	if ((rc = read_keys(&u)) == RC_OK && (rc = check_seal(&u, dir)) == RC_OK)
		rc = write_keys(&u, dir);
	close(dir);
	return rc;
}
