/* The administrator's command: what its files share.
 *
 * Everything but `init`, `check`, `lint`, `backup` and its like is a request to the administration API over DIR/admin.sock,
 * or over TLS with --server. Which
 * request, with which fields, printed how, is one table (calls.c); which options and arguments a command
 * has is another (commands.c, option_table.h). Results go to stdout, messages to stderr. */
#ifndef POSTERN_CLI_H
#define POSTERN_CLI_H

#include <stdbool.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "fmt/argv.h"
#include "fmt/json.h"
#include "http/client.h"

#define EXIT_DONE 0
#define EXIT_REFUSED 1

struct cli {
	const struct argv *v;
	struct arena *a;
	struct err err;
	const char *data; /* DIR */
	struct http_client *http; /* NULL until the first request */
	const char *server; /* "https://HOST:PORT"; NULL: the socket in DIR */
	const char *token; /* of the server's API; in the arena, which is wiped */
	bool json; /* print answers as they are */
	bool color_out, color_err;
};

extern const struct argv_program postern_program;

/* Sets `k` up from a command line; cli_end frees what requests left. */
void cli_begin(struct cli *k, const struct argv *v);
void cli_end(struct cli *k);

/* Print k->err (or a sentence) on stderr. Return EXIT_REFUSED, or ARGV_USAGE for cli_usage. */
int cli_refused(const struct cli *k);
int cli_usage(const struct cli *k, const char *sentence, ...) __attribute__((format(printf, 2, 3)));
void cli_say(const struct cli *k, const char *format, ...) __attribute__((format(printf, 2, 3)));
void cli_warn(const struct cli *k, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- requests (api.c) ---- */

/* One request; `path` is below /api/v1, `body` NULL: none. *answer is an object that ends with k->a.
 * Refusals of the server come back with its sentence in k->err; RC_UNAVAILABLE: it is not running. */
enum rc cli_request(struct cli *k, const char *method, const char *path, json_t *body, json_t **answer);

/* A whole file, at most 4 MB. */
enum rc cli_file(struct cli *k, const char *path, struct bytes *out);

/* The password on standard input: one line; asked for without echo on a terminal. */
enum rc cli_password(struct cli *k, const char **out);

/* ---- databases (dsn.c), long work (progress.c) ---- */

/* An address as it was given, or what is in the first line of F for "@F". RC_FORBIDDEN: everybody may read F. */
enum rc cli_dsn(struct cli *k, const char *text, const char **out);
/* Of --store and --store-file; *out NULL: neither was given. */
enum rc cli_store(struct cli *k, const char **out);
const char *cli_dsn_text(struct arena *a, const char *dsn); /* for people: without its password */

void cli_progress(const struct cli *k, const char *doing, int64_t done, int64_t total, const char *unit);
void cli_progress_end(const struct cli *k); /* wipes the line */

/* ---- the table of calls (call.c) ---- */

/* The command of the table that was written; what argv runs for most commands. */
int cli_call(const struct argv *v, void *ctx);

/* ---- printing (table.c) ---- */

enum column_kind { COL_TEXT, COL_TIME, COL_NUMBER, COL_FLAG, COL_LIST, COL_LIFE, COL_SIZE };

struct column {
	const char *title; /* NULL ends a table */
	const char *key; /* dotted: a member of a member */
	enum column_kind kind;
};
#define COLUMN_END \
	{ \
		.title = NULL \
	}

/* A listing, its columns fitted to the terminal; `empty` is said instead where there is nothing. */
void print_table(struct cli *k, const json_t *items, const struct column *columns, const char *empty);
/* One object: a line per column. What is absent is left out. */
void print_object(struct cli *k, const json_t *object, const struct column *columns);
void print_json(const json_t *value);

/* A member as text for people, "" where absent; control characters are made visible. */
const char *cell_text(struct cli *k, const json_t *object, const char *key, enum column_kind kind);
const char *cell_time(struct cli *k, int64_t at); /* local time */
const char *print_size(struct arena *a, uint64_t octets); /* "1.2 MB" */
const char *print_safe(struct arena *a, const char *text);

enum paint { PAINT_NONE, PAINT_BOLD, PAINT_GOOD, PAINT_BAD, PAINT_WARN, PAINT_DIM };
const char *paint_on(bool color, enum paint p); /* "" without colour */
const char *paint_off(bool color, enum paint p);

/* ---- printers of their own (print_*.c) ---- */

void print_attempt(struct cli *k, const json_t *answer);
void print_explain(struct cli *k, const json_t *answer);
void print_rules(struct cli *k, const json_t *answer);
void print_enrollment(struct cli *k, const json_t *answer);
void print_organization(struct cli *k, const json_t *answer);
void print_user(struct cli *k, const json_t *answer);
void print_command(struct cli *k, const json_t *answer);
void print_sent(struct cli *k, const json_t *answer);
void print_status(struct cli *k, const json_t *answer);
void print_device_group(struct cli *k, const json_t *answer);
void print_item(struct cli *k, const json_t *answer);
void print_document(struct cli *k, const json_t *answer); /* as JSON */
void print_pem(struct cli *k, const json_t *answer);

/* ---- commands of their own ---- */

int cli_init(const struct argv *v, void *ctx); /* init.c */
int cli_org_set(const struct argv *v, void *ctx); /* org_set.c */
int cli_preset(const struct argv *v, void *ctx); /* lint.c */
int cli_esso_set(const struct argv *v, void *ctx); /* esso.c, like the next three */
int cli_esso_check(const struct argv *v, void *ctx);
int cli_esso_show(const struct argv *v, void *ctx);
int cli_esso_remove(const struct argv *v, void *ctx);
int cli_user_import(const struct argv *v, void *ctx); /* import.c */
int cli_group_import(const struct argv *v, void *ctx); /* group_import.c */
int cli_check(const struct argv *v, void *ctx); /* check.c */
int cli_lint(const struct argv *v, void *ctx); /* lint.c, like the next */
int cli_modes(const struct argv *v, void *ctx);
int cli_store_migrate(const struct argv *v, void *ctx); /* store.c, like the next two */
int cli_store_check(const struct argv *v, void *ctx);
int cli_store_copy(const struct argv *v, void *ctx);
int cli_store_vacuum(const struct argv *v, void *ctx); /* vacuum.c */
int cli_audit_verify(const struct argv *v, void *ctx); /* audit.c, like the next */
int cli_audit_export(const struct argv *v, void *ctx);
int cli_migrate_nanomdm(const struct argv *v, void *ctx); /* migrate.c, like the next */
int cli_migrate_micromdm(const struct argv *v, void *ctx);
int cli_migrate_shadow(const struct argv *v, void *ctx); /* shadow.c */
int cli_backup(const struct argv *v, void *ctx); /* backup.c */
int cli_restore(const struct argv *v, void *ctx);
int cli_node_export(const struct argv *v, void *ctx);
int cli_node_join(const struct argv *v, void *ctx);
int cli_node_update(const struct argv *v, void *ctx);

#endif
