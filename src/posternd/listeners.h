/* Where the daemon listens, and which process does: peers' sockets are in processes apart (http/server.h), one for devices, one
 * for administrators and Prometheus; the Unix socket is the daemon's own, since who asks there is known by the kernel's word. */
#ifndef POSTERND_LISTENERS_H
#define POSTERND_LISTENERS_H

#include "config/config.h"
#include "http/server.h"
#include "posternd/handed.h"

#define LISTENERS_MAX 24 /* of each process */
#define LISTENERS_APART 2

struct listeners_group {
	struct http_listener list[LISTENERS_MAX];
	int n;
};

struct listeners {
	struct listeners_group own; /* the Unix sockets */
	struct listeners_group group[LISTENERS_APART];
	struct http_apart *apart[LISTENERS_APART]; /* n_apart of them, of the groups that have listeners */
	struct listeners_group *of[LISTENERS_APART]; /* whose */
	int n_apart;
};

/* Find all listeners of settings and service manager, and start the processes that will listen: before there are threads, the
 * store, and keys. `set` is for devices; `a` is forgotten there. Errors: those of http_apart_start and handed_check. */
enum rc listeners_start(struct listeners *l, struct arena *a, const struct conf *conf, struct handed *handed,
    const struct http_settings *set, const struct http_route *const *tables, int n_tables, struct err *e);

/* Bind them all; the administration's socket, too, whose file is made in DIR, unless it was handed over. Errors: those of
 * http_apart_bind and http_unix_open. */
enum rc listeners_bind(struct listeners *l, const struct conf *conf, struct err *e);

/* Those that no server has taken. */
void listeners_stop(struct listeners *l);

/* One line in the log for each. */
void listeners_say(const struct listeners *l, struct arena *a, const struct http_server *http);

#endif
