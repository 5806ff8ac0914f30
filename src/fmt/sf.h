/* Structured field values (RFC 8941): the one item that Client-Cert (RFC 9440) is. Pure. */
#ifndef FMT_SF_H
#define FMT_SF_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

/* A byte sequence ":base64:" to octets, in `a`. Parameters behind it are ignored (RFC 9440 2.1 defines
 * none). RC_BAD_INPUT: anything else, also an empty sequence or a list. */
enum rc sf_bytes(struct arena *a, const char *text, struct bytes *out, struct err *e);

/* The other way, for a client that plays a proxy. */
char *sf_bytes_write(struct arena *a, struct bytes value);

#endif
