#include "fmt/html.h"

#include "base/tap.h"

static const struct {
	const char *text, *html, *rule;
} texts[] = {
	{ "<script>alert('1&2')</script>", "&lt;script&gt;alert(&#39;1&amp;2&#39;)&lt;/script&gt;",
	    "tags become text" },
	{ "\" onload=\"x", "&quot; onload=&quot;x", "an attribute can't be left" },
	{ "&amp;", "&amp;amp;", "what looks escaped is escaped" },
	{ "J\xc3\xb6rg \xf0\x9f\x8e\x89\n\t", "J\xc3\xb6rg \xf0\x9f\x8e\x89\n\t", "other characters stay" },
	{ "a\xff<", "a\xef\xbf\xbd&lt;", "a broken octet takes no neighbour with it" },
	{ "\xc3<", "\xef\xbf\xbd&lt;", "half a character takes no neighbour with it" },
	{ "a\x01\x7f\xc2\x85", "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", "control characters are replaced" },
	{ "", "", "nothing is nothing" },
	{ NULL, "", "absent text is nothing" },
};

int
main(void)
{
	struct buf b;

	buf_init(&b, 1000);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		buf_reset(&b);
		html_text(&b, texts[i].text);
		is_str(b.p, texts[i].html, texts[i].rule);
	}
	buf_reset(&b);
	html_attribute(&b, "value", "a\"b");
	html_attribute(&b, "title", NULL);
	is_str(b.p, " value=\"a&quot;b\"", "an attribute is quoted, an absent one left out");
	buf_free(&b);
	return done();
}
