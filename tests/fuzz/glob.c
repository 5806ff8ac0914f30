#include "fmt/glob.h"
#include "fmt/html.h"
#include "fuzz.h"

/* Half of the input is the pattern; the whole is text for a page. */
FUZZ(a, in)
{
	const char *text = arena_strndup(a, (const char *)in.p, in.n);
	struct buf b;

	MUST(glob_match("*", text));
	glob_match(arena_strndup(a, text, strlen(text) / 2), text + strlen(text) / 2);
	buf_init(&b, 1u << 20);
	html_text(&b, text);
	MUST(strpbrk(b.p, "<>\"'") == NULL);
	buf_free(&b);
}
