/* The second enrollment request and the profile. */
#include <string.h>

#include "conform/check.h"
#include "crypto/hash.h"
#include "device/signin.h"
#include "device/url.h"
#include "fmt/uri.h"

#define CMS_TYPE "application/pkcs7-signature"

/* ---- the answer ---- */

static const struct conform_exchange *
second(const struct conform_play *p)
{
	return conform_tape_first(&p->tape, "enroll-second");
}

static const struct conform_exchange *
profile_answer(const struct conform_play *p)
{
	const struct conform_exchange *x = second(p);

	return x != NULL && x->answered && x->answer.status == 200 && x->answer.body.n > 0 ? x : NULL;
}

enum conform_verdict
conform_judge_second_status(struct conform_play *p)
{
	const struct conform_exchange *x = second(p);
	enum conform_verdict v = conform_is_status(p, x, 200);

	if (v == CONFORM_PASSED && x->answer.body.n == 0)
		return conform_deviates(p, "200 with no body");
	return v;
}

enum conform_verdict
conform_judge_second_type(struct conform_play *p)
{
	const struct conform_exchange *x = profile_answer(p);

	if (x == NULL)
		return CONFORM_NOT_REACHED;
	if (!conform_is_type(x, "application/x-apple-aspen-config"))
		return conform_deviates(p, "the media type is %s", x->answer.type != NULL ? x->answer.type : "missing");
	return CONFORM_PASSED;
}

enum conform_verdict
conform_judge_second_no_store(struct conform_play *p)
{
	return conform_is_no_store(p, profile_answer(p));
}

enum conform_verdict
conform_judge_second_in_time(struct conform_play *p)
{
	const struct conform_exchange *both[] = { conform_tape_first(&p->tape, "enroll-first"), second(p) };

	for (int i = 0; i < 2; i++)
		if (both[i] != NULL && both[i]->took_ms > p->how->patience_ms)
			return conform_deviates(
			    p, "the %s one: %lld ms", i == 0 ? "first" : "second", (long long)both[i]->took_ms);
	return CONFORM_PASSED;
}

/* With a sign-in of its own: from Authenticate on a token belongs to the enrollment that it brought about. */
enum conform_verdict
conform_judge_token_again(struct conform_play *p)
{
	struct device_challenge c;
	struct device_tokens t;
	enum conform_verdict v = CONFORM_NOT_REACHED;

	if (conform_attempt(p, p->person->identifier, &c) != RC_OK || device_signin(&p->d, &c, &p->signer, &t) != RC_OK)
		return conform_saw(p, v, "%s", p->d.err.text);
	for (int i = 0; i < 2; i++) {
		const struct conform_exchange *x = conform_post(p, "probe-second", CMS_TYPE, p->machineinfo, t.access);

		if (!x->answered || x->answer.status != 200 || x->answer.body.n == 0)
			return conform_saw(p, i == 0 ? CONFORM_NOT_REACHED : CONFORM_DEVIATION, "%s, %zu octets",
			    conform_status_text(p, x), x->answer.body.n);
	}
	return CONFORM_PASSED;
}

enum conform_verdict
conform_judge_bad_token(struct conform_play *p)
{
	return conform_is_challenge(
	    p, conform_post(p, "probe-bad-token", CMS_TYPE, p->machineinfo, crypto_token(p->arena)));
}

/* ---- what stands in the profile ---- */

enum conform_verdict
conform_judge_profile_readable(struct conform_play *p)
{
	const struct conform_exchange *x = profile_answer(p);
	struct device_profile unused;
	struct err e = { 0 };

	if (x == NULL)
		return CONFORM_NOT_REACHED;
	if (device_profile_read(p->arena, x->answer.body, &unused, &e) != RC_OK)
		return conform_deviates(p, "%s", e.text);
	return CONFORM_PASSED;
}

enum conform_verdict
conform_judge_profile_mode(struct conform_play *p)
{
	const char *mode = p->profile.mode;

	if (!p->has_profile)
		return CONFORM_NOT_REACHED;
	if (mode == NULL || strcmp(mode, p->server.mode) != 0)
		return conform_deviates(
		    p, "EnrollmentMode is %s, discovery said %s", mode != NULL ? mode : "missing", p->server.mode);
	return CONFORM_PASSED;
}

enum conform_verdict
conform_judge_profile_account(struct conform_play *p)
{
	const char *account = p->profile.assigned_account, *at = account != NULL ? strrchr(account, '@') : NULL;

	if (!p->has_profile)
		return CONFORM_NOT_REACHED;
	if (at == NULL || at == account || at[1] == '\0')
		return conform_deviates(p, "AssignedManagedAppleID is %s",
		    account == NULL      ? "missing"
		    : account[0] == '\0' ? "empty"
					 : account);
	return CONFORM_PASSED;
}

enum conform_verdict
conform_judge_profile_no_old_mode(struct conform_play *p)
{
	if (!p->has_profile)
		return CONFORM_NOT_REACHED;
	return plist_has(p->profile.mdm, "ManagedAppleID") ? conform_deviates(p, "there is one") : CONFORM_PASSED;
}

enum conform_verdict
conform_judge_profile_rights(struct conform_play *p)
{
	if (!p->has_profile)
		return CONFORM_NOT_REACHED;
	if (plist_has(p->profile.mdm, "AccessRights"))
		return conform_deviates(p, "AccessRights is %lld", (long long)p->profile.access_rights);
	return CONFORM_PASSED;
}

enum conform_verdict
conform_judge_profile_rights_given(struct conform_play *p)
{
	int64_t rights = p->profile.access_rights;

	if (!p->has_profile)
		return CONFORM_NOT_REACHED;
	if (rights == 0 || ((rights & 2) != 0 && (rights & 1) == 0) || ((rights & 128) != 0 && (rights & 64) == 0))
		return conform_deviates(p, "AccessRights is %lld", (long long)rights);
	return CONFORM_PASSED;
}

enum conform_verdict
conform_judge_profile_removal(struct conform_play *p)
{
	if (!p->has_profile)
		return CONFORM_NOT_REACHED;
	return plist_has(p->profile.root, "PayloadRemovalDisallowed") ? conform_deviates(p, "it is there")
								      : CONFORM_PASSED;
}

enum conform_verdict
conform_judge_profile_payloads(struct conform_play *p)
{
	return p->has_profile ? conform_are_payloads_allowed(p, p->profile.root) : CONFORM_NOT_REACHED;
}

/* How often a capability is offered. */
static int
offers(const struct conform_play *p, const char *name)
{
	plist_t list = plist_array(p->profile.mdm, "ServerCapabilities");
	uint32_t n = list != NULL ? plist_array_get_size(list) : 0;
	int found = 0;

	for (uint32_t i = 0; i < n; i++) {
		plist_t item = plist_array_get_item(list, i);

		if (plist_get_node_type(item) == PLIST_STRING && plist_string_val_compare(item, name) == 0)
			found++;
	}
	return found;
}

enum conform_verdict
conform_judge_capability_token(struct conform_play *p)
{
	if (!p->has_profile)
		return CONFORM_NOT_REACHED;
	return offers(p, "com.apple.mdm.token") == 0 ? conform_deviates(p, "it is not offered") : CONFORM_PASSED;
}

enum conform_verdict
conform_judge_capability_users(struct conform_play *p)
{
	if (!p->has_profile)
		return CONFORM_NOT_REACHED;
	return offers(p, "com.apple.mdm.per-user-connections") == 0 ? conform_deviates(p, "it is not offered")
								    : CONFORM_PASSED;
}

enum conform_verdict
conform_judge_capability_bootstrap(struct conform_play *p)
{
	static const char *const all[] = { "com.apple.mdm.token", "com.apple.mdm.per-user-connections",
		"com.apple.mdm.bootstraptoken" };

	if (!p->has_profile)
		return CONFORM_NOT_REACHED;
	if (offers(p, all[2]) > 0)
		return conform_deviates(p, "%s is offered", all[2]);
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (offers(p, all[i]) > 1)
			return conform_deviates(p, "%s stands twice", all[i]);
	return CONFORM_PASSED;
}

enum conform_verdict
conform_judge_profile_topic(struct conform_play *p)
{
	const char *topic = p->profile.topic;

	if (!p->has_profile)
		return CONFORM_NOT_REACHED;
	if (topic == NULL || strncmp(topic, "com.apple.mgmt.", 15) != 0)
		return conform_deviates(p, "Topic is %s", topic != NULL ? topic : "missing");
	return CONFORM_PASSED;
}

enum conform_verdict
conform_judge_profile_urls(struct conform_play *p)
{
	const char *urls[] = { p->profile.server_url, p->profile.checkin_url };
	struct uri parts;

	if (!p->has_profile)
		return CONFORM_NOT_REACHED;
	for (int i = 0; i < 2; i++)
		if (urls[i] == NULL || uri_parse(p->arena, urls[i], &parts, NULL) != RC_OK ||
		    strcmp(parts.scheme, "https") != 0)
			return conform_deviates(
			    p, "%s is %s", i == 0 ? "ServerURL" : "CheckInURL", urls[i] != NULL ? urls[i] : "missing");
	return CONFORM_PASSED;
}

enum conform_verdict
conform_judge_profile_urls_stable(struct conform_play *p)
{
	const char *urls[] = { p->profile.server_url, p->profile.checkin_url };

	if (!p->has_profile)
		return CONFORM_NOT_REACHED;
	for (int i = 0; i < 2; i++)
		if (urls[i] != NULL && p->token != NULL && strstr(urls[i], p->token) != NULL)
			return conform_deviates(p, "%s holds the access token", i == 0 ? "ServerURL" : "CheckInURL");
	return CONFORM_PASSED;
}

enum conform_verdict
conform_judge_profile_check_out(struct conform_play *p)
{
	if (!p->has_profile)
		return CONFORM_NOT_REACHED;
	return p->profile.check_out ? CONFORM_PASSED : conform_deviates(p, "it is not");
}

enum conform_verdict
conform_judge_scep_payload(struct conform_play *p)
{
	const struct device_scep *s = &p->profile.scep;

	if (s->key_size != 2048 && s->key_size != 4096)
		return conform_deviates(p, "Keysize is %d", s->key_size);
	if (s->challenge == NULL || *s->challenge == '\0')
		return conform_deviates(p, "Challenge is missing");
	return CONFORM_PASSED;
}

enum conform_verdict
conform_judge_acme_payload(struct conform_play *p)
{
	const struct device_acme *m = &p->profile.acme;
	bool ec = strcmp(m->key_type, "ECSECPrimeRandom") == 0;

	if (!device_url_is(m->directory, "https"))
		return conform_deviates(p, "DirectoryURL is %s", m->directory);
	if (m->attest && !m->hardware_bound)
		return conform_deviates(p, "Attest without HardwareBound");
	if (m->hardware_bound && (!ec || (m->key_size != 256 && m->key_size != 384)))
		return conform_deviates(p, "HardwareBound with %s %d", m->key_type, m->key_size);
	if (!ec && (m->key_size < 2048 || m->key_size > 4096))
		return conform_deviates(p, "KeySize is %d", m->key_size);
	return CONFORM_PASSED;
}
