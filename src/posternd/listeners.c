#include "posternd/listeners.h"

#include "base/log.h"
#include "posternd/confine.h"

/* Of the doors, for the log and for FileDescriptorName= of socket units. */
static const char *const door_names[] = { "unix", "plain", "tls", "mtls", "metrics", "admin" };

static void
add_listener(struct listeners_group *g, const struct conf *conf, enum http_door door, const char *address, int fd)
{
	bool own = door == HTTP_DOOR_ADMIN && conf->admin_tls_certificate != NULL;

	if (g->n == LISTENERS_MAX)
		return;
	g->list[g->n++] = (struct http_listener){
		.door = door,
		.address = address,
		.fd = fd,
		.cert_file = own ? conf->admin_tls_certificate : conf->tls_certificate,
		.key_file = own ? conf->admin_tls_key : conf->tls_key,
		.max_connections = (int)conf->connections,
		.max_per_address = (int)conf->connections_per_address,
	};
}

/* Sockets of a unit stand in for the addresses of the settings: the unit says where they listen. */
static void
add_listeners(struct listeners_group *g, const struct conf *conf, struct handed *handed, enum http_door door,
    const char *const *addresses)
{
	int fd = handed_take(handed, door_names[door]);

	if (fd >= 0)
		addresses = NULL;
	for (; fd >= 0; fd = handed_take(handed, door_names[door]))
		add_listener(g, conf, door, "of the socket unit", fd);
	for (; addresses != NULL && *addresses != NULL; addresses++)
		add_listener(g, conf, door, *addresses, -1);
}

enum rc
listeners_start(struct listeners *l, struct arena *a, const struct conf *conf, struct handed *handed,
    const struct http_settings *set, const struct http_route *const *tables, int n_tables, struct err *e)
{
	struct listeners_group *devices = &l->group[0], *administrators = &l->group[1];
	enum rc rc;

	add_listeners(&l->own, conf, handed, HTTP_DOOR_UNIX, NULL);
	add_listeners(devices, conf, handed, HTTP_DOOR_TLS, conf->listen);
	add_listeners(devices, conf, handed, HTTP_DOOR_MTLS, conf->listen_mtls);
	add_listeners(devices, conf, handed, HTTP_DOOR_PLAIN, conf->listen_http);
	add_listeners(administrators, conf, handed, HTTP_DOOR_ADMIN, conf->admin_listen);
	add_listeners(administrators, conf, handed, HTTP_DOOR_METRICS, conf->metrics_listen);
	if ((rc = handed_check(handed, e)) != RC_OK)
		return rc;
	for (int i = 0; i < LISTENERS_APART && rc == RC_OK; i++) {
		const struct http_apart_rules rules = { .mode = conf->sandbox,
			.paths = confine_listener_paths(a, conf, l->group[i].list, l->group[i].n),
			.forget = a };
		struct http_settings own = *set;

		if (l->group[i].n == 0)
			continue;
		if (i > 0)
			own.loops = 1; /* administrators are few */
		rc = http_apart_start(
		    &own, l->group[i].list, l->group[i].n, tables, n_tables, &rules, &l->apart[l->n_apart], e);
		if (rc == RC_OK)
			l->of[l->n_apart++] = &l->group[i];
	}
	return rc;
}

enum rc
listeners_bind(struct listeners *l, const struct conf *conf, struct err *e)
{
	enum rc rc = RC_OK;

	for (int i = 0; i < l->n_apart && rc == RC_OK; i++)
		rc = http_apart_bind(l->apart[i], e);
	if (rc != RC_OK || l->own.n > 0)
		return rc;
	add_listener(&l->own, conf, HTTP_DOOR_UNIX, conf->admin_socket, -1);
	l->own.list[0].made = true;
	return http_unix_open(conf->admin_socket, &l->own.list[0].fd, e);
}

void
listeners_stop(struct listeners *l)
{
	while (l->n_apart > 0)
		http_apart_stop(l->apart[--l->n_apart]);
}

static void
say(struct arena *a, const struct http_listener *l, int port)
{
	log_info("listening", "door", door_names[l->door], "address", l->address, "port", arena_printf(a, "%d", port));
}

void
listeners_say(const struct listeners *l, struct arena *a, const struct http_server *http)
{
	for (int i = 0; i < l->own.n; i++)
		say(a, &l->own.list[i], http_server_port(http, i));
	for (int k = 0; k < l->n_apart; k++) {
		for (int i = 0; i < l->of[k]->n; i++)
			say(a, &l->of[k]->list[i], http_apart_port(l->apart[k], i));
	}
}
