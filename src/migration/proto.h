/* Reads messages of Protocol Buffers, field by field, as far as MicroMDM's have any: varints, octets, and numbers of 4 and 8
 * octets. Groups are refused. Pure; protobuf.dev, "Encoding". */
#ifndef MIGRATION_PROTO_H
#define MIGRATION_PROTO_H

#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

struct proto_field {
	uint32_t number;
	uint64_t value; /* of a number */
	struct bytes octets; /* of text, octets or a message, borrowed; absent for a number */
};

/* The next field of a message; *rest moves behind it. RC_NOT_FOUND: there is none any more. RC_BAD_INPUT: malformed. */
enum rc proto_next(struct bytes *rest, struct proto_field *out, struct err *e);

/* A field's text in `a`, without control characters; NULL: empty, no text, or over 255 octets, which nothing we read is. */
const char *proto_text(struct arena *a, const struct proto_field *f);

#endif
