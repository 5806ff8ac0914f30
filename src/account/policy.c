#include "account/policy.h"

#include <stdlib.h>
#include <string.h>

#include "account/account.h"
#include "store/store.h"

/* clang-format off */
static const struct limit {
	const char *name;
	int64_t least, most;
	const char *allowed;
} limits[POLICY_LIMITS] = {
#define YEARS (3650 * INT64_C(86400))
	[POLICY_ACCESS_TOKEN_LIFE] = { "access-token-life", 1, 86400, "1 to 86400 seconds" },
	[POLICY_WEB_TOKEN_LIFE] = { "web-token-life", 1, YEARS, "1 second to 10 years, in seconds" },
	[POLICY_REFRESH_IDLE] = { "refresh-idle", 60, YEARS, "60 seconds to 10 years, in seconds" },
	[POLICY_LONGEST] = { "longest", 60, YEARS, "60 seconds to 10 years, in seconds" },
	[POLICY_GRACE] = { "grace", 0, YEARS, "0 seconds to 10 years, in seconds" },
	[POLICY_SPREAD] = { "spread", 0, 90, "0 to 90 per cent" },
#undef YEARS
};
/* clang-format on */

const char *
policy_name(enum policy_limit which)
{
	return limits[which].name;
}

/* Less is stricter, but for the spread: more of it lets nobody keep anything longer. */
static bool
stricter(enum policy_limit which, int64_t a, int64_t b)
{
	return which == POLICY_SPREAD ? a > b : a < b;
}

/* Rows of group, what, value. */
static void
read_rows(const struct db_rows *r, struct policy *out)
{
	*out = (struct policy){ 0 };
	for (int row = 0; row < r->rows; row++) {
		int64_t value = db_get_int(r, row, 2);
		int i = 0;

		while (i < POLICY_LIMITS && strcmp(limits[i].name, db_get_text(r, row, 1)) != 0)
			i++;
		if (i < POLICY_LIMITS && (out->group[i] == NULL || stricter(i, value, out->value[i]))) {
			out->value[i] = value;
			out->group[i] = db_get_text(r, row, 0);
		}
	}
}

enum rc
policy_of(struct call *c, const char *organization_id, const char *account_id, struct policy *out)
{
	struct db_rows r = { 0 };
	enum rc rc = store_run(c,
	    "SELECT p.name, p.what, p.value FROM account_group g JOIN group_policy p ON p.name = g.name"
	    " WHERE g.account_id = ?2 AND p.organization_id = ?1 ORDER BY p.name",
	    DB_ARGS(db_text(organization_id), db_text(account_id)), &r);

	read_rows(&r, out);
	return rc;
}

int64_t
policy_hold(const struct policy *p, enum policy_limit which, int64_t otherwise, const char **group)
{
	bool theirs = p->group[which] != NULL && stricter(which, p->value[which], otherwise);

	if (group != NULL)
		*group = theirs ? p->group[which] : NULL;
	return theirs ? p->value[which] : otherwise;
}

enum rc
policy_get(struct call *c, const char *organization_id, const char *group, struct policy *out)
{
	struct db_rows r = { 0 };
	enum rc rc = store_run(c, "SELECT name, what, value FROM group_policy WHERE organization_id = ?1 AND name = ?2",
	    DB_ARGS(db_text(organization_id), db_text(group)), &r);

	read_rows(&r, out);
	return rc;
}

enum rc
policy_set(struct call *c, const char *organization_id, const char *group, enum policy_limit which, const char *text)
{
	const struct limit *k = &limits[which];
	int64_t value = 0;

	if (!account_group_ok(group))
		return fail(&c->err, RC_BAD_INPUT, "a group's name has 1 to 100 octets, no comma and no line end");
	if (strcmp(text, "none") == 0)
		return store_run(c, "DELETE FROM group_policy WHERE organization_id = ?1 AND name = ?2 AND what = ?3",
		    DB_ARGS(db_text(organization_id), db_text(group), db_text(k->name)), NULL);
	if (text[0] != '\0' && strlen(text) <= 10 && text[strspn(text, "0123456789")] == '\0')
		value = strtoll(text, NULL, 10);
	else
		value = -1;
	if (value < k->least || value > k->most)
		return fail(&c->err, RC_BAD_INPUT, "%s is %s, or none", k->name, k->allowed);
	return store_run(c,
	    "INSERT INTO group_policy (organization_id, name, what, value) VALUES (?1, ?2, ?3, ?4)"
	    " ON CONFLICT (organization_id, name, what) DO UPDATE SET value = ?4",
	    DB_ARGS(db_text(organization_id), db_text(group), db_text(k->name), db_int(value)), NULL);
}
