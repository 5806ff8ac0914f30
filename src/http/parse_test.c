#include "http/parse.h"

#include "base/buf.h"
#include "base/tap.h"

/* The status that a whole header block gets, 0 for one that is fine; -1 when it has no end. The block is
 * fed in pieces of `step` octets. */
static int
head(struct arena *a, const char *text, size_t n, size_t step, struct http_head *h)
{
	struct http_scan scan = { 0 };
	size_t used = 0;
	int status = 0;

	for (size_t i = 0; i < n && status == 0; i += step) {
		size_t k = n - i < step ? n - i : step;

		status = http_scan_feed(&scan, text + i, k, &used);
	}
	if (status != 1)
		return status == 0 ? -1 : status;
	return http_head_parse(a, arena_strndup(a, text, scan.n), scan.n, h);
}

/* clang-format off */
static const struct {
	int status;
	const char *text, *rule;
} heads[] = {
	{ 0,   "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "a plain request is taken" },
	{ 0,   "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "one empty line before it is ignored (RFC 9112 2.2)" },
	{ 400, "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "two are refused" },
	{ 400, "GET / HTTP/1.1\nHost: a\n\n", "bare LF is refused" },
	{ 400, "GET / HTTP/1.1\r\nHost: a\r\nA: b\rC: d\r\n\r\n", "bare CR is refused" },
	{ 400, "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\r\n\r\n", "CR CR LF is refused" },
	{ 400, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "two spaces in the request line are refused" },
	{ 400, "GET /\tHTTP/1.1\r\nHost: a\r\n\r\n", "a tab in the request line is refused" },
	{ 400, "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "a space after the version is refused" },
	{ 400, " GET / HTTP/1.1\r\nHost: a\r\n\r\n", "a space before the method is refused" },
	{ 400, "GET /\r\nHost: a\r\n\r\n", "HTTP/0.9 is refused" },
	{ 400, "GET / http/1.1\r\nHost: a\r\n\r\n", "the protocol's name is upper case" },
	{ 400, "GET / HTTP/1.10\r\nHost: a\r\n\r\n", "a version is one digit each (RFC 9112 2.3)" },
	{ 505, "PRI * HTTP/2.0\r\n\r\n", "the preface of HTTP/2 is refused" },
	{ 505, "GET / HTTP/1.2\r\nHost: a\r\n\r\n", "HTTP/1.2 is refused" },
	{ 501, "get / HTTP/1.1\r\nHost: a\r\n\r\n", "methods are case-sensitive (RFC 9110 9.1)" },
	{ 501, "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", "CONNECT is not known" },
	{ 400, "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", "a method is a token" },
	{ 400, "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 without Host is refused (RFC 9112 3.2)" },
	{ 0,   "GET / HTTP/1.0\r\n\r\n", "HTTP/1.0 may come without Host" },
	{ 400, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "a second Host is refused" },
	{ 400, "GET / HTTP/1.1\r\nHost: a\r\nhOST: b\r\n\r\n", "names of fields have no case" },
	{ 400, "GET / HTTP/1.1\r\nHost: \r\n\r\n", "an empty Host is refused" },
	{ 400, "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "a list of hosts is refused" },
	{ 400, "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", "user information in Host is refused" },
	{ 400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "a path in Host is refused" },
	{ 400, "GET / HTTP/1.1\r\nHost: a:x\r\n\r\n", "a port is digits" },
	{ 0,   "GET / HTTP/1.1\r\nHost: [::1]:8443\r\n\r\n", "an IPv6 host is taken" },
	{ 400, "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", "an open bracket is refused" },
	{ 400, "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "a space before the colon is refused (RFC 9112 5.1)" },
	{ 400, "GET / HTTP/1.1\r\nHost: a\r\nA\tB: c\r\n\r\n", "a tab in a name is refused" },
	{ 400, "GET / HTTP/1.1\r\nHost: a\r\n: c\r\n\r\n", "an empty name is refused" },
	{ 400, "GET / HTTP/1.1\r\nHost: a\r\nnothing\r\n\r\n", "a line without a colon is refused" },
	{ 400, "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n c\r\n\r\n", "a folded line is refused (RFC 9112 5.2)" },
	{ 400, "GET / HTTP/1.1\r\n Host: a\r\n\r\n", "white space before the first field is refused" },
	{ 400, "GET / HTTP/1.1\r\nHost: a\r\nA: b\001\r\n\r\n", "a control octet in a value is refused" },
	{ 400, "GET / HTTP/1.1\r\nHost: a\r\nA: b\177\r\n\r\n", "DEL in a value is refused" },
	{ 0,   "GET / HTTP/1.1\r\nHost: a\r\nA: gr\303\274n\r\n\r\n", "UTF-8 in a value is taken" },
	{ 400, "GET / HTTP/1.1\r\nHost: a\r\nA: gr\374n\r\n\r\n", "other octets over 0x7f are refused: values are text" },
	{ 400, "GET / HTTP/1.1\r\nHost: a\r\nA: \300\257\r\n\r\n", "overlong UTF-8 is refused" },
	{ 400, "GET / HTTP/1.1\r\nHost: a\r\n\303\274: b\r\n\r\n", "a name is ASCII" },
	{ 0,   "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", "a length is taken" },
	{ 400, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n", "+5 is no length (RFC 9110 8.6)" },
	{ 400, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n", "-5 is no length" },
	{ 400, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\n", "0x5 is no length" },
	{ 400, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5 5\r\n\r\n", "5 5 is no length" },
	{ 400, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n", "a list of lengths is refused" },
	{ 400, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", "an empty length is refused" },
	{ 400, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", "a repeated length is refused" },
	{ 400, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "both lengths are refused (RFC 9112 6.1)" },
	{ 0,   "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "chunked is taken" },
	{ 400, "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n", "exactly `chunked` is" },
	{ 400, "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "another coding is refused" },
	{ 400, "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", "identity is refused" },
	{ 400, "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "a repeated coding is refused" },
	{ 400, "PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "a coding in HTTP/1.0 is refused" },
	{ 400, "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \013chunked\r\n\r\n", "a vertical tab before chunked is refused" },
	{ 400, "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\nAuthorization: Bearer y\r\n\r\n", "a second Authorization is refused" },
	{ 400, "GET / HTTP/1.1\r\nHost: a\r\nClient-Cert: :AA==:\r\nclient-cert: :AA==:\r\n\r\n", "a second Client-Cert is refused" },
	{ 400, "GET / HTTP/1.1\r\nHost: a\r\nMdm-Signature: x\r\nMdm-Signature: x\r\n\r\n", "a second Mdm-Signature is refused" },
	{ 417, "PUT / HTTP/1.1\r\nHost: a\r\nExpect: magic\r\nContent-Length: 1\r\n\r\n", "an unknown expectation is refused" },
	{ -1,  "GET / HTTP/1.1\r\nHost: a\r\n", "an unfinished block has no end" },
};

static const struct {
	int status; /* 1: complete */
	const char *text, *body, *rule;
} chunks[] = {
	{ 1,   "3\r\nabc\r\n0\r\n\r\n", "abc", "a chunk and the last chunk" },
	{ 1,   "3;a=b;c=\"d\"\r\nabc\r\n0;x\r\n\r\n", "abc", "chunk extensions are ignored (RFC 9112 7.1.1)" },
	{ 1,   "1\r\na\r\n2\r\nbc\r\n0\r\nA: b\r\nC: d\r\n\r\n", "abc", "trailer fields are dropped" },
	{ 1,   "00A\r\n0123456789\r\n000\r\n\r\n", "0123456789", "leading zeros, upper-case digits" },
	{ 0,   "3\r\nab", "ab", "half a chunk is not the end" },
	{ 400, "0x3\r\nabc\r\n0\r\n\r\n", "", "0x3 is no chunk size" },
	{ 400, "+3\r\nabc\r\n0\r\n\r\n", "", "+3 is no chunk size" },
	{ 400, "3 \r\nabc\r\n0\r\n\r\n", "", "a space after the size is refused" },
	{ 400, "\r\nabc\r\n0\r\n\r\n", "", "an empty size is refused" },
	{ 400, ";a\r\nabc\r\n0\r\n\r\n", "", "an extension without a size is refused" },
	{ 400, "3\nabc\n0\n\n", "", "bare LF after the size is refused" },
	{ 400, "3;a\nabc\r\n0\r\n\r\n", "", "bare LF in an extension is refused" },
	{ 400, "3\r\nabcd\r\n0\r\n\r\n", "abc", "more data than announced is refused" },
	{ 400, "3\r\nabc0\r\n\r\n", "abc", "a chunk without its line end is refused" },
	{ 400, "3\r\nabc\r\r\n0\r\n\r\n", "abc", "CR CR LF is refused" },
	{ 413, "21\r\n", "", "a chunk over the limit is refused when announced" },
	{ 413, "20\r\n0123456789abcdef0123456789abcdef\r\n1\r\n", "0123456789abcdef0123456789abcdef", "so are chunks that pass it together" },
	{ 413, "ffffffffffffffff\r\n", "", "the largest size does not wrap" },
	{ 400, "00000000000000001\r\n", "", "a size of 17 digits is refused" },
	{ 400, "0\r\nA b: c\r\n\r\n", "", "a trailer field is checked like others" },
	{ 400, "0\r\nabc\r\n\r\n", "", "a trailer line without a colon is refused" },
	{ 400, "0\r\n: c\r\n\r\n", "", "a trailer without a name is refused" },
	{ 400, "0\r\n A: c\r\n\r\n", "", "a folded trailer is refused" },
};
/* clang-format on */

static int
chunked(const char *text, size_t n, size_t step, char *body, size_t *used_all)
{
	struct http_chunks c = { 0 };
	struct bytes data;
	size_t at = 0, used, out = 0;
	int status = 0;

	while (at < n && status == 0) {
		size_t k = n - at < step ? n - at : step;

		status = http_chunks_feed(&c, text + at, k, 32, &used, &data);
		if (data.n > 0)
			memcpy(body + out, data.p, data.n);
		out += data.n;
		at += used;
	}
	body[out] = '\0';
	*used_all = at;
	return status;
}

/* `begin`, then a run of n octets, then `end`. */
static void
filled(struct buf *b, const char *begin, int n, const char *end)
{
	buf_reset(b);
	buf_str(b, begin);
	while (n-- > 0)
		buf_char(b, 'x');
	buf_str(b, end);
}

static void
limits(struct arena *a)
{
	struct http_head h;
	struct buf b;

	buf_init(&b, 200000);
	filled(&b, "GET / HTTP/1.1\r\nHost: a\r\nA: ", 100000, "");
	ok(head(a, b.p, b.n, 1000, &h) == 431, "a field of 100 kB is refused while it comes");
	filled(&b, "GET /", 100000, "");
	ok(head(a, b.p, b.n, 1000, &h) == 414, "so is a target");
	filled(&b, "GET /", 9000, " HTTP/1.1\r\nHost: a\r\n\r\n");
	ok(head(a, b.p, b.n, b.n, &h) == 414, "a target over 8 kB is refused");
	buf_reset(&b);
	buf_str(&b, "GET / HTTP/1.1\r\nHost: a\r\n");
	for (int i = 0; i < HTTP_FIELDS_MAX; i++)
		buf_str(&b, "A: b\r\n");
	buf_str(&b, "\r\n");
	ok(head(a, b.p, b.n, 500, &h) == 431, "more than %d fields are refused", HTTP_FIELDS_MAX);
	buf_free(&b);
}

int
main(void)
{
	struct arena *a = arena_new(0);
	struct http_head h;
	char body[256];
	size_t used;

	for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
		size_t n = strlen(heads[i].text);
		int whole = head(a, heads[i].text, n, n, &h), single = head(a, heads[i].text, n, 1, &h);

		if (!ok(whole == heads[i].status && single == whole, "%s", heads[i].rule))
			printf("#   whole: %d, octet by octet: %d, want %d\n", whole, single, heads[i].status);
	}
	ok(head(a, "GET / HTTP/1.1\r\nHost: a\r\nA: \0b\r\n\r\n", 34, 34, &h) == 400, "NUL is refused");
	for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
		size_t n = strlen(chunks[i].text);
		int whole = chunked(chunks[i].text, n, n, body, &used);

		ok(whole == chunks[i].status && strcmp(body, chunks[i].body) == 0, "%s", chunks[i].rule);
		ok(chunked(chunks[i].text, n, 1, body, &used) == whole && strcmp(body, chunks[i].body) == 0,
		    "%s, octet by octet", chunks[i].rule);
	}
	chunked("0\r\n\r\nGET", 8, 8, body, &used);
	ok(used == 5, "what follows a body is the next request");
	limits(a);

	head(a,
	    "PUT /p?q HTTP/1.1\r\nHost: ExAmple.com:8443\r\nConnection: keep-alive , CLOSE\r\nContent-Length: 12\r\n"
	    "Expect: 100-Continue\r\nA:\t b c \t\r\n\r\n",
	    131, 131, &h);
	is_str(h.host, "example.com", "Host comes out in lower case without its port");
	ok(h.close, "`close` is found in a list");
	ok(h.length == 12 && !h.chunked && h.expect, "length and expectation are read");
	ok(h.n_fields == 5 && strcmp(h.fields[4].value, "b c") == 0, "white space around a value is taken off");
	head(a, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n", 68, 68, &h);
	ok(h.length == INT64_MAX, "a length over 63 bits is too large for any route, not small");
	arena_free(a);
	return done();
}
