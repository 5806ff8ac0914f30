#include "http/parse.h"

#include <string.h>

#include "fmt/uri.h"
#include "fuzz.h"

/* A message as it arrives: the first octet says where the rest is cut in two. */
static int
scan(struct bytes in, size_t cut, size_t *end)
{
	struct http_scan s = { 0 };
	size_t used = 0;
	int status = http_scan_feed(&s, (const char *)in.p, cut, &used);

	*end = used;
	if (status != 0)
		return status;
	status = http_scan_feed(&s, (const char *)in.p + cut, in.n - cut, &used);
	*end = cut + used;
	return status;
}

static int
chunks(struct bytes in, size_t cut, size_t *end)
{
	struct http_chunks c = { 0 };
	struct bytes data;
	size_t used, done = 0, total = 0;
	int status = 0;

	while (status == 0 && done < in.n) {
		size_t stop = done < cut ? cut : in.n;

		status = http_chunks_feed(&c, (const char *)in.p + done, stop - done, 4096, &used, &data);
		MUST(status > 1 || (used <= stop - done && data.n <= used));
		MUST(status != 0 || used > 0);
		done += used;
		total += status <= 1 ? data.n : 0;
		MUST(total <= 4096);
	}
	*end = done;
	return status;
}

FUZZ(a, in)
{
	struct http_head head;
	struct uri_target target;
	struct err e;
	size_t cut, whole, split;

	if (in.n < 2)
		return;
	cut = in.p[0];
	in = bytes_of(in.p + 1, in.n - 1);
	cut = cut < in.n ? cut : in.n;
	/* Where octets are cut by the network changes nothing. */
	int status = scan(in, 0, &whole);
	MUST(scan(in, cut, &split) == status && (status != 1 || split == whole));
	if (status != 1)
		return;
	MUST(whole <= in.n && whole <= HTTP_HEAD_MAX);
	if (http_head_parse(a, arena_strndup(a, (const char *)in.p, whole), whole, &head) != 0)
		return;
	MUST(head.n_fields <= HTTP_FIELDS_MAX && head.length >= 0 && (!head.chunked || head.length == 0));
	for (int i = 0; i < head.n_fields; i++)
		MUST(strpbrk(head.fields[i].name, "\r\n: ") == NULL && strpbrk(head.fields[i].value, "\r\n") == NULL);
	uri_target_parse(a, head.target, &target, &e);
	in = bytes_of(in.p + whole, in.n - whole);
	if (head.chunked) {
		status = chunks(in, in.n, &whole);
		MUST(chunks(in, cut < in.n ? cut : in.n, &split) == status);
		MUST(status != 1 || whole == split);
	}
}
