/* What administrators did, and whose data they read: rows that are added and never changed.
 *
 * Each row has the SHA-256 of the row before and of itself, so a row that was changed, taken out or put in is found.
 * The head (how many rows there are, and the digest of the last) carries a MAC whose key is sealed with DIR's "seal":
 * who can write to the database alone can't cut off the end either. Names stand beside the chain: rows have a salted
 * digest of a name, and of what a change was about, so that a person can be erased and the chain still holds. */
#ifndef AUDIT_AUDIT_H
#define AUDIT_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/call.h"

#define AUDIT_PAGE 500 /* rows of a listing, at most */
#define AUDIT_DETAIL_MAX (32 * 1024) /* octets of what a change was about */
#define AUDIT_QUIET_S 60 /* the same reading by the same actor within so long adds no row */

struct audit_entry {
	const char *actor; /* "uid 1000", "token ci", "eliza@betterbag.com", "scim Directory" */
	const char *way; /* socket, token, session, scim, init, server */
	const char *organization_id; /* NULL: of the whole server, or not known */
	const char *action; /* "PATCH /users/{user}" */
	const char *object; /* kind and id; never a person's name. NULL: a listing, or what there is not */
	const char *person; /* user identifier of whom it concerns; NULL: nobody, or person_id says it */
	const char *person_id; /* as an earlier row has it: set by audit_add, and taken from there where it is set */
	const char *outcome; /* "begun", "done", or rc_name of a refusal */
	const char *detail; /* JSON; NULL: none */
	int64_t begun; /* seq of the row that said that it would be tried; 0: none did */
	int64_t again; /* readings that an earlier row stood for, beside its own */
	int64_t seq; /* out */
};

/* Add one row, as a unit by itself; never inside one. RC_UNAVAILABLE: it is not kept, and neither must be what it is
 * about. RC_NOT_FOUND: the key "seal" is missing. RC_TOO_LARGE: the detail. */
enum rc audit_add(struct call *c, struct audit_entry *e);

/* Add a row for a reading, unless the same actor did the same within AUDIT_QUIET_S: then it is counted, and the count
 * goes into a later row. */
enum rc audit_read(struct call *c, struct audit_entry *e);

/* ---- looking ---- */

struct audit_row {
	int64_t seq, at, begun, again;
	const char *actor, *way, *organization_id, *action, *object, *person, *outcome; /* actor, person: ids */
	struct bytes detail, hash, previous; /* previous: absent in what audit_list gives newest first */
	const char *actor_name, *person_name; /* NULL: erased, or nobody */
	const char *text; /* the detail; NULL: none, or erased */
};

struct audit_filter {
	const char *person, *actor; /* names */
	const char *object, *organization_id;
	int64_t since, until; /* Unix seconds; 0: any */
	int64_t before; /* seq: newest first, only rows before it; 0: the newest */
	bool oldest; /* oldest first instead, only rows */
	int64_t after; /* behind this seq */
	int limit; /* rows; 0: AUDIT_PAGE */
};

/* At most f->limit rows, and AUDIT_PAGE. */
enum rc audit_list(struct call *c, const struct audit_filter *f, struct audit_row **out, int *n);

/* Where the chain is: *seq 0, and *hash absent, where there is no row yet. */
enum rc audit_head(struct call *c, int64_t *seq, struct bytes *hash);

struct audit_verdict {
	int64_t from; /* where the next page begins; 0: all was looked at */
	int64_t last; /* seq of the head */
	int64_t rows; /* looked at in this page */
	int64_t wrong; /* seq of the row that is wrong; 0: none, or the head */
	const char *why; /* what is wrong; NULL: nothing */
};

/* Look at a page of the chain from seq `from` (0: its beginning). What is wrong is a result, in out->why. */
enum rc audit_verify(struct call *c, int64_t from, struct audit_verdict *out);
/* Does the chain go through that digest (64 hexadecimal digits) at that row, as somebody noted? Likewise. */
enum rc audit_verify_noted(struct call *c, int64_t seq, const char *hash, struct audit_verdict *out);

/* ---- what time and people take away ---- */

/* Rows older than `before`, at most some hundred of them: a row says up to where, and the chain begins behind it.
 * *rows: how many went. */
enum rc audit_prune(struct call *c, int64_t before, int *rows);

/* Forget these names (NULL-terminated; not regarding ASCII case) and what is said of them or of `object` in details. Rows stay, each name a digest
 * that nothing leads back from; a row says which details and names went. */
enum rc audit_forget(struct call *c, const struct audit_entry *by, const char *object, const char *const *names);

#endif
