#include <strings.h>

#include "fmt/plist.h"
#include "fmt/plist_guard.h"
#include "fmt/utf8.h"

/* The elements of Apple's PropertyList-1.0.dtd and what their text may be. */
enum kind { K_PLIST, K_DICT, K_ARRAY, K_KEY, K_STRING, K_DATA, K_INTEGER, K_REAL, K_DATE, K_BOOL };

static const struct element {
	const char *name;
	size_t n; /* octets of the name */
	enum kind kind;
	const char *alphabet; /* characters of its text besides white space; NULL: any */
} elements[] = {
#define NAME(text) text, sizeof text - 1
	/* clang-format off */
	{ NAME("plist"),   K_PLIST,   "" },
	{ NAME("dict"),    K_DICT,    "" },
	{ NAME("array"),   K_ARRAY,   "" },
	{ NAME("key"),     K_KEY,     NULL },
	{ NAME("string"),  K_STRING,  NULL },
	{ NAME("data"),    K_DATA,    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=" },
	{ NAME("integer"), K_INTEGER, "0123456789abcdefABCDEFxX+-" },
	{ NAME("real"),    K_REAL,    "0123456789abcdefinABCDEFINtyTY.+-" },
	{ NAME("date"),    K_DATE,    "0123456789-:TZ" },
	{ NAME("true"),    K_BOOL,    "" },
	{ NAME("false"),   K_BOOL,    "" },
/* clang-format on */
#undef NAME
};

struct reader {
	const char *p, *end;
	const struct element *open[PLIST_DEPTH_MAX + 2]; /* <plist> and PLIST_DEPTH_MAX inside it */
	bool key_waits[PLIST_DEPTH_MAX + 2]; /* a <key> of this dictionary has no value yet */
	int depth, nodes, roots;
	bool doctype;
	struct err *e;
};

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool
starts(const struct reader *r, const char *text)
{
	size_t n = strlen(text);

	return (size_t)(r->end - r->p) >= n && memcmp(r->p, text, n) == 0;
}

/* Step behind the next `text`; NULL when there is none, else where it began. */
static const char *
skip_past(struct reader *r, const char *text)
{
	size_t n = strlen(text);
	const char *found = memmem(r->p, (size_t)(r->end - r->p), text, n);

	if (found != NULL)
		r->p = found + n;
	return found;
}

static enum rc
bad(struct reader *r, const char *what)
{
	return fail(r->e, RC_BAD_INPUT, "not a property list: %s", what);
}

/* XML 1.0 2.2 leaves out most control characters; without this a NUL would end text early. */
static bool
is_xml_text(struct bytes b)
{
	uint8_t bad = 0;

	for (size_t i = 0; i < b.n; i++) { /* without a branch, many octets at a time */
		uint8_t c = b.p[i], control = c < 0x20, space = (c == '\t') | (c == '\n') | (c == '\r');

		bad |= (uint8_t)(control & ~space);
	}
	return bad == 0 && utf8_valid(b);
}

/* "&...;" at r->p: the five names and character references, nothing else. */
static enum rc
entity(struct reader *r)
{
	static const char *const names[] = { "&amp;", "&lt;", "&gt;", "&quot;", "&apos;" };
	unsigned long value = 0;
	int base = 10, digits = 0;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (starts(r, names[i])) {
			r->p += strlen(names[i]);
			return RC_OK;
		}
	}
	if (!starts(r, "&#"))
		return bad(r, "an entity that XML does not define");
	r->p += 2;
	if (starts(r, "x")) {
		base = 16;
		r->p++;
	}
	for (; r->p < r->end && *r->p != ';'; r->p++) {
		static const char hex[] = "0123456789abcdef";
		const char *digit = memchr(hex, *r->p | 0x20, (size_t)base);

		if (*r->p >= '0' && *r->p <= '9')
			value = value * (unsigned)base + (unsigned)(*r->p - '0');
		else if (digit != NULL && base == 16)
			value = value * 16 + (unsigned)(digit - hex);
		else
			return bad(r, "a broken character reference");
		if (++digits > 6) /* the library takes eight characters of reference at most */
			return bad(r, "a broken character reference");
	}
	if (r->p >= r->end || digits == 0)
		return bad(r, "a broken character reference");
	r->p++;
	if ((value < 0x20 && value != '\t' && value != '\n' && value != '\r') || (value >= 0xd800 && value <= 0xdfff) ||
	    value > 0x10ffff)
		return bad(r, "a reference to a character that XML does not have");
	return RC_OK;
}

/* Text up to the next tag, checked against the alphabet of the element it is in. */
static enum rc
text(struct reader *r, const struct element *in)
{
	const char *alphabet = in == NULL ? "" : in->alphabet;
	const char *stop = memchr(r->p, '<', (size_t)(r->end - r->p)), *mark;
	enum rc rc = RC_OK;

	if (stop == NULL)
		stop = r->end;
	if (alphabet == NULL) {
		while (rc == RC_OK && (mark = memchr(r->p, '&', (size_t)(stop - r->p))) != NULL) {
			r->p = mark;
			rc = entity(r);
		}
	} else {
		while (r->p < stop && (is_space(*r->p) || strchr(alphabet, *r->p) != NULL))
			r->p++;
		if (r->p < stop && *r->p == '&')
			return bad(r, "an entity where no text belongs");
		if (r->p < stop)
			return bad(r, "text where none or other belongs");
	}
	if (rc == RC_OK)
		r->p = stop;
	return rc;
}

/* Between angle brackets, nothing that opens another construct, and quotes in pairs: the library looks
 * for the end of a tag outside of quotes, we look for the first '>'. */
static bool
is_plain(const char *p, const char *stop)
{
	bool quoted = false;

	for (; p < stop; p++) {
		if (*p == '<' || *p == '[' || (*p == '/' && !quoted))
			return false;
		quoted ^= *p == '"';
	}
	return !quoted;
}

/* "<!DOCTYPE ...>" once, ahead of the root, without an internal subset: no entity can be declared. */
static enum rc
doctype(struct reader *r)
{
	const char *begin = r->p, *end = skip_past(r, ">");

	if (r->doctype || r->roots > 0 || r->depth > 0 || end == NULL)
		return bad(r, "a misplaced DOCTYPE");
	if (!is_plain(begin + 1, end))
		return bad(r, "a DOCTYPE with declarations of its own is refused");
	r->doctype = true;
	return RC_OK;
}

/* Comments, CDATA, DOCTYPE; r->p is at "<!". */
static enum rc
declaration(struct reader *r)
{
	const struct element *in = r->depth > 0 ? r->open[r->depth - 1] : NULL;

	if (starts(r, "<!--")) {
		r->p += 4;
		return skip_past(r, "-->") == NULL ? bad(r, "an endless comment") : RC_OK;
	}
	if (starts(r, "<![CDATA[")) {
		if (in == NULL || in->alphabet != NULL)
			return bad(r, "CDATA where no text belongs");
		return skip_past(r, "]]>") == NULL ? bad(r, "an endless CDATA section") : RC_OK;
	}
	if (starts(r, "<!DOCTYPE"))
		return doctype(r);
	return bad(r, "a declaration of its own is refused");
}

static const struct element *
find_element(const char *name, size_t n)
{
	for (size_t i = 0; i < sizeof elements / sizeof elements[0]; i++) {
		if (elements[i].n == n && memcmp(elements[i].name, name, n) == 0)
			return &elements[i];
	}
	return NULL;
}

/* May `what` stand here? Dictionaries alternate between <key> and value. */
static enum rc
place(struct reader *r, const struct element *what)
{
	const struct element *in = r->depth > 0 ? r->open[r->depth - 1] : NULL;
	bool *key_waits = r->depth > 0 ? &r->key_waits[r->depth - 1] : NULL;

	if (in == NULL)
		return what->kind == K_PLIST && r->roots++ == 0 ? RC_OK : bad(r, "the root is not one <plist>");
	switch (in->kind) {
	case K_PLIST:
		if (what->kind != K_DICT || *key_waits)
			return bad(r, "the root is not one dictionary");
		*key_waits = true; /* here: the dictionary has been */
		return RC_OK;
	case K_DICT:
		if (what->kind == K_PLIST || (what->kind == K_KEY) == *key_waits)
			return bad(r, "a dictionary is not pairs of key and value");
		*key_waits = !*key_waits;
		return RC_OK;
	case K_ARRAY:
		return what->kind == K_PLIST || what->kind == K_KEY ? bad(r, "a key in an array") : RC_OK;
	default:
		return bad(r, "an element inside a value");
	}
}

static enum rc
close_element(struct reader *r, const struct element *what)
{
	if (r->depth == 0 || r->open[r->depth - 1] != what)
		return bad(r, "tags do not match");
	r->depth--;
	if (what->kind == K_DICT && r->key_waits[r->depth])
		return bad(r, "a key without a value");
	if (what->kind == K_PLIST && !r->key_waits[r->depth])
		return bad(r, "no dictionary in it");
	return RC_OK;
}

/* What stands between a tag's name and its '>': white space, or attributes where those are taken. */
static bool
is_tag_end(const char *p, const char *stop, bool attributes)
{
	if (p < stop && !is_space(*p))
		return false;
	if (attributes)
		return is_plain(p, stop);
	while (p < stop && is_space(*p))
		p++;
	return p == stop;
}

/* "<name>", "<name/>" or "</name>" at r->p. Only <plist> has an attribute. */
static enum rc
tag(struct reader *r)
{
	bool closing = starts(r, "</"), empty;
	const char *name = r->p + (closing ? 2 : 1), *end = name, *stop;
	const struct element *what;
	enum rc rc;

	while (end < r->end && *end >= 'a' && *end <= 'z')
		end++;
	if ((what = find_element(name, (size_t)(end - name))) == NULL)
		return bad(r, "an element that property lists do not have");
	if ((stop = memchr(end, '>', (size_t)(r->end - end))) == NULL)
		return bad(r, "a tag without its end");
	r->p = stop + 1;
	empty = !closing && stop > end && stop[-1] == '/';
	if (empty)
		stop--;
	if (!is_tag_end(end, stop, what->kind == K_PLIST && !closing))
		return bad(r, "a broken tag, or an attribute");
	if (closing)
		return close_element(r, what);
	if (++r->nodes > PLIST_NODES_MAX)
		return fail(r->e, RC_TOO_LARGE, "a property list of more than %d nodes", PLIST_NODES_MAX);
	if ((rc = place(r, what)) != RC_OK)
		return rc;
	if (r->depth > PLIST_DEPTH_MAX)
		return fail(r->e, RC_BAD_INPUT, "a property list nested deeper than %d", PLIST_DEPTH_MAX);
	r->open[r->depth] = what;
	r->key_waits[r->depth++] = false;
	return empty ? close_element(r, what) : RC_OK;
}

/* "<?xml ...?>" at the start only; the library ignores its encoding, so only UTF-8 may be said. */
static enum rc
prolog(struct reader *r)
{
	const char *begin = r->p, *end, *encoding;

	if (!starts(r, "<?xml"))
		return RC_OK;
	if ((end = skip_past(r, "?>")) == NULL || memchr(begin + 1, '<', (size_t)(end - begin - 1)) != NULL)
		return bad(r, "a broken XML declaration");
	encoding = memmem(begin, (size_t)(end - begin), "encoding", 8);
	if (encoding == NULL)
		return RC_OK;
	for (const char *s = encoding; s < end; s++) {
		if (end - s >= 5 && strncasecmp(s, "utf-8", 5) == 0)
			return RC_OK;
		if (end - s >= 8 && strncasecmp(s, "us-ascii", 8) == 0)
			return RC_OK;
	}
	return bad(r, "its encoding is not UTF-8");
}

enum rc
plist_guard_xml(struct bytes document, int *nodes, struct err *e)
{
	struct reader r = { .p = (const char *)document.p, .end = (const char *)document.p + document.n, .e = e };
	enum rc rc = RC_OK;

	if (document.n > PLIST_SIZE_MAX)
		return fail(e, RC_TOO_LARGE, "a property list of more than %u octets", PLIST_SIZE_MAX);
	if (!is_xml_text(document))
		return bad(&r, "it is not UTF-8 text");
	rc = prolog(&r);
	while (rc == RC_OK && r.p < r.end) {
		const struct element *in = r.depth > 0 ? r.open[r.depth - 1] : NULL;

		if (*r.p != '<')
			rc = text(&r, in);
		else if (starts(&r, "<!"))
			rc = declaration(&r);
		else if (starts(&r, "<?"))
			rc = bad(&r, "a processing instruction is refused");
		else
			rc = tag(&r);
	}
	*nodes = r.nodes - 1; /* <plist> is none */
	if (rc == RC_OK && (r.depth != 0 || r.roots != 1))
		rc = bad(&r, "it ends too early");
	return rc;
}
