/* Reads BoltDB files, as MicroMDM writes them (go.etcd.io/bbolt, file format 2). Reading only, over the octets of a whole
 * file that nobody writes to meanwhile. Everything in the file is taken for hostile: each number is checked before it is
 * followed. Pure.
 *
 * Numbers are in the byte order of the machine that wrote; every one that MicroMDM runs on is little-endian. */
#ifndef MIGRATION_BOLT_H
#define MIGRATION_BOLT_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

struct bolt {
	struct bytes file;
	uint64_t page_size, root; /* octets; the page of the bucket that holds all buckets */
};

/* Find the last transaction that was finished: of the two meta pages the newer one whose sum is right. The file is borrowed.
 * RC_BAD_INPUT: no BoltDB file, or another version of the format. */
enum rc bolt_open(struct bytes file, struct bolt *out, struct err *e);

/* One pair; both borrowed from the file. */
typedef enum rc bolt_fn(void *arg, struct bytes key, struct bytes value);

/* Every pair of a bucket, in the order of their keys; buckets within it are passed over. Ends with the first result of `fn`
 * that is not RC_OK. RC_NOT_FOUND: no such bucket. RC_BAD_INPUT: the file is damaged. */
enum rc bolt_each(const struct bolt *b, const char *bucket, bolt_fn *fn, void *arg, struct err *e);

#endif
