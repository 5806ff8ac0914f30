/* `audit verify` and `audit export`: through all rows, a page with each request. */
#include <stdio.h>

#include "fmt/uri.h"
#include "postern/cli.h"

/* ---- verifying ---- */

static enum rc
verify(struct cli *k, int64_t *rows, json_t **verdict)
{
	const char *head = argv_text(k->v, "head");
	int64_t from = 0;
	enum rc rc;

	*rows = 0;
	do {
		const char *path = arena_printf(k->a, "/audit/verification?from=%lld%s%s", (long long)from,
		    head != NULL ? "&head=" : "", head != NULL ? uri_encode(k->a, head) : "");

		if ((rc = cli_request(k, "GET", path, NULL, verdict)) != RC_OK)
			return rc;
		head = NULL; /* once is enough */
		*rows += json_get_int(*verdict, "rows", 0);
		from = json_get_int(*verdict, "next", 0);
		if (from > 0)
			cli_progress(
			    k, "audit verify", *rows, *rows + json_get_int(*verdict, "last", 0) - from + 1, "rows");
	} while (from > 0);
	return RC_OK;
}

static void
say(struct cli *k, int64_t rows, const json_t *verdict)
{
	const char *why = json_get_text(verdict, "why"), *head = json_get_text(verdict, "head");
	int64_t wrong = json_get_int(verdict, "wrong", 0);

	if (k->json) {
		print_json(verdict);
		return;
	}
	if (why == NULL) {
		printf("%lld rows, each as it was written.\n", (long long)rows);
		if (head != NULL)
			printf("Head: %s\n", head);
		return;
	}
	if (wrong > 0)
		fprintf(stderr, "postern: row %lld of the audit is wrong: %s\n", (long long)wrong, why);
	else
		fprintf(stderr, "postern: the audit is wrong: %s\n", why);
}

int
cli_audit_verify(const struct argv *v, void *ctx)
{
	json_t *verdict;
	int64_t rows;
	struct cli k;
	int status;

	(void)ctx;
	cli_begin(&k, v);
	if (verify(&k, &rows, &verdict) != RC_OK) {
		cli_progress_end(&k);
		status = cli_refused(&k);
	} else {
		cli_progress_end(&k);
		say(&k, rows, verdict);
		status = json_is_true(json_object_get(verdict, "sound")) ? EXIT_DONE : EXIT_REFUSED;
	}
	cli_end(&k);
	return status;
}

/* ---- exporting ---- */

/* One page of rows. *after: the last row of it, for the next one; 0 where there is none. */
static enum rc
export_page(struct cli *k, int64_t *after)
{
	json_t *answer, *items;
	const char *next;
	enum rc rc = cli_request(k, "GET", arena_printf(k->a, "/audit?after=%lld", (long long)*after), NULL, &answer);

	if (rc != RC_OK)
		return rc;
	items = json_object_get(answer, "items");
	for (size_t i = 0; i < json_array_size(items); i++) {
		json_dumpf(json_array_get(items, i), stdout, JSON_COMPACT);
		putchar('\n');
	}
	next = json_get_text(answer, "next");
	*after = next != NULL ? strtoll(next, NULL, 10) : 0;
	return RC_OK;
}

/* Lines come oldest first, so that who collects them goes on behind the last one. */
static enum rc export(struct cli *k) {
	int64_t after = argv_int(k->v, "after", 0); struct arena *whole = k->a; enum rc rc;

	do { k->a = arena_new(0); /* a page's */
	     rc = export_page(k, &after); arena_free(k->a); k->a = whole; }
while (rc == RC_OK && after > 0 && !ferror(stdout));
return rc;
}

int
cli_audit_export(const struct argv *v, void *ctx)
{
	struct cli k;
	int status;

	(void)ctx;
	cli_begin(&k, v);
	status = export(&k) == RC_OK ? EXIT_DONE : cli_refused(&k);
	cli_end(&k);
	return status;
}
