#include "http/channel.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "http/parse.h"

/* A request's payload by who listens, and was taken over. What is read of it is inside of it, and text that a header may
 * hold; written again it reads the same. */
FUZZ(a, in)
{
	struct http_request r, again;
	int64_t at, at_again;
	char *payload, *copy;
	struct buf b;

	payload = arena_alloc(a, in.n + 1);
	memcpy(payload, in.p, in.n);
	if (!http_channel_get(a, payload, in.n, &r, &at))
		return;
	MUST(r.n_headers >= 0 && r.n_headers <= HTTP_FIELDS_MAX && r.path[0] == '/');
	MUST(r.client_certificate.n + r.body.n <= in.n);
	for (int i = 0; i < r.n_headers; i++)
		MUST(strpbrk(r.headers[i].name, "\r\n: ") == NULL && strpbrk(r.headers[i].value, "\r\n") == NULL);
	buf_init(&b, in.n + 4096);
	http_channel_put(&b, 1, &r, false, at);
	MUST(buf_ok(&b) && b.n == in.n + sizeof(struct http_frame));
	copy = arena_alloc(a, b.n);
	memcpy(copy, b.p + sizeof(struct http_frame), in.n);
	buf_free(&b);
	MUST(http_channel_get(a, copy, in.n, &again, &at_again) && at == at_again && r.n_headers == again.n_headers);
	MUST(strcmp(r.path, again.path) == 0 && strcmp(r.peer, again.peer) == 0 && bytes_eq(r.body, again.body));
}
