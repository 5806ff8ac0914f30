#include "fmt/plist.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/tap.h"
#include "fmt/base64.h"

#define HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define TYPE \
	"<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
#define WRAP(x) HEAD TYPE "<plist version=\"1.0\">" x "</plist>\n"

static const struct {
	const char *text, *rule;
	enum rc rc;
} documents[] = {
	/* clang-format off */
	{ WRAP("<dict><key>a</key><string>b</string></dict>"), "Apple's own form", RC_OK },
	{ "<plist><dict/></plist>", "no declaration", RC_OK },
	{ "\xef\xbb\xbf<plist><dict/></plist>", "a byte order mark", RC_OK },
	{ "<!-- c --><plist><dict><!-- <key> --></dict></plist><!-- e -->\n", "comments", RC_OK },
	{ WRAP("<dict><key>a</key><string><![CDATA[<&]]></string></dict>"), "CDATA", RC_OK },
	{ WRAP("<dict><key>a</key><true></true></dict>"), "a flag with an end tag", RC_OK },
	{ "<plist><dict><key>a</key><string/><key>b</key><data/></dict></plist>", "empty values", RC_OK },
	{ "", "nothing in it", RC_BAD_INPUT },
	{ "x", "no XML", RC_BAD_INPUT },
	{ "<dict/>", "no <plist>", RC_BAD_INPUT },
	{ "<plist/>", "an empty <plist>", RC_BAD_INPUT },
	{ WRAP("<array/>"), "a root that is an array", RC_BAD_INPUT },
	{ WRAP("<string>a</string>"), "a root that is text", RC_BAD_INPUT },
	{ WRAP("<dict/><dict/>"), "two roots", RC_BAD_INPUT },
	{ WRAP("<dict/>") "<plist><dict/></plist>", "two lists", RC_BAD_INPUT },
	{ WRAP("<dict/>") "x", "text behind the root", RC_BAD_INPUT },
	{ "x" WRAP("<dict/>"), "text ahead of the root", RC_BAD_INPUT },
	{ WRAP("<dict><key>a</key></dict>"), "a key without a value", RC_BAD_INPUT },
	{ WRAP("<dict><string>a</string></dict>"), "a value without a key", RC_BAD_INPUT },
	{ WRAP("<dict><key>a</key><key>b</key></dict>"), "a key for a value", RC_BAD_INPUT },
	{ WRAP("<dict><key>a</key><dict></plist>"), "a tag that is never closed", RC_BAD_INPUT },
	{ WRAP("<dict><key>a</string></dict>"), "a wrong end tag", RC_BAD_INPUT },
	{ WRAP("<dict><key>a</key><string>b<string/></string></dict>"), "an element inside text", RC_BAD_INPUT },
	{ WRAP("<dict><key>a</key><set/></dict>"), "an unknown element", RC_BAD_INPUT },
	{ WRAP("<dict><key>a</key><string x=\"1\">b</string></dict>"), "an attribute", RC_BAD_INPUT },
	{ WRAP("<dict><key>a</key><true/><key>a</key><false/></dict>"), "a key twice", RC_BAD_INPUT },
	{ WRAP("<dict><key>a</key><true/><key>&#97;</key><false/></dict>"), "a key twice, once escaped", RC_BAD_INPUT },
	{ WRAP("<dict>x</dict>"), "text in a dictionary", RC_BAD_INPUT },
	{ WRAP("<dict><key>a</key><integer>seven</integer></dict>"), "a number in words", RC_BAD_INPUT },
	{ WRAP("<dict><key>a</key><data>A*==</data></dict>"), "data that is not base64", RC_BAD_INPUT },
	{ WRAP("<dict><key>a</key><string>&lol;</string></dict>"), "an entity of its own", RC_BAD_INPUT },
	{ WRAP("<dict><key>a</key><string>&#0;</string></dict>"), "a reference to NUL", RC_BAD_INPUT },
	{ WRAP("<dict><key>a</key><string>&#xd800;</string></dict>"), "a reference to a surrogate", RC_BAD_INPUT },
	{ WRAP("<dict><key>a</key><string>&#x110000;</string></dict>"), "a reference over U+10FFFF", RC_BAD_INPUT },
	{ WRAP("<dict><key>a</key><string>&#;</string></dict>"), "an empty reference", RC_BAD_INPUT },
	{ WRAP("<dict><key>a</key><string>&amp</string></dict>"), "an unfinished entity", RC_BAD_INPUT },
	{ WRAP("<dict><key>a</key><string>\xff</string></dict>"), "invalid UTF-8", RC_BAD_INPUT },
	{ WRAP("<dict><key>a</key><string>\x01</string></dict>"), "a control character (XML 1.0 2.2)", RC_BAD_INPUT },
	{ "<!DOCTYPE plist [<!ENTITY a \"b\">]><plist><dict/></plist>", "an entity declaration", RC_BAD_INPUT },
	{ "<!DOCTYPE plist [ ]><plist><dict/></plist>", "an internal subset", RC_BAD_INPUT },
	{ TYPE TYPE "<plist><dict/></plist>", "two DOCTYPEs", RC_BAD_INPUT },
	{ "<plist><!DOCTYPE plist><dict/></plist>", "a DOCTYPE inside", RC_BAD_INPUT },
	{ "<!ENTITY a \"b\"><plist><dict/></plist>", "a bare entity declaration", RC_BAD_INPUT },
	{ "<plist><dict><?php x?></dict></plist>", "a processing instruction", RC_BAD_INPUT },
	{ "<?xml version=\"1.0\" encoding=\"UTF-16\"?><plist><dict/></plist>", "another encoding", RC_BAD_INPUT },
	{ "<plist><dict/></plist", "half an end tag", RC_BAD_INPUT },
	{ "<plist a=\"><dict/></plist>", "an open quote", RC_BAD_INPUT },
	{ "<!-- <plist><dict/></plist>", "an endless comment", RC_BAD_INPUT },
	/* clang-format on */
};

static struct bytes
repeat(struct arena *a, const char *before, const char *unit, const char *middle, const char *unit_end,
    const char *after, int n)
{
	struct buf b;
	size_t length;
	char *text;

	buf_init(&b, 64u << 20);
	buf_str(&b, before);
	for (int i = 0; i < n; i++)
		buf_str(&b, unit);
	buf_str(&b, middle);
	for (int i = 0; i < n; i++)
		buf_str(&b, unit_end);
	buf_str(&b, after);
	length = b.n;
	text = buf_finish(&b, a);
	return bytes_of(text, length);
}

static struct bytes
nested(struct arena *a, int n)
{
	return repeat(a, "<plist>", "<dict><key>a</key>", "<dict/>", "</dict>", "</plist>", n - 1);
}

static void
test_limits(struct arena *a)
{
	plist_t root;
	struct err e = { 0 };

	ok(plist_parse(a, nested(a, PLIST_DEPTH_MAX), &root, &e) == RC_OK, "a list nested 64 deep is taken");
	ok(plist_parse(a, nested(a, PLIST_DEPTH_MAX + 1), &root, &e) == RC_BAD_INPUT, "65 deep is refused");
	ok(plist_parse(a, nested(a, 500000), &root, &e) == RC_BAD_INPUT,
	    "500,000 deep is refused before the library recurses into it");
	ok(plist_parse(a,
	       repeat(a, "<plist><dict><key>a</key><array>", "<true/>", "", "", "</array></dict></plist>",
		   PLIST_NODES_MAX),
	       &root, &e) == RC_TOO_LARGE,
	    "more than 100,000 nodes are refused");
	ok(plist_parse(a, repeat(a, "<plist><dict/></plist>", " ", "", "", "", 17 << 20), &root, &e) == RC_TOO_LARGE,
	    "more than 16 MB are refused");
}

static void
test_readers(struct arena *a)
{
	static const char text[] = WRAP("<dict><key>s</key><string>a &lt;&amp;&#233;</string><key>d</key><data>\n"
					"\tAAEC/w==\n</data><key>n</key><integer>-5</integer><key>t</key><true/>"
					"<key>o</key><dict><key>x</key><string>y</string></dict><key>l</key>"
					"<array><string>z</string></array></dict>");
	plist_t root;
	struct err e = { 0 };

	ok(plist_parse(a, bytes_str(text), &root, &e) == RC_OK, "a list of every type is taken");
	is_str(plist_text(a, root, "s"), "a <&\xc3\xa9", "text is unescaped");
	ok(bytes_eq(plist_data(a, root, "d"), bytes_of("\0\1\2\xff", 4)), "data is decoded, line ends and all");
	ok(plist_int(root, "n", 0) == -5, "a negative number");
	ok(plist_flag(root, "t", false), "a flag");
	is_str(plist_text(a, plist_dict(root, "o"), "x"), "y", "an inner dictionary");
	ok(plist_array_get_size(plist_array(root, "l")) == 1, "an inner array");
	ok(plist_has(root, "s") && !plist_has(root, "S"), "keys are compared exactly");
	ok(plist_text(a, root, "n") == NULL && plist_data(a, root, "s").p == NULL && plist_int(root, "s", 7) == 7 &&
		plist_flag(root, "n", true) && plist_dict(root, "l") == NULL && plist_array(root, "o") == NULL,
	    "an item of another type is absent");
	ok(plist_text(a, NULL, "s") == NULL && !plist_has(NULL, "s"), "no dictionary, no item");
}

static void
test_writing(struct arena *a)
{
	plist_t root = plist_keep(a, plist_new_dict()), again = NULL;
	struct bytes xml;
	struct err e = { 0 };

	plist_put_text(root, "Text", "<&>\"'\xc3\xa9");
	plist_put_text(root, "Odd", "a\x01\xff\xc3z\n");
	plist_put_data(root, "Data", bytes_of("\0\1", 2));
	plist_put_data(root, "None", bytes_of(NULL, 0));
	plist_put_int(root, "Int", 8191);
	plist_put_int(root, "Negative", -1);
	plist_put_flag(root, "Flag", false);
	plist_put(root, "Inner", plist_new_dict());
	xml = plist_xml(a, root);
	ok(xml.p != NULL && plist_parse(a, xml, &again, &e) == RC_OK, "what we write passes our own guard");
	is_str(plist_text(a, again, "Text"), "<&>\"'\xc3\xa9", "text survives");
	is_str(plist_text(a, again, "Odd"), "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\n",
	    "what XML can't hold is replaced, so that a name can't break a profile");
	ok(bytes_eq(plist_data(a, again, "Data"), bytes_of("\0\1", 2)), "data survives");
	ok(plist_data(a, again, "None").n == 0 && plist_has(again, "None"), "empty data survives");
	ok(plist_int(again, "Int", 0) == 8191 && plist_int(again, "Negative", 0) == -1, "numbers survive");
	ok(!plist_flag(again, "Flag", true), "a flag survives");
	ok(plist_dict(again, "Inner") != NULL, "an empty dictionary survives");
}

int
main(void)
{
	struct arena *a = arena_new(0);
	plist_t root;
	struct err e = { 0 };

	for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
		enum rc rc = plist_parse(a, bytes_str(documents[i].text), &root, &e);

		ok(rc == documents[i].rc && (root != NULL) == (rc == RC_OK), "a list with %s is %s", documents[i].rule,
		    rc_name(documents[i].rc));
	}
	ok(plist_parse(a, bytes_of("<plist><dict/>\0</plist>", 23), &root, &e) == RC_BAD_INPUT, "a NUL is refused");
	test_limits(a);
	test_readers(a);
	test_writing(a);
	arena_free(a);
	return done();
}
