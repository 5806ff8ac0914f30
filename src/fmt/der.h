/* Reading DER (X.690) by hand, where decoding everything would cost too much. Strict: tag numbers
 * under 31, definite lengths in their shortest form, nothing past the end. Pure. */
#ifndef FMT_DER_H
#define FMT_DER_H

#include "base/bytes.h"

/* clang-format off */
enum der_tag {
	DER_BOOLEAN = 0x01, DER_INTEGER = 0x02, DER_BIT_STRING = 0x03, DER_OCTET_STRING = 0x04, DER_NULL = 0x05,
	DER_OID = 0x06, DER_UTF8 = 0x0c, DER_PRINTABLE = 0x13, DER_UTC_TIME = 0x17, DER_TIME = 0x18,
	DER_SEQUENCE = 0x30, DER_SET = 0x31,
	DER_CONTEXT_0 = 0xa0, DER_CONTEXT_1 = 0xa1, /* constructed */
};
/* clang-format on */

#define DER_DEPTH_MAX 24

struct der_item {
	uint8_t tag; /* the identifier octet */
	struct bytes value; /* contents */
	struct bytes whole; /* with tag and length */
};

/* Take the first item off *rest. False: there is none, or it is not DER; *rest stays. */
bool der_next(struct bytes *rest, struct der_item *out);

/* The same, and it must have that tag. */
bool der_take(struct bytes *rest, uint8_t tag, struct der_item *out);

/* The next item has that tag. */
bool der_is(struct bytes rest, uint8_t tag);

/* `der` is a run of items that are DER all the way down, at most DER_DEPTH_MAX levels. */
bool der_strict(struct bytes der);

#endif
