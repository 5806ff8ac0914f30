/* Rules as a numbered table, and why one of them decides. */
#include <string.h>

#include "postern/cli.h"

static const char *
conditions(struct cli *k, const json_t *r)
{
	static const struct {
		const char *key, *word;
	} rows[] = {
		{ "domain", "domain" },
		{ "user", "user" },
		{ "group", "group" },
		{ "model_family", "" },
		{ "percent", "" },
	};
	struct buf b;

	buf_init(&b, 16 * 1024);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *v = cell_text(k, r, rows[i].key, COL_TEXT);

		if (*v != '\0')
			buf_printf(&b, "%s%s%s%s%s", b.n > 0 ? ", " : "", rows[i].word,
			    rows[i].word[0] != '\0' ? " " : "", v,
			    strcmp(rows[i].key, "percent") == 0 ? " % of people" : "");
	}
	if (b.n == 0)
		buf_str(&b, "anybody, any device");
	return buf_finish(&b, k->a);
}

static const char *
result(struct cli *k, const json_t *r)
{
	const char *outcome = cell_text(k, r, "outcome", COL_TEXT), *method = cell_text(k, r, "method", COL_TEXT);
	const char *url = cell_text(k, r, "redirect_url", COL_TEXT), *message = cell_text(k, r, "message", COL_TEXT);

	bool attested = strcmp(cell_text(k, r, "identity", COL_TEXT), "acme") == 0;

	return arena_printf(k->a, "%s%s%s%s%s%s%s%s%s", outcome, *url != '\0' ? " to " : "", url,
	    *message != '\0' ? ": \"" : "", message, *message != '\0' ? "\"" : "", *method != '\0' ? " by " : "",
	    method, attested ? ", with an attested identity (ACME)" : "");
}

void
print_rules(struct cli *k, const json_t *answer)
{
	static const struct column columns[] = { { "#", "position", COL_NUMBER }, { "FOR", "for", COL_TEXT },
		{ "GETS", "gets", COL_TEXT }, { "ID", "id", COL_TEXT }, COLUMN_END };
	json_t *items = json_object_get(answer, "items"), *r;
	size_t i;

	json_array_foreach(items, i, r)
	{
		json_object_set_new(r, "for", json_string(conditions(k, r)));
		json_object_set_new(r, "gets", json_string(result(k, r)));
	}
	print_table(k, items, columns, "There is no rule: every device is refused. postern rule add --byod");
}

void
print_explain(struct cli *k, const json_t *answer)
{
	const json_t *items = json_object_get(answer, "items"), *decided = json_object_get(answer, "result"), *r;
	const char *family = cell_text(k, answer, "model_family", COL_TEXT);
	size_t i;

	printf("%s%s, %s%s, organization %s\n\n", cell_text(k, answer, "user", COL_TEXT),
	    json_is_true(json_object_get(answer, "user_known")) ? "" : " (not a known person)",
	    *family != '\0' ? "with " : "a device that says no family", family,
	    cell_text(k, answer, "organization", COL_TEXT));
	json_array_foreach(items, i, r)
	{
		bool decides = json_is_true(json_object_get(r, "decides")),
		     matches = json_is_true(json_object_get(r, "matches"));
		enum paint p = decides ? PAINT_GOOD : PAINT_DIM;
		const char *why = decides   ? "matches: this one decides"
				  : matches ? "would match, but an earlier one decides"
					    : cell_text(k, r, "why_not", COL_TEXT);

		printf("%s%s %2s  %s -> %s%s\n        %s%s\n", paint_on(k->color_out, p), decides ? ">" : " ",
		    cell_text(k, r, "position", COL_NUMBER), conditions(k, r), result(k, r), "", why,
		    paint_off(k->color_out, p));
	}
	printf("\n%sResult:%s %s", paint_on(k->color_out, PAINT_BOLD), paint_off(k->color_out, PAINT_BOLD),
	    result(k, decided));
	if (json_object_get(decided, "rule") == NULL)
		printf(" (no rule matches)");
	if (json_is_true(json_object_get(decided, "method_forced")))
		printf(" (the rule asks for another method; this system is too old for it)");
	printf("\n");
}
