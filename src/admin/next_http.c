/* What ends within a time, and what to do about it before: nothing that breaks by the calendar is to come as a surprise. */
#include "admin/routes.h"

#include <stdlib.h>
#include <string.h>

#include "account/ending.h"

#define DAY 86400
#define DAYS_MAX 3650

struct listing {
	struct admin_call *x;
	json_t *items;
};

static void
add(void *arg, const struct ending *e)
{
	struct listing *l = arg;
	json_t *j;

	if (e->organization_id != NULL && !admin_reaches(l->x, e->organization_id))
		return;
	json_array_append_new(l->items, j = json_object());
	admin_put_time(j, "at", e->at);
	admin_put_text(j, "what", e->what);
	admin_put_text(j, "organization", e->organization_id);
	admin_put_int(j, "count", e->count);
	admin_put_text(j, "todo", e->todo);
}

static int
by_text(const json_t *a, const json_t *b, const char *name)
{
	const char *x = json_get_text(a, name), *y = json_get_text(b, name);

	return strcmp(x != NULL ? x : "", y != NULL ? y : "");
}

/* Of one moment by what it is and whose, so that each look has the same order, and pages fit together. */
static int
by_time(const void *a, const void *b)
{
	const json_t *p = *(json_t *const *)a, *q = *(json_t *const *)b;
	json_int_t x = json_integer_value(json_object_get(p, "at")), y = json_integer_value(json_object_get(q, "at"));
	int order = (x > y) - (x < y);

	if (order == 0)
		order = by_text(p, q, "what");
	return order != 0 ? order : by_text(p, q, "organization");
}

static void
sort(struct arena *a, json_t *items)
{
	size_t n = json_array_size(items);
	json_t **copy = arena_array(a, n, sizeof *copy);

	for (size_t i = 0; i < n; i++)
		copy[i] = json_incref(json_array_get(items, i));
	qsort(copy, n, sizeof *copy, by_time);
	json_array_clear(items);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(items, copy[i]);
}

/* -1: not a number of days. */
static int64_t
days_of(const char *text)
{
	char *end;
	long days = text != NULL ? strtol(text, &end, 10) : 90;

	if (text != NULL && (text[0] < '0' || text[0] > '9' || days > DAYS_MAX || strcmp(end, "d") != 0))
		return -1;
	return days;
}

enum rc
admin_status_next(struct admin_call *x)
{
	struct listing l = { x, admin_items(x) };
	int64_t days = days_of(admin_query(x, "within"));
	enum rc rc;

	if (days < 0)
		return fail(&x->c->err, RC_BAD_INPUT, "how far to look is a number of days up to %d, as 90d", DAYS_MAX);
	if ((rc = endings(x->c, x->c->now + days * DAY, add, &l)) == RC_OK)
		rc = endings_of_identities(x->c, x->c->now + days * DAY, add, &l);
	sort(x->c->arena, l.items);
	return rc;
}
