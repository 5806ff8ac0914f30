/* `store vacuum`: beside a server, or without one. SQLite's file belongs to one process: where that is posternd, it is
 * asked to give space back, a piece with each request. */
#include <stdio.h>

#include "config/config.h"
#include "postern/cli.h"
#include "store/bulk.h"

struct vacuum {
	struct cli *k;
	struct store *s; /* NULL: posternd has it */
	const char *engine;
	int64_t before, size, unused, at_first; /* octets; `at_first`: unused before */
	int tables; /* PostgreSQL */
};

static void
watch(void *arg, int done, int total)
{
	struct vacuum *v = arg;

	cli_progress(v->k, "vacuum", done, total, "tables");
}

/* How large it is now; the first time also what it was before. */
static void
note(struct vacuum *v, int64_t size, int64_t unused)
{
	if (v->before == 0) {
		v->before = size;
		v->at_first = unused;
	}
	v->size = size;
	v->unused = unused;
	if (v->at_first > 0)
		cli_progress(v->k, "vacuum", v->at_first - unused, v->at_first, "octets");
}

static enum rc
look(struct vacuum *v)
{
	int64_t size = 0, unused = 0;
	enum rc rc = store_size(v->s, &size, &unused, &v->k->err);

	if (rc == RC_OK)
		note(v, size, unused);
	return rc;
}

static enum rc
ask(struct vacuum *v, const char *method, const char *path, bool *more)
{
	json_t *answer;
	enum rc rc = cli_request(v->k, method, path, NULL, &answer);

	if (rc != RC_OK)
		return rc;
	*more = json_is_true(json_object_get(answer, "more"));
	note(v, json_integer_value(json_object_get(answer, "store_size")),
	    json_integer_value(json_object_get(answer, "store_free")));
	return RC_OK;
}

static enum rc
shrink_there(struct vacuum *v)
{
	bool more = true;
	enum rc rc = ask(v, "GET", "/status", &more);

	for (more = true; rc == RC_OK && more;)
		rc = ask(v, "POST", "/store/shrink", &more);
	return rc;
}

static enum rc
shrink_here(struct vacuum *v)
{
	bool more = true;
	enum rc rc = RC_OK;

	while (rc == RC_OK && more)
		if ((rc = store_shrink(v->s, true, &more, &v->k->err)) == RC_OK)
			rc = look(v);
	return rc;
}

static enum rc
vacuum(struct vacuum *v)
{
	struct cli *k = v->k;
	struct conf conf;
	enum rc rc;

	if ((rc = conf_load(k->a, k->data, &conf, &k->err)) != RC_OK)
		return rc;
	if ((rc = store_open(conf.store, false, &v->s, &k->err)) == RC_CONFLICT)
		return shrink_there(v);
	if (rc != RC_OK || (rc = look(v)) != RC_OK)
		return rc;
	v->engine = store_engine(v->s);
	if ((rc = store_vacuum(conf.store, watch, v, &v->tables, &k->err)) != RC_OK)
		return rc;
	return v->tables > 0 ? look(v) : shrink_here(v);
}

static void
say(const struct vacuum *v)
{
	struct cli *k = v->k;

	if (k->json) {
		print_json(json_keep(k->a,
		    json_pack("{s:s, s:i, s:I, s:I, s:I}", "engine", v->engine, "tables", v->tables, "size_before",
			(json_int_t)v->before, "size", (json_int_t)v->size, "free", (json_int_t)v->unused)));
		return;
	}
	if (v->tables > 0)
		printf("%d tables vacuumed; ", v->tables);
	printf("%s before, %s now", print_size(k->a, (uint64_t)v->before), print_size(k->a, (uint64_t)v->size));
	if (v->unused > 0)
		printf(", %s of it free", print_size(k->a, (uint64_t)v->unused));
	puts(".");
}

int
cli_store_vacuum(const struct argv *argv, void *ctx)
{
	struct vacuum v = { .engine = "SQLite" };
	struct cli k;
	enum rc rc;
	int status;

	(void)ctx;
	cli_begin(&k, argv);
	v.k = &k;
	rc = vacuum(&v);
	store_close(v.s);
	cli_progress_end(&k);
	if (rc == RC_OK)
		say(&v);
	status = rc == RC_OK ? EXIT_DONE : cli_refused(&k);
	cli_end(&k);
	return status;
}
