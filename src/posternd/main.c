/* posternd: where the rooms meet. Opens what they need, hands each its own, and waits for signals. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "acme/acme.h"
#include "admin/admin.h"
#include "administrator/idempotency.h"
#include "audit/audit.h"
#include "base/clock.h"
#include "base/log.h"
#include "command/renewal.h"
#include "config/config.h"
#include "console/console.h"
#include "crypto/password.h"
#include "crypto/start.h"
#include "desired/round.h"
#include "discovery/discovery.h"
#include "enroll/enrollment.h"
#include "enroll/prune.h"
#include "esso/esso.h"
#include "fmt/argv.h"
#include "gate/gate.h"
#include "http/server.h"
#include "http/trace.h"
#include "idp/liveness.h"
#include "idp/remote.h"
#include "keys/keys.h"
#include "assignment/assignment.h"
#include "licence/door.h"
#include "licence/licence.h"
#include "mdm/mdm.h"
#include "metrics/metrics.h"
#include "oauth/oauth.h"
#include "posternd/beside.h"
#include "posternd/confine.h"
#include "posternd/handed.h"
#include "posternd/listeners.h"
#include "posternd/opener.h"
#include "posternd/tickets.h"
#include "profile/enroll_request.h"
#include "profile/renewal.h"
#include "push/push.h"
#include "scep/scep.h"
#include "scim/scim.h"
#include "store/store.h"
#include "webhook/webhook.h"

#define FLUSH_S 20 /* last-seen and counts: at most a minute may be lost */
#define PRUNE_FIRST_S 10 /* after the start, */
#define PRUNE_S 600 /* between two rounds, */
#define PRUNE_MORE_S 2 /* or where the last one left something */
#define ASKING_THREADS 4 /* so that a provider that does not answer leaves some for the others */
#define ASKING_PAUSE_MS 1000
#define TELLING_PAUSE_MS 500
#define RENEWING_PAUSE_MS 1000
#define LICENSING_PAUSE_MS 1000
#define CHECKING_PAUSE_MS 1000
#define HOOKING_PAUSE_MS 500
#define PUSHING_PAUSE_MS 250 /* what a push may wait for others to go along */
/* A whole school signs in on one morning: the line must outlast the work of 200 passwords on busy cores. */
#define PASSWORDS_WAITING 256
#define PASSWORD_WAIT_MS 30000

struct server {
	struct arena *arena; /* lives as long as the process */
	const char *dir;
	const struct conf *started; /* the settings of the start */
	_Atomic(const struct conf *) conf; /* replaced at SIGHUP; old ones stay for requests under way */
	struct keys *keys;
	struct store *store;
	struct password_gate *gate;
	struct idp *idp;
	struct enrollment_seen *seen;
	struct discovery_counts *counts;
	struct enroll_prune pruning;
	int64_t tickets_at; /* Unix seconds: when their keys were read */
	struct push *push;
	struct metrics_room metrics;
	struct licences *licences;
	struct webhooks *webhooks;
	struct beside *licensing, *asking, *telling, *renewing, *pushing, *checking, *hooking;
	struct http_server *http;
	struct listeners listeners;
	struct handed handed;
	struct opener opener;
	const char *proxy_secret;
	const struct argv *argv;
};

static int
die(const struct err *e)
{
	log_error(e->text);
	return 1;
}

static void
begin(struct call *c, void *ctx)
{
	struct server *s = ctx;

	c->store = s->store;
	c->keys = s->keys;
	c->conf = atomic_load(&s->conf);
	c->now = clock_now();
}

static void
done(struct call *c, const struct http_request *r, const struct http_reply *out, int64_t us, void *ctx)
{
	const struct server *s = ctx;

	if (out->status >= 500)
		log_warn("a request failed", "method", r->method, "route", metrics_route(s->metrics.counts, r),
		    "status", arena_printf(c->arena, "%d", out->status), "attempt", c->trace, "trace",
		    http_trace_id(c));
	metrics_request(s->metrics.counts, r, out, us);
}

/* ---- beside requests ---- */

static enum rc
ask(void *arg, struct call *c, bool *more)
{
	return idp_look(arg, c, more);
}

static enum rc
tell(void *arg, struct call *c, bool *more)
{
	(void)arg;
	return round_look(c, more);
}

static enum rc
renew(void *arg, struct call *c, bool *more)
{
	(void)arg;
	return renewal_look(c, more);
}

static enum rc
push(void *arg, struct call *c, bool *more)
{
	return push_look(arg, c, more);
}

static enum rc
license(void *arg, struct call *c, bool *more)
{
	return licences_look(arg, c, more);
}

static enum rc
check(void *arg, struct call *c, bool *more)
{
	(void)arg;
	return assignment_look(c, more);
}

static enum rc
hook(void *arg, struct call *c, bool *more)
{
	return webhooks_look(arg, c, more);
}

/* ---- settings ---- */

/* The command line over the file: --listen and its like. */
static enum rc
load_conf(struct server *s, struct conf **out, struct err *e)
{
	static const char *const lists[][2] = { { "listen", "listen" }, { "listen-mtls", "listen_mtls" },
		{ "listen-http", "listen_http" }, { "listen-metrics", "metrics_listen" },
		{ "listen-admin", "admin_listen" } };
	struct conf *conf = arena_alloc(s->arena, sizeof *conf);
	enum rc rc;

	rc = s->opener.fd < 0 ? conf_load(s->arena, s->dir, conf, e)
			      : conf_load_from(s->arena, s->dir, opener_open(&s->opener), conf, e);
	if (rc != RC_OK)
		return rc;
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		const char *const *given = argv_list(s->argv, lists[i][0]);
		char *joined = arena_strdup(s->arena, "");

		for (; *given != NULL; given++)
			joined = arena_printf(s->arena, "%s%s%s", joined, joined[0] != '\0' ? "," : "", *given);
		if (joined[0] != '\0' && (rc = conf_set(s->arena, conf, lists[i][1], joined, lists[i][0], e)) != RC_OK)
			return rc;
	}
	*out = conf;
	return RC_OK;
}

static void
use_conf(struct server *s, const struct conf *conf)
{
	atomic_store(&s->conf, conf);
	log_setup(conf->log_level, conf->log_format);
}

/* What a proxy must say for its Client-Cert to count; absent: it never does. */
static const char *
read_proxy_secret(struct server *s)
{
	char text[256];
	FILE *f = fopen(arena_printf(s->arena, "%s/proxy-secret", s->dir), "re");

	if (f == NULL)
		return NULL;
	if (fgets(text, sizeof text, f) == NULL)
		text[0] = '\0';
	fclose(f);
	text[strcspn(text, "\r\n")] = '\0';
	return text[0] != '\0' ? arena_strdup(s->arena, text) : NULL;
}

/* The doors, in the order in which a path is looked for; and what each is handed, see start(). */
static const struct http_route *const tables[] = { gate_routes, discovery_routes, profile_routes, oauth_routes,
	scep_routes, admin_routes, esso_routes, scim_routes, mdm_routes, acme_routes, licence_routes, metrics_routes,
	console_routes, admin_signin_routes };
#define N_TABLES ((int)(sizeof tables / sizeof tables[0]))

/* ---- start and stop ---- */

/* The key that links and forms are sealed with. Without it every device would be told, later, that its link
 * is damaged; a new one made here would hide that the old one is lost. */
static enum rc
check_seal(struct server *s, struct err *e)
{
	struct bytes sealed;
	enum rc rc = keys_seal(s->keys, s->arena, "start", bytes_str("x"), &sealed, e);

	if (rc == RC_NOT_FOUND)
		return fail(e, rc, "%s/keys/seal.secret is missing: restore it from the backup", s->dir);
	return rc;
}

/* What bears on connections and on the work behind them; tickets and listeners are added by who has them. */
static struct http_settings
settings_of(const struct server *s, const struct conf *conf)
{
	return (struct http_settings){
		.loops = (int)conf->loops,
		.workers = { (int)conf->workers },
		.body_budget = (size_t)conf->body_budget_mb << 20,
		.trusted_proxies = conf->trusted_proxies,
		.proxy_secret = s->proxy_secret,
		.lab = conf->lab,
		.problems = ADMIN_PATH,
	};
}

static enum rc
open_all(struct server *s, const struct conf *conf, struct err *e)
{
	struct http_settings set;
	int from, to;
	enum rc rc;

	use_conf(s, conf);
	s->started = conf;
	s->proxy_secret = read_proxy_secret(s);
	set = settings_of(s, conf);
	if ((rc = listeners_start(&s->listeners, s->arena, conf, &s->handed, &set, tables, N_TABLES, e)) != RC_OK)
		return rc;
	s->gate =
	    password_gate_new(0, PASSWORDS_WAITING, PASSWORD_WAIT_MS, conf->sandbox); /* before keys and threads */
	if ((rc = keys_start(s->dir, conf->sandbox, &s->keys, e)) != RC_OK || (rc = check_seal(s, e)) != RC_OK)
		return rc;
	if ((rc = opener_start(arena_printf(s->arena, "%s/%s", s->dir, CONF_FILE), conf->sandbox, &s->opener, e)) !=
	    RC_OK)
		return rc;
	/* Migrating is done before the sandbox, and all that may make files. The store has threads, so it is opened anew
	 * inside. */
	if ((rc = store_open(conf->store, false, &s->store, e)) != RC_OK)
		return rc;
	rc = store_migrate(s->store, &from, &to, e);
	store_close(s->store);
	s->store = NULL;
	if (rc != RC_OK || (rc = listeners_bind(&s->listeners, conf, e)) != RC_OK ||
	    (rc = confine(s->arena, conf, e)) != RC_OK)
		return rc;
	if ((rc = store_open(conf->store, false, &s->store, e)) != RC_OK)
		return rc;
	if (from != to)
		log_info("store migrated", "from", arena_printf(s->arena, "%d", from), "to",
		    arena_printf(s->arena, "%d", to));
	s->idp = idp_new();
	s->seen = enrollment_seen_new();
	s->counts = discovery_counts_new();
	return RC_OK;
}

/* The keys of session tickets, as all nodes have them now. Without the store for as long as a key lasts,
 * sessions are a process's own. False: those of before go on. */
static bool
load_tickets(struct server *s, struct http_tickets *out)
{
	struct call c = { .arena = arena_new(0) };
	bool loaded;

	begin(&c, s);
	*out = (struct http_tickets){ 0 };
	if ((loaded = tickets_load(&c, out) == RC_OK))
		s->tickets_at = c.now;
	else {
		*out = (struct http_tickets){ 0 };
		log_warn("session tickets are not shared", "error", c.err.text);
	}
	loaded = loaded || c.now - s->tickets_at > TICKETS_LIFE_S;
	arena_free(c.arena);
	return loaded;
}

static void
share_tickets(struct server *s)
{
	struct http_tickets tickets;

	if (load_tickets(s, &tickets))
		http_server_tickets(s->http, &tickets);
	explicit_bzero(&tickets, sizeof tickets);
}

static enum rc
start(struct server *s, struct err *e)
{
	void **rooms = arena_array(s->arena, N_TABLES, sizeof *rooms);
	const struct conf *conf = atomic_load(&s->conf);
	struct mdm_room *mdm = arena_alloc(s->arena, sizeof *mdm);
	struct gate_room *gate = arena_alloc(s->arena, sizeof *gate);
	struct oauth_room *oauth = arena_alloc(s->arena, sizeof *oauth);
	struct admin_room *admin = arena_alloc(s->arena, sizeof *admin);
	struct http_tickets tickets;
	enum rc rc;
	struct http_settings settings = settings_of(s, conf);
	const struct http_hooks hooks = { .begin = begin, .done = done, .ctx = s };

	mdm->seen = s->seen;
	mdm->renewal = profile_renewal;
	gate->serve = mdm_serve;
	gate->room = mdm;
	oauth->gate = s->gate;
	oauth->idp = s->idp;
	admin->keys = s->keys;
	admin->gate = s->gate;
	admin->idp = s->idp;
	admin->started_at = clock_now();
	s->push = push_new((int)conf->push_rate);
	s->metrics = (struct metrics_room){
		.counts = metrics_new(tables, N_TABLES), .push = s->push, .idp = s->idp, .started_at = clock_now()
	};
	const struct {
		const struct http_route *table;
		void *room;
	} own[] = {
		{ gate_routes, gate },
		{ discovery_routes, s->counts },
		{ oauth_routes, oauth },
		{ admin_routes, admin },
		{ admin_signin_routes, admin },
		{ metrics_routes, &s->metrics },
	};

	for (int i = 0; i < N_TABLES; i++) {
		for (size_t k = 0; k < sizeof own / sizeof own[0]; k++)
			rooms[i] = own[k].table == tables[i] ? own[k].room : rooms[i];
	}
	(void)load_tickets(s, &tickets); /* before anybody can ask: the first session is known to all nodes */
	settings.loops = 1; /* of the Unix socket */
	settings.tickets = &tickets;
	settings.apart = s->listeners.apart;
	settings.n_apart = s->listeners.n_apart;
	rc = http_server_start(
	    &settings, s->listeners.own.list, s->listeners.own.n, tables, rooms, N_TABLES, &hooks, &s->http, e);
	if (rc != RC_OK)
		s->listeners.n_apart = 0; /* they went with it */
	explicit_bzero(&tickets, sizeof tickets);
	atomic_store(&s->metrics.http, s->http);
	return rc;
}

/* ---- housekeeping, between signals ---- */

static void
flush(struct server *s)
{
	struct call c = { .arena = arena_new(0) };

	begin(&c, s);
	if (enrollment_seen_flush(&c, s->seen) != RC_OK || discovery_counts_flush(&c, s->counts) != RC_OK)
		log_warn("housekeeping failed", "error", c.err.text);
	arena_free(c.arena);
}

static void
prune(struct server *s)
{
	struct call c = { .arena = arena_new(0) };
	int rows = 0;

	begin(&c, s);
	if (idempotency_prune(&c) != RC_OK || enroll_prune(&c, &s->pruning) != RC_OK)
		log_warn("housekeeping failed", "error", c.err.text);
	else if (s->pruning.rows > 0)
		log_debug("history pruned", "rows", arena_printf(c.arena, "%lld", (long long)s->pruning.rows));
	if (audit_prune(&c, c.now - c.conf->audit_keep_s, &rows) != RC_OK)
		log_warn("housekeeping failed", "error", c.err.text);
	s->pruning.more = s->pruning.more || rows > 0;
	arena_free(c.arena);
}

/* A piece of the database's free space, once nothing more is to be pruned. True: there is more of it. */
static bool
shrink(struct server *s)
{
	struct err e;
	bool more = false;

	if (store_shrink(s->store, false, &more, &e) != RC_OK)
		log_warn("housekeeping failed", "error", e.text);
	return more;
}

/* What of new settings does not hold before a restart: some are read at the start alone, and a confined server opens only
 * files in the folders that were named then. */
static void
say_what_waits(struct server *s, const struct conf *conf)
{
	const char *names = conf_needs_restart(s->arena, s->started, conf);

	if (names != NULL)
		log_warn("some settings are taken over at a restart only", "settings", names);
	for (const char *const *file = conf_files(s->arena, conf); *file != NULL; file++) {
		int fd = open(*file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

		if (fd >= 0)
			close(fd);
		else if (errno == EACCES)
			log_warn(
			    "a file that the settings name can't be opened: where none of its folder was named at the "
			    "start, a restart lets it be",
			    "file", *file, "error", strerror(errno));
	}
}

static void
reload(struct server *s)
{
	struct err e = { 0 };
	struct conf *conf;

	sd_notify(0, "RELOADING=1");
	if (load_conf(s, &conf, &e) != RC_OK || http_server_prepare(s->http, &e) != RC_OK) {
		log_error("reload failed; the old settings stay", "error", e.text);
	} else {
		use_conf(s, conf);
		http_server_commit(s->http);
		keys_forget(s->keys);
		say_what_waits(s, conf);
		log_info("reloaded");
	}
	sd_notify(0, "READY=1");
}

/* Until SIGTERM or SIGINT (0), or until the store can't be trusted or the keys not be had any more (1). */
static int
run(struct server *s, const sigset_t *signals)
{
	const struct timespec tick = { .tv_sec = 1 };
	int64_t flushed = clock_mono_ms(), shared = flushed, pruned = flushed - (PRUNE_S - PRUNE_FIRST_S) * 1000;
	bool shrinking = false;

	for (;;) {
		int sig = sigtimedwait(signals, NULL, &tick);
		int64_t now = clock_mono_ms();

		if (sig == SIGTERM || sig == SIGINT)
			return 0;
		if (sig == SIGHUP)
			reload(s);
		if (store_is_broken(s->store)) {
			log_error(
			    "the store failed to write to disk; its last state is unknown until it is opened again");
			return 1;
		}
		if (!keys_alive(s->keys)) {
			log_error("the process that has the keys has ended; this one ends, to be started anew");
			return 1;
		}
		if (!http_server_alive(s->http)) {
			log_error("a process that listens has ended; this one ends, to be started anew");
			return 1;
		}
		sd_notify(0, "WATCHDOG=1");
		if (now - flushed >= FLUSH_S * 1000) {
			flush(s);
			flushed = now;
		}
		if (now - shared >= TICKETS_READ_S * 1000) {
			share_tickets(s);
			shared = now;
		}
		if (now - pruned >= (s->pruning.more ? PRUNE_MORE_S : PRUNE_S) * 1000) {
			prune(s);
			pruned = now;
			shrinking = !s->pruning.more;
		} else if (shrinking) {
			shrinking = shrink(s);
		}
	}
}

static int
serve(const struct argv *v, void *ctx)
{
	struct server s = { .arena = v->arena, .argv = v, .dir = argv_text(v, "data"), .opener = { .fd = -1 } };
	struct err e = { 0 };
	struct conf *conf;
	sigset_t signals;
	int status = 1, cut;

	(void)ctx;
	/* No core dumps and no ptrace: keys and tokens are in this memory. */
	prctl(PR_SET_DUMPABLE, 0);
	umask(077);
	/* Threads inherit the mask; one thread waits for all of them. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGCHLD);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	handed_read(s.arena, &s.handed);

	if (load_conf(&s, &conf, &e) != RC_OK || open_all(&s, conf, &e) != RC_OK || start(&s, &e) != RC_OK) {
		die(&e);
	} else {
		listeners_say(&s.listeners, s.arena, s.http);
		s.asking =
		    beside_start("sign-ins are not asked for", ASKING_THREADS, ASKING_PAUSE_MS, ask, s.idp, begin, &s);
		s.telling = beside_start(
		    "devices are not told what they should have", 1, TELLING_PAUSE_MS, tell, NULL, begin, &s);
		s.renewing = beside_start("identities are not renewed", 1, RENEWING_PAUSE_MS, renew, NULL, begin, &s);
		s.licences = licences_new();
		s.licensing = beside_start("licences wait", 1, LICENSING_PAUSE_MS, license, s.licences, begin, &s);
		s.checking = beside_start(
		    "Apple is not asked for its account of us", 1, CHECKING_PAUSE_MS, check, NULL, begin, &s);
		s.webhooks = webhooks_new();
		s.hooking = beside_start("webhooks wait", 1, HOOKING_PAUSE_MS, hook, s.webhooks, begin, &s);
		s.pushing = beside_start("devices are not woken", 1, PUSHING_PAUSE_MS, push, s.push, begin, &s);
		sd_notify(0, "READY=1");
		status = run(&s, &signals);
		sd_notify(0, "STOPPING=1");
		log_info("stopping");
		beside_stop(s.asking);
		beside_stop(s.telling);
		beside_stop(s.renewing);
		beside_stop(s.pushing);
		beside_stop(s.licensing);
		beside_stop(s.checking);
		beside_stop(s.hooking);
		if ((cut = http_server_stop(s.http)) > 0)
			log_warn("requests were cut off", "count", arena_printf(s.arena, "%d", cut));
		if (status == 0)
			flush(&s);
	}
	if (s.http == NULL)
		listeners_stop(&s.listeners);
	metrics_free(s.metrics.counts);
	discovery_counts_free(s.counts);
	enrollment_seen_free(s.seen);
	idp_free(s.idp);
	push_free(s.push);
	licences_free(s.licences);
	webhooks_free(s.webhooks);
	password_gate_free(s.gate);
	store_close(s.store);
	keys_close(s.keys);
	opener_stop(&s.opener);
	return status;
}

static const struct argv_option options[] = {
	ARGV_TEXT(
	    "data", "DIR", "Folder made by `postern init`", .env = "POSTERN_DATA", .fallback = "/var/lib/postern"),
	ARGV_LIST("listen", "ADDR:PORT", "TLS listener (default: `listen` of DIR/postern.conf)"),
	ARGV_LIST("listen-mtls", "ADDR:PORT", "TLS listener that asks for the device's certificate"),
	ARGV_LIST("listen-http", "ADDR:PORT", "Plain HTTP for a reverse proxy"),
	ARGV_LIST("listen-admin", "ADDR:PORT", "TLS listener of the administration API"),
	ARGV_LIST("listen-metrics", "ADDR:PORT", "Plain HTTP for Prometheus: /metrics, /healthz, /readyz"),
	ARGV_END,
};

static const struct argv_command commands[] = {
	{ "", "Serve until SIGTERM; SIGHUP reads settings and certificates again", serve, options, NULL,
	    "Everything else is set in DIR/postern.conf, or in the environment as POSTERN_<KEY>." },
	ARGV_END,
};

static const struct argv_program program = { "posternd", "Server for account-driven enrollment of Apple devices", NULL,
	commands, NULL, conf_write_manual };

int
main(int argc, char **argv)
{
	crypto_start();
	return argv_run(&program, argc, argv, NULL);
}
