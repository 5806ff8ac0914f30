#include "profile/enroll_request.h"

#include <string.h>
#include <strings.h>

#include "account/account.h"
#include "base/log.h"
#include "ca/ca.h"
#include "config/config.h"
#include "enroll/attempt.h"
#include "enroll/challenge.h"
#include "enroll/enrollment.h"
#include "enroll/grant.h"
#include "enroll/os.h"
#include "enroll/rule.h"
#include "fmt/uri.h"
#include "profile/identity.h"
#include "profile/machine_info.h"
#include "profile/profile.h"
#include "store/store.h"

/* What is known after the first checks; the units below write from it. */
struct step {
	const struct enroll_request *in;
	struct enroll_answer *out;
	struct organization organization;
	struct machine_info machine;
	struct attempt attempt;
	const char *path; /* what challenge paths carry */
	struct rule *rule;
	/* the refusal or success to be written */
	enum enroll_code code;
	const char *details;
	/* with a bearer */
	struct grant_bearer bearer;
	struct enrollment enrollment;
	struct profile_identity identity;
	const char *challenge; /* of its certificate */
};

static void
refuse(struct step *s, int status, enum enroll_code code, const char *message)
{
	const struct enroll_failure *f = enroll_failure(code);

	s->code = code;
	s->out->status = status;
	s->out->code = f->code;
	s->out->message = message != NULL ? message : f->person;
}

/* ---- units: one per answer, all of its traces together ---- */

static enum rc
write_refusal(struct call *c, void *arg)
{
	struct step *s = arg;
	enum rc rc;

	if ((rc = attempt_open(c, &s->attempt)) != RC_OK)
		return rc;
	return attempt_event(c, s->attempt.id, s->code, s->details != NULL ? "%s" : NULL, s->details);
}

/* The 401 with the one challenge (S-08), after whatever is to be told first. */
static enum rc
write_challenge(struct call *c, void *arg)
{
	struct step *s = arg;
	bool forced;
	const char *method;
	enum rc rc;

	method = rule_method(s->rule, s->machine.family, s->machine.os_version, &forced);
	s->attempt.method = method;
	if ((rc = attempt_open(c, &s->attempt)) != RC_OK)
		return rc;
	if (s->code != EV_challenged &&
	    (rc = attempt_event(c, s->attempt.id, s->code, s->details != NULL ? "%s" : NULL, s->details)) != RC_OK)
		return rc;
	if (s->machine.warning != NULL &&
	    (rc = attempt_event(c, s->attempt.id, EV_machine_info_warning, "%s", s->machine.warning)) != RC_OK)
		return rc;
	if (s->machine.identifiers && (rc = attempt_event(c, s->attempt.id, EV_identifiers_dropped, NULL)) != RC_OK)
		return rc;
	if (forced && (rc = attempt_event(c, s->attempt.id, EV_method_forced, NULL)) != RC_OK)
		return rc;
	s->out->status = 401;
	if ((rc = challenge_make(c, s->organization.id, method, s->path, &s->out->challenge)) != RC_OK)
		return rc;
	return attempt_event(c, s->attempt.id, EV_challenged, "%s, %s %s%s", method, s->machine.product,
	    s->machine.os_version != NULL ? s->machine.os_version : "of unknown version",
	    s->out->challenge.n > 1 ? ", Enrollment SSO offered" : "");
}

static enum rc
write_profile(struct call *c, void *arg)
{
	struct step *s = arg;
	struct grant_bearer now;
	enum rc rc;

	/* The sign-in may have ended since it was looked at; then nothing may begin with it. */
	if ((rc = grant_find(c, s->in->bearer, &now)) != RC_OK)
		return rc;
	if (now.revoked || now.account_disabled)
		return fail(&c->err, RC_FORBIDDEN, "the sign-in ended meanwhile");
	if ((rc = attempt_open(c, &s->attempt)) != RC_OK)
		return rc;
	if ((rc = enrollment_prepare(c, &s->enrollment)) != RC_OK)
		return rc;
	rc = attempt_set_state(c, s->attempt.id, "signed-in", s->enrollment.id);
	if (rc != RC_OK)
		return rc;
	rc = ca_challenge(c, s->organization.id, s->enrollment.id, s->identity.door, &s->challenge);
	if (rc != RC_OK || (s->identity.why_scep != NULL && (rc = attempt_event(c, s->attempt.id, EV_identity_scep,
								 "%s", s->identity.why_scep)) != RC_OK))
		return rc;
	return attempt_event(c, s->attempt.id, EV_profile_sent, "%s, for %s",
	    strcmp(s->enrollment.mode, "byod") == 0 ? "User Enrollment" : "Device Enrollment",
	    s->enrollment.assigned_managed_apple_id);
}

static enum rc
refuse_with_event(struct call *c, struct step *s, int status, enum enroll_code code, const char *message)
{
	refuse(s, status, code, message);
	return store_unit(c, write_refusal, s);
}

static enum rc
challenge_after(struct call *c, struct step *s, enum enroll_code code)
{
	s->code = code;
	return store_unit(c, write_challenge, s);
}

/* ---- what the rules and the token say ---- */

/* The rule that discovery decided by, for its method. It may be gone: then the default counts. */
static enum rc
find_rule(struct call *c, struct step *s)
{
	struct rule *rules;
	enum rc rc;
	int n;

	if (s->attempt.rule_id == NULL)
		return RC_OK;
	if ((rc = rule_list(c, s->organization.id, &rules, &n)) != RC_OK)
		return rc;
	for (int i = 0; i < n; i++) {
		if (strcmp(rules[i].id, s->attempt.rule_id) == 0)
			s->rule = &rules[i];
	}
	return RC_OK;
}

/* Is the account the one whose identifier was typed, by either of its names? */
static bool
same_person(const struct attempt *t, const struct account *who)
{
	return t->user_identifier == NULL || strcasecmp(t->user_identifier, who->user_identifier) == 0 ||
	       strcasecmp(t->user_identifier, who->managed_apple_account) == 0;
}

/* Rules run again, now that the person is known (design 5.4). */
static enum rc
rules_allow(struct call *c, struct step *s, const struct account *who, struct rule *rule)
{
	struct rule_subject subject = { .user_identifier = who->user_identifier, .account = who };
	const char *user;
	enum rc rc;

	subject.model_family = s->attempt.model_family != NULL ? s->attempt.model_family : s->machine.family;
	rc = uri_identifier_split(c->arena, who->user_identifier, &user, &subject.domain, &c->err);
	if (rc != RC_OK)
		return rc;
	rc = rule_decide(c, s->organization.id, &subject, rule);
	if (rc == RC_NOT_FOUND)
		return refuse_with_event(c, s, 403, EV_profile_rule_refuses, NULL);
	if (rc != RC_OK)
		return rc;
	if (strcmp(rule->outcome, "refuse") == 0 || strcmp(rule->outcome, "redirect") == 0)
		return refuse_with_event(c, s, 403, EV_profile_rule_refuses,
		    rule->message != NULL ? rule->message : "Your organization does not allow this device to enroll.");
	if (strcmp(rule->outcome, s->in->mode) != 0) {
		s->details = arena_printf(c->arena, "the path says %s, the rules say %s", s->in->mode, rule->outcome);
		return refuse_with_event(c, s, 403, EV_profile_other_mode, NULL);
	}
	return RC_OK;
}

/* A token that is good for this attempt: known, live, and issued for it. */
static bool
token_is_good(const struct step *s)
{
	const struct grant_bearer *b = &s->bearer;

	return !b->expired && !b->revoked && b->grant.enrollment_id == NULL &&
	       strcmp(b->grant.organization_id, s->organization.id) == 0 &&
	       (s->in->sealed == NULL || strcmp(b->grant.attempt_id, s->attempt.id) == 0);
}

static void
describe_enrollment(struct call *c, struct step *s, const struct account *who)
{
	const struct organization *o = &s->organization;
	bool byod = strcmp(s->in->mode, "byod") == 0;
	bool mtls = strcmp(o->identity_proof, "mtls") == 0 && c->conf->mtls_url != NULL;
	const char *base = mtls ? c->conf->mtls_url : c->conf->url;

	s->enrollment = (struct enrollment){
		.organization_id = o->id,
		.mode = s->in->mode,
		.account_id = who->id,
		.attempt_id = s->attempt.id,
		.grant_id = s->bearer.grant.id,
		.family = s->machine.family,
		.product = s->machine.product,
		.os_version = s->machine.os_version,
		.topic = o->topic,
		.server_url = arena_printf(c->arena, "%s/mdm/%s/command", base, o->id),
		.check_in_url = arena_printf(c->arena, "%s/mdm/%s/checkin", base, o->id),
		.assigned_managed_apple_id = who->managed_apple_account,
		.identity_proof = o->identity_proof,
		.profile_identifier = arena_printf(c->arena, "postern.%s.enrollment", o->id),
		.access_rights = byod ? -1 : o->access_rights,
		.per_user_connections = s->machine.family != NULL && strcmp(s->machine.family, "Mac") == 0,
	};
}

static enum rc
answer_with_token(struct call *c, struct step *s)
{
	struct account who;
	struct rule rule;
	enum rc rc;

	rc = grant_find(c, s->in->bearer, &s->bearer);
	if (rc != RC_OK && rc != RC_NOT_FOUND)
		return rc;
	if (rc == RC_NOT_FOUND || !token_is_good(s))
		return challenge_after(c, s, EV_profile_token_unknown);
	if (s->in->sealed == NULL && (rc = attempt_get(c, s->bearer.grant.attempt_id, &s->attempt)) != RC_OK)
		return rc;
	if (s->bearer.account_disabled)
		return refuse_with_event(c, s, 403, EV_profile_person_disabled, NULL);
	if ((rc = account_get(c, s->bearer.grant.account_id, &who)) != RC_OK)
		return rc;
	if (!same_person(&s->attempt, &who))
		return refuse_with_event(c, s, 403, EV_profile_other_person, NULL);
	if ((rc = rules_allow(c, s, &who, &rule)) != RC_OK || s->out->status != 0)
		return rc;
	describe_enrollment(c, s, &who);
	s->identity = profile_identity(c, &rule, s->in->mode, s->machine.family, s->machine.os_version);
	rc = store_unit(c, write_profile, s);
	if (rc == RC_NOT_FOUND || rc == RC_FORBIDDEN)
		return challenge_after(c, s, EV_profile_token_unknown);
	if (rc != RC_OK)
		return rc;
	s->out->status = 200;
	return profile_sign(c, &s->organization,
	    profile_build(c, &s->organization, &s->enrollment, s->identity.door, s->challenge), &s->out->profile);
}

/* ---- the request ---- */

/* The attempt of the path, or a new one where BaseURL comes from a static file. */
static enum rc
identify_attempt(struct call *c, struct step *s)
{
	struct attempt_seal seal = { .at = c->now };
	enum rc rc;

	s->path = s->in->sealed;
	if (s->path != NULL) {
		if ((rc = attempt_unseal(c, s->path, &seal)) == RC_BAD_INPUT || rc == RC_FORBIDDEN) {
			refuse(s, 403, rc == RC_FORBIDDEN ? EV_attempt_link_old : EV_attempt_link_damaged, NULL);
			/* Nobody's attempt: a line in the log, no row. */
			return attempt_event(c, NULL, s->code, NULL);
		}
		if (rc != RC_OK)
			return rc;
	} else if ((rc = attempt_seal(c, &seal, &s->path)) != RC_OK) {
		return rc;
	}
	s->attempt = (struct attempt){
		.id = attempt_id(c->arena, s->path),
		.organization_id = s->organization.id,
		.kind = "enroll",
		.user_identifier = seal.user_identifier,
		.model_family = seal.model_family,
		.rule_id = seal.rule_id,
		.mode = s->in->mode,
		.address = s->in->address,
		.started_at = seal.at,
	};
	c->trace = s->attempt.id;
	return RC_OK;
}

static enum rc
answer(struct call *c, struct step *s)
{
	enum enroll_code code;
	enum rc rc;

	rc = machine_info_read(c, &s->organization, s->in->mode, s->in->body, &s->machine, &code);
	if (rc == RC_BAD_INPUT || rc == RC_FORBIDDEN || rc == RC_TOO_LARGE) {
		s->details = arena_strdup(c->arena, c->err.text);
		return refuse_with_event(
		    c, s, rc == RC_FORBIDDEN ? 403 : 400, code, "This device could not be verified.");
	}
	if (rc != RC_OK)
		return rc;
	s->attempt.product = s->machine.product;
	s->attempt.os_version = s->machine.os_version;
	if (s->attempt.model_family == NULL)
		s->attempt.model_family = s->machine.family;
	if (s->organization.topic == NULL)
		return refuse_with_event(
		    c, s, 403, EV_no_push_certificate, "Your organization has not finished its set-up.");
	if ((rc = find_rule(c, s)) != RC_OK)
		return rc;
	if (s->in->bearer != NULL)
		return answer_with_token(c, s);
	return challenge_after(c, s, EV_challenged);
}

enum rc
enroll_request_answer(struct call *c, const struct enroll_request *in, struct enroll_answer *out)
{
	struct step *s = arena_alloc(c->arena, sizeof *s);
	enum rc rc;

	*out = (struct enroll_answer){ 0 };
	s->in = in;
	s->out = out;
	if (strcmp(in->mode, "byod") != 0 && strcmp(in->mode, "adde") != 0)
		return fail(&c->err, RC_NOT_FOUND, "no such mode");
	if ((rc = organization_get(c, in->organization_id, &s->organization)) != RC_OK)
		return rc;
	if ((rc = identify_attempt(c, s)) != RC_OK || out->status != 0)
		return rc;
	rc = answer(c, s);
	if (rc == RC_TOO_LARGE) { /* the caps of attempt_open: nothing was written, and nothing may be */
		log_warn("attempt refused", "error", c->err.text);
		refuse(s, 429, EV_attempt_too_many, NULL);
		return RC_OK;
	}
	return rc;
}
