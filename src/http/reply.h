/* Replies as octets, and the fixed ones that the server gives by itself. Pure. */
#ifndef HTTP_REPLY_H
#define HTTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "http/server.h"

const char *http_status_reason(int status); /* "Not Found" */
const char *http_status_text(int status); /* a sentence for the peer; "" where there is none */
const char *http_status_problem(int status); /* the same sentence as a problem document (RFC 9457); "{}" likewise */

/* A fixed answer of `status` with its sentence as text/plain; 503 brings Retry-After. */
void http_reply_fixed(struct http_reply *out, int status);

/* The same for a request, as far as it was read (its path may be NULL): a problem document below the path `problems`
 * (server.h). */
void http_reply_refusal(struct http_reply *out, int status, const struct http_request *r, const char *problems);

/* The octets to send, from malloc, *n of them. `head`: without the body, which Content-Length counts all
 * the same. `close`: the connection ends after it. `now`: Unix seconds, for Date. */
char *http_reply_render(const struct http_reply *r, bool head, bool close, int64_t now, size_t *n);

#endif
