/* The report as one page, without script. */
#include <string.h>

#include "base/clock.h"
#include "conform/check.h"
#include "fmt/html.h"

static const char style[] =
    ":root{color-scheme:light dark;--line:#8884;--bad:#b3261e;--advice:#8a5a00;--good:#1b6e3c;--dim:#667}"
    "@media(prefers-color-scheme:dark){:root{--bad:#ff8a80;--advice:#ffc766;--good:#7fd6a0;--dim:#9aa}}"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}"
    "h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}table{border-collapse:collapse;width:100%}"
    "th,td{text-align:left;vertical-align:top;padding:.35rem .5rem;border-bottom:1px solid var(--line)}"
    ".v{white-space:nowrap;font-weight:600}.deviation .v{color:var(--bad)}.advice .v{color:var(--advice)}"
    ".passed .v{color:var(--good)}.dim,.not .v{color:var(--dim);font-weight:400}p{margin:.3rem 0}"
    ".scroll{overflow-x:auto}code{font-size:.9em}";

static const char *
class_of(enum conform_verdict v)
{
	switch (v) {
	case CONFORM_DEVIATION:
		return "deviation";
	case CONFORM_ADVICE:
		return "advice";
	case CONFORM_PASSED:
		return "passed";
	default:
		return "not";
	}
}

static void
cell(struct buf *b, const char *text)
{
	buf_str(b, "<td>");
	html_text(b, text);
	buf_str(b, "</td>");
}

static void
devices(const struct conform_report *r, struct buf *b)
{
	buf_str(b, "<h2>Devices</h2><div class=scroll><table><thead><tr><th>Device<th>Person<th>Mode<th>Sign-in"
		   "<th>Came to</tr></thead><tbody>\n");
	for (int i = 0; i < r->n_played; i++) {
		const struct conform_played *p = &r->played[i];

		if (p->skipped)
			continue;
		buf_str(b, "<tr>");
		cell(b, arena_printf(r->arena, "%s %s", p->family, p->os));
		cell(b, p->identifier);
		cell(b, p->mode != NULL ? p->mode : "not known");
		cell(b, p->method != NULL ? p->method : "not known");
		cell(b, p->complete ? "the end"
				    : arena_printf(r->arena, "%s: %s", conform_stage_names[p->stopped_in], p->stopped));
		buf_str(b, "</tr>\n");
	}
	buf_str(b, "</tbody></table></div>\n");
}

static void
check(const struct conform_report *r, struct buf *b, int i)
{
	const struct conform_check *c = &conform_checks[i];
	struct conform_result all = conform_verdict_of(r, i);

	buf_printf(b, "<tr class=%s><td class=v>%s</td><td>%s</td><td>", class_of(all.verdict),
	    conform_verdict_names[all.verdict], c->rule);
	html_text(b, c->sentence);
	for (int k = 0; all.verdict >= CONFORM_ADVICE && k < r->n_played; k++) {
		const struct conform_played *p = &r->played[k];

		if (p->skipped || p->results[i].verdict < CONFORM_ADVICE)
			continue;
		buf_str(b, "<p>");
		html_text(b, arena_printf(r->arena, "%s, %s: ", p->family, p->identifier));
		buf_str(b, "<strong>");
		html_text(b, p->results[i].why != NULL ? p->results[i].why : "");
		buf_str(b, "</strong></p>");
	}
	if (all.verdict >= CONFORM_ADVICE) {
		buf_str(b, "<p class=dim>A device: ");
		html_text(b, c->device);
		buf_str(b, "</p>");
	}
	buf_printf(b, "</td><td class=dim>%s<br><code>%s</code></td></tr>\n", c->source, c->id);
}

void
conform_write_html(const struct conform_report *r, struct buf *b)
{
	struct conform_coverage c = conform_coverage_of(r);
	int stage = -1;

	buf_printf(b,
	    "<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport "
	    "content=\"width=device-width,initial-scale=1\"><title>Conformance</title><style>%s</style></head><body>\n"
	    "<h1>Conformance: %s</h1>\n<p>Plan %s, %s.</p>\n<p>Played to the end: %s; modes: %s; methods: %s.</p>\n",
	    style, conform_is_good(r) ? "no deviation" : "not as it should be", conform_plan_names[r->plan],
	    clock_rfc3339(r->arena, clock_now()), *c.families != '\0' ? c.families : "no family",
	    *c.modes != '\0' ? c.modes : "none", *c.methods != '\0' ? c.methods : "none");
	if (*c.missing != '\0')
		buf_printf(b, "<p>Not covered: %s.</p>\n", c.missing);
	devices(r, b);
	for (int i = 0; i < CONFORM_N_CHECKS; i++) {
		if (!r->wanted[i])
			continue;
		if ((int)conform_checks[i].stage != stage) {
			if (stage >= 0)
				buf_str(b, "</tbody></table></div>\n");
			stage = (int)conform_checks[i].stage;
			buf_printf(b,
			    "<h2>%s</h2><div class=scroll><table><thead><tr><th>Verdict<th>Rule<th>What holds"
			    "<th>Source</tr></thead><tbody>\n",
			    conform_stage_names[stage]);
		}
		check(r, b, i);
	}
	buf_str(b, "</tbody></table></div></body></html>\n");
}
