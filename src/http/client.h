/* HTTP requests to other servers, over libcurl. Used by the simulator, the command line (over the
 * admin socket) and, later, by the provider and push rooms. Blocking; one struct per thread. */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

struct http_client; /* keeps connections alive between requests */

struct http_client_settings {
	const char *ca_file; /* PEM; trusted beside the system's pool; NULL: the system's only */
	struct bytes ca; /* PEM, likewise; only for the time of the call; absent: none */
	const char *const *connect_to; /* curl's HOST1:PORT1:HOST2:PORT2, NULL-terminated; may be NULL */
	const char *unix_socket; /* path, or NULL */
	const char *cert_file, *key_file; /* PEM client certificate, or NULL */
	const char *user_agent;
	int timeout_ms; /* whole request; 0: 90 s */
	bool https_only;
	bool cookies; /* keep cookies in memory, as a web view does */
	bool public_only; /* connects to public addresses alone (http/public.h), whatever a name resolves to */
	bool strict_tls; /* http/tls_strict.h; what does not keep to it is asked nothing */
};

struct http_client_request {
	const char *method, *url;
	const char *const *headers; /* "Name: value", NULL-terminated; may be NULL */
	const char *traceparent; /* http_trace(c); NULL: none */
	struct bytes body; /* absent: no body */
	bool follow; /* follow 3xx on GET, at most 10; a target that is not http(s) ends it */
	size_t max_body; /* larger answers end as RC_TOO_LARGE; 0: 4 MB */
};

struct http_client_answer {
	bool no_tls; /* RC_UNAVAILABLE because of TLS */
	int connects; /* connections that were made for it; 0: one was open */
	int status;
	const char *url; /* where the last answer came from */
	const char *location; /* Location of a 3xx that was not followed, absolute; NULL otherwise */
	const char *type; /* media type without parameters, lower case; NULL if absent */
	const char *const *header_names, *const *header_values;
	int n_headers;
	struct bytes body;
};

enum rc http_client_open(const struct http_client_settings *s, struct http_client **out, struct err *e);
void http_client_close(struct http_client *h); /* NULL is fine */

/* One request. Answers of any status are RC_OK. RC_UNAVAILABLE: no connection, TLS failure or
 * time-out; *e says which in a sentence for a person. RC_BAD_INPUT: the URL is not usable. */
enum rc http_client_send(struct http_client *h, struct arena *a, const struct http_client_request *r,
    struct http_client_answer *out, struct err *e);

/* First header of that name (no case), or NULL. */
const char *http_client_header(const struct http_client_answer *r, const char *name);

#endif
