/* `group import`: who is in which group, from a CSV file. A group that the file names has the people whom the file
 * names and no others; groups that it does not name stay as they are. One request for each person whose groups
 * change. */
#include <string.h>

#include "fmt/uri.h"
#include "postern/cli.h"
#include "postern/csv.h"

struct wanted {
	json_t *groups; /* every group that the file names: {group: true} */
	json_t *people; /* {user: {group: true}} */
};

struct tally {
	int changed, same, unknown, failed;
};

static enum rc
read_header(struct cli *k, struct csv *c, int *group, int *user, int *columns)
{
	const char *names[CSV_COLUMNS_MAX];
	enum rc rc = csv_record(c, names, columns, &k->err);

	*group = *user = -1;
	for (int i = 0; rc == RC_OK && i < *columns; i++) {
		if (strcmp(names[i], "group") == 0)
			*group = i;
		if (strcmp(names[i], "user") == 0)
			*user = i;
	}
	if (rc == RC_OK && (*group < 0 || *user < 0))
		return fail(&k->err, RC_BAD_INPUT, "the first line must name the columns group and user");
	return rc;
}

/* The whole file before anything is changed: a line that is wrong would take somebody out of a group. */
static enum rc
read_all(struct cli *k, struct csv *c, struct wanted *w)
{
	const char *fields[CSV_COLUMNS_MAX], *user;
	int group, person, columns, n;
	enum rc rc = read_header(k, c, &group, &person, &columns);

	while (rc == RC_OK && c->p < c->end) {
		if ((rc = csv_record(c, fields, &n, &k->err)) != RC_OK || n == 0)
			continue;
		if (n != columns || fields[group][0] == '\0')
			rc = fail(&k->err, RC_BAD_INPUT, "a group is missing, or a column");
		else if (json_object_set_new(w->groups, fields[group], json_true()) != 0)
			rc = fail(&k->err, RC_BAD_INPUT, "the group is not UTF-8");
		if (rc != RC_OK || fields[person][0] == '\0') /* a group with nobody in it */
			continue;
		user = csv_fold(k->a, fields[person]);
		if (json_object_get(w->people, user) == NULL)
			json_object_set_new(w->people, user, json_object());
		if (json_object_set_new(json_object_get(w->people, user), fields[group], json_true()) != 0)
			rc = fail(&k->err, RC_BAD_INPUT, "the user is not UTF-8");
	}
	return rc == RC_OK ? rc : fail_in(&k->err, rc, "line %d", c->line);
}

/* The groups of one person from now on; NULL: as they are. */
static json_t *
new_groups(const struct wanted *w, const json_t *groups, const json_t *named)
{
	json_t *list = json_array(), *g;
	bool changes = false;
	const char *name;
	size_t i, kept = 0;

	json_array_foreach(groups, i, g)
	{
		bool ours = json_object_get(w->groups, json_string_value(g)) != NULL;
		bool stays = !ours || json_object_get(named, json_string_value(g)) != NULL;

		if (stays)
			json_array_append(list, g);
		kept += ours && stays;
		changes = changes || !stays;
	}
	json_object_foreach((json_t *)(uintptr_t)named, name, g)
	{
		bool there = false;

		for (i = 0; i < json_array_size(groups); i++)
			there = there || strcmp(json_string_value(json_array_get(groups, i)), name) == 0;
		if (!there)
			json_array_append_new(list, json_string(name));
	}
	if (changes || kept < json_object_size(named))
		return list;
	json_decref(list);
	return NULL;
}

static enum rc
bring_up_to_date(struct cli *k, const struct wanted *w, const json_t *person, struct tally *t)
{
	const char *user = json_get_text(person, "user");
	json_t *groups = new_groups(w, json_object_get(person, "groups"), json_object_get(w->people, user)), *answer;
	enum rc rc;

	json_object_del(w->people, user);
	if (groups == NULL) {
		t->same++;
		return RC_OK;
	}
	rc = cli_request(k, "PATCH", arena_printf(k->a, "/users/%s", uri_encode(k->a, user)),
	    json_keep(k->a, json_pack("{s:o}", "groups", groups)), &answer);
	t->changed += rc == RC_OK;
	t->failed += rc != RC_OK;
	if (rc != RC_OK)
		cli_say(k, "%s: %s", user, k->err.text);
	return rc == RC_UNAVAILABLE ? rc : RC_OK;
}

static enum rc
everybody(struct cli *k, const struct wanted *w, struct tally *t)
{
	const char *org = argv_text(k->v, "org"), *after = "", *user;
	const json_t *person;
	json_t *page, *groups;
	enum rc rc = RC_OK;
	size_t i;

	for (; after != NULL && rc == RC_OK; after = json_get_text(page, "next")) {
		rc = cli_request(k, "GET",
		    arena_printf(k->a, "/users?after=%s%s%s", uri_encode(k->a, after),
			org != NULL ? "&organization=" : "", org != NULL ? uri_encode(k->a, org) : ""),
		    NULL, &page);
		if (rc != RC_OK)
			return rc;
		json_array_foreach(json_object_get(page, "items"), i, person)
		{
			if (rc == RC_OK)
				rc = bring_up_to_date(k, w, person, t);
		}
	}
	json_object_foreach(w->people, user, groups)
	{
		t->unknown++;
		cli_say(k, "there is no user %s", user);
	}
	return rc;
}

static void
report(struct cli *k, const struct tally *t)
{
	if (k->json)
		print_json(json_keep(k->a, json_pack("{s:i, s:i, s:i, s:i}", "changed", t->changed, "unchanged",
					       t->same, "unknown", t->unknown, "failed", t->failed)));
	else
		printf("%d changed, %d unchanged, %d unknown, %d failed\n", t->changed, t->same, t->unknown, t->failed);
}

int
cli_group_import(const struct argv *v, void *ctx)
{
	struct tally t = { 0 };
	struct wanted w;
	struct csv c;
	struct cli k;
	int status;
	enum rc rc;

	(void)ctx;
	cli_begin(&k, v);
	w.groups = json_keep(k.a, json_object());
	w.people = json_keep(k.a, json_object());
	if ((rc = csv_open(&k, argv_argument(v, 0), &c)) == RC_OK && (rc = read_all(&k, &c, &w)) == RC_OK)
		rc = everybody(&k, &w, &t);
	if (rc == RC_OK)
		report(&k, &t);
	status = rc != RC_OK ? cli_refused(&k) : t.unknown + t.failed > 0 ? EXIT_REFUSED : EXIT_DONE;
	cli_end(&k);
	return status;
}
