/* What may come once within its time: nonces of OAuth, jti of tokens. The last ONCE_MAX are remembered, as digests. */
#ifndef APPLE_ONCE_H
#define APPLE_ONCE_H

#include <stdbool.h>
#include <stdint.h>

#define ONCE_MAX 4096

struct once;

struct once *once_new(void);
void once_free(struct once *o); /* NULL is fine */

/* True the first time that `text` comes, and again after `until` (Unix seconds). From any thread. */
bool once_take(struct once *o, const char *text, int64_t now, int64_t until);

#endif
