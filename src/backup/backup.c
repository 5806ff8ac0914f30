#include "backup/backup.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "backup/archive.h"
#include "backup/files.h"
#include "backup/parts.h"
#include "backup/row.h"
#include "config/config.h"
#include "fmt/json.h"
#include "store/bulk.h"

#define DEPTH 4 /* folders below DIR */
#define WATCH_EVERY 4096 /* rows */

/* What belongs to an installation besides the store. A lock, a socket and the database do not. */
static const char *const kept[] = { CONF_FILE, "proxy-secret", "keys", "tls", "proxy", NULL };

struct making {
	const struct backup *b;
	struct archive_writer *w;
	struct err *e;
	struct backup_facts *facts;
	struct buf rows; /* of the table under way, not written yet */
	struct row_sum sum;
	int64_t total;
};

static enum rc
put_json(struct making *m, enum archive_kind kind, json_t *o)
{
	return archive_put(m->w, kind, json_text(m->b->a, json_keep(m->b->a, o), 0), m->e);
}

/* ---- files ---- */

static enum rc
put_file(struct making *m, const char *name, const char *path, const struct stat *st)
{
	struct arena *a = arena_new(0);
	struct bytes content;
	enum rc rc;

	/* In an arena of its own, which is wiped: it may be a key. */
	if ((rc = file_read(a, path, PART_FILE_MAX, &content, m->e)) == RC_OK &&
	    (rc = put_json(m, ARCHIVE_FILE,
		 json_pack("{s:s, s:i, s:I}", "path", name, "mode", (int)(st->st_mode & 0700), "size",
		     (json_int_t)content.n))) == RC_OK)
		rc = archive_put(m->w, ARCHIVE_OCTETS, content, m->e);
	m->facts->files += rc == RC_OK;
	arena_free(a);
	return rc;
}

/* A file, or what is in a folder. Links are followed: certificates are often kept behind one. */
static enum rc
put_path(struct making *m, const char *name, int depth)
{
	const char *path = arena_printf(m->b->a, "%s/%s", m->b->dir, name), *const * names;
	struct stat st;
	enum rc rc = RC_OK;

	if (stat(path, &st) != 0) {
		if (errno != ENOENT)
			return fail(m->e, RC_UNAVAILABLE, "%s: %s", path, strerror(errno));
		/* Not every installation has each of them, but all have keys. */
		return strcmp(name, "keys") != 0 ? RC_OK : fail(m->e, RC_NOT_FOUND, "%s is missing", path);
	}
	if (S_ISREG(st.st_mode))
		return put_file(m, name, path, &st);
	if (!S_ISDIR(st.st_mode) || depth == 0)
		return RC_OK;
	if ((names = dir_names(m->b->a, path)) == NULL)
		return fail(m->e, RC_UNAVAILABLE, "%s can't be read: run this as the user of posternd", path);
	for (; *names != NULL && rc == RC_OK; names++) {
		if (**names != '.') /* what is being written right now has such a name */
			rc = put_path(m, arena_printf(m->b->a, "%s/%s", name, *names), depth - 1);
	}
	return rc;
}

static enum rc
put_files(struct making *m)
{
	enum rc rc = RC_OK;

	for (const char *const *name = kept; *name != NULL && rc == RC_OK; name++)
		rc = put_path(m, *name, DEPTH);
	return rc;
}

/* A certificate that is kept elsewhere doesn't come along, and its owner should know. */
static const char *
outside(struct arena *a, const char *dir, const struct conf *conf)
{
	const char *const paths[] = { conf->tls_certificate, conf->tls_key };
	const char *found = NULL;
	size_t n = strlen(dir);

	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		if (paths[i] != NULL && (strncmp(paths[i], dir, n) != 0 || paths[i][n] != '/'))
			found =
			    arena_printf(a, "%s%s%s", found != NULL ? found : "", found != NULL ? ", " : "", paths[i]);
	}
	return found;
}

/* ---- rows ---- */

static enum rc
flush_rows(struct making *m)
{
	enum rc rc = RC_OK;

	if (m->rows.n > 0)
		rc = archive_put(m->w, ARCHIVE_ROWS, buf_bytes(&m->rows), m->e);
	buf_reset(&m->rows);
	return rc;
}

static enum rc
put_row(void *arg, const struct db_value *row, int n)
{
	struct making *m = arg;
	size_t from = m->rows.n;

	row_put(&m->rows, row, n);
	if (!buf_ok(&m->rows))
		return fail(m->e, RC_TOO_LARGE, "a row of the store is too large for a backup");
	row_add(&m->sum, bytes_of(m->rows.p + from, m->rows.n - from));
	if (++m->facts->rows % WATCH_EVERY == 0 && m->b->watch != NULL)
		m->b->watch(m->b->ctx, "backup", m->facts->rows, m->total);
	return m->rows.n < PART_ROWS ? RC_OK : flush_rows(m);
}

static enum rc
put_table(struct making *m, struct store_view *v, const struct store_table *t)
{
	json_t *columns = json_array();
	enum rc rc;

	for (int i = 0; i < t->n_columns; i++)
		json_array_append_new(columns, json_string(t->columns[i]));
	m->sum = (struct row_sum){ 0 };
	if ((rc = put_json(m, ARCHIVE_TABLE, json_pack("{s:s, s:o}", "name", t->name, "columns", columns))) != RC_OK ||
	    (rc = store_view_each(v, t, put_row, m, m->e)) != RC_OK || (rc = flush_rows(m)) != RC_OK)
		return rc;
	m->facts->tables++;
	return put_json(m, ARCHIVE_TABLE_END,
	    json_pack("{s:I, s:s}", "rows", (json_int_t)m->sum.rows, "sum", row_text(m->b->a, &m->sum)));
}

static enum rc
put_tables(struct making *m, struct store_view *v, const struct store_table *t, int n)
{
	enum rc rc = RC_OK;

	buf_init(&m->rows, ARCHIVE_PART_MAX);
	for (int i = 0; i < n && rc == RC_OK; i++) {
		if (!part_left_out(t[i].name))
			rc = put_table(m, v, &t[i]);
	}
	buf_free(&m->rows);
	return rc;
}

/* ---- the whole ---- */

static enum rc
put_manifest(struct making *m, const char *what, const struct conf *conf, const struct store_table *t, int n)
{
	json_t *tables = json_array();

	for (int i = 0; i < n; i++) {
		if (part_left_out(t[i].name))
			continue;
		m->total += t[i].rows;
		json_array_append_new(
		    tables, json_pack("{s:s, s:I}", "name", t[i].name, "rows", (json_int_t)t[i].rows));
	}
	return put_json(m, ARCHIVE_MANIFEST,
	    json_pack("{s:s, s:i, s:s, s:i, s:I, s:s*, s:s*, s:o}", "what", what, "format", BACKUP_FORMAT, "version",
		POSTERN_VERSION, "schema", m->facts->schema, "made_at", (json_int_t)m->b->now, "url", conf->url,
		"store", conf->store, "tables", tables));
}

static enum rc
put_all(struct making *m, const char *what, const struct conf *conf, struct store_view *v)
{
	struct store_table *tables = NULL;
	int n = 0;
	enum rc rc;

	if ((rc = store_view_version(v, &m->facts->schema, m->e)) != RC_OK)
		return rc;
	if (m->facts->schema == 0)
		return fail(m->e, RC_NOT_FOUND, "the database is empty: there is nothing to keep");
	if (strcmp(what, PART_BACKUP) == 0 && (rc = store_view_tables(v, m->b->a, &tables, &n, m->e)) != RC_OK)
		return rc;
	/* Keys are read after the moment of the rows: a key is made before the row that needs it. */
	if ((rc = put_manifest(m, what, conf, tables, n)) != RC_OK || (rc = put_files(m)) != RC_OK ||
	    (rc = put_tables(m, v, tables, n)) != RC_OK)
		return rc;
	return put_json(m, ARCHIVE_END,
	    json_pack("{s:i, s:i, s:I}", "files", m->facts->files, "tables", m->facts->tables, "rows",
		(json_int_t)m->facts->rows));
}

static enum rc
make(const struct backup *b, const char *what, const struct conf *conf, struct backup_facts *out, struct err *e)
{
	struct making m = { .b = b, .e = e, .facts = out };
	struct store_view *view = NULL;
	enum rc rc;

	*out = (struct backup_facts){
		.made_at = b->now, .version = POSTERN_VERSION, .url = conf->url, .store = conf->store
	};
	out->outside = outside(b->a, b->dir, conf);
	if ((rc = archive_create(b->file, b->passphrase, &m.w, e)) != RC_OK)
		return rc;
	if ((rc = store_view_open(conf->store, &view, e)) == RC_OK)
		rc = put_all(&m, what, conf, view);
	store_view_close(view);
	if (rc == RC_OK)
		return archive_keep(m.w, &out->size, e);
	archive_discard(m.w);
	return rc;
}

enum rc
backup_make(const struct backup *b, struct backup_facts *out, struct err *e)
{
	struct conf conf;
	enum rc rc = conf_load(b->a, b->dir, &conf, e);

	return rc == RC_OK ? make(b, PART_BACKUP, &conf, out, e) : rc;
}

enum rc
backup_export(const struct backup *b, struct backup_facts *out, struct err *e)
{
	struct conf conf;
	enum rc rc = conf_load(b->a, b->dir, &conf, e);

	if (rc != RC_OK)
		return rc;
	if (strncmp(conf.store, "sqlite:", 7) == 0)
		return fail(e, RC_CONFLICT,
		    "the store is an SQLite file, which one process owns: move it to PostgreSQL first (postern store "
		    "copy),"
		    " then let a second node join");
	return make(b, PART_NODE, &conf, out, e);
}
