/* Reading CBOR (RFC 8949) by hand, for the one document that devices send in it: an attestation object. What
 * WebAuthn asks of one (CTAP2's canonical form) has definite lengths, no tags and no floating point numbers, so
 * anything else is no CBOR here. Nothing is allocated by what a length claims. Pure. */
#ifndef FMT_CBOR_H
#define FMT_CBOR_H

#include "base/bytes.h"

#define CBOR_DEPTH_MAX 8 /* arrays and maps in one another */

enum cbor_kind { /* the major types */
	CBOR_NUMBER = 0,
	CBOR_NEGATIVE = 1,
	CBOR_BYTES = 2,
	CBOR_TEXT = 3,
	CBOR_ARRAY = 4,
	CBOR_MAP = 5,
	CBOR_SIMPLE = 7, /* false 20, true 21, null 22 */
};

struct cbor_item {
	enum cbor_kind kind;
	uint64_t n; /* the number (of CBOR_NEGATIVE: -1 - n), or how many items or pairs there are */
	struct bytes value; /* octets of a text or byte string; the items of an array, the keys and values of a map */
};

/* Take the first item off *rest, with all that is in it. False: there is none, or it is not such CBOR all the way
 * down; *rest stays. */
bool cbor_next(struct bytes *rest, struct cbor_item *out);

/* The value under a text key. False: there is none, or two, or `map` is no map. */
bool cbor_get(const struct cbor_item *map, const char *key, struct cbor_item *out);

#endif
