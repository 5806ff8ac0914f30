#include "backup/copy.h"

#include <string.h>

#include "backup/row.h"
#include "store/bulk.h"

#define WATCH_EVERY 4096 /* rows */
#define ROW_MAX (64u << 20) /* octets */

struct copying {
	const struct copy *c;
	struct store_view *view;
	struct store_fill *fill;
	struct store_table *tables;
	struct row_sum *sums;
	int n;
	int64_t done, total;
	const char *doing;
	struct row_sum sum; /* of the table under way */
	struct buf row;
	struct err *e;
};

static enum rc
sum_row(void *arg, const struct db_value *row, int n)
{
	struct copying *s = arg;

	buf_reset(&s->row);
	row_put(&s->row, row, n);
	row_add(&s->sum, buf_bytes(&s->row));
	if (++s->done % WATCH_EVERY == 0 && s->c->watch != NULL)
		s->c->watch(s->c->ctx, s->doing, s->done, s->total);
	return buf_ok(&s->row) ? RC_OK : fail(s->e, RC_TOO_LARGE, "a row is larger than %u octets", ROW_MAX);
}

static enum rc
copy_row(void *arg, const struct db_value *row, int n)
{
	struct copying *s = arg;
	enum rc rc = sum_row(s, row, n);

	return rc == RC_OK ? store_fill_row(s->fill, row, s->e) : rc;
}

static enum rc
copy_tables(struct copying *s)
{
	enum rc rc = RC_OK;

	s->doing = "copy";
	for (int i = 0; i < s->n && rc == RC_OK; i++) {
		const struct store_table *t = &s->tables[i];

		s->sum = (struct row_sum){ 0 };
		if ((rc = store_fill_table(s->fill, t->name, t->columns, t->n_columns, s->e)) == RC_OK)
			rc = store_view_each(s->view, t, copy_row, s, s->e);
		s->sums[i] = s->sum;
	}
	return rc;
}

static enum rc
compare_tables(struct copying *s)
{
	enum rc rc = RC_OK;

	s->doing = "compare";
	s->done = 0;
	for (int i = 0; i < s->n && rc == RC_OK; i++) {
		s->sum = (struct row_sum){ 0 };
		rc = store_fill_each(s->fill, &s->tables[i], sum_row, s, s->e);
		if (rc == RC_OK && memcmp(&s->sum, &s->sums[i], sizeof s->sum) != 0)
			rc = fail(s->e, RC_INTERNAL,
			    "the new database answers with other rows of %s than it was given: nothing was kept",
			    s->tables[i].name);
	}
	return rc;
}

static void
tell(const struct copying *s, int version, struct copy_facts *out)
{
	struct copy_table *tables = arena_array(s->c->a, (size_t)s->n + 1, sizeof *tables);

	for (int i = 0; i < s->n; i++) {
		tables[i] = (struct copy_table){
			.name = s->tables[i].name, .rows = s->sums[i].rows, .sum = row_text(s->c->a, &s->sums[i])
		};
		out->rows += s->sums[i].rows;
	}
	out->version = version;
	out->tables = tables;
	out->n_tables = s->n;
}

static enum rc
copy_all(struct copying *s, struct copy_facts *out)
{
	int version;
	enum rc rc;

	if ((rc = store_view_open(s->c->from, &s->view, s->e)) != RC_OK ||
	    (rc = store_view_version(s->view, &version, s->e)) != RC_OK ||
	    (rc = store_view_tables(s->view, s->c->a, &s->tables, &s->n, s->e)) != RC_OK ||
	    (rc = store_fill_open(s->c->to, version, &s->fill, s->e)) != RC_OK)
		return rc;
	for (int i = 0; i < s->n; i++)
		s->total += s->tables[i].rows;
	s->sums = arena_array(s->c->a, (size_t)s->n + 1, sizeof *s->sums);
	if ((rc = copy_tables(s)) == RC_OK && (rc = compare_tables(s)) == RC_OK &&
	    (rc = store_fill_keep(s->fill, s->e)) == RC_OK)
		tell(s, version, out);
	return rc;
}

enum rc
copy_store(const struct copy *c, struct copy_facts *out, struct err *e)
{
	struct copying s = { .c = c, .e = e };
	struct store *held = NULL;
	enum rc rc;

	*out = (struct copy_facts){ 0 };
	buf_init(&s.row, ROW_MAX);
	/* Held open so that no posternd starts on it meanwhile, or is at work on it now: what it wrote would be lost. */
	if ((rc = store_open(c->from, false, &held, e)) == RC_OK && (rc = store_alone(held, e)) == RC_OK)
		rc = copy_all(&s, out);
	store_fill_close(s.fill);
	store_view_close(s.view);
	store_close(held);
	buf_free(&s.row);
	return rc;
}
