/* What one channel of an enrollment should have, and how it gets it: from its groups, and from what its mode, system
 * and own word allow. */
#ifndef DESIRED_WANTED_H
#define DESIRED_WANTED_H

#include "desired/way.h"

/* What an organization wishes, read once for many enrollments. */
struct desired_wishes {
	const char *organization_id;
	int64_t version;
	struct device_group *groups;
	int n_groups;
	struct desired_item *items;
	int n_items;
	struct assignment *assignments;
	int n_assignments;
	struct desired_memo *memo; /* verdicts that were read before */
	bool licences; /* apps of the App Store are given once the person holds a licence (licence/licence.h) */
};
/* RC_NOT_FOUND: no such organization. */
enum rc desired_wishes_read(struct call *c, const char *organization_id, struct desired_wishes *out);

struct wanted {
	struct desired_item *item;
	const char *group; /* one that gives it */
	bool optional;
	enum desired_way way;
	const char *why; /* DESIRED_NOT: the rule; DESIRED_LATER: what is missing */
	const char *identifier, *server_token; /* DESIRED_BY_DECLARATION */
};

/* Sorted as the items are. user_id "" is the device channel; a device with one channel gets there what is for a user
 * channel, too. */
enum rc desired_wanted(struct call *c, struct desired_wishes *w, const struct enrollment *e, const char *user_id,
    struct wanted **out, int *n);

#endif
