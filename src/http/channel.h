/* What passes between an event loop and the workers: requests one way, their replies the other, as frames on a pair of
 * stream sockets. The same in one process and between two (apart.h).
 *
 * Who reads a request doesn't trust who wrote it: the loop may be in a process that faces peers, and was taken over. So a
 * request comes as values, not as octets of HTTP to be read once more, and each is checked again. */
#ifndef HTTP_CHANNEL_H
#define HTTP_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "http/server.h"

struct http_frame {
	uint64_t id; /* of a request; its reply has the same */
	uint32_t n; /* octets of payload that follow */
	uint32_t flags;
};

#define HTTP_FRAME_CLOSE 1u /* the connection ends after the reply */
#define HTTP_FRAME_REFUSED 2u /* of a reply: by the server, not by a handler */

/* Where frames come from. Zeroed, with the first three set. */
struct http_frames {
	int fd;
	size_t max; /* octets of a payload */
	bool blocks; /* until there is something to read */
	struct http_frame frame; /* the one that is coming */
	size_t got; /* octets of its payload that are there */
	char *payload; /* from malloc; NULL: its header is not whole yet */
	bool dry; /* the last read took all that there was */
	size_t from, to; /* what was read ahead */
	char ahead[32768];
};

enum http_frames_state { HTTP_FRAMES_WAIT, HTTP_FRAMES_NEXT, HTTP_FRAMES_END };

/* NEXT: *out and its payload, which is the caller's from now on (malloc, wiped by http_payload_free). WAIT: all that has
 * come so far was read. END: the other side has ended, or sent a payload over `max`. */
enum http_frames_state http_frames_read(struct http_frames *f, struct http_frame *out, char **payload);
void http_frames_free(struct http_frames *f); /* what is half read */

void http_payload_free(char *payload, size_t n); /* NULL is fine */

/* Add the frame of a request that was complete at `complete_us` (monotonic). What does not fit leaves *b over. */
void http_channel_put(struct buf *b, uint64_t id, const struct http_request *r, bool close, int64_t complete_us);

/* Most octets of such a payload beside its body. */
#define HTTP_CHANNEL_HEAD_MAX (192 * 1024)

/* Read a request's payload; *r points into it, and its list of headers lies in `a`. What only the caller knows is left
 * alone: route and segments. False: nonsense, no loop of ours has written that. */
bool http_channel_get(struct arena *a, char *payload, size_t n, struct http_request *r, int64_t *complete_us);

#endif
