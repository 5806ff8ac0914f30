#include "http/public.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The special-purpose registries of IANA (RFC 6890), as far as nothing public is in them. */
/* clang-format off */
static const struct { uint32_t net; int bits; } closed4[] = {
	{ 0x00000000, 8 },	/* this network */
	{ 0x0a000000, 8 },	/* private, RFC 1918 */
	{ 0x64400000, 10 },	/* shared by carriers, RFC 6598 */
	{ 0x7f000000, 8 },	/* loopback */
	{ 0xa9fe0000, 16 },	/* link-local */
	{ 0xac100000, 12 },	/* private */
	{ 0xc0000000, 24 },	/* protocol assignments */
	{ 0xc0000200, 24 },	/* documentation */
	{ 0xc0a80000, 16 },	/* private */
	{ 0xc6120000, 15 },	/* benchmarks */
	{ 0xc6336400, 24 },	/* documentation */
	{ 0xcb007100, 24 },	/* documentation */
	{ 0xe0000000, 3 },	/* multicast, reserved, broadcast */
};

/* Of IPv6 only 2000::/3 is in use on the Internet; and of that, not: */
static const struct { uint8_t net[8]; int bits; } closed6[] = {
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32 },	/* documentation */
	{ { 0x20, 0x01, 0x00 }, 23 },		/* protocol assignments, Teredo */
};

/* Where an IPv4 address stands in an IPv6 one. */
static const struct { uint8_t net[12]; size_t octets, at; } embedded[] = {
	{ { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff }, 12, 12 },	/* mapped */
	{ { 0x00, 0x64, 0xff, 0x9b }, 12, 12 },				/* NAT64 */
	{ { 0x20, 0x02 }, 2, 2 },					/* 6to4 */
};
/* clang-format on */

static bool
is_public4(uint32_t a)
{
	for (size_t i = 0; i < sizeof closed4 / sizeof closed4[0]; i++) {
		if ((a ^ closed4[i].net) >> (32 - closed4[i].bits) == 0)
			return false;
	}
	return true;
}

static bool
begins(const uint8_t *a, const uint8_t *net, int bits)
{
	int whole = bits / 8, rest = bits % 8;

	return memcmp(a, net, (size_t)whole) == 0 && (rest == 0 || (a[whole] ^ net[whole]) >> (8 - rest) == 0);
}

static bool
is_public6(const uint8_t *a)
{
	for (size_t i = 0; i < sizeof embedded / sizeof embedded[0]; i++) {
		const uint8_t *p = a + embedded[i].at;

		if (memcmp(a, embedded[i].net, embedded[i].octets) == 0)
			return is_public4((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]);
	}
	for (size_t i = 0; i < sizeof closed6 / sizeof closed6[0]; i++) {
		if (begins(a, closed6[i].net, closed6[i].bits))
			return false;
	}
	return a[0] >> 5 == 1;
}

bool
http_is_public(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
		return is_public4(ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr));
	if (address->sa_family == AF_INET6)
		return is_public6(((const struct sockaddr_in6 *)(const void *)address)->sin6_addr.s6_addr);
	return false;
}
