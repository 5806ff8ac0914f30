/* Whole databases, read and filled table by table: what a backup is made of and restored from, the same on
 * every engine. A view is one moment of a database, beside whoever serves from it; a fill makes an empty
 * database full, or leaves it empty. Neither takes the lock that store_open takes. */
#ifndef STORE_BULK_H
#define STORE_BULK_H

#include "store/store.h"

struct store_table {
	const char *name;
	const char *const *columns;
	int n_columns;
	int64_t rows;
};

/* One row, in the order of the table's columns; borrowed for the call. */
typedef enum rc store_row_fn(void *arg, const struct db_value *row, int n);

/* ---- reading ---- */

struct store_view;

/* RC_NOT_FOUND: there is no database. RC_BAD_INPUT: none that can be looked at from outside (":memory:").
 * RC_UNAVAILABLE: it can't be opened. */
enum rc store_view_open(const char *dsn, struct store_view **out, struct err *e);
void store_view_close(struct store_view *v); /* NULL is fine */

/* Number of its newest migration; 0: none. */
enum rc store_view_version(struct store_view *v, int *version, struct err *e);

/* Its tables by name, with the number of their rows, in `a`; the one that notes migrations is left out. */
enum rc store_view_tables(struct store_view *v, struct arena *a, struct store_table **out, int *n, struct err *e);

/* Every row of a table, in any order. Ends with the first result of `fn` that is not RC_OK; the sentence is
 * the function's then. */
enum rc store_view_each(struct store_view *v, const struct store_table *t, store_row_fn *fn, void *arg, struct err *e);

/* Every row of a reading statement without arguments, on tables of whoever they are: another program's database. Ends as
 * store_view_each does. RC_INTERNAL: the engine refused the statement, as where there are no such tables. */
enum rc store_view_query(struct store_view *v, const char *sql, store_row_fn *fn, void *arg, struct err *e);

/* ---- keeping it small ---- */

typedef void store_vacuum_fn(void *arg, int done, int total); /* tables */

/* VACUUM of table after table, beside whoever is at work on them. *tables: how many; 0 where the engine has no such
 * thing (SQLite: store_shrink). */
enum rc store_vacuum(const char *dsn, store_vacuum_fn *watch, void *arg, int *tables, struct err *e);

/* ---- filling ---- */

struct store_fill;

/* Begin to fill the database at `dsn`, with tables of migration `version`. RC_CONFLICT: it has tables, or
 * this program doesn't know that version. RC_UNAVAILABLE: it can't be made there. */
enum rc store_fill_open(const char *dsn, int version, struct store_fill **out, struct err *e);

/* Rows are for this table from now on. RC_BAD_INPUT: there is no such table or column. */
enum rc
store_fill_table(struct store_fill *f, const char *name, const char *const *columns, int n_columns, struct err *e);
enum rc store_fill_row(struct store_fill *f, const struct db_value *row, struct err *e);

/* Every row of a table as it stands in what was filled so far: to compare before it is kept. */
enum rc store_fill_each(struct store_fill *f, const struct store_table *t, store_row_fn *fn, void *arg, struct err *e);

/* Make indexes and keep it, durably. After it, or a failure, only store_fill_close is left. */
enum rc store_fill_keep(struct store_fill *f, struct err *e);
void store_fill_close(struct store_fill *f); /* what was not kept is gone. NULL is fine */

#endif
