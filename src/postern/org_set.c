/* `org set`: several settings at once, each of which may come from files. */
#include <string.h>

#include "fmt/base64.h"
#include "fmt/colour.h"
#include "fmt/uri.h"
#include "postern/cli.h"

static const char *const settings[] = { "name", "server-uuid", "topic", "device-ca-mode", "device-ca-ignore-times",
	"identity-proof", "access-rights", "access-token-life", "refresh-idle", "refresh-max", "web-token-life",
	"spread", "colour" };

static const char *
path_of(struct cli *k, const char *tail)
{
	const char *org = k->v->n_arguments > 0 ? argv_argument(k->v, 0) : argv_text(k->v, "org");

	return arena_printf(k->a, "/organizations/%s%s", org != NULL ? uri_encode(k->a, org) : "_", tail);
}

static enum rc
text_file(struct cli *k, const char *option, json_t *into, const char *field)
{
	struct bytes content;
	json_t *text;
	enum rc rc = cli_file(k, argv_text(k->v, option), &content);

	if (rc != RC_OK)
		return rc;
	text = json_stringn((const char *)content.p, content.n);
	if (text == NULL || content.n == 0)
		return fail(&k->err, RC_BAD_INPUT, "%s is not a PEM file", argv_text(k->v, option));
	json_object_set_new(into, field, text);
	return RC_OK;
}

static enum rc
set_push(struct cli *k)
{
	json_t *body = json_keep(k->a, json_object()), *answer;
	enum rc rc;

	if (!argv_given(k->v, "push-certificate"))
		return RC_OK;
	if ((rc = text_file(k, "push-certificate", body, "certificate")) != RC_OK ||
	    (rc = text_file(k, "push-key", body, "key")) != RC_OK ||
	    (rc = cli_request(k, "PUT", path_of(k, "/push-certificate"), body, &answer)) != RC_OK)
		return rc;
	cli_say(k, "The push certificate was set; its topic is %s, it ends %s.",
	    cell_text(k, answer, "topic", COL_TEXT), cell_text(k, answer, "not_after", COL_TIME));
	return RC_OK;
}

static const struct pool {
	const char *files, *clear, *path, *count, *name;
} pools[] = {
	{ "device-ca", "device-ca-clear", "/device-cas", "device_cas", "device CA" },
	{ "attestation-ca", "attestation-ca-clear", "/attestation-cas", "attestation_cas", "attestation CA" },
};
#define POOLS (sizeof pools / sizeof pools[0])

static enum rc
set_pool(struct cli *k, const struct pool *p)
{
	const char *const *files = argv_list(k->v, p->files);
	json_t *answer;
	enum rc rc;

	if (argv_flag(k->v, p->clear)) {
		if ((rc = cli_request(k, "DELETE", path_of(k, p->path), NULL, &answer)) != RC_OK)
			return rc;
		cli_say(k, "The %s pool is empty.", p->name);
	}
	for (; *files != NULL; files++) {
		json_t *body = json_keep(k->a, json_object());
		struct bytes content;

		if ((rc = cli_file(k, *files, &content)) != RC_OK)
			return rc;
		if (json_object_set_new(body, "pem", json_stringn((const char *)content.p, content.n)) != 0)
			return fail(&k->err, RC_BAD_INPUT, "%s is not a PEM file", *files);
		if ((rc = cli_request(k, "POST", path_of(k, p->path), body, &answer)) != RC_OK)
			return fail_in(&k->err, rc, "%s", *files);
		cli_say(k, "%s: %s certificate(s); the pool has %s now.", *files,
		    cell_text(k, answer, "added", COL_NUMBER), cell_text(k, answer, p->count, COL_NUMBER));
	}
	return RC_OK;
}

static enum rc
set_logo(struct cli *k)
{
	json_t *body = json_keep(k->a, json_object()), *answer;
	struct bytes content;
	enum rc rc;

	if (argv_flag(k->v, "logo-clear")) {
		if ((rc = cli_request(k, "DELETE", path_of(k, "/logo"), NULL, &answer)) != RC_OK)
			return rc;
		cli_say(k, "The pages show the organization's initials.");
	}
	if (!argv_given(k->v, "logo"))
		return RC_OK;
	if ((rc = cli_file(k, argv_text(k->v, "logo"), &content)) != RC_OK)
		return rc;
	json_object_set_new(body, "content", json_string(base64_encode(k->a, content)));
	if ((rc = cli_request(k, "PUT", path_of(k, "/logo"), body, &answer)) != RC_OK)
		return fail_in(&k->err, rc, "%s", argv_text(k->v, "logo"));
	cli_say(k, "The pages show the logo.");
	return RC_OK;
}

/* The pages choose between black and white for the text on a button, and draw its edge where it is hard to tell from
 * the ground: said with the numbers, so that a better colour can be found. */
static void
say_contrast(struct cli *k, const char *text)
{
	static const struct {
		const char *name;
		struct colour ground;
	} looks[] = { { "light", { 0xf2, 0xf2, 0xf7 } }, { "dark", { 0x1c, 0x1c, 0x1e } } };
	struct colour colour, on;

	if (!colour_parse(text, &colour))
		return;
	on = colour_text_on(colour);
	cli_say(k, "Text on %s is %s: %.1f:1.", text, on.r == 0 ? "black" : "white", colour_contrast(colour, on));
	for (size_t i = 0; i < sizeof looks / sizeof looks[0]; i++) {
		double ratio = colour_contrast(colour, looks[i].ground);

		if (ratio < 3)
			cli_warn(k, "%s on the %s page is %.1f:1, less than 3:1: its buttons get a border there", text,
			    looks[i].name, ratio);
	}
}

/* *any: at least one was written. */
static enum rc
set_settings(struct cli *k, const json_t *given, json_t **answer)
{
	json_t *body, *warning;
	enum rc rc;
	size_t i;

	if (json_object_size(given) == 0)
		return RC_OK;
	body = json_keep(k->a, json_object());
	json_object_set(body, "settings", (json_t *)given);
	if ((rc = cli_request(k, "PATCH", path_of(k, ""), body, answer)) != RC_OK)
		return rc;
	cli_say(k, "Done. Profiles that were sent before keep what they say.");
	if (argv_given(k->v, "colour"))
		say_contrast(k, argv_text(k->v, "colour"));
	json_array_foreach(json_object_get(*answer, "warnings"), i, warning)
	{
		cli_warn(k, "%s", json_string_value(warning));
	}
	return RC_OK;
}

static json_t *
given_settings(struct cli *k)
{
	json_t *given = json_keep(k->a, json_object());

	for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
		if (argv_given(k->v, settings[i]))
			json_object_set_new(given, settings[i], json_string(argv_text(k->v, settings[i])));
	}
	if (argv_flag(k->v, "lab") || argv_flag(k->v, "no-lab"))
		json_object_set_new(given, "lab", json_string(argv_flag(k->v, "lab") ? "yes" : "no"));
	return given;
}

int
cli_org_set(const struct argv *v, void *ctx)
{
	json_t *given, *answer = NULL;
	bool any = false;
	struct cli k;
	int status;
	enum rc rc;

	(void)ctx;
	cli_begin(&k, v);
	given = given_settings(&k);
	if (argv_given(v, "push-certificate") != argv_given(v, "push-key"))
		return cli_usage(&k, "--push-certificate and --push-key go together");
	for (size_t i = 0; i < POOLS; i++)
		any = any || argv_given(v, pools[i].files) || argv_flag(v, pools[i].clear);
	if (!any && json_object_size(given) == 0 && !argv_given(v, "push-certificate") && !argv_given(v, "logo") &&
	    !argv_flag(v, "logo-clear"))
		return cli_usage(&k, "say what to set");
	/* The push certificate first: --no-lab beside it must find a real topic. */
	rc = set_push(&k);
	for (size_t i = 0; i < POOLS && rc == RC_OK; i++)
		rc = set_pool(&k, &pools[i]);
	if (rc == RC_OK && (rc = set_logo(&k)) == RC_OK)
		rc = set_settings(&k, given, &answer);
	if (rc == RC_OK && k.json && answer != NULL)
		print_json(answer);
	status = rc == RC_OK ? EXIT_DONE : cli_refused(&k);
	cli_end(&k);
	return status;
}
