/* Addresses of peers: one shape for IPv4 and IPv6, lists of trusted ones, counts per address. */
#ifndef HTTP_ADDR_H
#define HTTP_ADDR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"

#define HTTP_ADDR_TEXT 48 /* bytes of the longest text with its terminator */

struct http_addr {
	uint8_t b[16]; /* IPv4 as ::ffff:a.b.c.d */
	bool known; /* false: none (a Unix socket), or not an address */
};

/* Numeric text without port or brackets; not known if it is anything else. */
struct http_addr http_addr_parse(const char *text);
struct http_addr http_addr_of(const struct sockaddr *sa);
void http_addr_text(const struct http_addr *a, char out[HTTP_ADDR_TEXT]); /* "" when not known */
bool http_addr_loopback(const struct http_addr *a);

/* A list of addresses and networks in CIDR notation; NULL is the empty list. RC_BAD_INPUT: an entry
 * is neither. */
struct http_trust;
enum rc http_trust_new(const char *const *list, struct http_trust **out, struct err *e);
void http_trust_free(struct http_trust *t); /* NULL is fine */
bool http_trust_has(const struct http_trust *t, const struct http_addr *a);

/* How many connections each address has open; IPv6 counts by /64, the least that one customer gets.
 * Safe to call from all threads. */
struct http_counts;
struct http_counts *http_counts_new(void);
void http_counts_free(struct http_counts *c); /* NULL is fine */
bool http_counts_take(struct http_counts *c, const struct http_addr *a, int max); /* false: `max` are open */
void http_counts_give(struct http_counts *c, const struct http_addr *a);

#endif
