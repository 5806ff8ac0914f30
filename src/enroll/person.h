/* What becomes of a person's devices when the person changes: disabled, removed, in other groups. Whoever does it
 * (the administrator, the directory by SCIM, the identity provider) says so in `by`, for the timelines. All run
 * inside a unit, or are one. */
#ifndef ENROLL_PERSON_H
#define ENROLL_PERSON_H

#include <stdbool.h>

#include "account/account.h"
#include "enroll/enrollment.h"

/* Every live enrollment of a person, at most 500. */
enum rc person_enrollments(struct call *c, const char *account_id, struct enrollment **out, int *n);

/* The next request of each device is refused, or taken again. *live counts them. */
enum rc person_set_disabled(struct call *c, const struct account *a, bool disabled, const char *by, int *live);

/* In these groups from now on, and in no other. Where the rules refuse the person now, the sign-ins of those devices
 * are revoked: *ended counts them. */
enum rc
person_set_groups(struct call *c, const struct account *a, const char *const *groups, const char *by, int *ended);

/* Of another user identifier from now on (account_rename). Devices stay enrolled; while there are any, the Managed Apple
 * Account stays, too: it is in their profiles. Where the rules refuse the person now, likewise. */
enum rc person_rename(struct call *c, const struct account *a, const char *user_identifier,
    const char *managed_apple_account, const char *by, int *ended);

/* Evict every device, end every sign-in and forget the person. */
enum rc person_remove(struct call *c, const struct account *a, const char *by, int *evicted);

/* Evict one, with its event. *way: "status", "profile", or "ended" where no device had come yet.
 * RC_CONFLICT: it ended already. */
enum rc person_evict(struct call *c, const struct enrollment *e, const char *by, const char **way);

/* RC_FORBIDDEN: the rules refuse a device of that family to this person; the sentence says which. */
enum rc person_may_enroll(struct call *c, const struct account *a, const char *family);

#endif
