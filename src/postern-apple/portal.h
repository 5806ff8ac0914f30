/* What an administrator does in the portal of Apple School Manager or Apple Business, as commands. */
#ifndef POSTERN_APPLE_PORTAL_H
#define POSTERN_APPLE_PORTAL_H

#include "fmt/argv.h"

/* clang-format off */
#define PORTAL_STATE \
	ARGV_TEXT("state", "DIR", "Folder made by `postern-apple init`", .required = true, .env = "POSTERN_APPLE_STATE")
/* clang-format on */

extern const struct argv_option portal_add_options[], portal_server_add_options[], portal_server_token_options[],
    portal_default_options[], portal_domain_options[], portal_account_options[], portal_org_options[],
    portal_remove_options[], portal_discovery_options[];
extern const struct argv_argument portal_name[], portal_domain[], portal_account_argument[];

argv_function portal_org_add, portal_org_set, portal_domain_add, portal_domain_remove, portal_account_add,
    portal_account_remove, portal_server_new, portal_server_token_new, portal_server_default, portal_server_remove,
    portal_show, portal_discovery_set;

#endif
