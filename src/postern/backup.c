/* `backup`, `restore`, `node export`, `node join` and `node update`: an installation as one sealed file, and back. None of
 * them needs the server, and none disturbs one that runs. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/backup.h"
#include "backup/files.h"
#include "base/clock.h"
#include "config/config.h"
#include "crypto/stream_seal.h"
#include "postern/cli.h"

/* ---- the passphrase ---- */

static enum rc
passphrase_file(struct cli *k, const char *path, const char **out)
{
	struct bytes text;
	struct stat st;
	char *p;
	enum rc rc;

	if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & S_IRWXO) != 0)
		return fail(&k->err, RC_FORBIDDEN, "%s is open to everybody: run chmod 600 on it", path);
	if ((rc = file_read(k->a, path, PASSPHRASE_MAX + 2, &text, &k->err)) != RC_OK)
		return rc;
	p = arena_strndup(k->a, (const char *)text.p, text.n);
	p[strcspn(p, "\r\n")] = '\0';
	if (*p == '\0')
		return fail(&k->err, RC_BAD_INPUT, "%s has no passphrase in its first line", path);
	*out = p;
	return RC_OK;
}

static enum rc
passphrase(struct cli *k, const char **out)
{
	const char *file = argv_text(k->v, "passphrase-file");

	return file != NULL ? passphrase_file(k, file, out) : cli_password(k, out);
}

/* ---- what people see ---- */

static void
watch(void *ctx, const char *doing, int64_t done, int64_t total)
{
	cli_progress(ctx, doing, done, total, "rows");
}

static void
say_json(struct cli *k, const char *file, const struct backup_facts *f)
{
	print_json(json_keep(k->a, json_pack("{s:s, s:I, s:i, s:i, s:I, s:I, s:i, s:s*, s:s*, s:s*}", "file", file,
				       "size", (json_int_t)f->size, "files", f->files, "tables", f->tables, "rows",
				       (json_int_t)f->rows, "made_at", (json_int_t)f->made_at, "schema", f->schema,
				       "version", f->version, "url", f->url, "outside", f->outside)));
}

static void
say_made(struct cli *k, const char *file, const struct backup_facts *f, bool node)
{
	if (k->json) {
		say_json(k, file, f);
	} else if (node) {
		printf("%s: %s, %d files: keys and settings of %s, sealed.\n", file, print_size(k->a, f->size),
		    f->files, f->url);
		printf("On the other machine: postern node join %s --data DIR --passphrase-file F\n", file);
	} else {
		printf("%s: %s, %d files and %lld rows of %d tables, sealed.\n", file, print_size(k->a, f->size),
		    f->files, (long long)f->rows, f->tables);
	}
	if (f->outside != NULL)
		cli_warn(k, "not in it, since it is kept elsewhere: %s", f->outside);
}

static void
say_restored(struct cli *k, const char *file, const struct backup_facts *f, bool node)
{
	struct conf conf;
	struct err ignored;

	if (k->json) {
		say_json(k, file, f);
		return;
	}
	if (conf_load(k->a, k->data, &conf, &ignored) != RC_OK)
		conf_defaults(k->a, k->data, &conf);
	if (node)
		printf("Made %s from %s: %d files. It is a node of %s, on the database %s.\n", k->data, file, f->files,
		    conf.url, cli_dsn_text(k->a, conf.store));
	else
		printf("Restored %s from %s, as it was at %s: %d files, %lld rows of %d tables into %s.\n", k->data,
		    file, cell_time(k, f->made_at), f->files, (long long)f->rows, f->tables,
		    cli_dsn_text(k->a, conf.store));
	printf("Start it: posternd --data %s\n", k->data);
	if (!node)
		printf(
		    "What was decided since then has to be decided again: people disabled, sign-ins revoked, devices\n"
		    "evicted. Devices whose token was renewed since then ask their person to sign in again.\n");
}

static void
say_updated(struct cli *k, const char *file, const struct backup_facts *f, bool node)
{
	(void)node;
	if (k->json)
		say_json(k, file, f);
	else if (f->files == 0)
		printf("%s has no key that %s does not have.\n", file, k->data);
	else
		printf("%d files in %s/keys are as in %s now. Send posternd SIGHUP: it reads keys again.\n", f->files,
		    k->data, file);
}

/* ---- the commands ---- */

typedef enum rc action(const struct backup *b, struct backup_facts *out, struct err *e);

static int
run(const struct argv *v, action *act, void (*say)(struct cli *, const char *, const struct backup_facts *, bool),
    bool node)
{
	struct backup b = { .file = argv_argument(v, 0), .watch = watch, .now = clock_now() };
	struct backup_facts facts;
	struct cli k;
	int status;
	enum rc rc;

	cli_begin(&k, v);
	umask(077);
	b.a = k.a;
	b.dir = k.data;
	b.ctx = &k;
	if (say == say_restored && node)
		b.url = argv_text(v, "url");
	rc = say == say_restored ? cli_store(&k, &b.store) : RC_OK;
	if (rc == RC_OK && (rc = passphrase(&k, &b.passphrase)) == RC_OK) {
		rc = act(&b, &facts, &k.err);
		cli_progress_end(&k);
	}
	if (rc == RC_OK)
		say(&k, b.file, &facts, node);
	status = rc == RC_OK ? EXIT_DONE : cli_refused(&k);
	cli_end(&k);
	return status;
}

int
cli_backup(const struct argv *v, void *ctx)
{
	(void)ctx;
	return run(v, backup_make, say_made, false);
}

int
cli_restore(const struct argv *v, void *ctx)
{
	(void)ctx;
	return run(v, backup_restore, say_restored, false);
}

int
cli_node_export(const struct argv *v, void *ctx)
{
	(void)ctx;
	return run(v, backup_export, say_made, true);
}

int
cli_node_join(const struct argv *v, void *ctx)
{
	(void)ctx;
	return run(v, backup_join, say_restored, true);
}

int
cli_node_update(const struct argv *v, void *ctx)
{
	(void)ctx;
	return run(v, backup_update, say_updated, true);
}
