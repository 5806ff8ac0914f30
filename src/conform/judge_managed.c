/* Check-in, commands, declarations, GetToken. */
#include <string.h>

#include "base/clock.h"
#include "conform/message.h"
#include "crypto/hash.h"
#include "device/account.h"
#include "device/command.h"
#include "device/enroll.h"
#include "fmt/base64.h"
#include "fmt/json.h"

/* ---- check-in ---- */

enum conform_verdict
conform_judge_authenticate_taken(struct conform_play *p)
{
	const struct conform_exchange *x = conform_tape_first(&p->tape, "Authenticate");

	/* What a 401 means is the affair of other checks. */
	if (x != NULL && x->answered && x->answer.status == 401)
		return CONFORM_NOT_REACHED;
	return conform_is_status(p, x, 200);
}

static enum conform_verdict
is_taken_empty(struct conform_play *p, const struct conform_exchange *x)
{
	return x != NULL && x->answered && x->answer.status == 200 ? conform_is_empty(p, x) : CONFORM_NOT_REACHED;
}

enum conform_verdict
conform_judge_authenticate_empty(struct conform_play *p)
{
	return is_taken_empty(p, conform_tape_first(&p->tape, "Authenticate"));
}

enum conform_verdict
conform_judge_token_update_taken(struct conform_play *p)
{
	enum conform_verdict v = CONFORM_NOT_REACHED;

	for (int i = 0; i < p->tape.n; i++)
		if (strcmp(p->tape.all[i]->event, "TokenUpdate") == 0 &&
		    (v = conform_is_status(p, p->tape.all[i], 200)) != CONFORM_PASSED)
			break;
	return v;
}

enum conform_verdict
conform_judge_token_update_empty(struct conform_play *p)
{
	return is_taken_empty(p, conform_tape_first(&p->tape, "TokenUpdate"));
}

static enum conform_verdict
is_not_asked(struct conform_play *p)
{
	const struct conform_exchange *x = conform_tape_first(&p->tape, "Authenticate");

	if (x == NULL || !x->answered)
		return CONFORM_NOT_REACHED;
	return x->answer.status == 401 ? conform_deviates(p, "401") : CONFORM_PASSED;
}

enum conform_verdict
conform_judge_token_reused(struct conform_play *p)
{
	return is_not_asked(p);
}

enum conform_verdict
conform_judge_device_channel_open(struct conform_play *p)
{
	return is_not_asked(p);
}

/* ---- commands ---- */

/* The i-th answer, from 0, to Idle or a result of the device. NULL: no more. */
static const struct conform_exchange *
turn(const struct conform_play *p, int i)
{
	for (int k = 0; k < p->tape.n; k++) {
		const struct conform_exchange *x = p->tape.all[k];
		const char *type = x->agent == DEVICE_AGENT_MDM ? conform_sent_header(x, "Content-Type") : NULL;

		if (type != NULL && strncmp(type, "application/x-apple-aspen-mdm;", 30) == 0 && !conform_is_probe(x) &&
		    i-- == 0)
			return x;
	}
	return NULL;
}

/* The command in an answer. NULL: there is none; p->d.err says so where it should be one. */
static plist_t
command_in(struct conform_play *p, const struct conform_exchange *x, const char **type)
{
	plist_t root, command;

	*type = NULL;
	if (!x->answered || x->answer.status != 200 || x->answer.body.n == 0)
		return NULL;
	if (plist_parse(p->arena, x->answer.body, &root, &p->d.err) != RC_OK)
		return NULL;
	command = plist_dict(root, "Command");
	*type = plist_text(p->arena, command, "RequestType");
	if (command != NULL && *type != NULL && plist_text(p->arena, root, "CommandUUID") != NULL)
		return command;
	(void)fail(&p->d.err, RC_BAD_INPUT, "a property list without CommandUUID and RequestType");
	return NULL;
}

enum conform_verdict
conform_judge_idle_taken(struct conform_play *p)
{
	const struct conform_exchange *x = conform_tape_first(&p->tape, "Idle");

	if (x != NULL && x->answered && x->answer.status == 401)
		return CONFORM_NOT_REACHED;
	return conform_is_status(p, x, 200);
}

enum conform_verdict
conform_judge_idle_end_empty(struct conform_play *p)
{
	const struct conform_exchange *x;
	const char *type;

	if (turn(p, 0) == NULL)
		return CONFORM_NOT_REACHED;
	for (int i = 0; (x = turn(p, i)) != NULL; i++)
		if (x->answered && x->answer.status == 200 && x->answer.body.n > 0 && command_in(p, x, &type) == NULL)
			return conform_deviates(p, "%zu octets: %s", x->answer.body.n, p->d.err.text);
	return CONFORM_PASSED;
}

enum conform_verdict
conform_judge_command_type(struct conform_play *p)
{
	const struct conform_exchange *x;
	bool any = false;
	const char *type;

	for (int i = 0; (x = turn(p, i)) != NULL; i++) {
		if (command_in(p, x, &type) == NULL)
			continue;
		any = true;
		if (!conform_is_type(x, "application/xml") && !conform_is_type(x, "text/xml"))
			return conform_deviates(
			    p, "%s as %s", type, x->answer.type != NULL ? x->answer.type : "no media type");
	}
	return any ? CONFORM_PASSED : CONFORM_NOT_APPLICABLE;
}

/* On which channel an answer came. */
static bool
is_user(struct conform_play *p, const struct conform_exchange *x)
{
	plist_t root;

	return plist_parse(p->arena, x->sent, &root, NULL) == RC_OK &&
	       (plist_has(root, "UserID") || plist_has(root, "EnrollmentUserID"));
}

enum conform_verdict
conform_judge_command_allowed(struct conform_play *p)
{
	const struct conform_exchange *x;
	bool any = false;
	const char *type;

	for (int i = 0; (x = turn(p, i)) != NULL; i++) {
		struct device_schema rules = device_rules(&p->d, is_user(p, x));
		enum device_verdict v;

		if (command_in(p, x, &type) == NULL)
			continue;
		any = true;
		v = device_schema_verdict(&rules, DEVICE_COMMAND, type, NULL, false);
		if (v == DEVICE_FORBIDDEN || v == DEVICE_ABSENT || v == DEVICE_UNKNOWN)
			return conform_deviates(p, "%s is %s", type, device_verdict_name(v));
	}
	return any ? CONFORM_PASSED : CONFORM_NOT_APPLICABLE;
}

/* The i-th profile that was installed by command, from 0. False: no more. */
static bool
installed_profile(struct conform_play *p, int i, struct bytes *document, plist_t *root)
{
	const struct conform_exchange *x;
	struct device_configuration c;
	const char *type;

	for (int k = 0; (x = turn(p, k)) != NULL; k++) {
		plist_t command = command_in(p, x, &type);

		if (command == NULL || strcmp(type, "InstallProfile") != 0)
			continue;
		*document = plist_data(p->arena, command, "Payload");
		if (device_configuration_read(p->arena, *document, &c, NULL) != RC_OK || i-- > 0)
			continue;
		*root = c.root;
		return true;
	}
	return false;
}

static bool
is_enrollment(struct conform_play *p, plist_t root)
{
	const char *identifier = plist_text(p->arena, root, "PayloadIdentifier");

	return identifier != NULL && strcmp(identifier, p->profile.identifier) == 0;
}

enum conform_verdict
conform_judge_command_profiles(struct conform_play *p)
{
	struct bytes document;
	bool any = false;
	plist_t root;

	for (int i = 0; installed_profile(p, i, &document, &root); i++) {
		if (is_enrollment(p, root))
			continue;
		any = true;
		if (conform_are_payloads_allowed(p, root) != CONFORM_PASSED)
			return CONFORM_DEVIATION;
	}
	return any ? CONFORM_PASSED : CONFORM_NOT_APPLICABLE;
}

enum conform_verdict
conform_judge_command_renewal(struct conform_play *p)
{
	struct device_profile now;
	struct bytes document;
	bool any = false;
	plist_t root;

	for (int i = 0; installed_profile(p, i, &document, &root); i++) {
		if (!is_enrollment(p, root))
			continue;
		any = true;
		if (device_profile_read(p->arena, document, &now, &p->d.err) != RC_OK ||
		    device_profile_replace(&p->profile, &now, &p->d.err) != RC_OK)
			return conform_deviates(p, "%s", p->d.err.text);
	}
	return any ? CONFORM_PASSED : CONFORM_NOT_APPLICABLE;
}

enum conform_verdict
conform_judge_command_apps(struct conform_play *p)
{
	const struct conform_exchange *x;
	bool any = false;
	const char *type;

	for (int i = 0; (x = turn(p, i)) != NULL; i++) {
		plist_t command = command_in(p, x, &type);

		if (command == NULL || strcmp(type, "InstallApplication") != 0)
			continue;
		any = true;
		if (plist_has(command, "ChangeManagementState"))
			return conform_deviates(p, "ChangeManagementState is there");
		if (device_is_byod(&p->d) && plist_int(plist_dict(command, "Options"), "PurchaseMethod", 0) != 1)
			return conform_deviates(p, "PurchaseMethod is not 1");
	}
	return any ? CONFORM_PASSED : CONFORM_NOT_APPLICABLE;
}

enum conform_verdict
conform_judge_result_again(struct conform_play *p)
{
	const struct conform_exchange *x, *result = NULL;
	struct conform_put put;
	plist_t root;

	for (int i = 0; (x = turn(p, i)) != NULL && result == NULL; i++)
		if (plist_parse(p->arena, x->sent, &root, NULL) == RC_OK && plist_has(root, "CommandUUID") &&
		    !is_user(p, x))
			result = x;
	if (result == NULL)
		return CONFORM_NOT_APPLICABLE;
	put = conform_proper(p, DEVICE_DOOR_COMMAND, result->sent);
	return conform_is_status(p, conform_mdm(p, "probe-result-again", &put), 200);
}

enum conform_verdict
conform_judge_result_unknown(struct conform_play *p)
{
	plist_t m = device_message_new(&p->d, p->arena, DEVICE_CHANNEL_DEVICE);
	struct conform_put put;

	plist_put_text(m, "Status", "Acknowledged");
	plist_put_text(m, "CommandUUID", crypto_uuid(p->arena));
	put = conform_proper(p, DEVICE_DOOR_COMMAND, plist_xml(p->arena, m));
	return conform_is_status(p, conform_mdm(p, "probe-result", &put), 200);
}

/* ---- declarations ---- */

static bool
is_list_complete(const json_t *root)
{
	static const char *const lists[] = { "Activations", "Assets", "Configurations", "Management" };
	const json_t *all = json_object_get(root, "Declarations");

	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		if (!json_is_array(json_object_get(all, lists[i])))
			return false;
	return json_get_text(root, "DeclarationsToken") != NULL;
}

static bool
is_declaration(const json_t *root)
{
	return json_get_text(root, "Type") != NULL && json_get_text(root, "Identifier") != NULL &&
	       json_get_text(root, "ServerToken") != NULL && json_is_object(json_object_get(root, "Payload"));
}

/* One answer to an endpoint. */
static enum conform_verdict
is_declarative(struct conform_play *p, const char *endpoint, const struct conform_exchange *x)
{
	json_t *root = NULL;
	bool good;

	if (strcmp(endpoint, "status") == 0)
		return conform_is_status(p, x, 200);
	if (x->answered && x->answer.status == 404 && strncmp(endpoint, "declaration/", 12) == 0)
		return CONFORM_PASSED;
	if (!x->answered || x->answer.status != 200 || !conform_is_type(x, "application/json"))
		return conform_deviates(p, "%s: %s as %s", endpoint, conform_status_text(p, x),
		    x->answer.type != NULL ? x->answer.type : "no media type");
	if (json_parse(p->arena, x->answer.body, &root, &p->d.err) != RC_OK)
		return conform_deviates(p, "%s: %s", endpoint, p->d.err.text);
	if (strcmp(endpoint, "tokens") == 0)
		good = json_get_text(json_object_get(root, "SyncTokens"), "DeclarationsToken") != NULL;
	else if (strcmp(endpoint, "declaration-items") == 0)
		good = is_list_complete(root);
	else
		good = is_declaration(root);
	return good ? CONFORM_PASSED : conform_deviates(p, "%s is incomplete", endpoint);
}

enum conform_verdict
conform_judge_declarations(struct conform_play *p)
{
	enum conform_verdict v = CONFORM_NOT_APPLICABLE;

	for (int i = 0; i < p->tape.n && v < CONFORM_NOT_REACHED; i++) {
		const struct conform_exchange *x = p->tape.all[i];
		const char *endpoint;
		plist_t root;

		if (x->agent != DEVICE_AGENT_MDM || conform_is_probe(x) ||
		    plist_parse(p->arena, x->sent, &root, NULL) != RC_OK ||
		    (endpoint = plist_text(p->arena, root, "Endpoint")) == NULL ||
		    (x->answered && x->answer.status == 401))
			continue;
		v = is_declarative(p, endpoint, x);
	}
	return v;
}

enum conform_verdict
conform_judge_declaration_gone(struct conform_play *p)
{
	static const char *const pairs[] = { "Endpoint", "declaration/configuration/nothing.of.that.name", NULL };

	return conform_is_status(p, conform_checkin(p, "probe-declaration", "DeclarativeManagement", pairs), 404);
}

/* ---- GetToken ---- */

/* The claims of a token; NULL: p->d.err says what is wrong with it. */
static json_t *
claims_of(struct conform_play *p, const struct conform_exchange *x)
{
	struct arena *a = p->arena;
	struct bytes token;
	const char *dot;
	plist_t root;
	json_t *claims = NULL;

	if (plist_parse(a, x->answer.body, &root, &p->d.err) != RC_OK)
		return NULL;
	token = plist_data(a, root, "TokenData");
	if (token.n == 0) {
		(void)fail(&p->d.err, RC_BAD_INPUT, "TokenData is missing");
		return NULL;
	}
	if (device_maid_token_check(a, token, &p->d.err) != RC_OK)
		return NULL;
	dot = strchr(arena_strndup(a, (const char *)token.p, token.n), '.') + 1;
	(void)json_parse(a, base64url_decode(a, bytes_of(dot, strcspn(dot, "."))), &claims, &p->d.err);
	return claims;
}

enum conform_verdict
conform_judge_get_token(struct conform_play *p)
{
	const struct conform_exchange *x = conform_tape_first(&p->tape, "GetToken");
	enum conform_verdict v;
	int64_t iat;
	json_t *claims;

	if (x == NULL)
		return CONFORM_NOT_APPLICABLE;
	if (x->answered && x->answer.status == 401)
		return CONFORM_NOT_REACHED;
	if ((v = conform_is_status(p, x, 200)) != CONFORM_PASSED)
		return v;
	if ((claims = claims_of(p, x)) == NULL)
		return conform_deviates(p, "%s", p->d.err.text);
	iat = json_get_int(claims, "iat", 0);
	if (iat < clock_now() - 300 || iat > clock_now() + 300)
		return conform_deviates(p, "iat is %lld seconds from now", (long long)(iat - clock_now()));
	return CONFORM_PASSED;
}

static const struct conform_exchange *
ask_token(struct conform_play *p, const char *event, const char *service)
{
	const char *pairs[] = { "TokenServiceType", service, NULL };

	return conform_checkin(p, event, "GetToken", pairs);
}

enum conform_verdict
conform_judge_get_token_fresh(struct conform_play *p)
{
	const struct conform_exchange *x = conform_tape_first(&p->tape, "GetToken"), *again;
	json_t *before = x != NULL && x->answered ? claims_of(p, x) : NULL, *now;

	if (before == NULL)
		return x == NULL ? CONFORM_NOT_APPLICABLE : CONFORM_NOT_REACHED;
	again = ask_token(p, "probe-get-token", "com.apple.maid");
	if ((now = again->answered ? claims_of(p, again) : NULL) == NULL)
		return conform_deviates(p, "the second time: %s", conform_status_text(p, again));
	if (strcmp(json_get_text(before, "jti"), json_get_text(now, "jti")) == 0)
		return conform_deviates(p, "the jti is the same twice");
	return CONFORM_PASSED;
}

enum conform_verdict
conform_judge_get_token_unknown(struct conform_play *p)
{
	return conform_is_status(p, ask_token(p, "probe-get-token", "org.example.unknown"), 400);
}

enum conform_verdict
conform_judge_get_token_watch(struct conform_play *p)
{
	return conform_is_status(p, ask_token(p, "probe-get-token", "com.apple.watch.pairing"), 400);
}

/* ---- messages that no device sends ---- */

enum conform_verdict
conform_judge_unknown_message(struct conform_play *p)
{
	return conform_is_status(p, conform_checkin(p, "probe-unknown", "NothingOfThatName", NULL), 400);
}

static const struct conform_exchange *
token_update(struct conform_play *p, const char *topic, const char *magic)
{
	plist_t m = device_message_new(&p->d, p->arena, DEVICE_CHANNEL_DEVICE);
	struct conform_put put;

	plist_put_text(m, "MessageType", "TokenUpdate");
	plist_put_text(m, "Topic", topic);
	plist_put_data(m, "Token", p->d.en.device.push_token);
	plist_put_text(m, "PushMagic", magic);
	plist_put_flag(m, "AwaitingConfiguration", false);
	put = conform_proper(p, DEVICE_DOOR_CHECKIN, plist_xml(p->arena, m));
	return conform_mdm(p, "probe-token-update", &put);
}

enum conform_verdict
conform_judge_wrong_topic(struct conform_play *p)
{
	return conform_is_refused(
	    p, token_update(p, "com.apple.mgmt.External.00000000-0000-4000-8000-000000000000", crypto_uuid(p->arena)));
}

enum conform_verdict
conform_judge_token_update_again(struct conform_play *p)
{
	return conform_is_status(p, token_update(p, p->d.profile.topic, crypto_uuid(p->arena)), 200);
}

enum conform_verdict
conform_judge_proof_needed(struct conform_play *p)
{
	struct conform_put put =
	    conform_proper(p, DEVICE_DOOR_COMMAND, device_command_idle(&p->d, p->arena, DEVICE_CHANNEL_DEVICE));

	if (!p->d.profile.sign_message)
		return CONFORM_NOT_APPLICABLE;
	put.proven = (struct bytes){ 0 };
	return conform_is_refused(p, conform_mdm(p, "probe-no-proof", &put));
}

enum conform_verdict
conform_judge_proof_checked(struct conform_play *p)
{
	struct conform_put put =
	    conform_proper(p, DEVICE_DOOR_COMMAND, device_command_idle(&p->d, p->arena, DEVICE_CHANNEL_DEVICE));

	if (!p->d.profile.sign_message)
		return CONFORM_NOT_APPLICABLE;
	put.proven = bytes_str("another message");
	return conform_is_refused(p, conform_mdm(p, "probe-other-proof", &put));
}

enum conform_verdict
conform_judge_mdm_in_time(struct conform_play *p)
{
	for (int i = 0; i < p->tape.n; i++) {
		const struct conform_exchange *x = p->tape.all[i];

		if (x->agent == DEVICE_AGENT_MDM && !conform_is_probe(x) && x->took_ms > p->how->patience_ms)
			return conform_deviates(p, "%s: %lld ms", x->event, (long long)x->took_ms);
	}
	return CONFORM_PASSED;
}
