/* The words that a search finds people by: of user identifier, Managed Apple Account and name, in lower case, each behind a
 * space, in a column of the person's row. */
#ifndef ACCOUNT_WORDS_H
#define ACCOUNT_WORDS_H

#include "base/call.h"
#include "store/store.h"

#define ACCOUNT_WORDS 20 /* of one search */

/* For who writes a row. display_name may be NULL. */
const char *account_words(
    struct arena *a, const char *user_identifier, const char *managed_apple_account, const char *display_name);

/* Behind a change of what they are made of: `r` is what the change returned. */
#define ACCOUNT_WORDED " RETURNING user_identifier, managed_apple_account, display_name"
enum rc account_words_put(struct call *c, const char *id, const struct db_rows *r);

/* The words of a search as patterns of LIKE, none of which has a sign that LIKE knows, in `out`, which has room for
 * ACCOUNT_WORDS. RC_BAD_INPUT, RC_TOO_LARGE: too many words. */
enum rc account_words_wanted(struct call *c, const char *search, struct db_value *out, int *n);

#endif
