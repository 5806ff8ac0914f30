/* `lint`, `modes` and `preset`: what an enrollment mode allows, by the rows that the server itself reads (command/policy.h). */
#include <string.h>

#include "command/policy.h"
#include "command/preset.h"
#include "postern/cli.h"

static enum rc
target_of(struct cli *k, struct policy_target *t)
{
	return policy_target_parse(argv_text(k->v, "mode"), argv_text(k->v, "os"),
	    strcmp(argv_text(k->v, "channel"), "user") == 0, t, &k->err);
}

static int
finish(struct cli *k, int status)
{
	cli_end(k);
	return status;
}

/* ---- lint ---- */

static json_t *
findings_json(const struct policy_finding *f)
{
	json_t *list = json_array();

	for (; f != NULL; f = f->next)
		json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:s}", "in", f->thing, "key", f->key,
						"forbidden", f->rc == RC_FORBIDDEN, "rule", f->sentence));
	return list;
}

static void
print_report(struct cli *k, const struct policy_report *r)
{
	const char *bad = paint_on(k->color_out, PAINT_BAD), *dim = paint_on(k->color_out, PAINT_DIM);

	if (k->json) {
		print_json(
		    json_keep(k->a, json_pack("{s:s, s:s?, s:s, s:s, s:o, s:o}", "kind", r->kind, "name", r->name,
					"mode", argv_text(k->v, "mode"), "os", argv_text(k->v, "os"), "findings",
					findings_json(r->findings), "notes", findings_json(r->notes))));
		return;
	}
	printf("%s %s, %s on %s: %s\n", r->kind, print_safe(k->a, r->name != NULL ? r->name : "without a name"),
	    argv_text(k->v, "mode"), argv_text(k->v, "os"),
	    r->n == 0 ? "nothing is wrong" : arena_printf(k->a, "%d finding%s", r->n, r->n == 1 ? "" : "s"));
	for (const struct policy_finding *f = r->findings; f != NULL; f = f->next)
		printf("  %sno%s    %s\n", bad, paint_off(k->color_out, PAINT_BAD), print_safe(k->a, f->sentence));
	for (const struct policy_finding *f = r->notes; f != NULL; f = f->next)
		printf("  %snote%s  %s\n", dim, paint_off(k->color_out, PAINT_DIM), print_safe(k->a, f->sentence));
	if (r->n > POLICY_FINDINGS_MAX)
		printf("  and %d more\n", r->n - POLICY_FINDINGS_MAX);
}

int
cli_lint(const struct argv *v, void *ctx)
{
	struct policy_report report;
	struct policy_target t;
	struct bytes file;
	struct cli k;

	(void)ctx;
	cli_begin(&k, v);
	if (target_of(&k, &t) != RC_OK)
		return finish(&k, cli_usage(&k, "%s", k.err.text));
	if (cli_file(&k, argv_argument(v, 0), &file) != RC_OK ||
	    policy_document_check(k.a, &t, file, &report, &k.err) != RC_OK) {
		cli_refused(&k);
		return finish(&k, ARGV_USAGE);
	}
	print_report(&k, &report);
	return finish(&k, report.n == 0 ? EXIT_DONE : EXIT_REFUSED);
}

/* ---- modes ---- */

static bool
wanted(struct cli *k, const struct policy_thing *what)
{
	const char *kind = argv_text(k->v, "kind"), *name = argv_argument(k->v, 0);

	if (kind != NULL && strcmp(kind, policy_kind_name(what->kind)) != 0)
		return false;
	if (name != NULL)
		return strcasestr(what->name, name) != NULL ||
		       (what->key != NULL && strcasestr(what->key, name) != NULL);
	return what->key == NULL || argv_flag(k->v, "keys");
}

int
cli_modes(const struct argv *v, void *ctx)
{
	static const struct column columns[] = { { "Verdict", "verdict", COL_TEXT }, { "Kind", "kind", COL_TEXT },
		{ "Name", "name", COL_TEXT }, { "Key", "key", COL_TEXT }, { "Rule", "rule", COL_TEXT }, COLUMN_END };
	struct policy_place at = { 0 };
	struct policy_thing what;
	struct policy_target t;
	struct cli k;
	json_t *items;

	(void)ctx;
	cli_begin(&k, v);
	if (target_of(&k, &t) != RC_OK)
		return finish(&k, cli_usage(&k, "%s", k.err.text));
	items = json_keep(k.a, json_array());
	while (policy_next(&at, &what)) {
		struct err why = { 0 };
		enum apple_mode mode;

		if (!wanted(&k, &what))
			continue;
		mode = policy_verdict(k.a, &t, &what, &why);
		json_array_append_new(
		    items, json_pack("{s:s, s:s, s:s*, s:s*, s:s, s:s*}", "kind", policy_kind_name(what.kind), "name",
			       what.name, "key", what.key, "side",
			       what.key == NULL              ? NULL
			       : what.side == POLICY_REQUEST ? "request"
							     : "response",
			       "verdict", policy_mode_name(mode), "rule", why.text[0] != '\0' ? why.text : NULL));
	}
	if (k.json)
		print_json(json_keep(k.a, json_pack("{s:O}", "items", items)));
	else
		print_table(&k, items, columns, "Apple's tables have nothing of that name.");
	return finish(&k, EXIT_DONE);
}

/* ---- presets ---- */

int
cli_preset(const struct argv *v, void *ctx)
{
	const char *skipped = NULL;
	struct policy_target t;
	struct bytes profile;
	struct cli k;

	(void)ctx;
	cli_begin(&k, v);
	if (target_of(&k, &t) != RC_OK)
		return finish(&k, cli_usage(&k, "%s", k.err.text));
	if (preset_profile(k.a, &t, argv_argument(v, 0), &profile, &skipped, &k.err) != RC_OK)
		return finish(&k, cli_refused(&k));
	for (char *line = skipped != NULL ? arena_strdup(k.a, skipped) : NULL, *end; line != NULL; line = end) {
		if ((end = strchr(line, '\n')) != NULL)
			*end++ = '\0';
		cli_say(&k, "left out: %s", line);
	}
	fwrite(profile.p, 1, profile.n, stdout);
	return finish(&k, EXIT_DONE);
}
