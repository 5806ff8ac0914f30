#include "fmt/json.h"

#include <stdlib.h>

#include "base/tap.h"

static const struct {
	const char *text, *rule;
	enum rc rc;
} documents[] = {
	{ "{\"a\":1}", "an object", RC_OK },
	{ " [1, 2] \n", "white space around the value (RFC 8259 2)", RC_OK },
	{ "\"text\"", "a value that is no object (RFC 8259 2)", RC_OK },
	{ "", "an empty document", RC_BAD_INPUT },
	{ "{\"a\":1,\"a\":2}", "a key twice: two readers would disagree (RFC 8259 4)", RC_BAD_INPUT },
	{ "{\"a\":{\"b\":1,\"b\":2}}", "a key twice, further in", RC_BAD_INPUT },
	{ "{\"a\":1} x", "octets behind the value", RC_BAD_INPUT },
	{ "{\"a\":1}{\"b\":1}", "a second value", RC_BAD_INPUT },
	{ "{\"a\":\"x\\u0000y\"}", "NUL in text", RC_BAD_INPUT },
	{ "{\"a\\u0000\":1}", "NUL in a key", RC_BAD_INPUT },
	{ "{\"a\":\"\xff\"}", "invalid UTF-8 (RFC 8259 8.1)", RC_BAD_INPUT },
	{ "{\"a\":\"\\ud800\"}", "a lone surrogate", RC_BAD_INPUT },
	{ "{'a':1}", "single quotes", RC_BAD_INPUT },
	{ "{\"a\":1,}", "a trailing comma", RC_BAD_INPUT },
	{ "{\"a\":NaN}", "NaN", RC_BAD_INPUT },
	{ "{\"a\":01}", "a leading zero", RC_BAD_INPUT },
	{ "{\"a\"", "an unfinished object", RC_BAD_INPUT },
};

static enum rc
parse_nested(struct arena *a, int depth)
{
	char text[1024] = "";
	json_t *root;

	for (int i = 0; i < depth; i++) {
		text[i] = '[';
		text[2 * depth - 1 - i] = ']';
	}
	return json_parse(a, bytes_str(text), &root, NULL);
}

int
main(void)
{
	struct arena *a = arena_new(0);
	struct err e = { 0 };
	json_t *root;
	struct bytes text;
	char *deep;

	for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
		enum rc rc = json_parse(a, bytes_str(documents[i].text), &root, &e);

		ok(rc == documents[i].rc && (root != NULL) == (rc == RC_OK), "JSON with %s is %s", documents[i].rule,
		    rc_name(documents[i].rc));
	}
	ok(parse_nested(a, JSON_DEPTH_MAX) == RC_OK, "JSON nested 64 deep is taken");
	ok(parse_nested(a, JSON_DEPTH_MAX + 1) == RC_BAD_INPUT, "JSON nested 65 deep is refused");
	ok(json_parse(a, bytes_str("[\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[\"]"),
	       &root, &e) == RC_OK,
	    "brackets inside text don't nest");
	deep = malloc(4000000);
	memset(deep, '[', 4000000);
	ok(json_parse(a, bytes_of(deep, 4000000), &root, &e) == RC_BAD_INPUT, "JSON nested 4,000,000 deep is refused");
	free(deep);
	ok(json_parse(a, bytes_of("{\"a\0\":1}", 8), &root, &e) == RC_BAD_INPUT, "a NUL octet is refused");

	json_parse(a, bytes_str("{\"s\":\"text\",\"n\":42,\"f\":1.5,\"z\":null}"), &root, &e);
	is_str(json_get_text(root, "s"), "text", "a member's text");
	is_str(json_get_text(root, "n"), NULL, "a number is not text");
	is_str(json_get_text(root, "absent"), NULL, "no member, no text");
	is_str(json_get_text(NULL, "s"), NULL, "no object, no text");
	ok(json_get_int(root, "n", -1) == 42, "a member's number");
	ok(json_get_int(root, "f", -1) == -1, "1.5 is not an integer");

	root = json_keep(a, json_pack("{s:s, s:[i,i]}", "k", "\"<\n\xc3\xa9", "l", 1, 2));
	text = json_text(a, root, 0);
	is_str((const char *)text.p, "{\"k\":\"\\\"<\\n\xc3\xa9\",\"l\":[1,2]}", "text is compact and escaped");
	ok(text.n == strlen((const char *)text.p), "its length leaves the terminator out");
	text = json_text(a, root, 2);
	ok(strstr((const char *)text.p, "\n  \"k\": ") != NULL, "an indent prints it pretty");
	arena_free(a);
	return done();
}
