/* Answers of HTTP/1.1, read from a connection's buffer with the least work: what a generator needs and no
 * more. The peer is the server under test: what it sends is checked and bounded, not trusted. Pure. */
#ifndef FLEET_ANSWER_H
#define FLEET_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

#define FLEET_ANSWER_MAX (256 * 1024) /* octets of one answer */

struct fleet_answer {
	int status;
	bool close; /* the server ends the connection after it */
	int retry_after_s; /* -1: not said */
	struct bytes challenge; /* WWW-Authenticate; absent: none */
	struct bytes body;
	size_t n; /* octets of the whole answer in the buffer */
};

enum fleet_reading { FLEET_ANSWER_MORE, FLEET_ANSWER_DONE, FLEET_ANSWER_BAD };

/* Look whether `p` begins with a whole answer. A chunked body is put together in place, so the buffer may
 * only be given once more after MORE where nothing was put together: it is, since MORE changes nothing.
 * `ended`: the peer has closed, which ends a body without a length. */
enum fleet_reading fleet_answer_read(char *p, size_t n, bool ended, struct fleet_answer *out);

/* Text of an XML element behind a key of a property list: "<key>CommandUUID</key><string>...". Absent:
 * none. Good enough for what servers write, and a thousand times cheaper than a tree. */
struct bytes fleet_answer_plist_text(struct bytes document, const char *key);

/* A string member of a JSON object without escapes: "access_token":"...". Absent: none. */
struct bytes fleet_answer_json_text(struct bytes document, const char *key);

/* A parameter of a challenge: token-url="...". Absent: none. */
struct bytes fleet_answer_parameter(struct bytes challenge, const char *name);

#endif
