#include "http/addr.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "http/mem.h"

static const uint8_t v4_prefix[12] = { [10] = 0xff, [11] = 0xff };

static bool
is_v4(const struct http_addr *a)
{
	return memcmp(a->b, v4_prefix, sizeof v4_prefix) == 0;
}

struct http_addr
http_addr_parse(const char *text)
{
	struct http_addr a = { 0 };

	if (inet_pton(AF_INET, text, a.b + 12) == 1) {
		memcpy(a.b, v4_prefix, sizeof v4_prefix);
		a.known = true;
	} else if (inet_pton(AF_INET6, text, a.b) == 1) {
		a.known = true;
	}
	return a;
}

struct http_addr
http_addr_of(const struct sockaddr *sa)
{
	struct http_addr a = { 0 };

	if (sa->sa_family == AF_INET) {
		memcpy(a.b, v4_prefix, sizeof v4_prefix);
		memcpy(a.b + 12, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
		a.known = true;
	} else if (sa->sa_family == AF_INET6) {
		memcpy(a.b, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, 16);
		a.known = true;
	}
	return a;
}

void
http_addr_text(const struct http_addr *a, char out[HTTP_ADDR_TEXT])
{
	out[0] = '\0';
	if (a->known && is_v4(a))
		inet_ntop(AF_INET, a->b + 12, out, HTTP_ADDR_TEXT);
	else if (a->known)
		inet_ntop(AF_INET6, a->b, out, HTTP_ADDR_TEXT);
}

bool
http_addr_loopback(const struct http_addr *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	return a->known && (is_v4(a) ? a->b[12] == 127 : memcmp(a->b, one, 16) == 0);
}

/* ---- trust ---- */

struct net {
	uint8_t b[16];
	int bits; /* of 128 */
};

struct http_trust {
	int n;
	struct net net[];
};

static bool
net_parse(const char *text, struct net *out)
{
	char host[HTTP_ADDR_TEXT];
	const char *slash = strchr(text, '/');
	size_t n = slash != NULL ? (size_t)(slash - text) : strlen(text);
	struct http_addr a;
	char *end;
	long bits;

	if (n >= sizeof host)
		return false;
	memcpy(host, text, n);
	host[n] = '\0';
	a = http_addr_parse(host);
	if (!a.known)
		return false;
	memcpy(out->b, a.b, sizeof out->b);
	out->bits = 128;
	if (slash == NULL)
		return true;
	if (slash[1] < '0' || slash[1] > '9')
		return false;
	bits = strtol(slash + 1, &end, 10);
	if (*end != '\0' || bits > (is_v4(&a) ? 32 : 128))
		return false;
	out->bits = (int)bits + (is_v4(&a) ? 96 : 0);
	return true;
}

enum rc
http_trust_new(const char *const *list, struct http_trust **out, struct err *e)
{
	struct http_trust *t;
	int n = 0;

	*out = NULL;
	while (list != NULL && list[n] != NULL)
		n++;
	t = http_need(calloc(1, sizeof *t + (size_t)n * sizeof t->net[0]));
	t->n = n;
	for (int i = 0; i < n; i++) {
		if (!net_parse(list[i], &t->net[i])) {
			http_trust_free(t);
			return fail(e, RC_BAD_INPUT,
			    "trusted proxy %s: neither an address nor a network like 10.0.0.0/8", list[i]);
		}
	}
	*out = t;
	return RC_OK;
}

void
http_trust_free(struct http_trust *t)
{
	free(t);
}

static bool
in_net(const struct net *net, const uint8_t b[16])
{
	int whole = net->bits / 8, rest = net->bits % 8;

	if (memcmp(net->b, b, (size_t)whole) != 0)
		return false;
	return rest == 0 || ((net->b[whole] ^ b[whole]) & (0xff00 >> rest) & 0xff) == 0;
}

bool
http_trust_has(const struct http_trust *t, const struct http_addr *a)
{
	for (int i = 0; a->known && i < t->n; i++) {
		if (in_net(&t->net[i], a->b))
			return true;
	}
	return false;
}

/* ---- counts ---- */

#define BUCKETS 4096

struct count {
	struct count *next;
	uint8_t b[16];
	int n;
};

struct http_counts {
	pthread_mutex_t lock;
	uint64_t seed[2]; /* chosen per process: a peer that has many addresses can't fill one bucket */
	struct count *bucket[BUCKETS];
};

struct http_counts *
http_counts_new(void)
{
	struct http_counts *c = http_need(calloc(1, sizeof *c));

	pthread_mutex_init(&c->lock, NULL);
	crypto_random(c->seed, sizeof c->seed);
	return c;
}

void
http_counts_free(struct http_counts *c)
{
	if (c == NULL)
		return;
	for (int i = 0; i < BUCKETS; i++) {
		for (struct count *k = c->bucket[i], *next; k != NULL; k = next) {
			next = k->next;
			free(k);
		}
	}
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static struct count **
find(struct http_counts *c, const struct http_addr *a, uint8_t key[16])
{
	uint64_t w[2], h = c->seed[0];
	struct count **k;

	memcpy(key, a->b, 16);
	if (!is_v4(a))
		memset(key + 8, 0, 8);
	memcpy(w, key, 16);
	for (int i = 0; i < 2; i++) {
		h = (h ^ w[i]) * 0x9e3779b97f4a7c15u;
		h = (h ^ h >> 29 ^ c->seed[1]) * 0xbf58476d1ce4e5b9u;
	}
	h ^= h >> 32;
	for (k = &c->bucket[h % BUCKETS]; *k != NULL; k = &(*k)->next) {
		if (memcmp((*k)->b, key, 16) == 0)
			break;
	}
	return k;
}

bool
http_counts_take(struct http_counts *c, const struct http_addr *a, int max)
{
	uint8_t key[16];
	struct count **k;
	bool good;

	pthread_mutex_lock(&c->lock);
	k = find(c, a, key);
	if (*k == NULL) {
		*k = http_need(calloc(1, sizeof **k));
		memcpy((*k)->b, key, 16);
	}
	good = (*k)->n < max;
	if (good)
		(*k)->n++;
	pthread_mutex_unlock(&c->lock);
	return good;
}

void
http_counts_give(struct http_counts *c, const struct http_addr *a)
{
	uint8_t key[16];
	struct count **k, *gone;

	pthread_mutex_lock(&c->lock);
	k = find(c, a, key);
	assert(*k != NULL && (*k)->n > 0);
	if (--(*k)->n == 0) {
		gone = *k;
		*k = gone->next;
		free(gone);
	}
	pthread_mutex_unlock(&c->lock);
}
