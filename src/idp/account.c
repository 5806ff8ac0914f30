/* Who of ours somebody is that a provider signed in. */
#include <string.h>

#include "account/organization.h"
#include "enroll/person.h"
#include "idp/read.h"
#include "store/store.h"

#define BY "the identity provider" /* in timelines */

static enum rc
refuse(struct call *c, enum enroll_code *code, enum enroll_code why, const char *detail)
{
	*code = why;
	return fail(&c->err, RC_FORBIDDEN, "%s", detail);
}

/* RC_NOT_FOUND: nobody of ours is that subject. */
static enum rc
by_subject(struct call *c, const struct provider *p, const char *subject, struct account *out)
{
	struct db_rows r;
	enum rc rc = store_run(c, "SELECT account_id FROM account_identity WHERE provider_id = ?1 AND subject = ?2",
	    DB_ARGS(db_text(p->id), db_text(subject)), &r);

	if (rc != RC_OK)
		return rc;
	return r.rows > 0 ? account_get(c, db_get_text(&r, 0, 0), out)
			  : fail(&c->err, RC_NOT_FOUND, "nobody is linked to that subject");
}

static enum rc
link_to(struct call *c, const struct provider *p, const char *subject, const char *account_id)
{
	return store_run(c,
	    "INSERT INTO account_identity (provider_id, subject, account_id, linked_at)"
	    " VALUES (?1, ?2, ?3, ?4)",
	    DB_ARGS(db_text(p->id), db_text(subject), db_text(account_id), db_int(c->now)), NULL);
}

/* An account of that identifier is theirs only if nobody else can be meant: it has no password of ours, and no
 * other subject of this provider has it. Else a claim that looks alike would be enough to take it over. */
static enum rc
may_link(struct call *c, const struct provider *p, const struct account *a, enum enroll_code *code)
{
	struct db_rows r;
	enum rc rc;

	if (strcmp(a->organization_id, p->organization_id) != 0)
		return refuse(c, code, EV_provider_person, "the user identifier is of another organization");
	if (a->password_hash != NULL)
		return refuse(c, code, EV_provider_account_taken, "it has a password here");
	rc = store_run(c, "SELECT 1 FROM account_identity WHERE account_id = ?1 AND provider_id = ?2",
	    DB_ARGS(db_text(a->id), db_text(p->id)), &r);
	if (rc == RC_OK && r.rows > 0)
		return refuse(c, code, EV_provider_account_taken, "it belongs to another subject of this provider");
	return rc;
}

static enum rc
make(
    struct call *c, const struct provider *p, const struct idp_person *who, struct account *out, enum enroll_code *code)
{
	struct organization o;
	enum rc rc;

	if (!p->creates)
		return refuse(c, code, EV_provider_person_unknown, "the provider's setting creates nobody");
	rc = organization_by_domain(c, strrchr(who->user_identifier, '@') + 1, &o);
	if (rc == RC_NOT_FOUND || (rc == RC_OK && strcmp(o.id, p->organization_id) != 0))
		return refuse(c, code, EV_provider_person, "the user identifier's domain is not the organization's");
	if (rc != RC_OK)
		return rc;
	*out = (struct account){
		.organization_id = p->organization_id,
		.user_identifier = who->user_identifier,
		.managed_apple_account = who->managed_apple_account,
		.display_name = who->display_name,
		.source = "provider",
	};
	rc = account_add(c, out);
	if (rc == RC_BAD_INPUT || rc == RC_TOO_LARGE) {
		struct err why = c->err;

		return refuse(c, code, EV_provider_person, arena_strdup(c->arena, why.text));
	}
	return rc;
}

static enum rc
find_or_make(
    struct call *c, const struct provider *p, const struct idp_person *who, struct account *out, enum enroll_code *code)
{
	enum rc rc = by_subject(c, p, who->subject, out);

	if (rc != RC_NOT_FOUND)
		return rc;
	rc = account_find(c, who->user_identifier, out);
	if (rc == RC_OK)
		rc = may_link(c, p, out, code);
	else if (rc == RC_NOT_FOUND)
		rc = make(c, p, who, out, code);
	return rc == RC_OK ? link_to(c, p, who->subject, out->id) : rc;
}

static bool
is_in(const char *const *groups, const char *name)
{
	for (int i = 0; groups != NULL && groups[i] != NULL; i++) {
		if (strcmp(groups[i], name) == 0)
			return true;
	}
	return false;
}

/* Name and, of whom the provider made, user identifier and Managed Apple Account: as it says them now. They are what
 * is known of somebody; who it is, the subject says. Where the directory keeps somebody (SCIM), it says all of this.
 * An identifier that can't be had, since it is somebody else's or of another's domain, keeps nobody out. */
static enum rc
follow(struct call *c, const struct idp_person *who, const struct account *a)
{
	const char *apple = who->managed_apple_account != NULL ? who->managed_apple_account : who->user_identifier;
	enum rc rc = RC_OK;
	int ended;

	if (strcmp(a->source, "scim") == 0)
		return RC_OK;
	if (who->display_name != NULL && (a->display_name == NULL || strcmp(who->display_name, a->display_name) != 0))
		rc = account_set_name(c, a->id, who->display_name);
	if (rc == RC_OK && strcmp(a->source, "provider") == 0 &&
	    (strcmp(a->user_identifier, who->user_identifier) != 0 || strcmp(a->managed_apple_account, apple) != 0))
		rc = person_rename(c, a, who->user_identifier, apple, BY, &ended);
	return rc == RC_UNAVAILABLE || rc == RC_INTERNAL ? rc : RC_OK;
}

enum rc
idp_up_to_date(struct call *c, const struct provider *p, const struct idp_person *who, const struct account *a,
    enum enroll_code *code)
{
	const char *const *groups = who->groups != NULL ? who->groups : a->groups;
	enum rc rc = follow(c, who, a);
	int ended;

	if (rc == RC_OK && who->groups != NULL)
		rc = person_set_groups(c, a, who->groups, BY, &ended);

	/* A group's name that can't be one of ours is no reason to keep its member out. */
	if (rc != RC_OK && rc != RC_BAD_INPUT && rc != RC_TOO_LARGE)
		return rc;
	if (p->group_needed != NULL && who->groups_unknown != NULL)
		return refuse(c, code, EV_provider_directory, who->groups_unknown);
	if (p->group_needed != NULL && !is_in(groups, p->group_needed))
		return refuse(c, code, EV_provider_group, p->group_needed);
	return RC_OK;
}

enum rc
idp_account(
    struct call *c, const struct provider *p, const struct idp_person *who, struct account *out, enum enroll_code *code)
{
	enum rc rc = find_or_make(c, p, who, out, code);

	if (rc == RC_OK && out->disabled_at != 0)
		return refuse(c, code, EV_signin_disabled, out->user_identifier);
	if (rc == RC_OK)
		rc = idp_up_to_date(c, p, who, out, code);
	return rc == RC_OK ? account_get(c, out->id, out) : rc;
}

enum rc
idp_keep(struct call *c, const struct provider *p, const struct idp_person *who, const char *attempt_id,
    const char *account_id)
{
	struct provider theirs = *p;
	struct bytes sealed;
	enum rc rc = idp_seal(c, who->refresh_token, &sealed);

	if (rc != RC_OK || (rc = provider_narrow(c, &theirs, account_id)) != RC_OK)
		return rc;
	return store_run(c,
	    "INSERT INTO provider_session (attempt_id, provider_id, account_id, sid, refresh_token, signed_in_at,"
	    "  renewed_at, due_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7) ON CONFLICT (attempt_id) DO UPDATE SET"
	    "  provider_id = ?2, account_id = ?3, sid = ?4, refresh_token = ?5, signed_in_at = ?6, renewed_at = ?6,"
	    "  due_at = ?7, busy_until = 0, failing_since = NULL",
	    DB_ARGS(db_text(attempt_id), db_text(p->id), db_text(account_id), db_text(who->sid), db_blob(sealed),
		db_int(c->now), db_int(idp_next(c, &theirs))),
	    NULL);
}
