/* HTTP/1.1 messages as octets (RFC 9112), strict: what two readers could understand differently is
 * refused, since a proxy in front may be the other reader. Pure; knows no socket.
 *
 * A header block is first found (http_scan), as octets arrive, then read whole (http_head_parse). Refusals
 * are HTTP status codes; the connection ends after every one of them. */
#ifndef HTTP_PARSE_H
#define HTTP_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "http/server.h"

#define HTTP_HEAD_MAX 16384 /* octets of request line and fields with their line ends; more is 431 */
#define HTTP_TARGET_MAX 8192 /* octets; more is 414 */
#define HTTP_FIELDS_MAX 100 /* more is 431 */
#define HTTP_CHUNK_LINE_MAX 256 /* octets of a chunk-size line with its extensions */
#define HTTP_TRAILER_MAX 4096 /* octets of all trailer fields; they are checked and dropped */

/* Where the end of a header block is. Zeroed at the start of each message. */
struct http_scan {
	size_t n; /* octets of the block so far */
	size_t line; /* octets of the current line */
	bool cr; /* the last octet was CR */
	bool begun; /* a line with something in it was seen */
};

/* Look at the next octets. 0: go on, all were taken. 1: the block ends after *used of them. Else a
 * status: 400 (NUL, bare CR or LF), 414 or 431. */
int http_scan_feed(struct http_scan *s, const char *p, size_t n, size_t *used);

/* What a header block says about its message. */
struct http_head {
	const char *method;
	struct bytes target;
	int minor; /* HTTP/1.`minor`: 0 or 1 */
	struct http_header *fields; /* in the arena; n_fields of them */
	int n_fields;
	const char *host; /* value of Host, lower case, without port; NULL only in HTTP/1.0 */
	bool chunked; /* else `length` octets follow */
	int64_t length; /* INT64_MAX when it does not fit */
	bool close; /* the peer wants the connection closed, or speaks HTTP/1.0 */
	bool expect; /* Expect: 100-continue */
};

/* Read the whole block of `n` octets at `text`, which is changed: the strings of *out point into it.
 * 0, or a status: 400, 414, 417 (another expectation), 431, 501 (method), 505 (version). */
int http_head_parse(struct arena *a, char *text, size_t n, struct http_head *out);

/* Whether `value`, of which `end` is the NUL, may be a field's: visible characters, space, tab, and obs-text where it is
 * UTF-8, because values are text to everybody behind this door; and whether a name is one (RFC 9110 5.1). */
bool http_value_ok(const char *value, const char *end);
bool http_name_ok(const char *name);

/* The authority `value` as a host: lower case in `a`, without port. NULL: not a host. */
const char *http_host_parse(struct arena *a, const char *value);

/* A chunked body. Zeroed at its start. */
struct http_chunks {
	int state;
	uint64_t left; /* of this chunk */
	uint64_t total; /* octets of data announced so far */
	size_t line; /* octets of the current line */
	size_t trailer; /* octets of trailer fields */
	bool cr, digits, name;
};

/* Take the next octets. *used of them were taken, and *data (absent, or a part of p) is body. 0: go
 * on; 1: the message is complete; else a status. More than `max` octets in all is 413 as soon as a
 * chunk announces it. */
int http_chunks_feed(struct http_chunks *c, const char *p, size_t n, uint64_t max, size_t *used, struct bytes *data);

#endif
