#include "http/proxy.h"

#include "base/tap.h"

#define CERT \
	{ \
		"Client-Cert", ":AAAA:" \
	}
#define SECRET \
	{ \
		"Postern-Proxy-Secret", "s3cret" \
	}

/* clang-format off */
static const struct {
	enum http_door door;
	const char *from, *secret;
	bool lab;
	struct http_header h[4];
	int status;
	bool counts;
	const char *rule;
} certs[] = {
	{ HTTP_DOOR_PLAIN, "10.1.2.3",  "s3cret", false, { CERT, SECRET }, 0, true,  "a certificate from a trusted proxy with the secret counts" },
	{ HTTP_DOOR_PLAIN, "10.1.2.3",  "s3cret", false, { CERT }, 0, false, "without the secret it does not" },
	{ HTTP_DOOR_PLAIN, "10.1.2.3",  "s3cret", false, { CERT, { "Postern-Proxy-Secret", "s3creT" } }, 0, false, "nor with a wrong one" },
	{ HTTP_DOOR_PLAIN, "10.1.2.3",  NULL,     false, { CERT, SECRET }, 0, false, "nor where none is configured" },
	{ HTTP_DOOR_PLAIN, "10.1.2.3",  "",       false, { CERT, { "Postern-Proxy-Secret", "" } }, 0, false, "nor where an empty one is" },
	{ HTTP_DOOR_PLAIN, "192.0.2.1", "s3cret", false, { CERT, SECRET }, 0, false, "nor from an address that is not trusted" },
	{ HTTP_DOOR_TLS,   "10.1.2.3",  "s3cret", false, { CERT, SECRET }, 0, false, "nor at the TLS listener" },
	{ HTTP_DOOR_MTLS,  "10.1.2.3",  "s3cret", false, { CERT, SECRET }, 0, false, "nor at the mTLS listener" },
	{ HTTP_DOOR_UNIX,  "",          "s3cret", false, { CERT, SECRET }, 0, false, "nor on the admin socket" },
	{ HTTP_DOOR_PLAIN, "127.0.0.1", NULL,     true,  { CERT }, 0, true,  "--lab needs no secret from loopback" },
	{ HTTP_DOOR_PLAIN, "::1",       NULL,     true,  { CERT }, 0, true,  "nor from IPv6 loopback" },
	{ HTTP_DOOR_PLAIN, "10.1.2.3",  NULL,     true,  { CERT }, 0, false, "but from elsewhere" },
	{ HTTP_DOOR_TLS,   "127.0.0.1", NULL,     true,  { CERT }, 0, false, "and not at the TLS listener" },
	{ HTTP_DOOR_PLAIN, "127.0.0.1", NULL,     true,  { CERT, { "Postern-Proxy-Secret", "x" } }, 0, false, "a wrong secret does not count in a lab either" },
	{ HTTP_DOOR_PLAIN, "10.1.2.3",  "s3cret", false, { { "Client-Cert", "AAAA" }, SECRET }, 400, false, "a Client-Cert without colons is refused (RFC 9440 2.1)" },
	{ HTTP_DOOR_PLAIN, "10.1.2.3",  "s3cret", false, { { "Client-Cert", ":A-_A:" }, SECRET }, 400, false, "base64url is refused" },
	{ HTTP_DOOR_PLAIN, "10.1.2.3",  "s3cret", false, { { "Client-Cert", "::" }, SECRET }, 400, false, "an empty one is refused" },
};

static const struct {
	const char *from;
	struct http_header h[4];
	const char *peer;
	bool secure;
	const char *rule;
} hops[] = {
	{ "10.1.2.3",  { { 0 } }, "10.1.2.3", false, "without a field the peer is the proxy" },
	{ "192.0.2.1", { { "X-Forwarded-For", "198.51.100.7" }, { "X-Forwarded-Proto", "https" } }, "192.0.2.1", false, "an address that is not trusted is not believed" },
	{ "10.1.2.3",  { { "X-Forwarded-For", "198.51.100.7" }, { "X-Forwarded-Proto", "https" } }, "198.51.100.7", true, "X-Forwarded-For and -Proto" },
	{ "10.1.2.3",  { { "X-Forwarded-For", "203.0.113.9, 198.51.100.7 , 10.9.9.9" } }, "198.51.100.7", false, "the last hop that is not trusted, whatever the client wrote before it" },
	{ "10.1.2.3",  { { "X-Forwarded-For", "203.0.113.9" }, { "X-Forwarded-For", "198.51.100.7" } }, "198.51.100.7", false, "two lines are one list" },
	{ "10.1.2.3",  { { "X-Forwarded-For", "10.4.4.4, 10.9.9.9" } }, "10.4.4.4", false, "where all are trusted, the first" },
	{ "10.1.2.3",  { { "X-Forwarded-For", "203.0.113.9, nonsense" } }, "10.1.2.3", false, "what is no address hides the hops before it" },
	{ "10.1.2.3",  { { "X-Forwarded-For", "[2001:db8::7]:4711" } }, "2001:db8::7", false, "IPv6 with a port" },
	{ "10.1.2.3",  { { "X-Forwarded-For", "198.51.100.7:99" } }, "198.51.100.7", false, "IPv4 with a port" },
	{ "10.1.2.3",  { { "X-Forwarded-For", "2001:db8::7" } }, "2001:db8::7", false, "IPv6 without brackets" },
	{ "10.1.2.3",  { { "Forwarded", "for=203.0.113.9, for=\"[2001:db8::7]:99\";proto=https" } }, "2001:db8::7", true, "Forwarded (RFC 7239)" },
	{ "10.1.2.3",  { { "Forwarded", "for=198.51.100.7;proto=https, for=10.9.9.9" } }, "198.51.100.7", false, "the last hop's protocol counts" },
	{ "10.1.2.3",  { { "Forwarded", "proto=https;by=10.1.1.1" } }, "10.1.2.3", true, "an element without for= names nobody" },
	{ "10.1.2.3",  { { "Forwarded", "for=_hidden" } }, "10.1.2.3", false, "a hidden hop names nobody" },
	{ "10.1.2.3",  { { "Forwarded", "for=\"a,b\", for=198.51.100.7" } }, "198.51.100.7", false, "a comma in quotes is no end" },
	{ "10.1.2.3",  { { "X-Forwarded-For", "198.51.100.7" }, { "Forwarded", "for=203.0.113.9;proto=https" } }, "198.51.100.7", false, "X-Forwarded-For wins over a Forwarded that a client may have sent" },
};
/* clang-format on */

static struct http_request
request(enum http_door door, const struct http_header *h, const char *peer)
{
	struct http_request r = { .door = door, .headers = h, .peer = peer };

	while (r.n_headers < 4 && h[r.n_headers].name != NULL)
		r.n_headers++;
	return r;
}

int
main(void)
{
	static const char *const trusted[] = { "10.0.0.0/8", "2001:db8:ffff::/48", NULL };
	static const char *const bad[] = { "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8x", "proxy.example", "",
		"10.0.0.0/-1" };
	struct arena *a = arena_new(0);
	struct http_proxy_rules rules = { 0 };
	struct http_trust *trust;
	struct http_addr from;
	struct err e;

	ok(http_trust_new(trusted, &trust, &e) == RC_OK, "networks in CIDR notation are taken");
	rules.trust = trust;
	for (size_t i = 0; i < sizeof certs / sizeof certs[0]; i++) {
		struct http_request r = request(certs[i].door, certs[i].h, certs[i].from);
		int status;

		from = http_addr_parse(certs[i].from);
		rules.secret = certs[i].secret;
		rules.lab = certs[i].lab;
		status = http_proxy_apply(a, &rules, &from, &r);
		ok(status == certs[i].status && r.certificate_from_proxy == certs[i].counts &&
			(r.client_certificate.p != NULL) == certs[i].counts,
		    "%s", certs[i].rule);
		ok(http_header(&r, "Client-Cert") == NULL && http_header(&r, "Postern-Proxy-Secret") == NULL,
		    "%s: no handler sees the fields", certs[i].rule);
	}
	rules.secret = "s";
	for (size_t i = 0; i < sizeof hops / sizeof hops[0]; i++) {
		struct http_request r = request(HTTP_DOOR_PLAIN, hops[i].h, hops[i].from);

		from = http_addr_parse(hops[i].from);
		http_proxy_apply(a, &rules, &from, &r);
		if (!ok(strcmp(r.peer, hops[i].peer) == 0 && r.secure == hops[i].secure, "%s", hops[i].rule))
			printf("#   got %s secure %d\n", r.peer, r.secure);
	}
	from = http_addr_parse("::ffff:10.2.3.4");
	ok(http_trust_has(trust, &from), "an IPv4 address inside IPv6 is the IPv4 address");
	from = http_addr_parse("2001:db8:ffff:1::1");
	ok(http_trust_has(trust, &from), "an IPv6 network");
	from = http_addr_parse("2001:db8:fffe::1");
	ok(!http_trust_has(trust, &from), "another network is not in it");
	http_trust_free(trust);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		const char *const list[] = { bad[i], NULL };

		ok(http_trust_new(list, &trust, &e) == RC_BAD_INPUT && trust == NULL, "`%s` is refused", bad[i]);
	}
	{
		struct http_counts *c = http_counts_new();
		struct http_addr v6 = http_addr_parse("2001:db8::1"), same = http_addr_parse("2001:db8::2"),
				 other = http_addr_parse("2001:db8:0:1::1");

		ok(http_counts_take(c, &v6, 2) && http_counts_take(c, &same, 2) && !http_counts_take(c, &v6, 2),
		    "a /64 counts as one address");
		ok(http_counts_take(c, &other, 2), "another /64 counts by itself");
		http_counts_give(c, &same);
		ok(http_counts_take(c, &v6, 2), "a connection given back makes room");
		http_counts_free(c);
	}
	arena_free(a);
	return done();
}
