/* Keys of TLS session tickets, of one kind of listener. Room-private.
 *
 * Without shared secrets a process makes its own and rotates them: three generations, twelve hours each.
 * With them (http_server_tickets) the keys are derived, so that every process with the same secrets opens
 * the others' tickets; tickets of one kind of listener don't open at another. */
#ifndef HTTP_TLS_TICKET_H
#define HTTP_TLS_TICKET_H

#include <openssl/ssl.h>

#include "http/server.h"

#define TLS_TICKET_LIFE_S (12 * 3600) /* a key makes tickets for so long, and opens them twice as long after */

struct tls_tickets;

struct tls_tickets *tls_tickets_new(const char *kind);
void tls_tickets_free(struct tls_tickets *t); /* wipes; NULL is fine */

/* Take these secrets, or, with none, one's own again. */
void tls_tickets_share(struct tls_tickets *t, const struct http_tickets *from);

/* What SSL_CTX_set_tlsext_ticket_key_evp_cb calls, but for its first argument. */
int tls_tickets_use(struct tls_tickets *t, unsigned char name[16], unsigned char *iv, EVP_CIPHER_CTX *cipher,
    EVP_MAC_CTX *mac, int make);

#endif
