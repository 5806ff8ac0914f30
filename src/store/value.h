/* Values on their way to an engine, checked before it sees them. */
#ifndef STORE_VALUE_H
#define STORE_VALUE_H

#include "store/store.h"

/* RC_BAD_INPUT: a text is not UTF-8 (RFC 3629: no surrogates, nothing overlong). Text can hold no
 * NUL, since it ends there; PostgreSQL refuses both, so SQLite must not take them either. */
enum rc store_args_check(struct db_args args, struct err *e);

#endif
