/* Text for manual pages, as scdoc(5) reads them. */
#ifndef FMT_SCDOC_H
#define FMT_SCDOC_H

#include "base/buf.h"

/* Text in which nothing is markup; NULL is none. What follows a line's end goes on at `indent`; a line that begins with
 * spaces is an example, and stands by itself, further in. */
void scdoc_text(struct buf *b, const char *text, const char *indent);

#endif
