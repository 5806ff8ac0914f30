/* What one of the services saw, for a test and for the page: how often each outcome, and the last DIARY_ROWS in full. */
#ifndef APPLE_DIARY_H
#define APPLE_DIARY_H

#include "base/call.h"
#include "fmt/json.h"

#define DIARY_ROWS 1000

struct diary;

struct diary *diary_new(void);
void diary_free(struct diary *d); /* NULL is fine */

/* One thing that happened to `subject`; `outcome` is a word for machines. From any thread. */
void diary_write(struct diary *d, int64_t now, const char *what, const char *subject, const char *outcome,
    const char *format, ...) __attribute__((format(printf, 6, 7)));

/* {"outcomes": {WORD: N, ...}, "rows": [{at, what, subject, outcome, sentence}, ...]}, newest first, at most `limit`.
 * The tree belongs to the arena. */
json_t *diary_json(struct diary *d, struct arena *a, int64_t limit);

#endif
