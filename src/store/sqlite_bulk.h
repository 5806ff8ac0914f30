/* Whole SQLite databases: see store/driver.h. */
#ifndef STORE_SQLITE_BULK_H
#define STORE_SQLITE_BULK_H

#include "store/driver.h"

enum rc sqlite_view_begin(const char *dsn, struct db_conn **out, struct err *e);
void sqlite_view_end(struct db_conn *conn);
enum rc sqlite_each(struct db_conn *conn, const char *sql, store_row_fn *fn, void *arg, struct err *e);
enum rc sqlite_fill_begin(const char *dsn, struct db_conn **out, struct err *e);
enum rc sqlite_fill_end(struct db_conn *conn, bool keep, struct err *e);

#endif
