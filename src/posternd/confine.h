/* What the daemon itself may still do once everything is open: base/sandbox.h, with its files. */
#ifndef POSTERND_CONFINE_H
#define POSTERND_CONFINE_H

#include "config/config.h"

/* Before there are threads, and while the store is closed: files of it that are missing are made, since it may make none
 * later. As sandbox_enter. */
enum rc confine(struct arena *a, const struct conf *conf, struct err *e);

/* What a process that listens may read: certificates of TLS and their keys, also new ones. In `a`, ended by a NULL. */
const struct sandbox_path *confine_listener_paths(struct arena *a, const struct conf *conf);

#endif
