/* Whole PostgreSQL databases, read and filled: the part of db_driver that store/bulk.h stands on. */
#ifndef STORE_PGSQL_BULK_H
#define STORE_PGSQL_BULK_H

#include "store/driver.h"

enum rc pgsql_alone_begin(const char *dsn, struct db_conn **out, struct err *e);
enum rc pgsql_view_begin(const char *dsn, struct db_conn **out, struct err *e);
void pgsql_view_end(struct db_conn *conn);
enum rc pgsql_each(struct db_conn *conn, const char *sql, store_row_fn *fn, void *arg, struct err *e);
enum rc pgsql_fill_begin(const char *dsn, struct db_conn **out, struct err *e);
enum rc pgsql_fill_end(struct db_conn *conn, bool keep, struct err *e);

#endif
