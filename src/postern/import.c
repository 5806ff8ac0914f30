/* `user import`: people from a CSV file (RFC 4180), one request each, so that a bad line costs nothing
 * but itself. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "postern/cli.h"
#include "postern/csv.h"

#define BAR 30 /* characters of the progress bar */

static const char *const known[] = { "user", "managed_apple_account", "groups", "display_name", "password", NULL };

/* ---- one person ---- */

static json_t *
groups_of(struct cli *k, const char *text)
{
	json_t *list = json_array();

	while (*text != '\0') {
		size_t n;

		text += strspn(text, " ;");
		n = strcspn(text, ";");
		while (n > 0 && text[n - 1] == ' ')
			n--;
		if (n > 0)
			json_array_append_new(list, json_string(arena_strndup(k->a, text, n)));
		text += strcspn(text, ";");
	}
	return list;
}

static enum rc
add(struct cli *k, const char *const *names, int n_names, const char *const *fields, int n)
{
	json_t *body = json_object(), *answer, *v;
	enum rc rc = RC_OK;

	json_keep(k->a, body);
	if (n != n_names)
		return fail(&k->err, RC_BAD_INPUT, "%d columns, and the first line has %d", n, n_names);
	for (int i = 0; i < n && rc == RC_OK; i++) {
		if (fields[i][0] == '\0')
			continue;
		v = strcmp(names[i], "groups") == 0 ? groups_of(k, fields[i]) : json_string(fields[i]);
		if (v == NULL)
			rc = fail(&k->err, RC_BAD_INPUT, "%s is not UTF-8", names[i]);
		else
			json_object_set_new(body, names[i], v);
	}
	return rc == RC_OK ? cli_request(k, "POST", "/users", body, &answer) : rc;
}

/* ---- all of them ---- */

static void
progress(const struct cli *k, size_t done, size_t all, int added)
{
	int filled = all > 0 ? (int)(done * BAR / all) : BAR;

	if (!isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "\r[%.*s%*s] %3d %%, %d added", filled, "##############################", BAR - filled, "",
	    all > 0 ? (int)(done * 100 / all) : 100, added);
	if (done == all)
		fprintf(stderr, "\r%*s\r", BAR + 32, "");
	fflush(stderr);
	(void)k;
}

static enum rc
check_header(struct cli *k, const char *const *names, int n)
{
	bool user = false;

	for (int i = 0; i < n; i++) {
		int j = 0;

		while (known[j] != NULL && strcmp(known[j], names[i]) != 0)
			j++;
		if (known[j] == NULL)
			return fail(&k->err, RC_BAD_INPUT,
			    "the first line names an unknown column '%.60s': there are user, managed_apple_account, "
			    "groups,"
			    " display_name and password",
			    names[i]);
		for (int m = 0; m < i; m++) {
			if (strcmp(names[m], names[i]) == 0)
				return fail(&k->err, RC_BAD_INPUT, "the first line names %s twice", names[i]);
		}
		user = user || strcmp(names[i], "user") == 0;
	}
	return user ? RC_OK : fail(&k->err, RC_BAD_INPUT, "the first line must name the column user");
}

struct tally {
	int added, there, failed;
};

static enum rc
import_all(struct cli *k, struct csv *c, size_t size, const char *const *names, int n_names, struct tally *t)
{
	const char *start = c->p, *fields[CSV_COLUMNS_MAX];
	enum rc rc;
	int n;

	while (c->p < c->end) {
		rc = csv_record(c, fields, &n, &k->err);
		if (rc == RC_OK && n == 0)
			continue;
		if (rc == RC_OK)
			rc = add(k, names, n_names, fields, n);
		if (rc == RC_UNAVAILABLE)
			return fail_in(&k->err, rc, "line %d", c->line);
		t->added += rc == RC_OK;
		t->there += rc == RC_CONFLICT;
		t->failed += rc != RC_OK && rc != RC_CONFLICT;
		if (rc != RC_OK)
			cli_say(k, "%sline %d: %s", isatty(STDERR_FILENO) ? " " : "", c->line, k->err.text);
		progress(k, (size_t)(c->p - start), size, t->added);
	}
	return RC_OK;
}

static int
report(struct cli *k, const struct tally *t)
{
	json_t *o;

	if (k->json) {
		o = json_keep(
		    k->a, json_pack("{s:i, s:i, s:i}", "added", t->added, "present", t->there, "failed", t->failed));
		print_json(o);
	} else {
		printf("%d added, %d already there, %d failed\n", t->added, t->there, t->failed);
	}
	return t->failed == 0 ? EXIT_DONE : EXIT_REFUSED;
}

int
cli_user_import(const struct argv *v, void *ctx)
{
	const char *names[CSV_COLUMNS_MAX];
	struct csv c;
	struct tally t = { 0 };
	struct cli k;
	int n = 0, status;
	enum rc rc;

	(void)ctx;
	cli_begin(&k, v);
	if ((rc = csv_open(&k, argv_argument(v, 0), &c)) == RC_OK)
		rc = csv_record(&c, names, &n, &k.err);
	if (rc == RC_OK)
		rc = check_header(&k, names, n);
	if (rc == RC_OK)
		rc = import_all(&k, &c, (size_t)(c.end - c.p), names, n, &t);
	status = rc == RC_OK ? report(&k, &t) : cli_refused(&k);
	cli_end(&k);
	return status;
}
