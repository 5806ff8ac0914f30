/* A QR code (ISO/IEC 18004) of a short text: byte mode, error correction level M, versions 1 to 10. Pure. */
#ifndef FMT_QR_H
#define FMT_QR_H

#include <stdbool.h>

#include "base/arena.h"

#define QR_TEXT_MAX 213 /* octets that version 10 has room for at level M */

struct qr {
	int size; /* modules of a side, without the quiet zone of four that belongs around it */
	const bool *dark; /* size * size, row by row */
};

/* False: the text is empty, or too long. */
bool qr_make(struct arena *a, const char *text, struct qr *out);

/* Value of an SVG path's "d": each dark module a square of one, from (4, 4) on, so that the picture is size + 8 wide. */
const char *qr_path(struct arena *a, const struct qr *q);

#endif
