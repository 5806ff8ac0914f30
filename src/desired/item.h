/* What an organization can give its devices: configuration profiles, apps and declarations; and which device group
 * gets which. A thing given again under its name takes the place of the one before, on every device that has it. */
#ifndef DESIRED_ITEM_H
#define DESIRED_ITEM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/call.h"
#include "fmt/json.h"
#include "group/group.h"

#define DESIRED_ITEMS_MAX 500 /* of an organization */
#define DESIRED_CONTENT_MAX (1024 * 1024) /* octets */

enum desired_kind { DESIRED_PROFILE, DESIRED_APP, DESIRED_DECLARATION, DESIRED_KINDS };
const char *desired_kind_name(enum desired_kind kind); /* "profile" */
enum rc desired_kind_parse(const char *name, enum desired_kind *out, struct err *e);

struct desired_item {
	const char *id, *organization_id;
	enum desired_kind kind;
	const char *name; /* a profile's PayloadIdentifier, a declaration's Identifier, what an app is called here */
	const char *title; /* for people; may be NULL */
	const char *type; /* of a declaration */
	const char *app_store_id; /* of an app of the App Store */
	bool user_channel; /* for a Mac's user channel, where there is one */
	struct bytes content; /* a profile as it was given; a declaration's JSON; of an app {"AppStoreID", "BundleID",
			       * "ManifestURL": one or more, "Configuration": {}, "Attributes": {}}. Absent in listings */
	const char *digest;
	int64_t created_at, updated_at;
};

/* Read name, title, type and channel from the content (of an app: it->name is set by the caller), check its form,
 * and keep it; it->id is that of the one before where there was one. RC_BAD_INPUT: the sentence names what is
 * wrong. RC_CONFLICT: there are DESIRED_ITEMS_MAX. */
enum rc desired_item_put(struct call *c, struct desired_item *it);
/* kind < 0: of all. By kind and name; without content. */
enum rc desired_item_list(struct call *c, const char *organization_id, int kind, struct desired_item **out, int *n);
enum rc desired_item_get(
    struct call *c, const char *organization_id, enum desired_kind kind, const char *name, struct desired_item *out);
enum rc desired_item_content(struct call *c, struct desired_item *it);
enum rc desired_item_remove(struct call *c, const struct desired_item *it);

/* The JSON of an app or declaration. */
enum rc desired_item_json(struct call *c, const struct desired_item *it, json_t **out);

struct assignment {
	const char *item_id, *group_id, *group;
	bool optional; /* of an app: the person may take it, or not */
};
/* RC_FORBIDDEN: no device that can be in the group may have it; the sentence names the rule. */
enum rc desired_assign(struct call *c, const struct desired_item *it, const struct device_group *g, bool optional);
enum rc desired_unassign(struct call *c, const struct desired_item *it, const struct device_group *g);
enum rc desired_assignments(struct call *c, const char *organization_id, struct assignment **out, int *n);

#endif
