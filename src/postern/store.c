/* `store migrate`, `store check`, `store copy`: the database without a server. */
#include <stdio.h>
#include <string.h>

#include "backup/copy.h"
#include "config/config.h"
#include "postern/cli.h"
#include "postern/store_rules.h"
#include "store/bulk.h"
#include "store/store.h"

#define FOUND_MAX 3 /* of what breaks a rule */

/* Open the database that DIR's settings name. */
static enum rc
open_store(struct cli *k, const char **dsn, struct store **out)
{
	struct conf conf;
	enum rc rc;

	if ((rc = conf_load(k->a, k->data, &conf, &k->err)) != RC_OK)
		return rc;
	*dsn = conf.store;
	rc = store_open(conf.store, false, out, &k->err);
	if (rc == RC_CONFLICT)
		return fail(&k->err, rc, "posternd is running on %s: stop it first", cli_dsn_text(k->a, conf.store));
	return rc;
}

static int
finish(struct cli *k, enum rc rc)
{
	int status = rc == RC_OK ? EXIT_DONE : cli_refused(k);

	cli_end(k);
	return status;
}

/* ---- migrate ---- */

int
cli_store_migrate(const struct argv *v, void *ctx)
{
	struct store *s = NULL;
	const char *dsn = "";
	int from = 0, to = 0;
	struct cli k;
	enum rc rc;

	(void)ctx;
	cli_begin(&k, v);
	if ((rc = open_store(&k, &dsn, &s)) == RC_OK && (rc = store_alone(s, &k.err)) == RC_OK)
		rc = store_migrate(s, &from, &to, &k.err);
	store_close(s);
	if (rc == RC_OK && k.json)
		print_json(json_keep(k.a, json_pack("{s:i, s:i}", "from", from, "to", to)));
	else if (rc == RC_OK && from == to)
		printf("%s is at schema %d, the newest.\n", cli_dsn_text(k.a, dsn), to);
	else if (rc == RC_OK)
		printf("%s went from schema %d to %d.\n", cli_dsn_text(k.a, dsn), from, to);
	return finish(&k, rc);
}

/* ---- check ---- */

struct checking {
	struct cli *k;
	struct store *s;
	struct store_table *tables;
	int n_tables, version, broken;
	json_t *found; /* one object for each rule that is broken */
};

static enum rc
count(struct checking *c, const char *dsn)
{
	struct store_view *v = NULL;
	enum rc rc;

	if ((rc = store_view_open(dsn, &v, &c->k->err)) == RC_OK &&
	    (rc = store_view_version(v, &c->version, &c->k->err)) == RC_OK)
		rc = store_view_tables(v, c->k->a, &c->tables, &c->n_tables, &c->k->err);
	store_view_close(v);
	return rc;
}

static void
note_broken(struct checking *c, const struct store_rule *rule, const struct db_rows *r)
{
	json_t *ids = json_array();

	c->broken++;
	for (int i = 0; i < r->rows && i < FOUND_MAX; i++)
		json_array_append_new(ids, json_string(db_get_text(r, i, 0)));
	json_array_append_new(c->found, json_pack("{s:s, s:o}", "rule", rule->rule, "rows", ids));
	if (c->k->json)
		return;
	printf("broken: %s:", rule->rule);
	for (int i = 0; i < r->rows && i < FOUND_MAX; i++)
		printf(" %s", print_safe(c->k->a, db_get_text(r, i, 0)));
	printf("%s\n", r->rows > FOUND_MAX ? " and more" : "");
}

static enum rc
ask_rules(struct checking *c)
{
	struct call call = { .arena = c->k->a, .store = c->s };
	struct db_rows r;
	enum rc rc;
	int n = 0, done = 0;

	while (store_rules[n].rule != NULL)
		n++;
	for (const struct store_rule *rule = store_rules; rule->rule != NULL; rule++) {
		cli_progress(c->k, "check", done++, n, "rules");
		rc = store_run(&call, arena_printf(c->k->a, "%s LIMIT %d", rule->sql, FOUND_MAX + 1), DB_NONE, &r);
		cli_progress_end(c->k);
		if (rc != RC_OK) {
			c->k->err = call.err;
			return rc;
		}
		if (r.rows > 0)
			note_broken(c, rule, &r);
	}
	return RC_OK;
}

static void
say_checked(struct checking *c, const char *dsn, const char *engine)
{
	json_t *tables = json_object();
	int64_t rows = 0;

	for (int i = 0; i < c->n_tables; i++) {
		json_object_set_new(tables, c->tables[i].name, json_integer(c->tables[i].rows));
		rows += c->tables[i].rows;
	}
	if (c->k->json) {
		print_json(
		    json_keep(c->k->a, json_pack("{s:s, s:i, s:I, s:O, s:O}", "engine", engine, "schema", c->version,
					   "rows", (json_int_t)rows, "tables", tables, "broken", c->found)));
	} else {
		for (int i = 0; i < c->n_tables; i++)
			printf("%12lld  %s\n", (long long)c->tables[i].rows, c->tables[i].name);
		printf("%12lld  rows in all; %s, schema %d: %s\n", (long long)rows, engine, c->version,
		    cli_dsn_text(c->k->a, dsn));
	}
	json_decref(tables);
}

int
cli_store_check(const struct argv *v, void *ctx)
{
	struct checking c = { .found = json_array() };
	const char *dsn = "";
	struct cli k;
	enum rc rc;

	(void)ctx;
	cli_begin(&k, v);
	c.k = &k;
	if ((rc = open_store(&k, &dsn, &c.s)) == RC_OK && (rc = store_integrity(c.s, &k.err)) == RC_OK &&
	    (rc = count(&c, dsn)) == RC_OK) {
		if (c.version == 0)
			rc = fail(
			    &k.err, RC_NOT_FOUND, "the database is empty: postern init or postern store copy fills it");
		else
			rc = ask_rules(&c);
	}
	if (rc == RC_OK)
		say_checked(&c, dsn, store_engine(c.s));
	if (rc == RC_OK && c.broken > 0)
		rc = fail(&k.err, RC_INTERNAL, "%d of the rules between tables %s broken", c.broken,
		    c.broken == 1 ? "is" : "are");
	store_close(c.s);
	json_decref(c.found);
	return finish(&k, rc);
}

/* ---- copy ---- */

static void
watch(void *ctx, const char *doing, int64_t done, int64_t total)
{
	cli_progress(ctx, doing, done, total, "rows");
}

static void
say_copied(struct cli *k, const struct copy *c, const struct copy_facts *f)
{
	json_t *tables = json_array();

	for (int i = 0; i < f->n_tables; i++) {
		const struct copy_table *t = &f->tables[i];

		json_array_append_new(
		    tables, json_pack("{s:s, s:I, s:s}", "name", t->name, "rows", (json_int_t)t->rows, "sum", t->sum));
		if (!k->json)
			printf("%12lld  %-20s %.16s\n", (long long)t->rows, t->name, t->sum);
	}
	if (k->json)
		print_json(json_keep(k->a,
		    json_pack("{s:i, s:I, s:O}", "schema", f->version, "rows", (json_int_t)f->rows, "tables", tables)));
	else
		printf("%12lld  rows in all, the same on both sides.\nFrom now on: store = %s in postern.conf.\n",
		    (long long)f->rows, cli_dsn_text(k->a, c->to));
	json_decref(tables);
}

int
cli_store_copy(const struct argv *v, void *ctx)
{
	struct copy c = { .watch = watch };
	struct copy_facts facts;
	struct cli k;
	enum rc rc;

	(void)ctx;
	cli_begin(&k, v);
	c.a = k.a;
	c.ctx = &k;
	if ((rc = cli_dsn(&k, argv_argument(v, 0), &c.from)) == RC_OK &&
	    (rc = cli_dsn(&k, argv_argument(v, 1), &c.to)) == RC_OK) {
		rc = copy_store(&c, &facts, &k.err);
		cli_progress_end(&k);
	}
	if (rc == RC_OK)
		say_copied(&k, &c, &facts);
	return finish(&k, rc);
}
