#include "http/proxy.h"

#include <string.h>
#include <strings.h>

#include "crypto/hash.h"
#include "fmt/sf.h"

#define HOPS_MAX 32 /* of X-Forwarded-For and Forwarded; the nearest ones count */

/* ---- fields ---- */

static const char *const never_seen[] = { "Client-Cert", "Client-Cert-Chain", "Postern-Proxy-Secret" };

/* Whether the peer may say who the client is by certificate. */
static bool
vouched(const struct http_proxy_rules *rules, const struct http_addr *from, const struct http_request *r)
{
	const char *said = http_header(r, "Postern-Proxy-Secret");

	if (r->door != HTTP_DOOR_PLAIN)
		return false;
	if (said != NULL)
		return rules->secret != NULL && rules->secret[0] != '\0' && http_trust_has(rules->trust, from) &&
		       crypto_equal(said, rules->secret);
	return rules->lab && http_addr_loopback(from);
}

/* RFC 9440 2.1: the DER as a byte sequence of RFC 8941. */
static int
client_cert(struct arena *a, const char *value, struct http_request *r)
{
	if (sf_bytes(a, value, &r->client_certificate, NULL) != RC_OK)
		return 400;
	r->certificate_from_proxy = true;
	return 0;
}

static void
remove_fields(struct arena *a, struct http_request *r)
{
	struct http_header *kept = arena_array(a, (size_t)r->n_headers, sizeof *kept);
	int n = 0;

	for (int i = 0; i < r->n_headers; i++) {
		bool drop = false;

		for (size_t k = 0; k < sizeof never_seen / sizeof never_seen[0]; k++)
			drop = drop || http_is_named(&r->headers[i], never_seen[k]);
		if (!drop)
			kept[n++] = r->headers[i];
	}
	r->headers = kept;
	r->n_headers = n;
}

/* ---- hops ---- */

struct hops {
	const char *node[HOPS_MAX]; /* nearest to the client first, as written */
	int n;
	const char *proto; /* the last one named, lower case as written */
};

static void
push(struct hops *h, const char *node)
{
	if (h->n == HOPS_MAX) {
		memmove(h->node, h->node + 1, sizeof h->node - sizeof h->node[0]);
		h->n--;
	}
	h->node[h->n++] = node;
}

static const char *
trimmed(struct arena *a, const char *s, size_t n)
{
	while (n > 0 && (*s == ' ' || *s == '\t'))
		s++, n--;
	while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'))
		n--;
	return arena_strndup(a, s, n);
}

static void
each_item(struct arena *a, const char *value, char separator, struct hops *h,
    void (*fn)(struct arena *, const char *, struct hops *))
{
	while (*value != '\0') {
		size_t n = 0;
		bool quoted = false;

		for (; value[n] != '\0' && (quoted || value[n] != separator); n++) {
			if (value[n] == '"')
				quoted = !quoted;
		}
		fn(a, trimmed(a, value, n), h);
		value += n + (value[n] != '\0');
	}
}

/* An address as a hop writes it: with a port, in brackets, in quotes. */
static struct http_addr
node_addr(struct arena *a, const char *node)
{
	size_t n = strlen(node);
	const char *colon;

	if (n >= 2 && node[0] == '"' && node[n - 1] == '"') {
		node++;
		n -= 2;
	}
	if (n > 0 && node[0] == '[') {
		const char *end = memchr(node, ']', n);

		if (end == NULL)
			return (struct http_addr){ 0 };
		return http_addr_parse(arena_strndup(a, node + 1, (size_t)(end - node) - 1));
	}
	colon = memchr(node, ':', n);
	if (colon != NULL && memchr(colon + 1, ':', n - (size_t)(colon + 1 - node)) == NULL)
		n = (size_t)(colon - node);
	return http_addr_parse(arena_strndup(a, node, n));
}

static void
plain_hop(struct arena *a, const char *item, struct hops *h)
{
	(void)a;
	push(h, item);
}

static void
plain_proto(struct arena *a, const char *item, struct hops *h)
{
	(void)a;
	h->proto = item;
}

static void
forwarded_pair(struct arena *a, const char *pair, struct hops *h)
{
	(void)a;
	if (strncasecmp(pair, "for=", 4) == 0)
		h->node[h->n - 1] = pair + 4;
	else if (strncasecmp(pair, "proto=", 6) == 0)
		h->proto = pair + 6;
}

static void
forwarded_element(struct arena *a, const char *element, struct hops *h)
{
	push(h, "unknown"); /* an element without for= hides its hop */
	h->proto = NULL; /* the last hop's, or none */
	each_item(a, element, ';', h, forwarded_pair);
}

/* clang-format off */
static const struct {
	const char *name;
	char separator;
	void (*fn)(struct arena *, const char *, struct hops *);
} sources[] = {
	{ "X-Forwarded-For",   ',', plain_hop },
	{ "X-Forwarded-Proto", ',', plain_proto },
	{ "Forwarded",         ',', forwarded_element },
};
/* clang-format on */

static void
gather(struct arena *a, const struct http_request *r, int source, struct hops *h)
{
	for (int i = 0; i < r->n_headers; i++) {
		if (http_is_named(&r->headers[i], sources[source].name))
			each_item(a, r->headers[i].value, sources[source].separator, h, sources[source].fn);
	}
}

/* A proxy of ours sets one of the two and passes on the other as the client sent it; nginx and HAProxy
 * set the X- ones, so these win where both are there. */
static void
client_address(struct arena *a, const struct http_trust *trust, struct http_request *r)
{
	struct hops named = { 0 }, forwarded = { 0 };
	const struct hops *h = &named;
	char *text;

	gather(a, r, 0, &named);
	gather(a, r, 1, &named);
	gather(a, r, 2, &forwarded);
	if (named.n == 0)
		h = &forwarded;
	if (named.proto != NULL)
		r->secure = strcasecmp(named.proto, "https") == 0;
	else if (named.n == 0 && forwarded.proto != NULL)
		r->secure = strcasecmp(forwarded.proto, "https") == 0 || strcasecmp(forwarded.proto, "\"https\"") == 0;
	for (int i = h->n - 1; i >= 0; i--) {
		struct http_addr hop = node_addr(a, h->node[i]);

		if (!hop.known)
			return; /* hidden or no address: the hop before it is the last one we know */
		text = arena_alloc(a, HTTP_ADDR_TEXT);
		http_addr_text(&hop, text);
		r->peer = text;
		if (!http_trust_has(trust, &hop))
			return;
	}
}

int
http_proxy_apply(
    struct arena *a, const struct http_proxy_rules *rules, const struct http_addr *from, struct http_request *r)
{
	const char *cert = http_header(r, "Client-Cert");
	int status = 0;

	if (cert != NULL && vouched(rules, from, r))
		status = client_cert(a, cert, r);
	if (r->door == HTTP_DOOR_PLAIN && http_trust_has(rules->trust, from))
		client_address(a, rules->trust, r);
	for (int i = 0; i < (int)(sizeof never_seen / sizeof never_seen[0]); i++) {
		if (http_header(r, never_seen[i]) != NULL) {
			remove_fields(a, r);
			break;
		}
	}
	return status;
}
