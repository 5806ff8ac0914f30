/* A process beside the daemon that alone has the keys: forked before there are threads, without network and store
 * (base/sandbox.h). It answers one request at a time on each of several pairs of sockets, in a thread for each.
 *
 * It ends when its starter does. When it ends first, every request fails with RC_UNAVAILABLE, for good: a daemon that can't
 * sign is to be started anew (posternd/main.c), and could not start this one again, having no way to the files. */
#ifndef KEYS_PROCESS_H
#define KEYS_PROCESS_H

#include "base/sandbox.h"
#include "keys/message.h"
#include "keys/vault.h"

struct keys_process;

/* Fork; from then on `v` is of no use here. `dir` is DIR/keys. RC_UNAVAILABLE: no process, or its sandbox could not be had
 * and is required. */
enum rc
keys_process_start(struct vault *v, const char *dir, enum sandbox_mode mode, struct keys_process **out, struct err *e);
void keys_process_stop(struct keys_process *p); /* nobody asks any more; waits for its end. NULL is fine */

/* False: it has ended. For one thread. */
bool keys_process_alive(struct keys_process *p);

/* Send `request`, wait for the reply: *reply from malloc (wipe it, free it). */
enum rc keys_process_ask(struct keys_process *p, struct bytes request, struct bytes *reply, struct err *e);

#endif
