#include "check/check.h"

#include <ctype.h>
#include <string.h>

#include "base/tap.h"
#include "check/cause.h"
#include "check/snippet_table.h"

static bool
is_code(const char *text)
{
	for (const char *p = text; *p != '\0'; p++) {
		if (!islower((unsigned char)*p) && !isdigit((unsigned char)*p) && *p != '-' && *p != '.')
			return false;
	}
	return *text != '\0';
}

static int
seen_before(enum check_cause_id id)
{
	int n = 0;

	for (int i = 0; i < (int)id; i++)
		n += strcmp(check_cause((enum check_cause_id)i)->code, check_cause(id)->code) == 0;
	return n;
}

static void
test_causes(void)
{
	int bad_codes = 0, twice = 0, empty = 0, speechless = 0, hopeless = 0;

	for (int i = 0; i < CHECK_N_CAUSES; i++) {
		const struct check_cause *c = check_cause((enum check_cause_id)i);

		bad_codes += !is_code(c->code);
		twice += seen_before((enum check_cause_id)i);
		empty += c->cause == NULL || *c->cause == '\0' || c->todo == NULL || *c->todo == '\0';
		/* What lets everybody in is no trouble of the phone's. */
		speechless += c->severity == CHECK_CRITICAL && c->phone == NULL && i != CAUSE_token_given;
		hopeless += c->severity < CHECK_UNKNOWN;
	}
	ok(bad_codes == 0, "codes are words of small letters, since monitoring compares them");
	ok(twice == 0, "no two causes have the same code");
	ok(empty == 0, "every cause says what it is and what to do");
	ok(speechless == 0, "whatever ends an enrollment says what the phone would say");
	ok(hopeless == 0, "every cause is unknown, a warning or critical: what is well is no finding");
}

static void
test_snippets(void)
{
	int n = 0, missing = 0, unended = 0;

	for (; check_server(n) != NULL; n++) {
		is_str(snippets[n].server, check_server(n), "web servers are named in the order of the table");
		for (int kind = CHECK_SNIPPET_NONE + 1; kind < CHECK_N_SNIPPETS; kind++) {
			const char *text = snippets[n].text[kind];

			missing += text == NULL;
			unended += text != NULL && text[strlen(text) - 1] != '\n';
		}
	}
	ok(n == 6, "nginx, Apache, Caddy, IIS, S3 with CloudFront, Cloudflare");
	ok(missing == 0, "each has a text for each kind of mistake");
	ok(unended == 0, "whose last line ends");
}

static void
test_bad_plan(void)
{
	struct arena *a = arena_new(0);
	struct check_plan plan = {
		.identifier = "a@b.example", .families = 1, .ca_file = "/dev/null/none", .timeout_s = 1
	};
	struct check_report r;
	struct err e;

	ok(check_run(a, &plan, &r, &e) == RC_BAD_INPUT && strstr(e.text, "/dev/null/none") != NULL,
	    "a CA file that can't be read is the caller's mistake, not a finding");
	plan = (struct check_plan){ .identifier = "nobody", .families = 1, .timeout_s = 1 };
	ok(check_run(a, &plan, &r, &e) == RC_OK && r.verdict == CHECK_CRITICAL &&
		r.findings->cause == check_cause(CAUSE_identifier_malformed) &&
		r.stage[CHECK_DNS].state == CHECK_NOT_REACHED && r.stage[CHECK_SCEP].state == CHECK_NOT_ASKED,
	    "what is no identifier reaches nothing (protocol 2.1)");
	arena_free(a);
}

int
main(void)
{
	test_causes();
	test_snippets();
	test_bad_plan();
	return done();
}
