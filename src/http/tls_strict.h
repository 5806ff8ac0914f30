/* TLS as OS 27 wants it of a server (Apple's page "Prepare your network environment for stricter security requirements"):
 * TLS 1.3, or 1.2 with ECDHE, AES-GCM and Extended Master Secret; certificates with RSA of 2048 bits or an elliptic curve of
 * 256, signed with SHA-256 or better; and a subjectAltName in the server's own. */
#ifndef HTTP_TLS_STRICT_H
#define HTTP_TLS_STRICT_H

#include <stdbool.h>

/* Offer nothing else. The argument is an SSL_CTX. */
void http_tls_strict_offer(void *context);

/* What is wrong with a connection (an SSL, after its handshake), in a few words; NULL: nothing. Static text. */
const char *http_tls_strict_fault(void *connection);

#endif
