#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "discovery/discovery.h"
#include "store/store.h"

#define ROWS_MAX 1024 /* organizations times answers between two flushes; beyond it they go uncounted */
#define ID_MAX 48

struct count_row {
	char organization_id[ID_MAX];
	enum enroll_code code;
	int64_t count;
};

struct discovery_counts {
	pthread_mutex_t lock;
	struct count_row rows[ROWS_MAX];
	int n;
};

struct discovery_counts *
discovery_counts_new(void)
{
	struct discovery_counts *d = calloc(1, sizeof *d);

	if (d == NULL)
		abort();
	pthread_mutex_init(&d->lock, NULL);
	return d;
}

void
discovery_counts_free(struct discovery_counts *d)
{
	if (d == NULL)
		return;
	pthread_mutex_destroy(&d->lock);
	free(d);
}

void
discovery_counts_add(struct discovery_counts *d, const char *organization_id, enum enroll_code code)
{
	int i;

	if (strlen(organization_id) >= ID_MAX)
		return;
	pthread_mutex_lock(&d->lock);
	for (i = 0; i < d->n; i++) {
		if (d->rows[i].code == code && strcmp(d->rows[i].organization_id, organization_id) == 0)
			break;
	}
	if (i == d->n && d->n < ROWS_MAX) {
		memcpy(d->rows[i].organization_id, organization_id, strlen(organization_id) + 1);
		d->rows[i].code = code;
		d->rows[i].count = 0;
		d->n++;
	}
	if (i < d->n)
		d->rows[i].count++;
	pthread_mutex_unlock(&d->lock);
}

struct flush {
	const struct count_row *rows;
	int n;
};

static enum rc
flush_in_unit(struct call *c, void *arg)
{
	static const char sql[] =
	    "INSERT INTO discovery_count (organization_id, day, code, count) VALUES (?1, ?2, ?3, ?4)"
	    " ON CONFLICT (organization_id, day, code)"
	    " DO UPDATE SET count = discovery_count.count + EXCLUDED.count";
	const struct flush *f = arg;
	enum rc rc;

	for (int i = 0; i < f->n; i++) {
		rc = store_run(c, sql,
		    DB_ARGS(db_text(f->rows[i].organization_id), db_int(c->now / 86400),
			db_text(enroll_failure(f->rows[i].code)->code), db_int(f->rows[i].count)),
		    NULL);
		if (rc != RC_OK)
			return rc;
	}
	return RC_OK;
}

enum rc
discovery_counts_flush(struct call *c, struct discovery_counts *d)
{
	struct flush f = { 0 };
	struct count_row *rows;

	pthread_mutex_lock(&d->lock);
	f.n = d->n;
	rows = arena_array(c->arena, (size_t)f.n, sizeof *rows);
	memcpy(rows, d->rows, (size_t)f.n * sizeof *rows);
	d->n = 0;
	pthread_mutex_unlock(&d->lock);
	f.rows = rows;
	return f.n == 0 ? RC_OK : store_unit(c, flush_in_unit, &f);
}
