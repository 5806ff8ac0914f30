#include "http/tls_ticket.h"

#include <openssl/core_names.h>

#include "base/tap.h"

/* A name as a ticket has it, made by `t`; false: it makes none. */
static bool
make(struct tls_tickets *t, unsigned char name[16])
{
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *mac = EVP_MAC_CTX_new(hmac);
	unsigned char iv[EVP_MAX_IV_LENGTH];
	bool good = tls_tickets_use(t, name, iv, cipher, mac, 1) == 1;

	EVP_MAC_CTX_free(mac);
	EVP_MAC_free(hmac);
	EVP_CIPHER_CTX_free(cipher);
	return good;
}

/* 0: not opened, 1: opened, 2: opened and to be renewed. */
static int
opened(struct tls_tickets *t, const unsigned char name[16])
{
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *mac = EVP_MAC_CTX_new(hmac);
	unsigned char iv[EVP_MAX_IV_LENGTH] = { 0 }, copy[16];
	int result;

	memcpy(copy, name, 16);
	result = tls_tickets_use(t, copy, iv, cipher, mac, 0);
	EVP_MAC_CTX_free(mac);
	EVP_MAC_free(hmac);
	EVP_CIPHER_CTX_free(cipher);
	return result;
}

/* Secrets of generations `newest`, the one before, ...: three of them. */
static struct http_tickets
secrets(int newest)
{
	struct http_tickets s = { .n = 3 };

	for (int i = 0; i < 3; i++)
		memset(s.secret[i], newest - i, HTTP_TICKET_SECRET);
	return s;
}

int
main(void)
{
	struct tls_tickets *one = tls_tickets_new("tls"), *two = tls_tickets_new("tls"),
			   *mtls = tls_tickets_new("mtls");
	unsigned char own[16], name[16];
	struct http_tickets s;

	ok(make(one, own) && opened(one, own) == 1 && opened(two, own) == 0,
	    "a process by itself opens its own tickets and no other's");
	s = secrets(10);
	tls_tickets_share(one, &s);
	tls_tickets_share(two, &s);
	tls_tickets_share(mtls, &s);
	ok(make(one, name) && opened(two, name) == 1, "with the same secrets a ticket of one process opens at another");
	ok(opened(mtls, name) == 0, "not at another kind of listener");
	ok(opened(one, own) == 0, "and what was made before opens nothing any more");
	for (int later = 1; later <= 3; later++) {
		s = secrets(10 + later);
		tls_tickets_share(two, &s);
		ok(opened(two, name) == (later < 3 ? 2 : 0), "after %d rotation(s) it %s", later,
		    later < 3 ? "opens and is renewed" : "does not open any more");
	}
	s = (struct http_tickets){ .n = 4 };
	memset(s.secret[0], 10, HTTP_TICKET_SECRET);
	memset(s.secret[3], 11, HTTP_TICKET_SECRET);
	tls_tickets_share(one, &s);
	ok(make(two, name), "a node whose clock is ahead makes tickets with the next key");
	s = secrets(11);
	tls_tickets_share(two, &s);
	ok(make(two, name) && opened(one, name) == 2, "and they open where that key is not the newest yet");
	tls_tickets_share(one, &(struct http_tickets){ 0 });
	ok(opened(one, name) == 0 && make(one, own) && opened(one, own) == 1, "without secrets it is by itself again");
	tls_tickets_free(one);
	tls_tickets_free(two);
	tls_tickets_free(mtls);
	return done();
}
