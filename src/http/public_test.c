#include "http/public.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/tap.h"

static const struct {
	const char *address;
	bool is_public;
} cases[] = {
	/* clang-format off */
	{ "1.1.1.1", true }, { "17.188.143.34", true }, { "172.15.255.255", true }, { "172.32.0.1", true },
	{ "100.63.255.255", true }, { "192.167.255.255", true }, { "223.255.255.255", true }, { "11.0.0.0", true },
	{ "0.0.0.0", false }, { "10.255.255.255", false }, { "100.64.0.1", false }, { "127.0.0.1", false },
	{ "127.255.255.254", false }, { "169.254.169.254", false }, { "172.16.0.1", false }, { "172.31.255.255", false },
	{ "192.0.0.1", false }, { "192.168.1.1", false }, { "198.19.255.255", false }, { "224.0.0.1", false },
	{ "240.0.0.1", false }, { "255.255.255.255", false },
	{ "2606:4700:4700::1111", true }, { "2a01::1", true }, { "3fff:ffff::1", true },
	{ "::", false }, { "::1", false }, { "fe80::1", false }, { "fd00::1", false }, { "fc00::1", false },
	{ "ff02::1", false }, { "2001:db8::1", false }, { "2001::1", false }, { "::ffff:127.0.0.1", false },
	{ "::ffff:1.1.1.1", true }, { "64:ff9b::10.0.0.1", false }, { "64:ff9b::1.1.1.1", true },
	{ "2002:0a00:0001::1", false }, { "2002:0101:0101::1", true }, { "4000::1", false },
	/* clang-format on */
};

int
main(void)
{
	struct sockaddr other = { .sa_family = AF_UNIX };

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
		struct sockaddr_in four = { .sin_family = AF_INET };
		bool is4 = inet_pton(AF_INET, cases[i].address, &four.sin_addr) == 1;
		const struct sockaddr *a = (const struct sockaddr *)(is4 ? (const void *)&four : (const void *)&six);

		if (!is4)
			inet_pton(AF_INET6, cases[i].address, &six.sin6_addr);
		ok(http_is_public(a) == cases[i].is_public, "%s is %spublic (RFC 6890)", cases[i].address,
		    cases[i].is_public ? "" : "not ");
	}
	ok(!http_is_public(&other), "what is no address of the Internet is not public");
	return done();
}
