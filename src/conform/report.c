/* The report in all its forms but HAR. */
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "conform/check.h"
#include "device/url.h"
#include "fmt/html.h"
#include "fmt/json.h"
#include "fmt/utf8.h"

static const char *const severity_names[] = { "breaks", "harms", "advised" };

/* ---- of all devices together ---- */

/* A deviation of one is one of the server; what no device came to was not reached; what one passed is not undone by
 * another that did not come so far. */
struct conform_result
conform_verdict_of(const struct conform_report *r, int check)
{
	struct conform_result out = { .verdict = CONFORM_NOT_APPLICABLE };
	bool passed = false;

	for (int i = 0; i < r->n_played; i++) {
		const struct conform_result *one = &r->played[i].results[check];

		if (r->played[i].skipped)
			continue;
		passed = passed || one->verdict == CONFORM_PASSED;
		if (one->verdict > out.verdict)
			out = *one;
	}
	if (out.verdict == CONFORM_NOT_REACHED && passed)
		out = (struct conform_result){ .verdict = CONFORM_PASSED };
	return out;
}

static int
count(const struct conform_report *r, enum conform_verdict v)
{
	int n = 0;

	for (int i = 0; i < CONFORM_N_CHECKS; i++)
		n += r->wanted[i] && conform_verdict_of(r, i).verdict == v;
	return n;
}

static bool
came_through(const struct conform_report *r)
{
	int n = 0;

	for (int i = 0; i < r->n_played; i++) {
		if (r->played[i].skipped)
			continue;
		if (!r->played[i].complete)
			return false;
		n++;
	}
	return n > 0;
}

bool
conform_is_good(const struct conform_report *r)
{
	return came_through(r) && count(r, CONFORM_DEVIATION) == 0;
}

/* ---- coverage ---- */

enum fact { FAMILY, MODE, METHOD };

static const char *
fact_of(const struct conform_played *p, enum fact f)
{
	return f == FAMILY ? p->family : f == MODE ? p->mode : p->method;
}

static bool
is_covered(const struct conform_report *r, enum fact f, const char *value)
{
	for (int i = 0; i < r->n_played; i++) {
		const struct conform_played *p = &r->played[i];
		const char *is = fact_of(p, f);

		if (!p->skipped && p->complete && is != NULL && strcasecmp(is, value) == 0)
			return true;
	}
	return false;
}

static const char *
list(const struct conform_report *r, enum fact f, const char *const *values, struct buf *missing)
{
	struct buf b;

	buf_init(&b, 1024);
	for (; *values != NULL; values++) {
		struct buf *to = is_covered(r, f, *values) ? &b : missing;

		buf_printf(to, "%s%s", to->n > 0 ? ", " : "", *values);
	}
	return buf_finish(&b, r->arena);
}

struct conform_coverage
conform_coverage_of(const struct conform_report *r)
{
	static const char *const modes[] = { "BYOD", "ADDE", NULL };
	static const char *const methods[] = { "apple-as-web", "apple-oauth2", NULL };
	const char *families[16] = { NULL };
	struct conform_coverage c;
	struct buf missing;

	for (int i = 0; i < 15 && device_family_at(i) != NULL; i++)
		families[i] = device_family_at(i)->name;
	buf_init(&missing, 1024);
	c.families = list(r, FAMILY, families, &missing);
	c.modes = list(r, MODE, modes, &missing);
	c.methods = list(r, METHOD, methods, &missing);
	c.missing = buf_finish(&missing, r->arena);
	return c;
}

/* ---- text ---- */

struct paint {
	const char *red, *green, *yellow, *faint, *bold, *off;
};

static void
put_plain(struct buf *b, const char *text)
{
	for (; *text != '\0'; text++)
		buf_char(b, (unsigned char)*text < 0x20 || *text == 0x7f ? ' ' : *text);
}

static void
text_check(const struct conform_report *r, struct buf *b, const struct paint *c, int i)
{
	const struct conform_check *check = &conform_checks[i];
	struct conform_result all = conform_verdict_of(r, i);
	const char *colour = all.verdict == CONFORM_DEVIATION ? c->red
			     : all.verdict == CONFORM_ADVICE  ? c->yellow
			     : all.verdict == CONFORM_PASSED  ? c->green
							      : c->faint;

	buf_printf(
	    b, "  %s%-14s%s %s %s\n", colour, conform_verdict_names[all.verdict], c->off, check->rule, check->sentence);
	if (all.verdict < CONFORM_NOT_REACHED || (all.verdict == CONFORM_NOT_REACHED && all.why == NULL))
		return;
	for (int k = 0; k < r->n_played; k++) {
		const struct conform_played *p = &r->played[k];

		if (p->skipped || p->results[i].verdict < CONFORM_NOT_REACHED || p->results[i].why == NULL)
			continue;
		buf_printf(b, "                 %s, %s: ", p->family, p->identifier);
		put_plain(b, p->results[i].why);
		buf_char(b, '\n');
	}
	if (all.verdict == CONFORM_NOT_REACHED)
		return;
	buf_printf(b, "                 %s%s A device: %s (protocol %s; %s)%s\n", c->faint,
	    severity_names[check->severity], check->device, check->source, check->id, c->off);
}

static void
text_coverage(const struct conform_report *r, struct buf *b)
{
	struct conform_coverage c = conform_coverage_of(r);

	buf_printf(b, "Played to the end: %s; modes %s; methods %s\n", *c.families != '\0' ? c.families : "no family",
	    *c.modes != '\0' ? c.modes : "none", *c.methods != '\0' ? c.methods : "none");
	if (*c.missing != '\0')
		buf_printf(b, "Not covered:       %s\n", c.missing);
}

void
conform_write_text(const struct conform_report *r, struct buf *b, bool colour, bool all)
{
	static const struct paint none = { "", "", "", "", "", "" };
	static const struct paint colours = { "\033[31m", "\033[32m", "\033[33m", "\033[2m", "\033[1m", "\033[0m" };
	const struct paint *c = colour ? &colours : &none;
	int stage = -1;

	for (int i = 0; i < CONFORM_N_CHECKS; i++) {
		enum conform_verdict v = conform_verdict_of(r, i).verdict;

		if (!r->wanted[i] || (!all && (v == CONFORM_PASSED || v == CONFORM_NOT_APPLICABLE)))
			continue;
		if ((int)conform_checks[i].stage != stage) {
			stage = (int)conform_checks[i].stage;
			buf_printf(b, "%s%s%s\n", c->bold, conform_stage_names[stage], c->off);
		}
		text_check(r, b, c, i);
	}
	for (int k = 0; k < r->n_played; k++) {
		const struct conform_played *p = &r->played[k];

		if (p->skipped || p->complete)
			continue;
		buf_printf(b, "%s %s, %s stopped at %s: ", p->family, p->os, p->identifier,
		    conform_stage_names[p->stopped_in]);
		put_plain(b, p->stopped);
		buf_char(b, '\n');
	}
	text_coverage(r, b);
	buf_printf(b, "Plan %s: %d deviations, %d advised, %d passed, %d not reached, %d not applicable\n",
	    conform_plan_names[r->plan], count(r, CONFORM_DEVIATION), count(r, CONFORM_ADVICE),
	    count(r, CONFORM_PASSED), count(r, CONFORM_NOT_REACHED), count(r, CONFORM_NOT_APPLICABLE));
}

/* ---- TAP 13 ---- */

void
conform_write_tap(const struct conform_report *r, struct buf *b)
{
	int n = 0;

	buf_str(b, "TAP version 13\n");
	for (int i = 0; i < CONFORM_N_CHECKS; i++) {
		struct conform_result one = conform_verdict_of(r, i);

		if (!r->wanted[i])
			continue;
		buf_printf(b, "%sok %d - %s %s: %s", one.verdict == CONFORM_DEVIATION ? "not " : "", ++n,
		    conform_checks[i].rule, conform_checks[i].id, conform_checks[i].sentence);
		if (one.verdict == CONFORM_NOT_REACHED || one.verdict == CONFORM_NOT_APPLICABLE)
			buf_printf(b, " # SKIP %s", conform_verdict_names[one.verdict]);
		buf_char(b, '\n');
		if (one.why != NULL && one.verdict >= CONFORM_NOT_REACHED) {
			buf_str(b, "# ");
			put_plain(b, one.why);
			buf_char(b, '\n');
		}
	}
	buf_printf(b, "1..%d\n", n);
}

/* ---- JUnit ---- */

void
conform_write_junit(const struct conform_report *r, struct buf *b)
{
	buf_str(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"postern-device conform\">\n");
	for (int k = 0; k < r->n_played; k++) {
		const struct conform_played *p = &r->played[k];
		int tests = 0, failures = 0, skipped = 0;

		if (p->skipped)
			continue;
		for (int i = 0; i < CONFORM_N_CHECKS; i++) {
			tests += r->wanted[i];
			failures += r->wanted[i] && p->results[i].verdict == CONFORM_DEVIATION;
			skipped += r->wanted[i] && (p->results[i].verdict == CONFORM_NOT_REACHED ||
						       p->results[i].verdict == CONFORM_NOT_APPLICABLE);
		}
		buf_str(b, "<testsuite");
		html_attribute(b, "name", arena_printf(r->arena, "%s %s %s", p->family, p->os, p->identifier));
		buf_printf(b, " tests=\"%d\" failures=\"%d\" skipped=\"%d\" errors=\"0\">\n", tests, failures, skipped);
		for (int i = 0; i < CONFORM_N_CHECKS; i++) {
			const struct conform_check *c = &conform_checks[i];
			const struct conform_result *one = &p->results[i];

			if (!r->wanted[i])
				continue;
			buf_str(b, "<testcase");
			html_attribute(b, "classname", arena_printf(r->arena, "%s.%s", c->rule, c->id));
			html_attribute(b, "name", c->sentence);
			buf_char(b, '>');
			if (one->verdict == CONFORM_DEVIATION) {
				buf_str(b, "<failure");
				html_attribute(b, "message", one->why != NULL ? one->why : "");
				buf_char(b, '>');
				html_text(b, c->device);
				buf_str(b, "</failure>");
			} else if (one->verdict == CONFORM_NOT_REACHED || one->verdict == CONFORM_NOT_APPLICABLE) {
				buf_str(b, "<skipped");
				html_attribute(b, "message", conform_verdict_names[one->verdict]);
				buf_str(b, "/>");
			} else if (one->why != NULL) {
				buf_str(b, "<system-out>");
				html_text(b, one->why);
				buf_str(b, "</system-out>");
			}
			buf_str(b, "</testcase>\n");
		}
		buf_str(b, "</testsuite>\n");
	}
	buf_str(b, "</testsuites>\n");
}

/* ---- JSON ---- */

/* What a peer said may be no UTF-8. */
static json_t *
text_or_null(const char *text)
{
	json_t *value = text != NULL ? json_string(text) : NULL;

	return value != NULL ? value : text != NULL ? json_string("(not text)") : json_null();
}

static json_t *
json_of(const struct conform_report *r, const struct conform_played *p)
{
	json_t *results = json_object();

	for (int i = 0; i < CONFORM_N_CHECKS; i++)
		if (r->wanted[i])
			json_object_set_new(results, conform_checks[i].id,
			    json_pack("{s:s, s:o}", "verdict", conform_verdict_names[p->results[i].verdict], "why",
				text_or_null(p->results[i].why)));
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:b, s:b, s:o, s:o, s:i, s:o}", "family", p->family, "os", p->os,
	    "identifier", p->identifier, "mode", text_or_null(p->mode), "method", text_or_null(p->method), "skipped",
	    p->skipped, "complete", p->complete, "stopped_in",
	    p->complete || p->skipped ? json_null() : json_string(conform_stage_names[p->stopped_in]), "stopped",
	    text_or_null(p->stopped), "exchanges", p->tape->n, "results", results);
}

void
conform_write_json(const struct conform_report *r, struct buf *b)
{
	struct conform_coverage c = conform_coverage_of(r);
	json_t *checks = json_array(), *played = json_array(), *root;
	struct bytes text;

	for (int i = 0; i < CONFORM_N_CHECKS; i++) {
		const struct conform_check *k = &conform_checks[i];
		struct conform_result one = conform_verdict_of(r, i);

		if (!r->wanted[i])
			continue;
		json_array_append_new(
		    checks, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "check", k->id, "rule", k->rule,
				"stage", conform_stage_names[k->stage], "severity", severity_names[k->severity],
				"source", k->source, "sentence", k->sentence, "device", k->device, "verdict",
				conform_verdict_names[one.verdict], "why", text_or_null(one.why)));
	}
	for (int k = 0; k < r->n_played; k++)
		json_array_append_new(played, json_of(r, &r->played[k]));
	root = json_keep(r->arena,
	    json_pack("{s:s, s:s, s:b, s:i, s:{s:s, s:s, s:s, s:s}, s:o, s:o}", "plan", conform_plan_names[r->plan],
		"until", conform_stage_names[r->until], "good", conform_is_good(r), "deviations",
		count(r, CONFORM_DEVIATION), "coverage", "families", c.families, "modes", c.modes, "methods", c.methods,
		"missing", c.missing, "checks", checks, "played", played));
	text = json_text(r->arena, root, 1);
	buf_add(b, text.p, text.n);
	buf_char(b, '\n');
}

/* ---- Markdown ---- */

void
conform_write_table(struct buf *b)
{
	int stage = -1;

	for (int i = 0; i < CONFORM_N_CHECKS; i++) {
		const struct conform_check *c = &conform_checks[i];

		if ((int)c->stage != stage) {
			stage = (int)c->stage;
			buf_printf(b,
			    "%s### %s\n\n| rule | check | what holds | what a device does otherwise | plan | source |\n"
			    "|---|---|---|---|---|---|\n",
			    i > 0 ? "\n" : "", conform_stage_names[stage]);
		}
		buf_printf(b, "| %s | `%s` | %s | %s | %s | %s |\n", c->rule, c->id, c->sentence, c->device,
		    conform_plan_names[c->plan], c->source);
	}
}
