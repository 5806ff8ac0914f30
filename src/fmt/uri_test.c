#include "fmt/uri.h"

#include "base/tap.h"

static const struct {
	const char *text, *host, *path, *query, *rule;
} targets[] = {
	/* clang-format off */
	{ "/", NULL, "/", NULL, "origin-form (RFC 9112 3.2.1)" },
	{ "/mdm/acme/checkin?a=b&c", NULL, "/mdm/acme/checkin", "a=b&c", "a path and a query" },
	{ "/a?", NULL, "/a", "", "an empty query is not an absent one" },
	{ "/a?x=/../y", NULL, "/a", "x=/../y", "dots and slashes in a query are data" },
	{ "/a%40b", NULL, "/a%40b", NULL, "a path stays encoded" },
	{ "/.well-known/com.apple.remotemanagement", NULL, "/.well-known/com.apple.remotemanagement", NULL, "a dot that begins a name" },
	{ "/a/...", NULL, "/a/...", NULL, "three dots are a name" },
	{ "http://Example.COM:8080/x?y", "example.com", "/x", "y", "absolute-form (RFC 9112 3.2.2)" },
	{ "https://example.com", "example.com", "/", NULL, "absolute-form without a path" },
	{ "https://example.com?q", "example.com", "/", "q", "absolute-form with a query only" },
	{ "https://[::1]:8443/x", "[::1]", "/x", NULL, "an IPv6 host" },
	{ "", NULL, NULL, NULL, "an empty target" },
	{ "*", NULL, NULL, NULL, "asterisk-form" },
	{ "a/b", NULL, NULL, NULL, "no leading slash" },
	{ "/a#b", NULL, NULL, NULL, "a fragment" },
	{ "/a b", NULL, NULL, NULL, "a space" },
	{ "/a\tb", NULL, NULL, NULL, "a control octet" },
	{ "/a\x7f", NULL, NULL, NULL, "DEL" },
	{ "/\xc3\xa9", NULL, NULL, NULL, "an octet over 0x7e" },
	{ "//a", NULL, NULL, NULL, "two slashes at the start" },
	{ "/a//b", NULL, NULL, NULL, "two slashes" },
	{ "/a/", NULL, "/a/", NULL, "a slash at the end" },
	{ "/a/./b", NULL, NULL, NULL, "a dot segment" },
	{ "/a/..", NULL, NULL, NULL, "two dots at the end" },
	{ "/a/%2e%2E/b", NULL, NULL, NULL, "encoded dots" },
	{ "/a/.%2e", NULL, NULL, NULL, "half encoded dots" },
	{ "/a%2Fb", NULL, NULL, NULL, "an encoded slash" },
	{ "/a%5cb", NULL, NULL, NULL, "an encoded backslash" },
	{ "/a\\b", NULL, NULL, NULL, "a backslash" },
	{ "/a%00", NULL, NULL, NULL, "an encoded NUL" },
	{ "/a%4", NULL, NULL, NULL, "a broken encoding at the end" },
	{ "/a%zz", NULL, NULL, NULL, "a broken encoding" },
	{ "/a?b=%", NULL, NULL, NULL, "a broken encoding in the query" },
	{ "http:///x", NULL, NULL, NULL, "absolute-form without a host" },
	{ "http://u@example.com/", NULL, NULL, NULL, "user information" },
	{ "ftp://example.com/", NULL, NULL, NULL, "another scheme" },
	/* clang-format on */
};

static void
test_targets(struct arena *a)
{
	for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
		struct uri_target t;
		struct err e;
		enum rc rc = uri_target_parse(a, bytes_str(targets[i].text), &t, &e);

		if (targets[i].path == NULL) {
			ok(rc == RC_BAD_INPUT, "a request target with %s is refused", targets[i].rule);
			continue;
		}
		ok(rc == RC_OK, "a request target with %s is taken", targets[i].rule);
		is_str(t.path, targets[i].path, "... its path");
		is_str(t.query, targets[i].query, "... its query");
		is_str(t.host, targets[i].host, "... its host");
	}
	{
		struct uri_target t;

		ok(uri_target_parse(a, bytes_of("/a\0b", 4), &t, NULL) == RC_BAD_INPUT, "a NUL octet is refused");
	}
}

static const struct {
	const char *text, *scheme, *host;
	int port;
	const char *path, *query;
} urls[] = {
	/* clang-format off */
	{ "https://mdm.example.com", "https", "mdm.example.com", 443, "/", NULL },
	{ "HTTP://MDM.Example.com:80/a?b#c", "http", "mdm.example.com", 80, "/a", "b" },
	{ "https://[2001:DB8::1]:8443/", "https", "[2001:db8::1]", 8443, "/", NULL },
	{ "https://example.com:/x", "https", "example.com", 443, "/x", NULL },
	{ "https://example.com?b=1", "https", "example.com", 443, "/", "b=1" },
	{ "https://", NULL, NULL, 0, NULL, NULL },
	{ "https:///x", NULL, NULL, 0, NULL, NULL },
	{ "https://:443/", NULL, NULL, 0, NULL, NULL },
	{ "https://example.com:0/", NULL, NULL, 0, NULL, NULL },
	{ "https://example.com:65536/", NULL, NULL, 0, NULL, NULL },
	{ "https://example.com:99999999999999999999/", NULL, NULL, 0, NULL, NULL },
	{ "https://example.com:4x3/", NULL, NULL, 0, NULL, NULL },
	{ "https://a:b@example.com/", NULL, NULL, 0, NULL, NULL },
	{ "https://example.com\\@evil.example/", NULL, NULL, 0, NULL, NULL },
	{ "https://exa mple.com/", NULL, NULL, 0, NULL, NULL },
	{ "https://[::1/", NULL, NULL, 0, NULL, NULL },
	{ "https://[x]/", NULL, NULL, 0, NULL, NULL },
	{ "apple-remotemanagement-user-login://x", NULL, NULL, 0, NULL, NULL },
	{ "example.com", NULL, NULL, 0, NULL, NULL },
	{ "https://example.com/\xc3\xa9", NULL, NULL, 0, NULL, NULL },
	/* clang-format on */
};

static void
test_urls(struct arena *a)
{
	for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
		struct uri u;
		struct err e;
		enum rc rc = uri_parse(a, urls[i].text, &u, &e);

		if (urls[i].scheme == NULL) {
			ok(rc == RC_BAD_INPUT, "no usable URL: %s", urls[i].text);
			continue;
		}
		ok(rc == RC_OK && u.port == urls[i].port, "a URL: %s", urls[i].text);
		is_str(u.scheme, urls[i].scheme, "... its scheme");
		is_str(u.host, urls[i].host, "... its host");
		is_str(u.path, urls[i].path, "... its path");
		is_str(u.query, urls[i].query, "... its query");
	}
}

static void
test_items(struct arena *a)
{
	struct uri_items items;
	struct err e;

	is_str(uri_encode(a, "aZ9-._~ +@\xc3\xa9"), "aZ9-._~%20%2B%40%C3%A9",
	    "only unreserved characters stay (RFC 3986 2.3)");
	is_str(uri_decode(a, bytes_str("a%20b+c"), false), "a b+c", "S-03: '+' in a query is a plus");
	is_str(uri_decode(a, bytes_str("a%20b+c"), true), "a b c", "'+' in a form is a space");
	is_str(uri_decode(a, bytes_str("%zz"), false), NULL, "a broken encoding is refused");
	is_str(uri_decode(a, bytes_str("%4"), false), NULL, "half an encoding is refused");
	is_str(uri_decode(a, bytes_str("a%00b"), false), NULL, "an encoded NUL is refused");
	is_str(uri_decode(a, bytes_of("a\0b", 3), false), NULL, "a NUL is refused");
	is_str(uri_decode(a, bytes_str("%c0%af"), false), NULL, "overlong UTF-8 is refused (RFC 3629 3)");
	is_str(uri_decode(a, bytes_str("%ed%a0%80"), false), NULL, "a surrogate is refused (RFC 3629 3)");
	is_str(uri_decode(a, bytes_str("%f4%90%80%80"), false), NULL, "a character over U+10FFFF is refused");
	is_str(uri_decode(a, bytes_str("%f0%9f%8e%89"), false), "\xf0\x9f\x8e\x89", "four octets of UTF-8 are taken");

	ok(uri_items_parse(a, bytes_str("user-identifier=a%2Bb%40example.com&model-family=iPhone"), false, 8, &items,
	       &e) == RC_OK &&
		items.n == 2,
	    "S-03: a discovery query");
	is_str(uri_item(&items, "user-identifier"), "a+b@example.com", "S-03: %40 is decoded");
	uri_items_parse(a, bytes_str("user-identifier=a+b@example.com"), false, 8, &items, &e);
	is_str(uri_item(&items, "user-identifier"), "a+b@example.com", "S-03: literal '@' and '+' are kept");
	is_str(uri_item(&items, "model-family"), NULL, "S-03: an item may be missing");
	ok(uri_items_parse(a, bytes_str(""), false, 8, &items, &e) == RC_OK && items.n == 0, "no query, no items");
	ok(uri_items_parse(a, bytes_of(NULL, 0), false, 8, &items, &e) == RC_OK, "an absent query has no items");
	uri_items_parse(a, bytes_str("&a=1&&b&a=2&=c&d=e=f&"), false, 8, &items, &e);
	ok(items.n == 5, "empty items count for nothing (WHATWG URL 5.1)");
	is_str(uri_item(&items, "a"), "1", "the first of two wins");
	is_str(uri_item(&items, "b"), "", "a name without '=' has the empty value");
	is_str(uri_item(&items, ""), "c", "an empty name is a name");
	is_str(uri_item(&items, "d"), "e=f", "only the first '=' separates");
	ok(uri_items_parse(a, bytes_str("a&b&c"), false, 2, &items, &e) == RC_TOO_LARGE,
	    "items over the limit are refused");
	ok(uri_items_parse(a, bytes_str("a&b"), false, 2, &items, &e) == RC_OK, "items at the limit are taken");
	ok(uri_items_parse(a, bytes_str("a=%"), false, 2, &items, &e) == RC_BAD_INPUT,
	    "an item badly encoded is refused");
}

static const struct {
	const char *text, *user, *domain;
} identifiers[] = {
	{ "jane@example.com", "jane", "example.com" },
	{ "jane@home@Example.COM", "jane@home", "example.com" }, /* the last '@' */
	{ "j+x@example.com.", "j+x", "example.com." },
	{ "j\xc3\xb6rg@example.com", "j\xc3\xb6rg", "example.com" },
	{ "@example.com", NULL, NULL },
	{ "jane@", NULL, NULL },
	{ "jane", NULL, NULL },
	{ "", NULL, NULL },
	{ "jane@example", NULL, NULL },
	{ "jane@192.0.2.1", NULL, NULL },
	{ "jane@[::1]", NULL, NULL },
	{ "ja\nne@example.com", NULL, NULL },
	{ "jane@exa_mple.com", NULL, NULL },
	{ "\xff@example.com", NULL, NULL },
};

static const struct {
	const char *name;
	bool good;
} names[] = {
	{ "example.com", true },
	{ "example.com.", true },
	{ "a.b", true },
	{ "xn--mnchen-3ya.example", true },
	{ "1.example", true },
	{ "example.c0m", true },
	{ "example", false },
	{ "example..com", false },
	{ ".example.com", false },
	{ "example.com..", false },
	{ "-a.com", false },
	{ "a-.com", false },
	{ "192.0.2.1", false },
	{ "a b.com", false },
	{ "", false },
	{ ".", false },
};

static void
test_identifiers(struct arena *a)
{
	const char *user, *domain;
	struct err e;
	char label[80], longest[300];

	for (size_t i = 0; i < sizeof identifiers / sizeof identifiers[0]; i++) {
		enum rc rc = uri_identifier_split(a, identifiers[i].text, &user, &domain, &e);

		ok(rc == (identifiers[i].user != NULL ? RC_OK : RC_BAD_INPUT), "an identifier is user@fqdn: \"%.20s\"",
		    strchr(identifiers[i].text, '\n') != NULL ? "with a line end" : identifiers[i].text);
		is_str(user, identifiers[i].user, "... before the last '@'");
		is_str(domain, identifiers[i].domain, "... behind it, in lower case");
	}
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		ok(uri_is_fqdn(names[i].name) == names[i].good, "\"%s\" is %s FQDN (protocol 2.1)", names[i].name,
		    names[i].good ? "an" : "no");
	memset(label, 'a', sizeof label);
	memcpy(label + 64, ".com", 5);
	ok(!uri_is_fqdn(label), "a label of 64 octets is refused");
	ok(uri_is_fqdn(label + 1), "a label of 63 octets is taken");
	memset(longest, 'u', sizeof longest);
	memcpy(longest + 254 - 12, "@example.com", 13);
	ok(uri_identifier_split(a, longest, &user, &domain, &e) == RC_OK, "254 octets are taken");
	memcpy(longest + 255 - 12, "@example.com", 13);
	longest[255 - 13] = 'u';
	ok(uri_identifier_split(a, longest, &user, &domain, &e) == RC_BAD_INPUT, "255 octets are refused");
}

int
main(void)
{
	struct arena *a = arena_new(0);

	test_targets(a);
	test_urls(a);
	test_items(a);
	test_identifiers(a);
	arena_free(a);
	return done();
}
