#include "fmt/glob.h"

#include <stddef.h>
#include <string.h>

#include "fmt/utf8.h"

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Octets of the character at s; a broken octet counts as one. */
static size_t
character(const char *s)
{
	size_t n = utf8_length(bytes_of(s, strnlen(s, 4)));

	return n > 0 ? n : 1;
}

bool
glob_match(const char *pattern, const char *text)
{
	const char *star = NULL, *resume = NULL; /* the last '*', and where it is to take one more */

	while (*text != '\0') {
		if (*pattern == '*') {
			star = ++pattern;
			resume = text;
		} else if (*pattern == '?') {
			pattern++;
			text += character(text);
		} else if (*pattern != '\0' && lower(*pattern) == lower(*text)) {
			pattern++;
			text++;
		} else if (star != NULL) {
			/* Only the last '*' needs to be tried again: an earlier one that takes more
			 * can't reach what this one can't. That is what keeps it from exploding. */
			pattern = star;
			text = ++resume;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}
