#include "profile/identity.h"

#include <string.h>

#include "command/policy.h"

struct profile_identity
profile_identity(struct call *c, const struct rule *rule, const char *mode, const char *family, const char *os_version)
{
	const struct policy_target t = policy_target_of(mode, family, os_version, false);
	const struct policy_thing payload = { .kind = POLICY_PAYLOAD, .name = "com.apple.security.acme" };
	struct profile_identity out = { "scep", NULL };
	struct err why = { 0 };
	enum apple_mode verdict;

	if (rule == NULL || rule->identity == NULL || strcmp(rule->identity, "acme") != 0)
		return out;
	verdict = policy_verdict(c->arena, &t, &payload, &why);
	/* Macs attest keys from macOS 14 on, which is where account-driven enrollment begins. */
	if (verdict == APPLE_ALLOWED || verdict == APPLE_REQUIRED)
		out.door = "acme";
	else
		out.why_scep = arena_strdup(c->arena, why.text);
	return out;
}
