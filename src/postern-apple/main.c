/* postern-apple: stand-ins for Apple's services, on this machine. */
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "apple/apple.h"
#include "apple/lab.h"
#include "base/clock.h"
#include "base/log.h"
#include "crypto/start.h"
#include "fmt/argv.h"
#include "postern-apple/portal.h"

static int
complain(const struct err *e)
{
	fprintf(stderr, "postern-apple: %s\n", e->text);
	return 1;
}

/* ---- init ---- */

static int
run_init(const struct argv *v, void *ctx)
{
	struct err e = { 0 };
	struct lab lab;

	(void)ctx;
	if (lab_make(v->arena, argv_text(v, "state"), clock_now(), &lab, &e) != RC_OK)
		return complain(&e);
	printf("Topic: %s\n"
	       "Tell the server of its push certificate:\n"
	       "  postern org set --push-certificate %s --push-key %s\n"
	       "and in its postern.conf where to push to, with the address that `postern-apple run` prints:\n"
	       "  push_url = https://localhost:2197\n"
	       "  push_ca = %s\n",
	    lab.topic, lab.push, lab.push_key, lab.ca);
	return 0;
}

/* ---- run ---- */

static enum rc
read_faults(const struct argv *v, struct faults *f, struct err *e)
{
	const char *path = argv_text(v, "faults");
	struct bytes text;
	enum rc rc;

	if (path == NULL)
		return RC_OK;
	if ((rc = lab_read(v->arena, path, LAB_FILE, &text, e)) != RC_OK)
		return rc;
	return faults_set(f, text, e) == RC_OK ? RC_OK : fail_in(e, RC_BAD_INPUT, "%s", path);
}

static void
begin(struct call *c, void *ctx)
{
	(void)ctx;
	c->now = clock_now();
}

static enum rc
start(const struct argv *v, struct apple *apple, struct http_server **http, struct err *e)
{
	static const struct http_route *const tables[] = { apple_routes, books_routes, services_routes };
	void *const rooms[] = { apple, apple, apple };
	struct http_listener listeners[] = {
		{ .door = HTTP_DOOR_PLAIN, .address = argv_text(v, "listen-http"), .fd = -1 },
		{ .door = HTTP_DOOR_TLS, .address = argv_text(v, "listen-books"), .fd = -1 },
	};
	const struct http_settings settings = { .workers = { [HTTP_QUICK] = APPLE_WAITERS }, .drain_ms = 1000 };
	const struct http_hooks hooks = { .begin = begin };
	struct apns_settings apns = { .address = argv_text(v, "listen-apns"), .faults = apple->faults };
	struct books_settings books = { .assets_file = argv_text(v, "assets"),
		.ca_file = argv_text(v, "server-ca"),
		.event_ms = (int)argv_int(v, "event-ms", 300),
		.faults = apple->faults };
	const struct assignment_settings assignment = { .dir = argv_text(v, "state"),
		.session_s = argv_int(v, "session-seconds", ASSIGNMENT_SESSION_S),
		.rotate = argv_flag(v, "rotate-sessions"),
		.faults = apple->faults,
		.diary = apple->diary[APPLE_ASSIGNMENT] };
	struct lab lab;
	enum rc rc;

	lab_paths(v->arena, argv_text(v, "state"), &lab);
	apns.cert_file = listeners[1].cert_file = lab.server;
	apns.key_file = listeners[1].key_file = lab.server_key;
	apns.client_ca = lab.ca;
	books.token_file = lab.token;
	if ((rc = read_faults(v, apple->faults, e)) != RC_OK || (rc = apns_start(&apns, &apple->apns, e)) != RC_OK ||
	    (rc = books_start(&books, &apple->books, e)) != RC_OK)
		return rc;
	apple->assignment = assignment_new(&assignment);
	apple->fallback = (struct fallback){ assignment.dir, apple->faults, apple->diary[APPLE_DISCOVERY] };
	apple->accounts = accounts_new(assignment.dir, apple->faults, apple->diary[APPLE_SIGN_IN]);
	return http_server_start(&settings, listeners, 2, tables, rooms, 3, &hooks, http, e);
}

static int
run_services(const struct argv *v, void *ctx)
{
	struct apple apple = { .faults = faults_new() };
	struct http_server *http = NULL;
	struct err e = { 0 };
	sigset_t signals;
	int status = 0, sig, port;

	(void)ctx;
	for (int i = 0; i < APPLE_DIARIES; i++)
		apple.diary[i] = diary_new();
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (start(v, &apple, &http, &e) != RC_OK) {
		status = complain(&e);
	} else {
		port = http_server_port(http, 1);
		printf("apns https://localhost:%d\nhttp http://localhost:%d\nbooks https://localhost:%d/mdm\n"
		       "assignment https://localhost:%d\ndevices https://localhost:%d\nready\n",
		    apns_port(apple.apns), http_server_port(http, 0), port, port, port);
		fflush(stdout);
		sigwait(&signals, &sig);
	}
	apns_shut(apple.apns);
	if (http != NULL)
		http_server_stop(http);
	apns_stop(apple.apns);
	books_stop(apple.books);
	assignment_free(apple.assignment);
	accounts_free(apple.accounts);
	for (int i = 0; i < APPLE_DIARIES; i++)
		diary_free(apple.diary[i]);
	faults_free(apple.faults);
	return status;
}

static const struct argv_option init_options[] = {
	ARGV_TEXT("state", "DIR", "Folder to make them in", .required = true, .env = "POSTERN_APPLE_STATE"),
	ARGV_END,
};
static const struct argv_option run_options[] = {
	PORTAL_STATE,
	ARGV_TEXT("listen-apns", "ADDR:PORT", "Where pushes are taken; port 0: any", .fallback = "127.0.0.1:2197"),
	ARGV_TEXT("listen-http", "ADDR:PORT", "Ledger, faults, and devices that wait for pushes; port 0: any",
	    .fallback = "127.0.0.1:2198"),
	ARGV_TEXT("listen-books", "ADDR:PORT",
	    "Everything else: Apps and Books, device assignment, devices; port 0: any", .fallback = "127.0.0.1:2199"),
	ARGV_TEXT("assets", "FILE", "What was bought: [{\"adamId\": TEXT, \"totalCount\": N}, ...]"),
	ARGV_TEXT("server-ca", "FILE", "Trust this CA where notifications go to"),
	ARGV_INT("event-ms", "N", "How long Apps and Books takes for a change (default: 300)", .min = 0, .max = 600000),
	ARGV_INT("session-seconds", "N", "How long a session of device assignment lasts (default: 180)", .min = 1,
	    .max = 86400),
	ARGV_FLAG("rotate-sessions", "Every answer of device assignment brings another session"),
	ARGV_TEXT("faults", "FILE", "What is to go wrong (JSON)"),
	ARGV_END,
};

static const struct argv_command commands[] = {
	{ "init", "Make a CA, a server certificate, and a push certificate for a laboratory", run_init, init_options,
	    NULL, NULL },
	{ "run", "Stand in for Apple's services until SIGTERM", run_services, run_options, NULL,
	    "Prints where each service is, and `ready`. On the address of --listen-http:\n"
	    "  GET /                     a page\n"
	    "  GET /ledger               what came, in sums; /ledger/apns?from=N&limit=N each token,\n"
	    "                            /ledger/apps-and-books who holds what; /ledger/assignment, /ledger/discovery "
	    "and\n"
	    "                            /ledger/sign-in?limit=N the last requests\n"
	    "  GET /devices/TOKEN/wait   the last push to that token, when it comes: ?seconds=N\n"
	    "  PUT /faults               what is to go wrong, as with --faults: a list of rules such as\n"
	    "    {\"service\": \"apns\", \"every\": 97, \"status\": 429, \"body\": {\"reason\": \"TooManyRequests\"}}\n"
	    "    {\"service\": \"apns\", \"subject\": TOKEN, \"status\": 410, \"body\": {\"reason\": "
	    "\"Unregistered\"}}\n"
	    "    {\"service\": \"apns\", \"after\": 10000, \"then\": \"goaway\"}, or \"drop\" for the connection" },
	{ "org add", "Make another organization in the portal", portal_org_add, portal_add_options, portal_name, NULL },
	{ "org set", "Settings of an organization", portal_org_set, portal_org_options, NULL, NULL },
	{ "domain add", "Give an organization a domain", portal_domain_add, portal_domain_options, portal_domain,
	    NULL },
	{ "domain remove", "Take it away", portal_domain_remove, portal_remove_options, portal_domain, NULL },
	{ "account add", "Make an Apple Account, or change its kind", portal_account_add, portal_account_options,
	    portal_account_argument,
	    "federated: of the organization's identity provider; manual: made in the portal; locked: may not sign in;\n"
	    "personal: somebody's own account with an address of the organization's domain." },
	{ "account remove", "Remove one", portal_account_remove, portal_remove_options, portal_account_argument, NULL },
	{ "server add", "Make an MDM server of its certificate, and write its token", portal_server_new,
	    portal_server_add_options, portal_name,
	    "Plays the portal: takes the certificate that is uploaded there, and writes the S/MIME file that is\n"
	    "downloaded. Prints the server_uuid." },
	{ "server token", "Write a new token for a server", portal_server_token_new, portal_server_token_options,
	    portal_name, NULL },
	{ "server default", "Which server devices go to", portal_server_default, portal_default_options, portal_name,
	    NULL },
	{ "server remove", "Remove one", portal_server_remove, portal_add_options, portal_name, NULL },
	{ "discovery set", "How the discovery fallback behaves", portal_discovery_set, portal_discovery_options, NULL,
	    NULL },
	{ "show", "Print what the portal knows, as JSON", portal_show, portal_add_options, NULL, NULL },
	ARGV_END,
};

static const struct argv_program program = { "postern-apple", "Stand-ins for Apple's services, on this machine", NULL,
	commands, NULL, NULL };

int
main(int argc, char **argv)
{
	umask(077);
	crypto_start();
	log_setup(LOG_WARN_, LOG_LOGFMT);
	return argv_run(&program, argc, argv, NULL);
}
