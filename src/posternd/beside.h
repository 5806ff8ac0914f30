/* What goes on beside requests: threads that look again and again for something that is due (idp/liveness.h,
 * push/push.h). No request waits for any of them. */
#ifndef POSTERND_BESIDE_H
#define POSTERND_BESIDE_H

#include "base/call.h"

struct beside;

/* Looks for one thing that is due, and does it. *more: look again at once. */
typedef enum rc beside_look(void *arg, struct call *c, bool *more);

/* `threads` that each call `look` with `arg`, `pause_ms` apart where nothing is due; `what` is
 * what the log says when the store fails it. `begin`
 * fills a call's store, keys, settings and time, as http_hooks does. Signals are blocked by the caller. */
struct beside *beside_start(const char *what, int threads, int pause_ms, beside_look *look, void *arg,
    void (*begin)(struct call *c, void *ctx), void *ctx);
/* Waits for what is under way. NULL is fine. */
void beside_stop(struct beside *b);

#endif
