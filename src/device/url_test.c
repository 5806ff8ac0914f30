#include "device/url.h"

#include "base/tap.h"

int
main(void)
{
	static const struct {
		const char *reference, *want;
	} rfc3986[] = {
		/* 5.4, base http://a/b/c/d;p?q */
		{ "g:h", "g:h" },
		{ "g", "http://a/b/c/g" },
		{ "./g", "http://a/b/c/g" },
		{ "g/", "http://a/b/c/g/" },
		{ "/g", "http://a/g" },
		{ "//g", "http://g" },
		{ "?y", "http://a/b/c/d;p?y" },
		{ "g?y", "http://a/b/c/g?y" },
		{ "#s", "http://a/b/c/d;p?q" },
		{ "", "http://a/b/c/d;p?q" },
		{ ".", "http://a/b/c/" },
		{ "..", "http://a/b/" },
		{ "../g", "http://a/b/g" },
		{ "../..", "http://a/" },
		{ "../../g", "http://a/g" },
		{ "../../../g", "http://a/g" },
		{ "/./g", "http://a/g" },
		{ "/../g", "http://a/g" },
		{ "g/./h", "http://a/b/c/g/h" },
		{ "g/../h", "http://a/b/c/h" },
	};
	struct arena *a = arena_new(0);
	const char *callback =
	    "apple-remotemanagement-user-login://authentication-results?access-token=a.b~c&access-token=2";

	for (size_t i = 0; i < sizeof rfc3986 / sizeof *rfc3986; i++)
		is_str(device_url_resolve(a, "http://a/b/c/d;p?q", rfc3986[i].reference), rfc3986[i].want,
		    "a form's action is resolved as RFC 3986 5.4 has it");
	is_str(device_url_resolve(a, "https://h", "x"), "https://h/x", "a base without a path has the root");
	is_str(device_url_encode(a, "ann+x@example.org"), "ann+x@example.org",
	    "D-02: '@' and '+' are sent as they are, as Apple's URL API does");
	is_str(device_url_encode(a, "a&b=c d;#%"), "a%26b%3Dc%20d%3B%23%25", "D-02: what separates items is escaped");
	is_str(device_url_set_query(a, "https://h/p?old=1#f", "user-identifier=x"), "https://h/p?user-identifier=x",
	    "D-09: the query is replaced, whatever it was");
	is_str(device_url_add_query(a, "https://h/p?tenant=1#f", "a=b"), "https://h/p?tenant=1&a=b",
	    "D-10: an existing query is kept");
	is_str(
	    device_url_add_query(a, "https://h/p", "a=b"), "https://h/p?a=b", "a query is begun where there is none");
	is_str(device_url_item(a, callback, "access-token"), "a.b~c", "D-09: the first access-token counts");
	is_str(device_url_item(a, "x:/p?a=1+2%2B3", "a"), "1+2+3", "'+' in a query is plus");
	is_str(device_url_item(a, "x:/p?ab=1", "a"), NULL, "a longer name is another item");
	is_str(device_url_masked(a, callback),
	    "apple-remotemanagement-user-login://authentication-results?access-token=***&access-token=***",
	    "tokens do not reach the story");
	is_str(device_url_masked(a, "x:/p?code=abc&state=5"), "x:/p?code=***&state=5", "codes do not reach the story");
	is_str(device_url_origin(a, "HTTPS://Host.example:443/x"), "https://host.example",
	    "an origin has no default port");
	is_str(device_url_origin(a, "https://h:8443/x"), "https://h:8443", "another port belongs to the origin");
	ok(device_url_is("APPLE-remotemanagement-user-login:/x", "apple-remotemanagement-user-login"),
	    "a scheme is compared without case");
	ok(!device_url_is("apple-remotemanagement-user-login-x:/", "apple-remotemanagement-user-login"),
	    "a longer scheme is another one");
	arena_free(a);
	return done();
}
