/* SCIM 2.0 (RFC 7643, 7644): the organization's directory makes, changes, disables and removes people and groups.
 * Its bearer token comes from `postern service add NAME --for scim` and is good for one organization. */
#ifndef SCIM_SCIM_H
#define SCIM_SCIM_H

#include "http/server.h"

/* Below /scim/v2. Ends with a row whose method is NULL. */
extern const struct http_route scim_routes[];

#endif
