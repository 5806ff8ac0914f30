/* `esso set` and its like: the documents of Enrollment SSO, from parts or as a file, and what is wrong with them. The
 * linter is the server's own (esso/document.h), run here too, so that all it finds is told at once. */
#include <string.h>

#include "esso/document.h"
#include "fmt/base64.h"
#include "fmt/uri.h"
#include "postern/cli.h"

static enum esso_kind
kind_of(const struct cli *k)
{
	return argv_flag(k->v, "developer") ? ESSO_DEVELOPER : ESSO_STANDARD;
}

static const char *
path_of(struct cli *k)
{
	const char *org = argv_text(k->v, "org");

	return arena_printf(
	    k->a, "/organizations/%s/esso/%s", org != NULL ? uri_encode(k->a, org) : "_", esso_kind_name(kind_of(k)));
}

/* ---- a document from its parts ---- */

static const struct part {
	const char *option, *key;
	enum { NUMBER, LIST, FLAG, PROFILE, DECLARATIONS } kind;
} parts[] = {
	{ "app-store-id", "iTunesStoreID", NUMBER },
	{ "app-id", "AppIDs", LIST },
	{ "associated-domain", "AssociatedDomains", LIST },
	{ "direct-downloads", "AssociatedDomainsEnableDirectDownloads", FLAG },
	{ "profile", "ConfigurationProfile", PROFILE },
	{ "declaration", "Declarations", DECLARATIONS },
};
#define N_PARTS (sizeof parts / sizeof parts[0])

static enum rc
add_file(struct cli *k, const char *path, json_t **out)
{
	struct bytes content;
	enum rc rc = cli_file(k, path, &content);

	if (rc == RC_OK)
		*out = json_string(base64_encode(k->a, content));
	return rc;
}

static enum rc
list_of(struct cli *k, const struct part *p, json_t *list)
{
	const char *const *item = argv_list(k->v, p->option);
	enum rc rc = RC_OK;

	for (; rc == RC_OK && *item != NULL; item++) {
		json_t *value = NULL;

		if (p->kind == DECLARATIONS)
			rc = add_file(k, *item, &value);
		else
			value = json_string(*item);
		if (value != NULL)
			json_array_append_new(list, value);
	}
	return rc;
}

static enum rc
part_of(struct cli *k, const struct part *p, json_t **out)
{
	switch (p->kind) {
	case NUMBER:
		*out = json_integer(argv_int(k->v, p->option, 0));
		return RC_OK;
	case FLAG:
		*out = json_true();
		return RC_OK;
	case PROFILE:
		return add_file(k, argv_text(k->v, p->option), out);
	default:
		*out = json_array();
		return list_of(k, p, *out);
	}
}

/* *out absent: no part was given. */
static enum rc
from_parts(struct cli *k, struct bytes *out)
{
	json_t *document = json_keep(k->a, json_object());

	*out = (struct bytes){ NULL, 0 };
	for (size_t i = 0; i < N_PARTS; i++) {
		json_t *value = NULL;
		enum rc rc;

		if (!argv_given(k->v, parts[i].option))
			continue;
		if ((rc = part_of(k, &parts[i], &value)) != RC_OK)
			return rc;
		json_object_set_new(document, parts[i].key, value);
	}
	if (json_object_size(document) > 0)
		*out = json_text(k->a, document, 0);
	return RC_OK;
}

/* The document that the command line names. *out absent: none. */
static enum rc
given(struct cli *k, struct bytes *out)
{
	const char *file = argv_argument(k->v, 0);
	enum rc rc = from_parts(k, out);

	if (rc != RC_OK || file == NULL)
		return rc;
	if (out->p != NULL)
		return fail(&k->err, RC_BAD_INPUT, "a document comes from a file or from options, not from both");
	rc = cli_file(k, file, out);
	/* XML, a binary property list, CMS: the mistake that is made first. */
	if (rc == RC_OK && out->n > 0 && (out->p[0] == '<' || out->p[0] == 'b' || out->p[0] == 0x30))
		return fail(
		    &k->err, RC_BAD_INPUT, "%s is a profile and no document: give it as --profile %s", file, file);
	return rc;
}

/* ---- what the linter says ---- */

static json_t *
findings_json(const struct esso_report *r)
{
	json_t *list = json_array();

	for (int i = 0; i < r->n && i < ESSO_FINDINGS_MAX; i++) {
		const struct esso_finding *f = &r->findings[i];

		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "rule", esso_rules[f->rule].name, "sentence",
						esso_rules[f->rule].sentence, "where", f->where));
	}
	return list;
}

static void
print_findings(struct cli *k, const struct esso_report *r)
{
	for (int i = 0; i < r->n && i < ESSO_FINDINGS_MAX; i++) {
		const struct esso_finding *f = &r->findings[i];

		cli_warn(k, "%s: %s (%s)", esso_rules[f->rule].name, esso_rules[f->rule].sentence,
		    print_safe(k->a, f->where));
	}
}

/* Check, and tell. RC_BAD_INPUT: it breaks a rule. */
static enum rc
lint(struct cli *k, struct bytes document)
{
	const struct esso_report *r = esso_check(k->a, document, kind_of(k));

	if (r->n == 0)
		return RC_OK;
	if (!k->json)
		print_findings(k, r);
	else
		print_json(json_keep(
		    k->a, json_pack("{s:s, s:o}", "kind", esso_kind_name(kind_of(k)), "broken", findings_json(r))));
	return fail(&k->err, RC_BAD_INPUT, "the %s document breaks %d rule%s: a device would refuse it",
	    esso_kind_name(kind_of(k)), r->n, r->n == 1 ? "" : "s");
}

static int
finish(struct cli *k, enum rc rc)
{
	int status = rc == RC_OK ? EXIT_DONE : cli_refused(k);

	cli_end(k);
	return status;
}

/* ---- the commands ---- */

int
cli_esso_set(const struct argv *v, void *ctx)
{
	struct bytes document;
	json_t *body, *answer;
	struct cli k;
	enum rc rc;

	(void)ctx;
	cli_begin(&k, v);
	rc = given(&k, &document);
	if (rc == RC_OK && document.p == NULL)
		return cli_usage(&k, "give the document: FILE, or --app-store-id N --profile FILE");
	if (rc == RC_OK && (rc = lint(&k, document)) == RC_OK) {
		body = json_keep(k.a, json_object());
		json_object_set_new(body, "document", json_stringn((const char *)document.p, document.n));
		rc = cli_request(&k, "PUT", path_of(&k), body, &answer);
	}
	if (rc == RC_OK && k.json)
		print_json(answer);
	else if (rc == RC_OK)
		cli_say(&k, "The %s document is at %s; every challenge names it from now on.",
		    esso_kind_name(kind_of(&k)), cell_text(&k, answer, "url", COL_TEXT));
	return finish(&k, rc);
}

static enum rc
stored(struct cli *k, json_t **answer, struct bytes *document)
{
	enum rc rc = cli_request(k, "GET", path_of(k), NULL, answer);
	const char *text = rc == RC_OK ? json_get_text(*answer, "document") : NULL;

	*document = bytes_str(text != NULL ? text : "");
	return rc;
}

int
cli_esso_check(const struct argv *v, void *ctx)
{
	struct bytes document;
	json_t *answer;
	struct cli k;
	enum rc rc;

	(void)ctx;
	cli_begin(&k, v);
	rc = given(&k, &document);
	if (rc == RC_OK && document.p == NULL)
		rc = stored(&k, &answer, &document);
	if (rc == RC_OK)
		rc = lint(&k, document);
	if (rc == RC_OK && k.json)
		print_json(json_keep(k.a, json_pack("{s:s, s:[]}", "kind", esso_kind_name(kind_of(&k)), "broken")));
	else if (rc == RC_OK)
		cli_say(&k, "The %s document breaks no rule.", esso_kind_name(kind_of(&k)));
	return finish(&k, rc);
}

/* clang-format off */
static const struct column document_rows[] = {
	{ "Document", "kind", COL_TEXT }, { "Organization", "organization", COL_TEXT }, { "URL", "url", COL_TEXT },
	{ "Since", "set_at", COL_TIME }, { "App Store id", "content.iTunesStoreID", COL_NUMBER },
	{ "App ids", "content.AppIDs", COL_LIST }, { "Associated domains", "content.AssociatedDomains", COL_LIST },
	{ "  direct downloads", "content.AssociatedDomainsEnableDirectDownloads", COL_FLAG },
	{ "SSO payloads", "sso_payloads", COL_NUMBER }, { "Certificates", "certificates", COL_NUMBER }, COLUMN_END
};
/* clang-format on */

int
cli_esso_show(const struct argv *v, void *ctx)
{
	const struct esso_report *r;
	struct bytes document;
	json_t *answer, *content;
	struct cli k;
	enum rc rc;

	(void)ctx;
	cli_begin(&k, v);
	rc = stored(&k, &answer, &document);
	if (rc == RC_OK && argv_flag(v, "document")) {
		printf("%.*s\n", (int)document.n, (const char *)document.p);
	} else if (rc == RC_OK && k.json) {
		print_json(answer);
	} else if (rc == RC_OK && (rc = json_parse(k.a, document, &content, &k.err)) == RC_OK) {
		r = esso_check(k.a, document, kind_of(&k));
		json_object_set(answer, "content", content);
		json_object_set_new(answer, "sso_payloads", json_integer(r->n_sso));
		json_object_set_new(answer, "certificates", json_integer(r->n_certificates));
		print_object(&k, answer, document_rows);
		print_findings(&k, r);
	}
	return finish(&k, rc);
}

int
cli_esso_remove(const struct argv *v, void *ctx)
{
	json_t *answer;
	struct cli k;
	enum rc rc;

	(void)ctx;
	cli_begin(&k, v);
	rc = cli_request(&k, "DELETE", path_of(&k), NULL, &answer);
	if (rc == RC_OK && k.json)
		print_json(answer);
	else if (rc == RC_OK)
		cli_say(&k, "The %s document is gone; challenges don't name it any more.", esso_kind_name(kind_of(&k)));
	return finish(&k, rc);
}
