/* The parts of an installation that init makes, each into a folder that is not in use yet. */
#ifndef POSTERN_INIT_H
#define POSTERN_INIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

struct init {
	struct arena *a;
	struct err *e;
	const char *dir; /* where it is made */
	const char *data; /* where it will be: what documents name */
	const char *organization, *url, *host;
	const char *const *domains; /* NULL-terminated */
	const char *store; /* DSN as given; NULL: the default */
	bool lab;
	int64_t now;
};

/* dir/tls: ca.pem, ca.key, server.pem, server.key. P-256, for the host, the domains and localhost. */
enum rc init_tls(const struct init *in);

/* dir/proxy-secret, dir/proxy/nginx.conf, dir/proxy/haproxy.cfg. */
enum rc init_proxy(const struct init *in);

#endif
