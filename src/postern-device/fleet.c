/* `postern-device fleet run`: options to a plan, the run, the report. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "fleet/plot.h"
#include "fleet/report.h"
#include "fleet/run.h"
#include "postern-device/fleet.h"
#include "postern-device/fleet_enroll.h"

#define REPORT_MAX 65536
#define FILES_BESIDE 128 /* stalled connections, the fleet, the ledger */
#define PLOT_MAX (4 << 20)
#define ENROLLING_CONNECTIONS 4 /* of a mixed run, for each thread that enrolls */

static const char *const scenarios[] = { "poll", "cycle", "checkin", "herd", "reauth", "sync", "mixed", "floor",
	"handshake", "enroll", NULL };
static const char *const proofs[] = { "signature", "proxy", NULL };

/* clang-format off */
const struct argv_option fleet_run_options[] = {
	FLEET_STATE_OPTION,
	ARGV_TEXT("connect", "ADDR:PORT", "Where the server listens", .required = true),
	ARGV_FLAG("tls", "Speak TLS (also with --cacert)"),
	ARGV_TEXT("cacert", "FILE", "Trust this CA alone, and speak TLS"),
	ARGV_TEXT("scenario", "NAME", "What the devices do", .fallback = "poll", .choices = scenarios),
	ARGV_TEXT("proof", "KIND", "How they prove who they are: Mdm-Signature, or a proxy's Client-Cert", .fallback = "signature", .choices = proofs),
	ARGV_TEXT("proxy-secret-file", "FILE", "What a proxy says (DIR/proxy-secret of the server)"),
	ARGV_INT("count", "N", "How many devices take part, spread evenly over the fleet (default: all)", .min = 1, .max = FLEET_COUNT_MAX),
	ARGV_INT("connections", "C", "Connections; with --rate at most so many (default: 16; with --rate and herd: 1000)", .min = 1, .max = 100000),
	ARGV_INT("rate", "R", "Open loop: R turns of devices begin each second, whatever is answered", .min = 1, .max = 10000000),
	ARGV_INT("duration", "SECONDS", "How long is measured (default: 10; herd: 60 at most)", .min = 1, .max = 86400),
	ARGV_INT("warmup", "SECONDS", "Before that (default: 0)", .min = 0, .max = 3600),
	ARGV_INT("seed", "N", "Which devices, and when (default: 1)", .min = 1, .max = INT32_MAX),
	ARGV_LIST("fault", "NAME=PERCENT", "answer-lost, duplicate, notnow, expired-token, stalled, push-token; several with commas"),
	ARGV_LIST("user", "USER@DOMAIN", "enroll, mixed: who signs in (default: the people of a fleet that was prepared with a password)"),
	ARGV_FLAG("password-stdin", "enroll, mixed: the first line of standard input is their password"),
	ARGV_TEXT("enroll-connect", "ADDR:PORT", "mixed: where enrollments go, through TLS; --cacert is for them then (default: as --connect)"),
	ARGV_TEXT("device-ca", "DIR", "enroll, mixed: test CA of the built-in identities (default: made in FLEETDIR/device-ca)"),
	ARGV_TEXT("ledger", "FILE", "Append what the server acknowledged to FILE"),
	ARGV_TEXT("plot", "FILE.svg", "Draw durations by percentile, and rate and durations over time"),
	ARGV_FLAG("json", "Print the result as one JSON object"),
	ARGV_END
};
const char fleet_run_more[] =
    "Without --rate the loop is closed: each connection asks again once it was answered, and durations are shown as\n"
    "measured and corrected for what such a loop leaves out. With --rate a duration counts from when it was due.\n"
    "  poll       Idle, and no command\n"
    "  cycle      each device until its queue is empty, once\n"
    "  checkin    Authenticate and TokenUpdate, again\n"
    "  herd       all devices within one second, each until it was served\n"
    "  reauth     an expired token, its renewal, the poll again\n"
    "  sync       the tokens of declarative management: nothing new\n"
    "  mixed      cycle 80 %, checkin 15 %, reauth 5 %; with --password-stdin, of 100 that arrive one enrolls, as far as\n"
    "             a quarter as many threads as connections can\n"
    "  floor      a path that nobody serves: what an answer costs before it means anything\n"
    "  handshake  a full TLS handshake and no request\n"
    "  enroll     whole enrollments through TLS, as many at once as --connections says; needs no prepared fleet\n"
    "Ctrl-C ends it with the result.";
/* clang-format on */

static volatile sig_atomic_t interrupted;

static void
on_interrupt(int sig)
{
	(void)sig;
	interrupted = 1;
}

static enum rc
read_secret(struct arena *a, const char *path, const char **secret, struct err *e)
{
	char text[256] = "";
	FILE *f = fopen(path, "re");

	if (f == NULL || fgets(text, sizeof text, f) == NULL) {
		if (f != NULL)
			fclose(f);
		return fail(e, RC_NOT_FOUND, "%s can't be read", path);
	}
	fclose(f);
	text[strcspn(text, "\r\n")] = '\0';
	*secret = arena_strdup(a, text);
	return RC_OK;
}

static enum rc
read_address(struct arena *a, const char *text, struct fleet_plan *p, struct err *e)
{
	const char *colon = strrchr(text, ':');
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
	char *host;
	int why;

	if (colon == NULL || colon == text)
		return fail(e, RC_BAD_INPUT, "--connect wants ADDR:PORT");
	host = arena_strndup(a, text, (size_t)(colon - text));
	if (host[0] == '[' && host[strlen(host) - 1] == ']')
		host = arena_strndup(a, host + 1, strlen(host) - 2);
	if ((why = getaddrinfo(host, colon + 1, &hints, &found)) != 0)
		return fail(e, RC_BAD_INPUT, "%s: %s", text, gai_strerror(why));
	memcpy(&p->address, found->ai_addr, found->ai_addrlen);
	p->address_size = found->ai_addrlen;
	freeaddrinfo(found);
	return RC_OK;
}

static enum rc
read_fault(struct fleet_plan *p, const char *text, size_t n, struct err *e)
{
	const char *equal = memchr(text, '=', n);
	const char *name;
	char *end = NULL;

	for (int i = 0; equal != NULL && (name = fleet_fault_name((enum fleet_fault)i)) != NULL; i++) {
		if (strlen(name) != (size_t)(equal - text) || memcmp(name, text, strlen(name)) != 0)
			continue;
		p->fault[i] = strtod(equal + 1, &end);
		if (end == text + n && p->fault[i] >= 0 && p->fault[i] <= 50)
			return RC_OK;
		return fail(e, RC_BAD_INPUT, "--fault %s wants 0 to 50 per cent", name);
	}
	return fail(e, RC_BAD_INPUT, "--fault %.*s: write NAME=PERCENT, with a name that --help shows", (int)n, text);
}

static enum rc
read_faults(const struct argv *v, struct fleet_plan *p, struct err *e)
{
	enum rc rc;

	for (const char *const *list = argv_list(v, "fault"); *list != NULL; list++) {
		for (const char *at = *list; *at != '\0'; at += *at == ',') {
			size_t n = strcspn(at, ",");

			if ((rc = read_fault(p, at, n, e)) != RC_OK)
				return rc;
			at += n;
		}
	}
	return RC_OK;
}

/* The host of the URL is what the certificate is for, wherever the connection goes. */
static const char *
host_of(struct arena *a, const char *url)
{
	const char *host = strstr(url, "://");

	host = host != NULL ? host + 3 : url;
	if (*host == '[')
		return arena_strndup(a, host + 1, strcspn(host + 1, "]"));
	return arena_strndup(a, host, strcspn(host, ":/"));
}

static int
index_of(const char *const *list, const char *name)
{
	int i = 0;

	while (list[i + 1] != NULL && strcmp(list[i], name) != 0)
		i++;
	return i;
}

static enum rc
read_plan(const struct argv *v, struct fleet_plan *p, struct err *e)
{
	const char *secret = argv_text(v, "proxy-secret-file"), *ledger = argv_text(v, "ledger");
	bool many, herd;
	enum rc rc;

	p->scenario = (enum fleet_scenario)index_of(scenarios, argv_text(v, "scenario"));
	p->proof = (enum fleet_proof)index_of(proofs, argv_text(v, "proof"));
	herd = p->scenario == FLEET_SCENARIO_HERD;
	p->rate = (double)argv_int(v, "rate", 0);
	many = herd || p->rate > 0;
	p->connections = (int)argv_int(v, "connections", many ? 1000 : 16);
	p->count = (uint64_t)argv_int(v, "count", 0);
	p->seed = (uint64_t)argv_int(v, "seed", 1);
	p->duration_s = (double)argv_int(v, "duration", herd ? 60 : 10);
	p->warmup_s = herd ? 0 : (double)argv_int(v, "warmup", 0);
	p->ca_file = argv_text(v, "cacert");
	p->tls = (p->ca_file != NULL && argv_text(v, "enroll-connect") == NULL) || argv_flag(v, "tls");
	p->show = isatty(STDERR_FILENO) != 0;
	p->stop = &interrupted;
	if ((rc = read_address(v->arena, argv_text(v, "connect"), p, e)) != RC_OK ||
	    (rc = read_faults(v, p, e)) != RC_OK)
		return rc;
	if (secret != NULL && (rc = read_secret(v->arena, secret, &p->proxy_secret, e)) != RC_OK)
		return rc;
	if (ledger != NULL && (p->ledger = fopen(ledger, "ae")) == NULL)
		return fail(e, RC_UNAVAILABLE, "%s: %s", ledger, strerror(errno));
	return RC_OK;
}

/* Each connection is a file; the usual 1,024 are few. */
static enum rc
make_room_for(int connections, struct err *e)
{
	struct rlimit files;
	rlim_t wanted = (rlim_t)connections + FILES_BESIDE;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= wanted)
		return RC_OK;
	if (files.rlim_max != RLIM_INFINITY && files.rlim_max < wanted)
		return fail(e, RC_BAD_INPUT, "%d connections are more than this process may open (ulimit -Hn: %llu)",
		    connections, (unsigned long long)files.rlim_max);
	files.rlim_cur = wanted;
	(void)setrlimit(RLIMIT_NOFILE, &files);
	return RC_OK;
}

static enum rc
fits(struct arena *a, struct fleet_plan *p, struct err *e)
{
	const struct fleet_head *h = p->fleet->head;
	uint64_t devices = p->count > 0 && p->count < h->count ? p->count : h->count;

	p->server_name = host_of(a, h->url);
	if ((uint64_t)p->connections > devices)
		p->connections = (int)devices;
	if (p->scenario == FLEET_SCENARIO_HANDSHAKE && !p->tls)
		return fail(e, RC_BAD_INPUT, "handshakes are of TLS: say --cacert FILE or --tls");
	if ((p->scenario == FLEET_SCENARIO_REAUTH || p->fault[FLEET_FAULT_EXPIRED_TOKEN] > 0) && !h->has_expired)
		return fail(e, RC_BAD_INPUT, "this fleet has no expired tokens: prepare one with --expired-tokens");
	return make_room_for(p->connections, e);
}

/* False: not all of it is in the file. Closes it. */
static bool
write_whole(FILE *f, const struct buf *b)
{
	bool whole = fwrite(b->p, 1, b->n, f) == b->n;

	return fclose(f) == 0 && whole;
}

static enum rc
draw(const struct argv *v, const struct fleet_plan *p, const struct fleet_result *r, struct err *e)
{
	struct fleet_plot plot = {
		.title = arena_printf(v->arena, "%s: %.0f requests/s", fleet_scenario_name(p->scenario),
		    r->seconds > 0 ? (double)r->requests / r->seconds : 0),
		.subtitle = arena_printf(v->arena, "%llu requests in %.0f s, %llu errors; %s; %s; %s, %d connections",
		    (unsigned long long)r->requests, r->seconds, (unsigned long long)fleet_result_errors(r),
		    p->proof == FLEET_PROOF_PROXY ? "proxy header" : "Mdm-Signature", p->tls ? "TLS" : "plain HTTP",
		    r->open_loop ? "open loop, since due" : "closed loop", p->connections),
		.all = &r->all,
		.corrected = r->open_loop ? NULL : &r->corrected,
		.series = r->series,
		.n_series = r->n_series,
	};
	const char *path = argv_text(v, "plot");
	enum rc rc = RC_OK;
	struct buf b;
	FILE *f;

	if (path == NULL || r->all.count == 0)
		return RC_OK;
	buf_init(&b, PLOT_MAX);
	fleet_plot_svg(&b, &plot);
	if (!buf_ok(&b) || (f = fopen(path, "we")) == NULL)
		rc = fail(e, RC_UNAVAILABLE, "%s: %s", path, strerror(errno));
	else if (!write_whole(f, &b))
		rc = fail(e, RC_UNAVAILABLE, "%s could not be written", path);
	buf_free(&b);
	return rc;
}

static void
report(const struct argv *v, const struct fleet_plan *p, const struct fleet_result *r)
{
	struct buf b;

	buf_init(&b, REPORT_MAX);
	if (argv_flag(v, "json"))
		fleet_report_json(&b, p, r);
	else
		fleet_report_table(&b, p, r);
	fwrite(b.p, 1, b.n, stdout);
	buf_free(&b);
}

/* A mixed run with people who enroll beside it: they begin before it, and end after it. */
static enum rc
run(const struct argv *v, struct fleet_plan *p, struct fleet_result *r, struct err *e)
{
	struct fleet_enroll_result *enrolled = arena_alloc(v->arena, sizeof *enrolled);
	struct fleet_enroll_plan enroll = { .stop = p->stop, .ledger = p->ledger, .offered = true };
	const char *connect = argv_text(v, "enroll-connect");
	enum rc rc;

	if (p->scenario != FLEET_SCENARIO_MIXED || !argv_flag(v, "password-stdin"))
		return fleet_run(p, r, e);
	if (connect == NULL && !p->tls)
		return fail(e, RC_BAD_INPUT, "people enroll through TLS: say --cacert FILE, --tls or --enroll-connect");
	if ((rc = fleet_enroll_plan_read(v, p->fleet, &enroll, e)) != RC_OK)
		return rc;
	enroll.connect = connect != NULL ? connect : enroll.connect;
	enroll.threads = p->connections < ENROLLING_CONNECTIONS ? 1 : p->connections / ENROLLING_CONNECTIONS;
	enroll.duration_s = p->duration_s;
	enroll.rate = 0;
	enroll.count = 0;
	enroll.show = false;
	if ((rc = fleet_enroll_begin(&enroll, enrolled, &p->enrolling, e)) != RC_OK)
		return rc;
	rc = fleet_run(p, r, e);
	fleet_enroll_end(p->enrolling);
	r->enrollments = enrolled;
	return rc;
}

int
fleet_run_command(const struct argv *v, void *ctx)
{
	struct fleet_result *r = arena_alloc(v->arena, sizeof *r);
	struct sigaction once = { .sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND };
	struct fleet fleet = { .fd = -1 };
	struct fleet_plan p = { .dir = argv_text(v, "state"), .fleet = &fleet };
	struct err e = { 0 };
	enum rc rc;

	(void)ctx;
	sigaction(SIGINT, &once, NULL); /* the second one ends it as usual */
	signal(SIGPIPE, SIG_IGN);
	if (strcmp(argv_text(v, "scenario"), "enroll") == 0)
		return fleet_enroll_run_command(v, &interrupted);
	if ((rc = read_plan(v, &p, &e)) == RC_OK && (rc = fleet_open(p.dir, &fleet, &e)) == RC_OK &&
	    (rc = fits(v->arena, &p, &e)) == RC_OK && (rc = run(v, &p, r, &e)) == RC_OK) {
		report(v, &p, r);
		rc = draw(v, &p, r, &e);
	}
	fleet_close(&fleet);
	if (p.ledger != NULL && (fflush(p.ledger) != 0 || fclose(p.ledger) != 0) && rc == RC_OK)
		rc = fail(&e, RC_UNAVAILABLE, "the ledger could not be written");
	if (rc == RC_OK)
		return 0;
	fprintf(stderr, "postern-device: fleet run: %s\n", e.text);
	return rc == RC_BAD_INPUT ? ARGV_USAGE : 1;
}
