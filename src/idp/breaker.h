/* A peer that did not answer several times in a row is left alone for a while: whoever comes is told at once, instead of
 * waiting for what will not come. Times are monotonic seconds. Pure. */
#ifndef IDP_BREAKER_H
#define IDP_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#define IDP_FAILURES 3 /* in a row */
#define IDP_REST_S 20

struct idp_breaker { /* all zero: nothing is known against it */
	int failures; /* in a row */
	int64_t rests_until;
};

/* Whether it may be asked now. After a rest one goes and looks; the others are told at once until that one is back. */
bool idp_breaker_lets(struct idp_breaker *b, int64_t now);
/* What came of asking. */
void idp_breaker_heard(struct idp_breaker *b, int64_t now, bool answered);

#endif
