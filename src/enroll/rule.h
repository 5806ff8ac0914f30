/* Discovery policy: ordered rules, the first that matches decides (design: terms and tables). */
#ifndef ENROLL_RULE_H
#define ENROLL_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "account/account.h"
#include "base/call.h"

struct rule {
	const char *id, *organization_id;
	int64_t position;
	const char *domain, *user_glob, *group, *model_family; /* NULL: matches anything */
	int64_t percent; /* 0..100; -1: no condition */
	const char *outcome; /* "byod", "adde", "redirect", "refuse" */
	const char *redirect_url, *message, *method; /* method NULL: the default */
	const char *identity; /* how the device gets its certificate: "scep", "acme" (attested); NULL: scep */
};

/* Whom a rule is asked about. */
struct rule_subject {
	const char *user_identifier; /* lower case; NULL: rules on person, group, percentage don't match */
	const char *domain;
	const char *model_family; /* NULL: rules on a family don't match */
	const struct account *account; /* NULL: unknown; rules on a group don't match */
};

/* Does this one match; `why_not` (may be NULL) gets the first condition that does not. Pure.
 * Percentage: SHA-256(rule id, lower-case identifier) mod 100 < percent, so that retries agree and a
 * larger number only adds people. */
bool rule_matches(struct arena *a, const struct rule *r, const struct rule_subject *s, const char **why_not);

enum rc rule_list(struct call *c, const char *organization_id, struct rule **out, int *n);
/* RC_CONFLICT: identity acme, and there is no root that attestations could lead to.
 * Insert at `r->position` (1 is first; 0: first; beyond the end: last), the others move down. r->id is filled. */
enum rc rule_add(struct call *c, struct rule *r);
enum rc rule_move(struct call *c, const char *organization_id, const char *id, int64_t position);
enum rc rule_remove(struct call *c, const char *organization_id, const char *id);

/* The first that matches. RC_NOT_FOUND: none does (refused by default, with its own code). */
enum rc rule_decide(struct call *c, const char *organization_id, const struct rule_subject *s, struct rule *out);

/* Which method the challenge is to offer: the rule's, else apple-oauth2; always apple-as-web below iOS 16
 * (protocol 4.3). *forced says that the rule asked for another one. */
const char *rule_method(const struct rule *r, const char *model_family, const char *os_version, bool *forced);

#endif
