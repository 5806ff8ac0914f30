#include "enroll/person.h"

#include <string.h>

#include "enroll/attempt.h"
#include "enroll/grant.h"
#include "enroll/rule.h"
#include "store/store.h"

struct change {
	const struct account *a;
	const char *const *groups;
	const char *user_identifier, *managed_apple_account;
	const char *by, *what;
	bool disabled;
	int n; /* devices that it concerns */
};

enum rc
person_enrollments(struct call *c, const char *account_id, struct enrollment **out, int *n)
{
	const struct db_page first = { .limit = DB_PAGE_MAX };

	return enrollment_list(c, NULL, account_id, "live", &first, out, n);
}

static enum rc
changed(struct call *c, enum rc (*fn)(struct call *c, void *arg), struct change *g, int *n)
{
	enum rc rc = store_part(c, fn, g);

	*n = rc == RC_OK ? g->n : 0;
	return rc;
}

/* ---- disabling ---- */

static enum rc
set_disabled(struct call *c, void *arg)
{
	struct change *g = arg;
	enum enroll_code code = g->disabled ? EV_person_disabled : EV_person_enabled;
	struct enrollment *e;
	enum rc rc;

	if ((rc = account_set_disabled(c, g->a->id, g->disabled)) != RC_OK ||
	    (rc = person_enrollments(c, g->a->id, &e, &g->n)) != RC_OK)
		return rc;
	/* The timeline of each device says why nothing more is delivered to it, and when it is again. */
	for (int i = 0; i < g->n && rc == RC_OK && g->disabled != (g->a->disabled_at != 0); i++)
		rc = attempt_event(c, e[i].attempt_id, code, "by %s", g->by);
	return rc;
}

enum rc
person_set_disabled(struct call *c, const struct account *a, bool disabled, const char *by, int *live)
{
	struct change g = { .a = a, .disabled = disabled, .by = by };

	return changed(c, set_disabled, &g, live);
}

/* ---- groups ---- */

enum rc
person_may_enroll(struct call *c, const struct account *a, const char *family)
{
	struct rule_subject s = {
		.user_identifier = a->user_identifier,
		.domain = strrchr(a->user_identifier, '@') + 1,
		.model_family = family,
		.account = a,
	};
	struct rule rule;
	enum rc rc = rule_decide(c, a->organization_id, &s, &rule);

	if (rc == RC_NOT_FOUND)
		return fail(&c->err, RC_FORBIDDEN, "no rule lets this person in");
	if (rc == RC_OK && strcmp(rule.outcome, "refuse") == 0)
		return fail(&c->err, RC_FORBIDDEN, "rule %lld refuses this person", (long long)rule.position);
	return rc;
}

/* The devices that the rules refuse to whom they were given: their sign-ins end. */
static enum rc
review(struct call *c, struct change *g)
{
	struct account now;
	struct enrollment *e;
	enum rc rc;
	int n, ended;

	if ((rc = account_get(c, g->a->id, &now)) != RC_OK || (rc = person_enrollments(c, now.id, &e, &n)) != RC_OK)
		return rc;
	for (int i = 0; i < n && rc == RC_OK; i++) {
		struct err why;

		rc = person_may_enroll(c, &now, e[i].family);
		if (rc != RC_FORBIDDEN)
			continue;
		why = c->err;
		rc = grant_revoke_enrollment(c, e[i].id, "policy-refuses", &ended);
		if (rc == RC_OK && ended > 0) {
			g->n++;
			rc = attempt_event(
			    c, e[i].attempt_id, EV_policy_refuses, "%s; %s changed by %s", why.text, g->what, g->by);
		}
	}
	return rc;
}

static bool
same_groups(const char *const *a, const char *const *sorted)
{
	int n = 0, m = 0;

	for (; a[n] != NULL; n++) {
		for (m = 0; sorted[m] != NULL && strcmp(sorted[m], a[n]) != 0; m++)
			;
		if (sorted[m] == NULL)
			return false;
	}
	for (m = 0; sorted[m] != NULL; m++)
		;
	return n == m;
}

static enum rc
set_groups(struct call *c, void *arg)
{
	struct change *g = arg;
	enum rc rc;

	g->n = 0;
	if (g->a->groups != NULL && same_groups(g->groups, g->a->groups))
		return RC_OK;
	rc = account_set_groups(c, g->a->id, g->groups);
	return rc == RC_OK ? review(c, g) : rc;
}

enum rc
person_set_groups(struct call *c, const struct account *a, const char *const *groups, const char *by, int *ended)
{
	struct change g = { .a = a, .groups = groups, .by = by, .what = "groups" };

	return changed(c, set_groups, &g, ended);
}

/* ---- another identifier ---- */

static enum rc
rename_person(struct call *c, void *arg)
{
	struct change *g = arg;
	const char *apple = g->managed_apple_account;
	struct enrollment *e;
	enum rc rc = person_enrollments(c, g->a->id, &e, &g->n);

	/* A profile's AssignedManagedAppleID never changes, and signing in again counts for that one only. */
	if (rc == RC_OK && g->n > 0)
		apple = g->a->managed_apple_account;
	if (rc == RC_OK)
		rc = account_rename(c, g->a, g->user_identifier, apple);
	g->n = 0;
	return rc == RC_OK ? review(c, g) : rc;
}

enum rc
person_rename(struct call *c, const struct account *a, const char *user_identifier, const char *managed_apple_account,
    const char *by, int *ended)
{
	struct change g = { .a = a,
		.user_identifier = user_identifier,
		.managed_apple_account = managed_apple_account,
		.by = by,
		.what = "user identifier" };

	return changed(c, rename_person, &g, ended);
}

/* ---- the end ---- */

enum rc
person_evict(struct call *c, const struct enrollment *e, const char *by, const char **way)
{
	enum rc rc;

	*way = "ended";
	if (!ENROLLMENT_LIVE(e))
		return fail(&c->err, RC_CONFLICT, "the enrollment already ended (%s)", e->state);
	if (strcmp(e->state, "evicting") == 0) /* ordered before; said once */
		return enrollment_evict(c, e->id, way);
	/* A profile that no device has come back with: there is nobody to tell. */
	if (strcmp(e->state, "pending") == 0)
		rc = enrollment_end(c, e->id, "evicted");
	else
		rc = enrollment_evict(c, e->id, way);
	return rc == RC_OK ? attempt_event(c, e->attempt_id, EV_eviction_ordered, "by %s", by) : rc;
}

static enum rc
remove_person(struct call *c, void *arg)
{
	struct change *g = arg;
	struct enrollment *e;
	const char *way;
	enum rc rc;
	int live;

	if ((rc = person_enrollments(c, g->a->id, &e, &g->n)) != RC_OK)
		return rc;
	for (int i = 0; i < g->n && rc == RC_OK; i++)
		rc = person_evict(c, &e[i], g->by, &way);
	if (rc == RC_OK)
		rc = grant_revoke_account(c, g->a->id, "eviction-ordered", &live);
	return rc == RC_OK ? account_remove(c, g->a->id) : rc;
}

enum rc
person_remove(struct call *c, const struct account *a, const char *by, int *evicted)
{
	struct change g = { .a = a, .by = by };

	return changed(c, remove_person, &g, evicted);
}
