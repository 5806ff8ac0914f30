#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "enroll/enrollment.h"
#include "store/store.h"

/* What is not flushed at this number is dropped until the next flush: last-seen is a convenience. 200,000 entries
 * are some 16 MB. */
#define ENTRIES_MAX 200000
#define ID_MAX 40 /* octets of an enrollment id, with the terminator */
#define USER_MAX 64 /* a longer user id is not noted; Apple's are UUIDs */
#define BATCH 500 /* rows a unit */

struct entry {
	uint32_t text; /* where its ids stand in `texts`; 0: free */
	int64_t at;
};

/* Open addressing; emptied by every flush, so nothing is ever deleted from the middle. */
struct table {
	struct entry *entries;
	size_t size, n;
	char *texts; /* enrollment's and user's id of each entry, from the second octet on */
	size_t texts_n, texts_size;
};

struct enrollment_seen {
	pthread_mutex_t lock;
	struct table table;
};

static void
table_free(struct table *t)
{
	free(t->entries);
	free(t->texts);
	*t = (struct table){ 0 };
}

struct enrollment_seen *
enrollment_seen_new(void)
{
	struct enrollment_seen *s = calloc(1, sizeof *s);

	if (s == NULL)
		abort();
	pthread_mutex_init(&s->lock, NULL);
	return s;
}

void
enrollment_seen_free(struct enrollment_seen *s)
{
	if (s == NULL)
		return;
	pthread_mutex_destroy(&s->lock);
	table_free(&s->table);
	free(s);
}

static const char *
enrollment_of(const struct table *t, const struct entry *e)
{
	return t->texts + e->text;
}

static const char *
user_of(const struct table *t, const struct entry *e)
{
	const char *id = enrollment_of(t, e);

	return id + strlen(id) + 1;
}

static size_t
slot_of(const struct table *t, const char *enrollment_id, const char *user_id)
{
	uint64_t h = 14695981039346656037u; /* FNV-1a */

	for (const char *p = enrollment_id; *p != '\0'; p++)
		h = (h ^ (unsigned char)*p) * 1099511628211u;
	for (const char *p = user_id; *p != '\0'; p++)
		h = (h ^ (unsigned char)*p) * 1099511628211u;
	for (size_t i = h % t->size;; i = (i + 1) % t->size) {
		const struct entry *e = &t->entries[i];

		if (e->text == 0 ||
		    (strcmp(enrollment_of(t, e), enrollment_id) == 0 && strcmp(user_of(t, e), user_id) == 0))
			return i;
	}
}

static void
grow_entries(struct table *t)
{
	struct table bigger = *t;

	bigger.size = t->size == 0 ? 1024 : t->size * 2;
	if ((bigger.entries = calloc(bigger.size, sizeof *bigger.entries)) == NULL)
		return;
	for (size_t i = 0; i < t->size; i++) {
		const struct entry *e = &t->entries[i];

		if (e->text != 0)
			bigger.entries[slot_of(&bigger, enrollment_of(t, e), user_of(t, e))] = *e;
	}
	free(t->entries);
	*t = bigger;
}

static bool
grow_texts(struct table *t)
{
	size_t size = t->texts_size == 0 ? 4096 : t->texts_size * 2;
	char *bigger;

	if (t->texts_n + ID_MAX + USER_MAX <= t->texts_size)
		return true;
	if ((bigger = realloc(t->texts, size)) == NULL)
		return false;
	if (t->texts_n == 0)
		bigger[t->texts_n++] = '\0'; /* 0 is no place */
	t->texts = bigger;
	t->texts_size = size;
	return true;
}

static void
note(struct table *t, const char *enrollment_id, const char *user_id, int64_t at)
{
	struct entry *e;

	if ((t->n + 1) * 2 > t->size && t->n < ENTRIES_MAX)
		grow_entries(t);
	if (t->n + 1 >= t->size || !grow_texts(t))
		return;
	e = &t->entries[slot_of(t, enrollment_id, user_id)];
	if (e->text == 0 && t->n >= ENTRIES_MAX)
		return;
	e->at = at;
	if (e->text != 0)
		return;
	e->text = (uint32_t)t->texts_n;
	t->n++;
	for (const char *const *p = (const char *const[]){ enrollment_id, user_id, NULL }; *p != NULL; p++) {
		size_t n = strlen(*p) + 1;

		memcpy(t->texts + t->texts_n, *p, n);
		t->texts_n += n;
	}
}

void
enrollment_seen_note(struct enrollment_seen *s, const char *enrollment_id, const char *user_id, int64_t at)
{
	if (strlen(enrollment_id) >= ID_MAX || strlen(user_id) >= USER_MAX)
		return;
	pthread_mutex_lock(&s->lock);
	note(&s->table, enrollment_id, user_id, at);
	pthread_mutex_unlock(&s->lock);
}

struct batch {
	const struct table *table;
	size_t from;
};

static enum rc
flush_batch(struct call *c, void *arg)
{
	/* Another node may have seen it later and written it sooner. */
	static const char enrollment_sql[] = "UPDATE enrollment SET last_seen_at = ?2 WHERE id = ?1"
					     " AND (last_seen_at IS NULL OR last_seen_at < ?2)";
	static const char channel_sql[] =
	    "UPDATE channel SET last_seen_at = ?3 WHERE enrollment_id = ?1 AND user_id = ?2"
	    " AND (last_seen_at IS NULL OR last_seen_at < ?3)";
	const struct batch *b = arg;
	enum rc rc;

	for (size_t i = b->from; i < b->table->size && i < b->from + BATCH; i++) {
		const struct entry *e = &b->table->entries[i];
		const char *id;

		if (e->text == 0)
			continue;
		id = enrollment_of(b->table, e);
		rc = store_run(c, enrollment_sql, DB_ARGS(db_text(id), db_int(e->at)), NULL);
		if (rc == RC_OK)
			rc = store_run(
			    c, channel_sql, DB_ARGS(db_text(id), db_text(user_of(b->table, e)), db_int(e->at)), NULL);
		if (rc != RC_OK)
			return rc;
	}
	return RC_OK;
}

enum rc
enrollment_seen_flush(struct call *c, struct enrollment_seen *s)
{
	struct table table;
	struct batch b = { .table = &table };
	enum rc rc = RC_OK;

	/* Taken away under the lock, written without it: no poll waits for the disk. */
	pthread_mutex_lock(&s->lock);
	table = s->table;
	s->table = (struct table){ 0 };
	pthread_mutex_unlock(&s->lock);
	for (; rc == RC_OK && b.from < table.size; b.from += BATCH)
		rc = store_unit(c, flush_batch, &b);
	table_free(&table);
	return rc == RC_OK ? rc : fail_in(&c->err, rc, "flush last-seen");
}
