/* The statements that a connection to PostgreSQL knows: their text as the server takes it, the types of
 * their arguments, and whether the server has them prepared. */
#ifndef STORE_PGSQL_STMT_H
#define STORE_PGSQL_STMT_H

#include <libpq-fe.h>

#include "store/pgsql_conn.h"
#include "store/rewrite.h"

struct pgsql_stmt {
	uint64_t hash;
	struct rewrite_about about;
	int uses;
	bool kept; /* in the connection's table; others are freed by pgsql_stmt_release */
	bool prepared;
	char name[24]; /* from text and types: a name can't stand for another statement */
	Oid types[REWRITE_PARAMS_MAX]; /* 0: only NULL was seen so far, so the server finds it out */
	const char *text; /* with $N */
	char sql[]; /* as given; `text` lies behind it */
};

/* The statement for `sql`, now or from before. RC_INTERNAL: see rewrite_placeholders. */
enum rc pgsql_stmt_find(struct pgsql_conn *c, const char *sql, struct pgsql_stmt **out, struct err *e);
void pgsql_stmt_release(struct pgsql_stmt *st); /* after use; NULL is fine */
void pgsql_stmt_free_all(struct pgsql_conn *c);

/* Take the types of `args`, one for each parameter for ever. RC_INTERNAL: the wrong number of them, or one of
 * another type than before. RC_TOO_LARGE: octets over what the protocol can carry. */
enum rc pgsql_stmt_types(struct pgsql_stmt *st, struct db_args args, struct err *e);

/* The server has none of them any more. */
void pgsql_stmt_forget_all(struct pgsql_conn *c);

/* For the operator: which statement, without its values. */
const char *pgsql_stmt_short(const char *sql, char text[64]);

#endif
