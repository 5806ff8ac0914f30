#include "fmt/html.h"

#include "fmt/utf8.h"

/* NULL: the character stands for itself. */
static const char *
escaped(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;"; /* &apos; is younger than HTML 4 */
	default:
		return NULL;
	}
}

static bool
is_control(const char *s, size_t n)
{
	unsigned char c = (unsigned char)*s;

	if (n == 1)
		return (c < 0x20 && c != '\t' && c != '\n') || c == 0x7f;
	return n == 2 && c == 0xc2 && (unsigned char)s[1] < 0xa0; /* U+0080 to U+009F */
}

void
html_text(struct buf *b, const char *s)
{
	size_t left = s != NULL ? strlen(s) : 0;

	while (left > 0) {
		size_t n = utf8_length(bytes_of(s, left));
		const char *instead = n == 1 ? escaped(*s) : NULL;

		if (n == 0 || is_control(s, n))
			buf_str(b, "\xef\xbf\xbd");
		else if (instead != NULL)
			buf_str(b, instead);
		else
			buf_add(b, s, n);
		n = n > 0 ? n : 1;
		s += n;
		left -= n;
	}
}

void
html_attribute(struct buf *b, const char *name, const char *value)
{
	if (value == NULL)
		return;
	buf_printf(b, " %s=\"", name);
	html_text(b, value);
	buf_char(b, '"');
}
