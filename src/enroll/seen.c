#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "enroll/enrollment.h"
#include "store/store.h"

/* What is not flushed at this number is dropped until the next flush: last-seen is a convenience, and
 * 200,000 entries are some 20 MB. */
#define ENTRIES_MAX 200000
#define ID_MAX 40 /* octets of an enrollment id, with the terminator */
#define USER_MAX 64 /* a longer user id is not noted; Apple's are UUIDs */
#define BATCH 500 /* rows a unit */

struct entry {
	char enrollment_id[ID_MAX], user_id[USER_MAX];
	int64_t at;
	bool used;
};

/* Open addressing; emptied by every flush, so nothing is ever deleted from the middle. */
struct enrollment_seen {
	pthread_mutex_t lock;
	struct entry *entries;
	size_t size, n;
};

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
	free(s->entries);
	free(s);
}

static size_t
slot_of(const struct entry *entries, size_t size, const char *enrollment_id, const char *user_id)
{
	uint64_t h = 14695981039346656037u; /* FNV-1a */

	for (const char *p = enrollment_id; *p != '\0'; p++)
		h = (h ^ (unsigned char)*p) * 1099511628211u;
	for (const char *p = user_id; *p != '\0'; p++)
		h = (h ^ (unsigned char)*p) * 1099511628211u;
	for (size_t i = h % size;; i = (i + 1) % size) {
		if (!entries[i].used ||
		    (strcmp(entries[i].enrollment_id, enrollment_id) == 0 && strcmp(entries[i].user_id, user_id) == 0))
			return i;
	}
}

static void
grow(struct enrollment_seen *s)
{
	size_t size = s->size == 0 ? 1024 : s->size * 2;
	struct entry *bigger = calloc(size, sizeof *bigger);

	if (bigger == NULL)
		return;
	for (size_t i = 0; i < s->size; i++) {
		const struct entry *e = &s->entries[i];

		if (e->used)
			bigger[slot_of(bigger, size, e->enrollment_id, e->user_id)] = *e;
	}
	free(s->entries);
	s->entries = bigger;
	s->size = size;
}

void
enrollment_seen_note(struct enrollment_seen *s, const char *enrollment_id, const char *user_id, int64_t at)
{
	if (strlen(enrollment_id) >= ID_MAX || strlen(user_id) >= USER_MAX)
		return;
	pthread_mutex_lock(&s->lock);
	if ((s->n + 1) * 2 > s->size && s->n < ENTRIES_MAX)
		grow(s);
	if (s->n + 1 < s->size) {
		struct entry *e = &s->entries[slot_of(s->entries, s->size, enrollment_id, user_id)];

		s->n += !e->used;
		e->used = true;
		strncpy(e->enrollment_id, enrollment_id, ID_MAX - 1);
		strncpy(e->user_id, user_id, USER_MAX - 1);
		e->at = at;
	}
	pthread_mutex_unlock(&s->lock);
}

struct batch {
	const struct entry *entries;
	size_t from, size;
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

	for (size_t i = b->from; i < b->size && i < b->from + BATCH; i++) {
		const struct entry *e = &b->entries[i];

		if (!e->used)
			continue;
		rc = store_run(c, enrollment_sql, DB_ARGS(db_text(e->enrollment_id), db_int(e->at)), NULL);
		if (rc == RC_OK)
			rc = store_run(c, channel_sql,
			    DB_ARGS(db_text(e->enrollment_id), db_text(e->user_id), db_int(e->at)), NULL);
		if (rc != RC_OK)
			return rc;
	}
	return RC_OK;
}

enum rc
enrollment_seen_flush(struct call *c, struct enrollment_seen *s)
{
	struct batch b = { 0 };
	struct entry *entries;
	enum rc rc = RC_OK;

	/* Taken away under the lock, written without it: no poll waits for the disk. */
	pthread_mutex_lock(&s->lock);
	entries = s->entries;
	b.size = s->size;
	s->entries = NULL;
	s->size = s->n = 0;
	pthread_mutex_unlock(&s->lock);
	b.entries = entries;
	for (; rc == RC_OK && b.from < b.size; b.from += BATCH)
		rc = store_unit(c, flush_batch, &b);
	free(entries);
	return rc == RC_OK ? rc : fail_in(&c->err, rc, "flush last-seen");
}
