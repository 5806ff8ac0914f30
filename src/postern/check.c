/* `check`: what room check found, for people, for programs (--json) and for monitoring (the first line and the exit
 * status, as Nagios plugins have them). */
#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "check/cause.h"
#include "fmt/uri.h"
#include "postern/cli.h"

#define TIMEOUT_S 10
#define ALL_FAMILIES ((1u << CHECK_FAMILIES) - 1)

/* "iPhone, iPad"; "" where it is all that were asked for, or has nothing to do with the kind. */
static const char *
families_text(struct cli *k, unsigned families, unsigned asked)
{
	const char *out = "";

	if (families == 0 || families == asked)
		return out;
	for (int i = 0; i < CHECK_FAMILIES; i++) {
		if (families & 1u << i)
			out = arena_printf(k->a, "%s%s%s", out, *out != '\0' ? ", " : "", check_family(i));
	}
	return out;
}

static json_t *
families_json(unsigned families)
{
	json_t *list = json_array();

	for (int i = 0; i < CHECK_FAMILIES; i++) {
		if (families & 1u << i)
			json_array_append_new(list, json_string(check_family(i)));
	}
	return list;
}

static int
status_of(enum check_state verdict)
{
	switch (verdict) {
	case CHECK_OK:
		return 0;
	case CHECK_WARNING:
		return 1;
	case CHECK_CRITICAL:
		return 2;
	default:
		return ARGV_UNKNOWN;
	}
}

/* ---- for programs: peers' texts may be no UTF-8, which JSON does not take ---- */

static json_t *
stages_json(struct cli *k, const struct check_report *r)
{
	json_t *list = json_array();

	for (int s = 0; s < CHECK_N_STAGES; s++) {
		json_t *notes = json_array();

		for (const struct check_note *n = r->stage[s].notes; n != NULL; n = n->next)
			json_array_append_new(notes, json_pack("{s:s, s:o}", "text", print_safe(k->a, n->text),
							 "families", families_json(n->families)));
		json_array_append_new(
		    list, json_pack("{s:s, s:s, s:o, s:o}", "stage", check_stage_name((enum check_stage)s), "state",
			      check_state_name(r->stage[s].state), "reached", families_json(r->stage[s].reached),
			      "seen", notes));
	}
	return list;
}

static json_t *
findings_json(struct cli *k, const struct check_report *r)
{
	json_t *list = json_array();

	for (const struct check_finding *f = r->findings; f != NULL; f = f->next)
		json_array_append_new(list,
		    json_pack("{s:s, s:s, s:s, s:s, s:s, s:s?, s:s, s:s, s:o, s:s?, s:b, s:s?}", "code", f->cause->code,
			"stage", check_stage_name(f->stage), "severity", check_state_name(f->severity), "about",
			print_safe(k->a, f->about), "seen", print_safe(k->a, f->seen), "phone", f->cause->phone,
			"cause", f->cause->cause, "todo", f->cause->todo, "families", families_json(f->families),
			"server", f->server, "server_guessed", f->guessed, "snippet", f->snippet));
	return list;
}

static void
say_json(struct cli *k, const struct check_plan *plan, const struct check_report *r)
{
	print_json(json_keep(
	    k->a, json_pack("{s:s, s:s, s:i, s:o, s:o, s:o}", "user", print_safe(k->a, plan->identifier), "verdict",
		      check_state_name(r->verdict), "status", status_of(r->verdict), "families",
		      families_json(plan->families), "stages", stages_json(k, r), "findings", findings_json(k, r))));
}

/* ---- for people ---- */

static enum paint
paint_of(enum check_state s)
{
	static const enum paint paints[] = { PAINT_DIM, PAINT_DIM, PAINT_GOOD, PAINT_WARN, PAINT_WARN, PAINT_BAD };

	return paints[s];
}

static const char *
painted(struct cli *k, enum check_state s, const char *text)
{
	enum paint p = paint_of(s);

	return arena_printf(k->a, "%s%s%s", paint_on(k->color_out, p), text, paint_off(k->color_out, p));
}

/* What a monitoring system shows: the verdict, and the first of what made it. */
static void
say_verdict(struct cli *k, const struct check_plan *plan, const struct check_report *r)
{
	static const char *const words[] = { "UNKNOWN", "UNKNOWN", "OK", "UNKNOWN", "WARNING", "CRITICAL" };
	const struct check_finding *f = r->findings;
	const char *who = print_safe(k->a, plan->identifier);

	while (f != NULL && f->severity != r->verdict)
		f = f->next;
	if (f == NULL)
		printf("%s - a device of %s can begin to enroll\n", painted(k, r->verdict, words[r->verdict]), who);
	else
		printf("%s - %s: %s: %s (%s)\n", painted(k, r->verdict, words[r->verdict]), who, f->cause->code,
		    f->cause->cause, print_safe(k->a, f->about));
}

static void
say_stages(struct cli *k, const struct check_plan *plan, const struct check_report *r)
{
	for (int s = 0; s < CHECK_N_STAGES; s++) {
		enum check_state state = r->stage[s].state;
		const struct check_note *n = r->stage[s].notes;
		unsigned missing = plan->families & ~r->stage[s].reached;
		bool partly = s >= CHECK_REDIRECT && r->stage[s].reached != 0 && missing != 0;

		if (state == CHECK_NOT_ASKED)
			continue;
		printf("%-11s %s", check_stage_name((enum check_stage)s),
		    painted(k, state, arena_printf(k->a, "%-11s", check_state_name(state))));
		for (; n != NULL; n = n->next) {
			const char *only = families_text(k, n->families, plan->families);

			printf(" %s%s%s%s", print_safe(k->a, n->text), *only != '\0' ? " (" : "", only,
			    *only != '\0' ? ")" : "");
			if (n->next != NULL)
				printf("\n%*s", 23, "");
		}
		if (partly)
			printf(" (not reached: %s)", families_text(k, missing, 0));
		printf("\n");
	}
}

static void
say_line(struct cli *k, const char *name, const char *text)
{
	if (text != NULL && *text != '\0')
		printf("   %-7s %s\n", name, print_safe(k->a, text));
}

static void
say_snippet(struct cli *k, const struct check_finding *f)
{
	const char *others = "";

	if (f->snippet == NULL)
		return;
	for (int i = 0; f->guessed && check_server(i) != NULL; i++) {
		if (strcmp(check_server(i), f->server) != 0)
			others = arena_printf(k->a, "%s%s%s", others, *others != '\0' ? ", " : "", check_server(i));
	}
	printf("   %s:\n", print_safe(k->a, f->label));
	for (const char *p = f->snippet; *p != '\0'; p += strcspn(p, "\n") + 1)
		printf("       %s\n", print_safe(k->a, arena_strndup(k->a, p, strcspn(p, "\n"))));
	if (*others != '\0')
		printf("   (which web server it is can't be seen; --web-server shows it for %s)\n", others);
}

static void
say_findings(struct cli *k, const struct check_plan *plan, const struct check_report *r)
{
	for (const struct check_finding *f = r->findings; f != NULL; f = f->next) {
		printf("\n%s %s, at stage %s\n", painted(k, f->severity, check_state_name(f->severity)), f->cause->code,
		    check_stage_name(f->stage));
		say_line(k, "Where", f->about);
		say_line(k, "Seen", f->seen);
		say_line(k, "For", families_text(k, f->families, plan->families));
		say_line(k, "Phone",
		    f->cause->phone != NULL        ? f->cause->phone
		    : f->severity == CHECK_UNKNOWN ? "Can't be told from here"
						   : "Nothing; it goes on");
		say_line(k, "Cause", f->cause->cause);
		say_line(k, "To do", f->cause->todo);
		say_snippet(k, f);
	}
}

/* What devices do next where the domain fails is not seen unless somebody asks. */
static void
say_fallback(const struct check_report *r)
{
	bool failed = false;

	for (const struct check_finding *f = r->findings; f != NULL; f = f->next)
		failed =
		    failed || (f->severity == CHECK_CRITICAL && f->stage > CHECK_IDENTIFIER && f->stage < CHECK_APPLE);
	if (failed && r->stage[CHECK_APPLE].state == CHECK_NOT_ASKED &&
	    r->stage[CHECK_ENROLLMENT].state == CHECK_NOT_REACHED)
		printf("\nDevices from iOS 18.2, macOS 15.2 and visionOS 2.2 ask Apple next, who has an answer if the "
		       "domain is verified\n"
		       "and a server registered there: --apple https://axm-adm-enroll.apple.com asks too.\n");
}

/* ---- the command ---- */

static bool
are_urls(struct cli *k)
{
	static const char *const names[] = { "mdm-server", "apple", "scep" };
	struct uri u;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		const char *text = argv_text(k->v, names[i]);

		if (text != NULL && uri_parse(k->a, text, &u, NULL) != RC_OK) {
			cli_usage(k, "--%s wants a URL, not '%s'", names[i], text);
			return false;
		}
	}
	return true;
}

static unsigned
families_of(const char *name)
{
	for (int i = 0; name != NULL && i < CHECK_FAMILIES; i++) {
		if (strcmp(check_family(i), name) == 0)
			return 1u << i;
	}
	return ALL_FAMILIES;
}

int
cli_check(const struct argv *v, void *ctx)
{
	struct check_report report;
	struct check_plan plan = {
		.identifier = argv_argument(v, 0),
		.families = families_of(argv_text(v, "model-family")),
		.server = argv_text(v, "web-server"),
		.mdm_url = argv_text(v, "mdm-server"),
		.apple_url = argv_text(v, "apple"),
		.scep_url = argv_text(v, "scep"),
		.device_ca = argv_text(v, "device-ca"),
		.ca_file = argv_text(v, "cacert"),
		.connect_to = argv_list(v, "connect-to"),
		.timeout_s = (int)argv_int(v, "timeout", TIMEOUT_S),
		.now = clock_now(),
	};
	struct cli k;

	(void)ctx;
	cli_begin(&k, v);
	plan.data = argv_given(v, "data") ? k.data : NULL; /* most who run this have no server of ours */
	signal(SIGPIPE, SIG_IGN); /* a server that closes early is a finding */
	if (!are_urls(&k))
		return ARGV_UNKNOWN;
	if (check_run(k.a, &plan, &report, &k.err) != RC_OK) {
		cli_refused(&k);
		return ARGV_UNKNOWN;
	}
	if (k.json) {
		say_json(&k, &plan, &report);
	} else {
		say_verdict(&k, &plan, &report);
		printf("\n");
		say_stages(&k, &plan, &report);
		say_findings(&k, &plan, &report);
		say_fallback(&report);
	}
	cli_end(&k);
	return status_of(report.verdict);
}
