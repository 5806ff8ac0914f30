/* Device groups: which enrollments get what. A group has its members by name, or by conditions that are asked
 * anew each time, so that a device that is updated or a person who changes departments needs no bookkeeping. */
#ifndef GROUP_GROUP_H
#define GROUP_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/call.h"
#include "enroll/enrollment.h"

#define GROUP_MAX 200 /* of an organization: all of them are looked through for each device that is told what it gets */
#define GROUP_NAME_MAX 100 /* octets */

struct device_group {
	const char *id, *organization_id, *name;
	bool by_rule; /* false: only its members */
	const char *mode, *model_family, *os_from, *os_below, *user_group; /* NULL matches anything */
	int64_t created_at;
};

/* Makes g->id. RC_CONFLICT: there is one of that name, or there are GROUP_MAX. RC_BAD_INPUT: a condition is none. */
enum rc group_add(struct call *c, struct device_group *g);
enum rc group_list(struct call *c, const char *organization_id, struct device_group **out, int *n); /* by name */
enum rc group_get(struct call *c, const char *organization_id, const char *name, struct device_group *out);
/* How many are in one by name. */
enum rc group_members(struct call *c, const struct device_group *g, int64_t *n);
/* With its assignments and members. */
enum rc group_remove(struct call *c, const struct device_group *g);

/* RC_CONFLICT: its members are found by conditions; or the enrollment ended. */
enum rc group_join(struct call *c, const struct device_group *g, const struct enrollment *e);
enum rc group_leave(struct call *c, const struct device_group *g, const struct enrollment *e);

/* Which of `n` groups of its organization an enrollment is in: matches[i] for each. */
enum rc
group_match(struct call *c, const struct device_group *groups, int n, const struct enrollment *e, bool *matches);

/* Could a device like this be in it, as far as mode, family and version go? */
bool group_fits(const struct device_group *g, const char *mode, const char *family, const char *os_version);

/* Something about groups, or what they are given, changed: all devices of the organization are looked at again. */
enum rc group_changed(struct call *c, const char *organization_id);

#endif
