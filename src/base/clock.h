/* The time. Rooms take it from struct call (`now`), so that a test can choose it; only programs,
 * deadlines and measurements ask here. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#include "base/arena.h"

int64_t clock_now(void); /* Unix seconds */
int64_t clock_mono_ms(void); /* milliseconds since some start; never goes back */
int64_t clock_mono_us(void);
int64_t clock_cpu_us(void); /* microseconds of processor that the calling thread has used */

/* "2026-11-24T10:37:00Z" (RFC 3339, UTC) in `a`. */
char *clock_rfc3339(struct arena *a, int64_t unix_s);
/* And back; with an offset, too ("+0100"): Apple writes both. 0: not a time, or NULL. */
int64_t clock_from_rfc3339(const char *text);
/* A Date header as it is written today (RFC 9110 5.6.7). 0: not a time, or NULL. */
int64_t clock_from_http(const char *text);

#endif
