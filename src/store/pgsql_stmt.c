#include "store/pgsql_stmt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/pgsql_value.h"

#define VALUE_MAX (512u << 20) /* octets; a field of the protocol holds 1 GB, and the server doubles it */
#define SLOTS (sizeof((struct pgsql_conn *)NULL)->stmts / sizeof(struct pgsql_stmt *))

/* FNV-1a: statements are ours, so nobody chooses collisions. */
static uint64_t
hash_more(uint64_t hash, const void *p, size_t n)
{
	const unsigned char *octet = p;

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ octet[i]) * 0x100000001b3u;
	return hash;
}

static void
make_name(struct pgsql_stmt *st)
{
	uint64_t hash = hash_more(st->hash, st->types, (size_t)st->about.params * sizeof st->types[0]);

	snprintf(st->name, sizeof st->name, "postern%016llx", (unsigned long long)hash);
	st->prepared = false;
}

static enum rc
make(const char *sql, size_t n, uint64_t hash, struct pgsql_stmt **out, struct err *e)
{
	struct pgsql_stmt *st = calloc(1, sizeof *st + 2 * (n + 1));
	char *text;
	enum rc rc;

	*out = NULL;
	if (st == NULL) {
		fail(e, RC_UNAVAILABLE, "out of memory");
		return RC_UNAVAILABLE;
	}
	memcpy(st->sql, sql, n + 1);
	text = memcpy(st->sql + n + 1, sql, n + 1);
	if ((rc = rewrite_placeholders(text, &st->about, e)) != RC_OK) {
		free(st);
		return rc;
	}
	st->hash = hash;
	st->text = text;
	make_name(st);
	*out = st;
	return RC_OK;
}

enum rc
pgsql_stmt_find(struct pgsql_conn *c, const char *sql, struct pgsql_stmt **out, struct err *e)
{
	size_t n = strlen(sql);
	uint64_t hash = hash_more(0xcbf29ce484222325u, sql, n);
	size_t at = hash % SLOTS;
	enum rc rc;

	for (; (*out = c->stmts[at]) != NULL; at = (at + 1) % SLOTS) {
		if ((*out)->hash == hash && strcmp((*out)->sql, sql) == 0)
			return RC_OK;
	}
	if ((rc = make(sql, n, hash, out, e)) != RC_OK)
		return rc;
	if (c->n_stmts < PGSQL_STMTS_MAX) {
		(*out)->kept = true;
		c->stmts[at] = *out;
		c->n_stmts++;
	}
	return RC_OK;
}

void
pgsql_stmt_release(struct pgsql_stmt *st)
{
	if (st != NULL && !st->kept)
		free(st);
}

void
pgsql_stmt_free_all(struct pgsql_conn *c)
{
	for (size_t i = 0; i < SLOTS; i++) {
		free(c->stmts[i]);
		c->stmts[i] = NULL;
	}
	c->n_stmts = 0;
}

enum rc
pgsql_stmt_types(struct pgsql_stmt *st, struct db_args args, struct err *e)
{
	bool learned = false;
	char text[64];

	if (args.n != st->about.params)
		return fail(e, RC_INTERNAL, "%s: takes %d arguments, got %d", pgsql_stmt_short(st->sql, text),
		    st->about.params, args.n);
	for (int i = 0; i < args.n; i++) {
		Oid type = pgsql_type(args.v[i].type);

		if (args.v[i].type == DB_BLOB && args.v[i].blob.n > VALUE_MAX)
			return fail(e, RC_TOO_LARGE, "a value is larger than %u octets", VALUE_MAX);
		if (type == 0 || type == st->types[i])
			continue;
		if (st->types[i] != 0)
			return fail(e, RC_INTERNAL, "%s: argument %d has another type than before",
			    pgsql_stmt_short(st->sql, text), i + 1);
		st->types[i] = type;
		learned = true;
	}
	if (learned)
		make_name(st);
	return RC_OK;
}

void
pgsql_stmt_forget_all(struct pgsql_conn *c)
{
	for (size_t i = 0; i < SLOTS; i++) {
		if (c->stmts[i] != NULL)
			c->stmts[i]->prepared = false;
	}
}

const char *
pgsql_stmt_short(const char *sql, char text[64])
{
	size_t i;

	for (i = 0; sql[i] != '\0' && i < 59; i++)
		text[i] = sql[i] < ' ' ? ' ' : sql[i];
	memcpy(text + i, sql[i] != '\0' ? "..." : "", sql[i] != '\0' ? 4 : 1);
	return text;
}
