#include "device/enroll.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "crypto/hash.h"
#include "device/account.h"
#include "device/checkin.h"
#include "device/ddm.h"
#include "device/discovery.h"
#include "device/escrow.h"
#include "device/identity.h"
#include "device/place.h"
#include "device/signin.h"
#include "device/url.h"
#include "fmt/json.h"

/* ---- stage 2: the two POSTs and the sign-in between them ---- */

enum rc
device_enroll_post(
    struct device *d, const char *url, struct bytes body, const char *token, struct http_client_answer *answer)
{
	/* iOS 15 said that it sends a form. It did not. */
	bool form = !device_can(d, DEVICE_PKCS7_TYPE);
	const char *headers[] = {
		form ? "Content-Type: application/x-www-form-urlencoded" : "Content-Type: application/pkcs7-signature",
		"Accept: */*",
		"Accept-Language: en",
		token != NULL ? arena_printf(d->arena, "Authorization: Bearer %s", token) : NULL,
		NULL,
	};
	struct http_client_request request = { .method = "POST", .url = url, .headers = headers, .body = body };

	return device_exchange(d, d->arena, DEVICE_AGENT_MANAGEMENT, &request, answer);
}

/* What the server says beside a status: a message for the person. */
static const char *
message_of(struct arena *a, const struct http_client_answer *answer)
{
	const char *message;
	json_t *root;

	if (answer->type == NULL || strcmp(answer->type, "application/json") != 0 ||
	    json_parse(a, answer->body, &root, NULL) != RC_OK)
		return "";
	message = json_get_text(root, "message");
	if (message == NULL)
		message = json_get_text(root, "code");
	return message != NULL ? arena_printf(a, ": %s", message) : "";
}

/* The system that the server wants first (protocol 3.3); NULL: it says none, or this device does not read it here. */
static const char *
version_wanted(const struct device *d, const struct http_client_answer *answer)
{
	const char *code;
	json_t *root;

	if (!device_can(d, DEVICE_UPDATE_REQUIRED) || device_is_strict(d, DEVICE_PLAIN_403) || answer->type == NULL ||
	    strcmp(answer->type, "application/json") != 0 || json_parse(d->arena, answer->body, &root, NULL) != RC_OK)
		return NULL;
	code = json_get_text(root, "code");
	if (code == NULL || strcmp(code, "com.apple.softwareupdate.required") != 0)
		return NULL;
	return json_get_text(json_object_get(root, "details"), "OSVersion");
}

static enum rc
get_challenge(struct device *d, const struct device_plan *plan, struct bytes body, struct device_challenge *challenge)
{
	struct http_client_answer answer;
	const char *version;
	enum rc rc;

	story_step(&d->story, "enroll-first", "Introduce the device to the server, without a token");
	if ((rc = device_enroll_post(d, d->en.base_url, body, NULL, &answer)) != RC_OK)
		return rc;
	if (answer.status == 403 && (version = version_wanted(d, &answer)) != NULL)
		return fail(&d->err, RC_FORBIDDEN, "the organization wants %s %s before this device enrolls",
		    d->family->os_label, version);
	if (answer.status != 401)
		return fail(&d->err, RC_BAD_INPUT, "the first enrollment request was answered %d instead of 401%s",
		    answer.status, message_of(d->arena, &answer));
	if ((rc = device_challenge_find(d->arena, &answer, challenge, &d->err)) != RC_OK)
		return rc;
	story_detail(&d->story, "challenge", "%s", challenge->method);
	d->story.stage = "sso";
	return device_esso_install(d, &answer, plan->esso == DEVICE_ESSO_DEVELOPER);
}

/* The app's extension where it has a session; else the person who is there. */
static enum rc
who_signs_in(struct device *d, const struct device_plan *plan, struct device_person *who)
{
	enum rc rc = device_esso_answers(d, who);

	if (rc == RC_OK)
		return RC_OK;
	if (plan->esso != DEVICE_ESSO_PERSON && !device_esso_known(d))
		return fail(&d->err, RC_FORBIDDEN, "%s %s knows no Enrollment SSO: a person must sign in",
		    d->family->os_label, d->self.os);
	if (plan->esso != DEVICE_ESSO_PERSON && d->en.esso == NULL)
		return fail(&d->err, RC_FORBIDDEN, "the server names no SSO app (no %s header): a person must sign in",
		    plan->esso == DEVICE_ESSO_DEVELOPER ? "X-Apple-MDM-ESSO-Developer" : "X-Apple-MDM-ESSO");
	if (plan->esso != DEVICE_ESSO_PERSON)
		return rc;
	*who = plan->person;
	return RC_OK;
}

static enum rc
get_profile(struct device *d, struct bytes body)
{
	struct http_client_answer answer;
	enum rc rc;

	story_step(&d->story, "enroll-second", "Ask for the enrollment profile, with the token");
	if ((rc = device_enroll_post(d, d->en.base_url, body, d->en.access_token, &answer)) != RC_OK)
		return rc;
	if (answer.status == 401)
		return fail(&d->err, RC_UNAUTHENTICATED, "the server refused the token that it had just given (401)");
	if (answer.status != 200)
		return fail(&d->err, RC_FORBIDDEN, "the enrollment request was answered %d instead of 200%s",
		    answer.status, message_of(d->arena, &answer));
	if (answer.body.n == 0)
		return fail(&d->err, RC_BAD_INPUT, "the enrollment profile is empty");
	if (answer.type == NULL || strcmp(answer.type, "application/x-apple-aspen-config") != 0)
		return fail(&d->err, RC_BAD_INPUT, "the enrollment profile has the media type %s",
		    answer.type != NULL ? answer.type : "none");
	d->en.profile = answer.body;
	return RC_OK;
}

static enum rc
authenticate_person(struct device *d, const struct device_plan *plan)
{
	struct device_challenge challenge;
	struct device_person who;
	struct device_tokens tokens;
	struct bytes body;
	enum rc rc;

	story_stage(&d->story, "authentication", "2. Authentication");
	if ((rc = device_machineinfo_signed(d, device_is_byod(d), &body)) != RC_OK ||
	    (rc = get_challenge(d, plan, body, &challenge)) != RC_OK)
		return rc;
	d->en.challenge = challenge;
	d->story.stage = "sign-in";
	if ((rc = who_signs_in(d, plan, &who)) != RC_OK || (rc = device_signin(d, &challenge, &who, &tokens)) != RC_OK)
		return rc;
	device_signin_keep(d, &tokens, clock_now());
	d->story.stage = "profile";
	return get_profile(d, body);
}

/* ---- stage 3: the profile, the volume, the account, the installation ---- */

/* What Apple's pages leave open about a profile. */
static enum rc
check_strictly(struct device *d)
{
	const struct device_profile *p = &d->profile;
	const char *scope = plist_text(d->arena, p->root, "PayloadScope");
	bool byod = device_is_byod(d);

	if (device_is_strict(d, DEVICE_ADDE_RIGHTS) && !byod && p->access_rights == -1)
		return fail(&d->err, RC_FORBIDDEN, "the profile has no AccessRights");
	if (device_is_strict(d, DEVICE_MAC_SCOPE) && byod && d->family->os == DEVICE_MACOS && scope != NULL &&
	    strcmp(scope, "System") != 0)
		return fail(&d->err, RC_FORBIDDEN, "the profile's PayloadScope is %s", scope);
	return RC_OK;
}

static enum rc
check_profile(struct device *d)
{
	struct device_profile *p = &d->profile;
	enum rc rc;

	if ((rc = device_profile_read(d->arena, d->en.profile, p, &d->err)) != RC_OK ||
	    (rc = device_profile_check(p, d->en.mode, &d->err)) != RC_OK || (rc = check_strictly(d)) != RC_OK)
		return rc;
	story_step(&d->story, "profile-checked", "The enrollment profile is in order");
	story_detail(&d->story, "mode", "%s", p->mode);
	story_detail(&d->story, "account", "%s", p->assigned_account);
	story_detail(&d->story, "organization", "%s", p->organization != NULL ? p->organization : "(not named)");
	story_detail(&d->story, "ServerURL", "%s", p->server_url);
	story_detail(&d->story, "proof", "%s", p->sign_message ? "Mdm-Signature" : "TLS client certificate");
	story_detail(&d->story, "signed", "%s", p->is_signed ? "yes" : "no");
	return RC_OK;
}

static void
new_channel(struct device *d, struct device_channel_state *c)
{
	uint8_t token[32];

	crypto_random(token, sizeof token);
	c->push_token = arena_copy(d->arena, bytes_of(token, sizeof token));
	c->push_magic = crypto_uuid(d->arena);
}

/* Apple's kinds of content that this version of the system does not keep apart (protocol 12). */
static void
tell_mixed(struct device *d)
{
	const char *list = NULL;

	for (const struct separation_content *c = separation_contents; c->name != NULL; c++)
		if (!device_keeps_apart(d, c))
			list = list == NULL ? c->title : arena_printf(d->arena, "%s, %s", list, c->title);
	if (list != NULL)
		story_detail(&d->story, "not apart", "%s %s: %s", d->family->os_label, d->self.os, list);
}

/* A new name and new ways to be woken, each time (protocol 12). */
static enum rc
make_volume(struct device *d)
{
	const char *identifier = d->en.identifier;
	enum rc rc;

	if (d->en.esso == NULL) { /* else the SSO app is in it already */
		if ((rc = separation_volume_create(d->arena, d->dir, SEPARATION_MANAGED, &d->err)) != RC_OK)
			return rc;
		d->en.managed = json_keep(d->arena, json_object());
		story_step(
		    &d->story, "volume-created", "Made the managed volume; everything of the enrollment lives in it");
		tell_mixed(d);
	}
	if (device_is_byod(d))
		d->en.enrollment_id = crypto_uuid(d->arena);
	new_channel(d, &d->en.device);
	if (d->family->two_channels && d->profile.per_user) {
		new_channel(d, &d->en.user);
		d->en.user_guid = crypto_uuid(d->arena);
		d->en.user_short = arena_strndup(d->arena, identifier, strcspn(identifier, "@"));
		d->en.user_long = d->en.user_short;
	}
	return device_save_enrollment(d);
}

static enum rc
install(struct device *d)
{
	enum rc rc;

	story_step(&d->story, "install", "Install the profile: %d certificates, the identity, device management",
	    d->profile.certificates);
	if ((rc = device_identity_obtain(d, &d->profile, &d->en.key, &d->en.certificate)) != RC_OK ||
	    (rc = device_save_enrollment(d)) != RC_OK || (rc = device_authenticate(d)) != RC_OK ||
	    (rc = device_token_update(d, DEVICE_CHANNEL_DEVICE)) != RC_OK)
		return rc;
	/* From here on the server counts this device as its own. */
	d->self.phase = DEVICE_ENROLLED;
	d->en.user_due = d->en.user_guid != NULL;
	d->en.token_due = true;
	if ((rc = device_save_enrollment(d)) != RC_OK)
		return rc;
	return device_save(d);
}

/* Apple's word on the account comes last; a no ends the enrollment, after a while (protocol 5.5, 9.1). */
static enum rc
ask_apple(struct device *d)
{
	struct timespec pause = { .tv_sec = (time_t)d->self.maid_delay_s };
	enum rc rc = device_account_prove(d);
	char *why;

	if (rc != RC_FORBIDDEN)
		return rc;
	why = arena_strdup(d->arena, d->err.text);
	story_step(
	    &d->story, "account-refused", "The enrollment ends in %lld seconds", (long long)d->self.maid_delay_s);
	story_detail(&d->story, "because", "%s", why);
	story_end(&d->story);
	nanosleep(&pause, NULL);
	if (device_unenroll(d, why) != RC_OK)
		return d->err.rc;
	d->story.stage = "account";
	return fail(&d->err, RC_FORBIDDEN, "%s", why);
}

enum rc
device_finish(struct device *d)
{
	bool manages;
	enum rc rc = RC_OK;

	if (d->en.user_due) {
		if ((rc = device_user_authenticate(d, &manages)) != RC_OK ||
		    (manages && (rc = device_token_update(d, DEVICE_CHANNEL_USER)) != RC_OK))
			return rc;
		if (!manages)
			d->en.user_guid = NULL;
		d->en.user_due = false;
		if ((rc = device_save_enrollment(d)) != RC_OK)
			return rc;
	}
	if ((rc = device_give_bootstrap_token(d)) != RC_OK)
		return rc;
	if (d->en.token_due) {
		story_stage(&d->story, "account", "4. Ongoing");
		if ((rc = ask_apple(d)) != RC_OK)
			return rc;
		d->en.token_due = false;
		rc = device_save_enrollment(d);
	}
	return rc;
}

static bool
knows_device_enrollment(const struct device *d)
{
	bool late = device_is_strict(d, DEVICE_ADDE_FROM_17) && d->family->os == DEVICE_IOS;

	return device_can(d, DEVICE_DEVICE_ENROLLMENT) &&
	       (!late || device_version(d->self.os) >= DEVICE_VERSION(17, 0, 0));
}

static enum rc
run(struct device *d, const struct device_plan *plan)
{
	struct device_server server;
	enum rc rc;

	if ((rc = device_discover(d, plan->person.identifier, &server)) != RC_OK)
		return rc;
	if (strcmp(server.mode, "ADDE") == 0 && !knows_device_enrollment(d))
		return fail(&d->err, RC_BAD_INPUT,
		    "the discovery document's Version is mdm-adde, which %s %s does not know", d->family->os_label,
		    d->self.os);
	d->en = (struct device_enrollment){
		.identifier = plan->person.identifier, .mode = server.mode, .base_url = server.base_url
	};
	if ((rc = authenticate_person(d, plan)) != RC_OK)
		return rc;
	story_stage(&d->story, "enrollment", "3. Enrollment");
	d->self.phase = DEVICE_ENROLLING;
	if ((rc = check_profile(d)) != RC_OK || (rc = device_save(d)) != RC_OK || (rc = make_volume(d)) != RC_OK ||
	    (rc = device_account_sign_in(d, plan->account_refused)) != RC_OK || (rc = install(d)) != RC_OK ||
	    (rc = device_finish(d)) != RC_OK)
		return rc;
	/* On already where Enrollment SSO came by declarations: a sync is due at once (protocol 4.5). What it meets is
	 * nothing that an enrollment fails for. */
	rc = device_ddm_run(d, DEVICE_CHANNEL_DEVICE, clock_now());
	return rc == RC_BAD_INPUT ? fail_in(&d->err, RC_UNAVAILABLE, "after the enrollment") : rc;
}

enum rc
device_enroll(struct device *d, const struct device_plan *plan)
{
	bool evicted;
	struct err why;
	enum rc rc;

	if (d->self.phase == DEVICE_ENROLLED)
		return fail(&d->err, RC_CONFLICT, "this device is enrolled already: unenroll it first");
	if (!device_can(d, DEVICE_USER_ENROLLMENT))
		return fail(
		    &d->err, RC_CONFLICT, "%s %s knows no account-driven enrollment", d->family->os_label, d->self.os);
	if (separation_volume_exists(d->dir, SEPARATION_MANAGED)) {
		story_step(&d->story, "leftover", "An earlier enrollment was interrupted; its remains are destroyed");
		if ((rc = device_forget(d, "interrupted")) != RC_OK)
			return rc;
	}
	rc = run(d, plan);
	if (rc == RC_UNAVAILABLE && d->self.phase == DEVICE_ENROLLED) {
		story_step(&d->story, "unfinished", "What got no answer is sent again at the next poll");
		story_detail(&d->story, "because", "%s", d->err.text);
		rc = RC_OK;
	}
	if (rc == RC_OK) {
		story_step(&d->story, "enrolled", "Enrolled: this device is managed, the person's own data is not");
		if (device_is_byod(d))
			story_detail(&d->story, "EnrollmentID", "%s", d->en.enrollment_id);
		else
			story_detail(&d->story, "UDID", "%s", d->self.udid);
		return RC_OK;
	}
	if (d->self.phase == DEVICE_ENROLLED)
		return rc;
	/* A person who cancels, or a check that fails, leaves nothing behind (protocol 5.5). What ended by
	 * itself is gone already. */
	evicted = d->self.phase == DEVICE_UNENROLLED;
	why = d->err;
	if (!evicted && separation_volume_exists(d->dir, SEPARATION_MANAGED) &&
	    device_forget(d, arena_printf(d->arena, "the enrollment failed: %s", why.text)) != RC_OK)
		return d->err.rc;
	d->err = why;
	return rc;
}

/* ---- signing in again ---- */

enum rc
device_reauthenticate(struct device *d, const struct device_person *person)
{
	struct device_person same = *person;
	struct device_tokens tokens;
	enum rc rc;

	if ((rc = device_need_enrolled(d)) != RC_OK)
		return rc;
	story_stage(&d->story, "sign-in", "Sign in again");
	same.identifier = d->en.identifier;
	if ((rc = device_signin(d, &d->en.challenge, &same, &tokens)) != RC_OK)
		return rc;
	device_signin_keep(d, &tokens, clock_now());
	if ((rc = device_save_enrollment(d)) != RC_OK)
		return rc;
	story_step(&d->story, "signed-in", "There is a new token; the enrollment is the same");
	return RC_OK;
}

/* ---- ends ---- */

enum rc
device_unenroll(struct device *d, const char *because)
{
	enum rc rc;

	if ((rc = device_need_enrolled(d)) != RC_OK)
		return rc;
	story_stage(&d->story, "unenroll", "Remove the enrollment");
	if (d->profile.check_out && device_check_out(d) != RC_OK)
		story_detail(&d->story, "not heard", "%s", d->err.text);
	return device_forget(d, because);
}
