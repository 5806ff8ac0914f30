/* Patterns with '*' (any run) and '?' (any one character), for rules and listings. Pure. */
#ifndef FMT_GLOB_H
#define FMT_GLOB_H

#include <stdbool.h>

/* Does all of `text` match, without regard to the case of ASCII letters? At most
 * strlen(pattern) * strlen(text) steps, whatever the pattern is. Other characters match themselves. */
bool glob_match(const char *pattern, const char *text);

#endif
