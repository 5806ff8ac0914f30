/* HTML text and attribute values from untrusted text. Pure. */
#ifndef FMT_HTML_H
#define FMT_HTML_H

#include "base/buf.h"

/* Append `s` so that it is text, whatever it holds: & < > " ' are escaped, which makes it safe between
 * tags and between the quotes of an attribute (not as a URL's scheme, nor in scripts or styles). Control
 * characters and what is not UTF-8 become U+FFFD. NULL appends nothing. */
void html_text(struct buf *b, const char *s);

/* ` name="value"`, or nothing when value is NULL. `name` is ours. */
void html_attribute(struct buf *b, const char *name, const char *value);

#endif
