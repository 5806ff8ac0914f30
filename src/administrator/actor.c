#include "administrator/actor.h"

#include <stddef.h>
#include <string.h>

static const struct {
	enum actor_role role;
	const char *name;
} roles[] = { { ACTOR_READ, "read" }, { ACTOR_HELP_DESK, "help-desk" }, { ACTOR_ADMIN, "admin" } };
#define ROLES (sizeof roles / sizeof roles[0])

const char *
actor_role_name(enum actor_role role)
{
	for (size_t i = 0; i < ROLES; i++) {
		if (roles[i].role == role)
			return roles[i].name;
	}
	return "none";
}

bool
actor_role_parse(const char *name, enum actor_role *out)
{
	for (size_t i = 0; i < ROLES; i++) {
		if (strcmp(roles[i].name, name) == 0) {
			*out = roles[i].role;
			return true;
		}
	}
	return false;
}
