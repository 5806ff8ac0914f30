/* How rows hang together. Room-private. */
#ifndef AUDIT_CHAIN_H
#define AUDIT_CHAIN_H

#include "audit/audit.h"

#define CHAIN_HASH 32 /* octets of SHA-256 */

/* The columns of audit, in the order of chain_read. */
#define CHAIN_COLUMNS \
	"a.seq, a.at, a.actor, a.way, a.organization_id, a.action, a.object, a.person, a.outcome, a.begun, a.again," \
	" a.detail, a.hash"
struct db_rows;
void chain_read(const struct db_rows *r, int row, struct audit_row *out);

/* SHA-256 over the digest of the row before and this row's columns as netstrings ("3:abc,"; NULL is "~"), in the
 * order of CHAIN_COLUMNS without `hash`, octets as hexadecimal digits. Pure. */
struct bytes chain_hash(struct arena *a, struct bytes previous, const struct audit_row *row);

/* A salted digest: SHA-256 over the salt and the text. Pure. */
struct bytes chain_digest(struct arena *a, struct bytes salt, const char *text);
/* A name's, as rows have it: base64url. Pure. */
const char *chain_name_id(struct arena *a, struct bytes salt, const char *name);
struct bytes chain_salt(struct arena *a); /* 16 random octets */

struct chain_head {
	int64_t seq, start; /* the last row; the first one that is kept */
	struct bytes hash, start_hash; /* of the last row; of the one before the first */
	bool sealed; /* its MAC is right */
};

/* The MAC's key: made by whoever comes first. Not inside a unit. */
enum rc chain_key(struct call *c, struct bytes *key);
/* *there false: there is none, and out is the beginning of a chain. */
enum rc chain_head_get(struct call *c, struct bytes key, struct chain_head *out, bool *there);
/* Inside a unit. A head whose MAC was wrong stays so: what was forged is not sealed by going on. */
enum rc chain_head_put(struct call *c, struct bytes key, const struct chain_head *h);

/* audit_add's work, inside a unit. The row is added behind *h. */
enum rc chain_add(struct call *c, struct chain_head *h, struct audit_entry *e);

#endif
