/* What the daemon itself may still do once everything is open: base/sandbox.h, with its files. */
#ifndef POSTERND_CONFINE_H
#define POSTERND_CONFINE_H

#include "config/config.h"
#include "http/server.h"

/* Before there are threads, and while the store is closed: files of it that are missing are made, since it may make none
 * later. As sandbox_enter. */
enum rc confine(struct arena *a, const struct conf *conf, struct err *e);

/* What a process that has these listeners may read: their certificates and keys, also new ones in the same folders, unless
 * keys, settings or the store are there, too. In `a`, ended by a NULL. */
const struct sandbox_path *
confine_listener_paths(struct arena *a, const struct conf *conf, const struct http_listener *l, int n);

#endif
