/* How a thing may be given to a kind of device: by declaration where the mode tables have one for it, by command
 * where not, or not at all (S-32, protocol 10, 11, 14). */
#ifndef DESIRED_WAY_H
#define DESIRED_WAY_H

#include "command/policy.h"
#include "desired/item.h"

enum desired_way {
	DESIRED_BY_DECLARATION,
	DESIRED_BY_COMMAND,
	DESIRED_NOT,
	DESIRED_LATER, /* nothing speaks against it, but a licence is not there yet (desired/wanted.h) */
};

/* it->content must be there. `declares` false: the device said that it does not know such declarations. *why is the
 * rule, where it is DESIRED_NOT; memory from `a`. */
enum desired_way desired_way_of(
    struct arena *a, const struct policy_target *t, const struct desired_item *it, bool declares, const char **why);

/* The Type of the declaration that carries it. */
const char *desired_type(const struct desired_item *it);
/* The Payload of that declaration: of a profile without its ProfileURL. */
json_t *desired_payload(struct arena *a, const struct desired_item *it, bool optional);
/* The command that gives it: InstallProfile or InstallApplication; freed with `a`. */
plist_t desired_command(struct arena *a, const struct policy_target *t, const struct desired_item *it);

#endif
