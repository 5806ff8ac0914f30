#include "assignment/oauth1.h"

#include <string.h>

#include "base/buf.h"
#include "crypto/hash.h"
#include "fmt/base64.h"

#define HEADER_MAX 16384

/* RFC 5849 3.4.1.2: the host in lower case, as `struct uri` has it, and no port that the scheme has by itself. */
static const char *
base_url(struct arena *a, const struct uri *u)
{
	int usual = strcmp(u->scheme, "https") == 0 ? 443 : 80;

	return u->port == usual ? arena_printf(a, "%s://%s%s", u->scheme, u->host, u->path)
				: arena_printf(a, "%s://%s:%d%s", u->scheme, u->host, u->port, u->path);
}

const char *
assignment_oauth1(struct arena *a, const char *method, const struct uri *url, const struct assignment_secrets *s,
    int64_t now, const char *nonce)
{
	/* By name, so that they need no sorting (3.4.1.3.2). */
	const char *const items[][2] = {
		{ "oauth_consumer_key", s->consumer_key },
		{ "oauth_nonce", nonce },
		{ "oauth_signature_method", "HMAC-SHA1" },
		{ "oauth_timestamp", arena_printf(a, "%lld", (long long)now) },
		{ "oauth_token", s->access_token },
		{ "oauth_version", "1.0" },
	};
	const char *key = arena_printf(a, "%s&%s", uri_encode(a, s->consumer_secret), uri_encode(a, s->access_secret)),
		   *base;
	struct buf header, all;

	buf_init(&header, HEADER_MAX);
	buf_init(&all, HEADER_MAX);
	buf_str(&header, "OAuth realm=\"ADM\"");
	for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) {
		const char *value = uri_encode(a, items[i][1]);

		buf_printf(&all, "%s%s=%s", i > 0 ? "&" : "", items[i][0], value);
		buf_printf(&header, ", %s=\"%s\"", items[i][0], value);
	}
	base = arena_printf(a, "%s&%s&%s", method, uri_encode(a, base_url(a, url)), uri_encode(a, buf_finish(&all, a)));
	buf_printf(&header, ", oauth_signature=\"%s\"",
	    uri_encode(a, base64_encode(a, crypto_hmac_sha1(a, bytes_str(key), bytes_str(base)))));
	return buf_finish(&header, a);
}
