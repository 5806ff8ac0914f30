#include "apple/diary.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "http/mem.h"

#define SENTENCE_MAX 400
#define SUBJECT_MAX 260

struct diary {
	pthread_mutex_t lock;
	json_t *outcomes, *rows; /* newest last */
};

struct diary *
diary_new(void)
{
	struct diary *d = http_need(calloc(1, sizeof *d));

	pthread_mutex_init(&d->lock, NULL);
	d->outcomes = json_object();
	d->rows = json_array();
	return d;
}

void
diary_free(struct diary *d)
{
	if (d == NULL)
		return;
	json_decref(d->outcomes);
	json_decref(d->rows);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

/* Text of a peer's, which may be cut in the middle of a character. */
static json_t *
text(const char *s)
{
	json_t *j = json_string(s);

	return j != NULL ? j : json_string("(not UTF-8)");
}

void
diary_write(
    struct diary *d, int64_t now, const char *what, const char *subject, const char *outcome, const char *format, ...)
{
	struct arena *a = arena_new(0);
	json_t *row = json_object();
	va_list ap;

	va_start(ap, format);
	json_object_set_new(row, "at", json_string(clock_rfc3339(a, now)));
	json_object_set_new(row, "what", json_string(what));
	json_object_set_new(row, "subject", text(arena_printf(a, "%.*s", SUBJECT_MAX, subject)));
	json_object_set_new(row, "outcome", json_string(outcome));
	json_object_set_new(row, "sentence", text(arena_printf(a, "%.*s", SENTENCE_MAX, arena_vprintf(a, format, ap))));
	va_end(ap);
	pthread_mutex_lock(&d->lock);
	json_object_set_new(d->outcomes, outcome, json_integer(json_get_int(d->outcomes, outcome, 0) + 1));
	json_array_append_new(d->rows, row);
	if (json_array_size(d->rows) > DIARY_ROWS)
		json_array_remove(d->rows, 0);
	pthread_mutex_unlock(&d->lock);
	arena_free(a);
}

json_t *
diary_json(struct diary *d, struct arena *a, int64_t limit)
{
	json_t *rows = json_array(), *out;

	pthread_mutex_lock(&d->lock);
	for (size_t n = json_array_size(d->rows); n > 0 && (int64_t)json_array_size(rows) < limit; n--)
		json_array_append(rows, json_array_get(d->rows, n - 1));
	/* A copy: jansson counts references without atomics, and rows are dropped by other threads. */
	out = json_pack("{s:o,s:o}", "outcomes", json_deep_copy(d->outcomes), "rows", json_deep_copy(rows));
	json_decref(rows);
	pthread_mutex_unlock(&d->lock);
	return json_keep(a, out);
}
