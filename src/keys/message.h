/* What keys.c asks and serve.c answers: fields in a row, each a length of four octets (little-endian) and what it counts.
 * The same in one process and between two. Who reads does not trust who wrote: a field that is not there makes the whole
 * message bad, which is asked once, at the end. */
#ifndef KEYS_MESSAGE_H
#define KEYS_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/bytes.h"

#define KEYS_MESSAGE_MAX (24u << 20) /* octets: more than any body that is sealed, signed or opened */
#define KEYS_ITEMS_MAX 64 /* of a list: certificates, names, extensions */

void message_int(struct buf *b, int64_t value);
void message_bytes(struct buf *b, struct bytes value); /* absent ones stay absent */
void message_text(struct buf *b, const char *value); /* NULL stays NULL */

struct reading {
	struct bytes rest;
	bool bad;
};

int64_t reading_int(struct reading *r);
int64_t reading_int_to(struct reading *r, int64_t max); /* 0..max */
struct bytes reading_bytes(struct reading *r); /* a view of the message */
const char *reading_text(struct reading *r); /* NULL, or text in the message */

/* A list: its number, then so many. */
void message_list(struct buf *b, const struct bytes *list, int n);
struct bytes *reading_list(struct reading *r, struct arena *a, int *n);

#endif
