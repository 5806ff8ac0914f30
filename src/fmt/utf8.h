/* Is it UTF-8? (RFC 3629: no overlong forms, no surrogates, nothing over U+10FFFF.) Pure. */
#ifndef FMT_UTF8_H
#define FMT_UTF8_H

#include "base/bytes.h"

/* NUL octets are UTF-8; who must refuse them asks separately. */
bool utf8_valid(struct bytes text);

/* Octets of the first character, 1 to 4; 0 when the text is empty or does not begin with one. */
size_t utf8_length(struct bytes text);

#endif
