/* A device's answer as JSON, for people and scripts. Room-private. */
#ifndef ADMIN_PLIST_JSON_H
#define ADMIN_PLIST_JSON_H

#include <jansson.h>
#include <plist/plist.h>

#include "base/arena.h"

/* Data becomes base64, dates RFC 3339, what JSON has no word for null. The tree is the caller's. */
json_t *admin_plist_json(struct arena *a, plist_t node);

#endif
