#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "backup/archive.h"
#include "backup/backup.h"
#include "backup/files.h"
#include "backup/folder.h"
#include "backup/parts.h"
#include "backup/row.h"
#include "config/config.h"
#include "fmt/json.h"
#include "store/bulk.h"

#define WATCH_EVERY 4096 /* rows */
#define TABLES_MAX 256

/* What a table's end says, to be compared with what the new database has. */
struct loaded {
	struct store_table table;
	struct row_sum sum;
};

struct restoring {
	const struct backup *b;
	const char *dir; /* the staging folder */
	struct archive_reader *r;
	struct err *e;
	struct backup_facts *facts;
	struct conf conf; /* the restored one, once its file is there */
	struct store_fill *fill;
	struct loaded *tables;
	int n_tables, n_announced;
	struct row_sum sum; /* of the table under way */
	int64_t total;
};

static enum rc
damaged(struct restoring *s, const char *what)
{
	return fail(s->e, RC_BAD_INPUT, "%s is not in order (%s): take another copy", s->b->file, what);
}

/* One part of kind `want`, parsed. */
static enum rc
parse(struct restoring *s, struct bytes content, json_t **out)
{
	struct err ignored;

	if (json_parse(s->b->a, content, out, &ignored) != RC_OK || !json_is_object(*out))
		return damaged(s, "a description can't be read");
	return RC_OK;
}

/* ---- the manifest ---- */

static enum rc
read_manifest(struct restoring *s, const char *what)
{
	enum archive_kind kind;
	struct bytes content;
	json_t *o, *table;
	const char *is;
	size_t i;
	enum rc rc;

	if ((rc = archive_next(s->r, &kind, &content, s->e)) != RC_OK)
		return rc;
	if (kind != ARCHIVE_MANIFEST || parse(s, content, &o) != RC_OK)
		return damaged(s, "it has no manifest");
	if (json_get_int(o, "format", 0) > BACKUP_FORMAT)
		return fail(s->e, RC_CONFLICT, "%s was made by postern %.20s, which is newer: use that one", s->b->file,
		    json_get_text(o, "version"));
	if ((is = json_get_text(o, "what")) == NULL || strcmp(is, what) != 0)
		return fail(s->e, RC_BAD_INPUT,
		    strcmp(what, PART_BACKUP) == 0 ? "%s is a node's file without rows: use postern node join"
						   : "%s is a backup, not a node's file: use postern restore",
		    s->b->file);
	s->facts->schema = (int)json_get_int(o, "schema", 0);
	s->facts->made_at = json_get_int(o, "made_at", 0);
	s->facts->version = json_get_text(o, "version");
	s->facts->url = json_get_text(o, "url");
	json_array_foreach(json_object_get(o, "tables"), i, table)
	{
		s->total += json_get_int(table, "rows", 0);
		s->n_announced++;
	}
	return s->n_announced < TABLES_MAX ? RC_OK : damaged(s, "it has too many tables");
}

/* ---- files ---- */

/* No path out of DIR, and none into a hidden place. */
static bool
is_inside(const char *path)
{
	return path != NULL && *path != '/' && *path != '.' && strstr(path, "/.") == NULL &&
	       strstr(path, "//") == NULL && path[strlen(path) - 1] != '/';
}

static enum rc
make_parents(struct restoring *s, const char *path)
{
	for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		const char *folder = arena_printf(s->b->a, "%s/%.*s", s->dir, (int)(slash - path), path);

		if (mkdir(folder, 0700) != 0 && errno != EEXIST)
			return fail(s->e, RC_UNAVAILABLE, "%s: %s", folder, strerror(errno));
	}
	return RC_OK;
}

/* The file with other values: the last line of a key would not do, since a key counts once. */
static struct bytes
edit_conf(struct restoring *s, struct bytes text)
{
	const struct {
		const char *key, *value;
	} edits[] = { { "store", s->b->store }, { "url", s->b->url } };
	struct buf out;
	size_t n;

	buf_init(&out, PART_FILE_MAX * 2);
	for (const char *p = (const char *)text.p; *p != '\0'; p += n) {
		bool drop = false;

		n = strcspn(p, "\n");
		n += p[n] == '\n';
		for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
			size_t key = strlen(edits[i].key), lead = strspn(p, " \t");

			drop = drop || (edits[i].value != NULL && strncasecmp(p + lead, edits[i].key, key) == 0 &&
					   p[lead + key + strspn(p + lead + key, " \t")] == '=');
		}
		if (!drop)
			buf_add(&out, p, n);
	}
	for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
		if (edits[i].value != NULL)
			buf_printf(&out, "%s%s = %s\n", out.n > 0 && out.p[out.n - 1] != '\n' ? "\n" : "", edits[i].key,
			    edits[i].value);
	}
	return bytes_str(buf_finish(&out, s->b->a));
}

static enum rc
take_file(struct restoring *s, json_t *o)
{
	const char *path = json_get_text(o, "path");
	enum archive_kind kind;
	struct bytes content;
	enum rc rc;

	if (!is_inside(path))
		return damaged(s, "a file has no place");
	path = arena_strdup(s->b->a, path);
	if ((rc = archive_next(s->r, &kind, &content, s->e)) != RC_OK)
		return rc;
	if (kind != ARCHIVE_OCTETS || (int64_t)content.n != json_get_int(o, "size", -1))
		return damaged(s, "a file has another length");
	if (strcmp(path, CONF_FILE) == 0)
		content = edit_conf(s, content);
	if ((rc = make_parents(s, path)) != RC_OK || (rc = file_make(s->b->a, s->dir, path, content, s->e)) != RC_OK)
		return rc;
	s->facts->files++;
	if (strcmp(path, CONF_FILE) != 0)
		return RC_OK;
	if ((rc = conf_load(s->b->a, s->dir, &s->conf, s->e)) == RC_OK)
		s->facts->store = s->conf.store;
	return rc;
}

/* ---- rows ---- */

static enum rc
begin_table(struct restoring *s, json_t *o)
{
	const json_t *columns = json_object_get(o, "columns");
	size_t n = json_array_size(columns);
	struct store_table *t = &s->tables[s->n_tables].table;
	const char **names = arena_array(s->b->a, n + 1, sizeof *names);
	enum rc rc;

	if (s->conf.store == NULL || s->n_tables >= s->n_announced || n > ROW_COLUMNS_MAX ||
	    json_get_text(o, "name") == NULL)
		return damaged(s, "a table is out of place");
	for (size_t i = 0; i < n; i++) {
		if ((names[i] = json_string_value(json_array_get(columns, i))) == NULL)
			return damaged(s, "a column has no name");
	}
	*t = (struct store_table){ .name = json_get_text(o, "name"), .columns = names, .n_columns = (int)n };
	s->sum = (struct row_sum){ 0 };
	if (s->fill == NULL && (rc = store_fill_open(s->conf.store, s->facts->schema, &s->fill, s->e)) != RC_OK)
		return rc;
	return store_fill_table(s->fill, t->name, names, (int)n, s->e);
}

static enum rc
take_rows(struct restoring *s, struct bytes content)
{
	struct db_value row[ROW_COLUMNS_MAX];
	int n = s->tables[s->n_tables].table.n_columns;
	enum rc rc = RC_OK;

	if (n == 0)
		return damaged(s, "rows are out of place");
	while (content.n > 0 && rc == RC_OK) {
		const uint8_t *from = content.p;

		if (row_take(&content, row, n, s->e) != RC_OK)
			return damaged(s, "a row can't be read");
		row_add(&s->sum, bytes_of(from, (size_t)(content.p - from)));
		rc = store_fill_row(s->fill, row, s->e);
		if (++s->facts->rows % WATCH_EVERY == 0 && s->b->watch != NULL)
			s->b->watch(s->b->ctx, "restore", s->facts->rows, s->total);
	}
	return rc;
}

static enum rc
end_table(struct restoring *s, json_t *o)
{
	struct loaded *t = &s->tables[s->n_tables];
	const char *sum = json_get_text(o, "sum");

	if (t->table.name == NULL || sum == NULL || json_get_int(o, "rows", -1) != s->sum.rows ||
	    strcmp(sum, row_text(s->b->a, &s->sum)) != 0)
		return damaged(s, "a table has other rows than it had");
	t->sum = s->sum;
	s->n_tables++;
	s->facts->tables++;
	return RC_OK;
}

/* ---- what stands in the new database ---- */

struct counting {
	struct row_sum sum;
	struct buf row;
	struct err *e;
};

static enum rc
count_row(void *arg, const struct db_value *row, int n)
{
	struct counting *c = arg;

	buf_reset(&c->row);
	row_put(&c->row, row, n);
	row_add(&c->sum, buf_bytes(&c->row));
	return buf_ok(&c->row) ? RC_OK : fail(c->e, RC_TOO_LARGE, "a row is too large");
}

static enum rc
verify(struct restoring *s)
{
	struct counting c = { .e = s->e };
	struct store_view *v = NULL;
	enum rc rc = store_view_open(s->conf.store, &v, s->e);

	buf_init(&c.row, ARCHIVE_PART_MAX);
	for (int i = 0; i < s->n_tables && rc == RC_OK; i++) {
		const struct loaded *t = &s->tables[i];

		c.sum = (struct row_sum){ 0 };
		rc = store_view_each(v, &t->table, count_row, &c, s->e);
		if (rc == RC_OK && memcmp(&c.sum, &t->sum, sizeof c.sum) != 0)
			rc = fail(
			    s->e, RC_INTERNAL, "the new database has other rows of %s than the backup", t->table.name);
	}
	buf_free(&c.row);
	store_view_close(v);
	return rc;
}

/* ---- the whole ---- */

static enum rc
take_part(struct restoring *s, enum archive_kind kind, struct bytes content)
{
	json_t *o = NULL;
	enum rc rc;

	if (kind == ARCHIVE_ROWS)
		return take_rows(s, content);
	if ((rc = parse(s, content, &o)) != RC_OK)
		return rc;
	switch (kind) {
	case ARCHIVE_FILE:
		return take_file(s, o);
	case ARCHIVE_TABLE:
		return begin_table(s, o);
	case ARCHIVE_TABLE_END:
		return end_table(s, o);
	case ARCHIVE_END:
		return json_get_int(o, "files", -1) == s->facts->files &&
			       json_get_int(o, "rows", -1) == s->facts->rows && s->n_tables == s->n_announced
			   ? RC_OK
			   : damaged(s, "parts of it are missing");
	default:
		return damaged(s, "it has a part that is not known");
	}
}

static enum rc
take_all(struct restoring *s)
{
	enum archive_kind kind = ARCHIVE_MANIFEST;
	struct bytes content;
	enum rc rc = RC_OK;

	s->tables = arena_array(s->b->a, TABLES_MAX, sizeof *s->tables);
	while (rc == RC_OK && kind != ARCHIVE_END) {
		if ((rc = archive_next(s->r, &kind, &content, s->e)) == RC_OK)
			rc = take_part(s, kind, content);
	}
	if (rc == RC_OK && s->conf.store == NULL)
		rc = damaged(s, "it has no " CONF_FILE);
	return rc;
}

/* A node that does not reach the others' database would start, and say so to every device. */
static enum rc
reach(struct restoring *s)
{
	struct store_view *v = NULL;
	int version = 0;
	enum rc rc = store_view_open(s->conf.store, &v, s->e);

	if (rc == RC_OK && (rc = store_view_version(v, &version, s->e)) == RC_OK && version == 0)
		rc = fail(s->e, RC_CONFLICT, "the database is empty: it is not the one of the other nodes");
	store_view_close(v);
	return rc == RC_OK ? rc : fail_in(s->e, rc, "reach the nodes' database (--store DSN names it)");
}

static enum rc
into_folder(struct restoring *s, bool node)
{
	struct folder f;
	enum rc rc;

	if ((rc = folder_take(s->b->a, s->b->dir, &f, s->e)) != RC_OK)
		return rc;
	s->dir = f.staging;
	rc = take_all(s);
	if (rc == RC_OK && s->fill != NULL && (rc = store_fill_keep(s->fill, s->e)) == RC_OK)
		rc = verify(s);
	if (rc == RC_OK && node)
		rc = reach(s);
	store_fill_close(s->fill);
	if (rc == RC_OK)
		rc = folder_keep(&f, s->e);
	folder_leave(&f, rc != RC_OK);
	return rc;
}

static enum rc
restore(const struct backup *b, const char *what, struct backup_facts *out, struct err *e)
{
	struct restoring s = { .b = b, .e = e, .facts = out };
	struct stat st;
	enum rc rc;

	*out = (struct backup_facts){ 0 };
	if ((rc = archive_open(b->file, b->passphrase, &s.r, e)) != RC_OK)
		return rc;
	if (stat(b->file, &st) == 0)
		out->size = (uint64_t)st.st_size;
	if ((rc = read_manifest(&s, what)) == RC_OK)
		rc = into_folder(&s, strcmp(what, PART_NODE) == 0);
	archive_close(s.r);
	return rc;
}

enum rc
backup_restore(const struct backup *b, struct backup_facts *out, struct err *e)
{
	return restore(b, PART_BACKUP, out, e);
}

enum rc
backup_join(const struct backup *b, struct backup_facts *out, struct err *e)
{
	return restore(b, PART_NODE, out, e);
}
