/* `migrate shadow`: listens for the webhook of a NanoMDM or MicroMDM and says at the end what this server would have made of
 * each message. */
#include <signal.h>
#include <stdio.h>

#include "base/clock.h"
#include "http/server.h"
#include "migration/shadow.h"
#include "postern/cli.h"

#define BODY_MAX (8u << 20) /* a command's answer of 4 MB, in base64 */

static void
post_event(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	shadow_event(room, c->arena, r->body);
	/* The other server is not to care what this one thinks of it. */
	http_answer(out, 200, NULL, bytes_of(NULL, 0));
}

static const struct http_route routes[] = {
	{ "POST", "/", HTTP_QUICK, BODY_MAX, 1u << HTTP_DOOR_PLAIN, post_event },
	{ 0 },
};

static void
begin(struct call *c, void *ctx)
{
	(void)ctx;
	c->now = clock_now();
}

static void
say(struct cli *k, json_t *report)
{
	static const struct column found[] = { { "Verdict", "code", COL_TEXT }, { "Events", "events", COL_NUMBER },
		{ "Meaning", "meaning", COL_TEXT }, { "First", "first", COL_TEXT }, COLUMN_END };
	static const struct column devices[] = { { "Device", "id", COL_TEXT }, { "Mode", "mode", COL_TEXT },
		{ "OS", "os", COL_TEXT }, { "Events", "events", COL_NUMBER },
		{ "Deviations", "deviations", COL_NUMBER }, { "Personal", "personal", COL_NUMBER }, COLUMN_END };

	if (k->json) {
		print_json(report);
		return;
	}
	print_table(k, json_object_get(report, "verdicts"), found, "");
	printf("\n");
	print_table(k, json_object_get(report, "devices"), devices, "No device was heard.");
}

int
cli_migrate_shadow(const struct argv *v, void *ctx)
{
	const struct http_settings settings = { .loops = 1, .workers = { 2, 1, 1 } };
	const struct http_listener listener = { .door = HTTP_DOOR_PLAIN, .address = argv_text(v, "listen"), .fd = -1 };
	const struct http_route *const tables[] = { routes };
	const struct http_hooks hooks = { .begin = begin };
	struct shadow *shadow = shadow_new();
	void *const rooms[] = { shadow };
	struct http_server *server = NULL;
	int status = EXIT_DONE, signal_number;
	sigset_t ends;
	struct cli k;

	(void)ctx;
	cli_begin(&k, v);
	/* Blocked before there are threads, so that it is this one that waits for them. */
	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (http_server_start(&settings, &listener, 1, tables, rooms, 1, &hooks, &server, &k.err) == RC_OK) {
		cli_say(&k, "listening on port %d; Ctrl-C ends it and prints the report", http_server_port(server, 0));
		sigwait(&ends, &signal_number);
		http_server_stop(server);
		say(&k, shadow_report(shadow, k.a));
	} else {
		status = cli_refused(&k);
	}
	shadow_free(shadow);
	cli_end(&k);
	return status;
}
