/* Grants: what a sign-in gives, how refresh tokens rotate, and what ends it all. */
#include "enroll/grant.h"

#include <pthread.h>
#include <stdlib.h>

#include "account/account.h"
#include "account/policy.h"
#include "base/tap.h"
#include "store/testing.h"

#define CLIENT "postern-device-enrollment"
#define T0 1764000000

static struct organization org;

/* A call at a moment, with the organization's people and attempts in the store. */
static struct call
at(struct store *s, int64_t now)
{
	struct call c = testing_call(s);

	c.now = now;
	return c;
}

static void
set_up(struct store *s)
{
	static const char *const sql[] = {
		"INSERT INTO organization (id, name, lab, identity_proof, device_ca_mode, device_ca_ignore_times,"
		" access_rights, created_at) VALUES ('bag', 'Bag', 1, 'signature', 'off', 0, 8191, 1)",
		"INSERT INTO account (id, organization_id, user_identifier, managed_apple_account, source, created_at,"
		" updated_at) VALUES ('ann', 'bag', 'ann@example.com', 'ann@maa.example.com', 'local', 1, 1)",
		"INSERT INTO account (id, organization_id, user_identifier, managed_apple_account, source, created_at,"
		" updated_at) VALUES ('bob', 'bag', 'bob@example.com', 'bob@example.com', 'local', 1, 1)",
		"INSERT INTO attempt (id, organization_id, kind, state, stage, code, events, started_at, updated_at)"
		" VALUES ('try', 'bag', 'enroll', 'open', 'sign-in', 'signin-ok', 0, 1, 1)",
		"INSERT INTO attempt (id, organization_id, kind, state, stage, code, events, enrollment_id, started_at,"
		" updated_at) VALUES ('again', 'bag', 'reauth', 'open', 'sign-in', 'signin-ok', 0, 'enr', 1, 1)",
		"INSERT INTO enrollment (id, organization_id, mode, account_id, attempt_id, state, topic, server_url,"
		" check_in_url, assigned_managed_apple_id, per_user_connections, identity_proof, profile_identifier,"
		" created_at) VALUES ('enr', 'bag', 'byod', 'ann', 'try', 'reauth', '', '', '', '', 0, 'mtls', '', 1)",
	};
	struct call c = at(s, T0);

	for (size_t i = 0; i < sizeof sql / sizeof sql[0]; i++)
		ok(testing_run(s, sql[i]) == RC_OK, "a row of the scene");
	ok(organization_get(&c, "bag", &org) == RC_OK, "the organization");
	testing_free(&c);
}

struct start {
	struct grant g;
	struct grant_tokens t;
};

static enum rc
start_unit(struct call *c, void *arg)
{
	struct start *in = arg;

	return grant_start(c, &org, &in->g, &in->t);
}

static enum rc
start(struct call *c, const char *attempt, const char *account, const char *method, struct start *out)
{
	*out = (struct start){ .g = { .organization_id = "bag",
				   .account_id = account,
				   .attempt_id = attempt,
				   .method = method,
				   .client_id = CLIENT,
				   .scope = "mdm" } };
	return store_unit(c, start_unit, out);
}

static enum rc
renew(struct call *c, const char *token, struct start *out)
{
	*out = (struct start){ 0 };
	return grant_refresh(c, token, CLIENT, &out->g, &out->t);
}

static void
scene(struct call *c, struct start *out)
{
	ok(start(c, "try", "ann", "apple-oauth2", out) == RC_OK, "a sign-in starts a grant");
}

static bool
plain(const char *token)
{
	return strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-") == strlen(token);
}

static void
first_tokens(struct store *s)
{
	struct call c = at(s, T0);
	struct grant_bearer b;
	struct start one, two;

	scene(&c, &one);
	ok(strlen(one.t.access) == 43 && plain(one.t.access), "S-12: the access token's alphabet needs no encoding");
	ok(plain(one.t.refresh) && strlen(one.t.refresh) < GRANT_TOKEN_MAX, "S-15: no '+' in a refresh token");
	ok(one.t.expires_in_s == 3600, "an access token lives an hour by default");
	ok(grant_find(&c, one.t.access, &b) == RC_OK && !b.expired && !b.revoked && !b.account_disabled &&
		b.generation == b.grant.generation && !b.grant.confirmed,
	    "the token is found");
	ok(grant_find(&c, one.t.access, &b) == RC_OK, "S-16: and again: access tokens are reusable");
	is_str(b.managed_apple_account, "ann@maa.example.com", "with the person's Managed Apple Account");
	ok(grant_find(&c, one.t.refresh, &b) == RC_NOT_FOUND, "a refresh token is no access token");
	ok(grant_find(&c, "guess", &b) == RC_NOT_FOUND, "a guess finds nothing");
	ok(testing_number(s, "SELECT count(*) FROM oauth_token WHERE length(hash) <> 32") == 0,
	    "only SHA-256 of tokens is stored");
	c.now += 3600;
	ok(grant_find(&c, one.t.access, &b) == RC_OK && b.expired, "S-28: after its life it is known and expired");

	ok(start(&c, "try", "ann", "apple-oauth2", &two) == RC_OK && grant_find(&c, one.t.access, &b) == RC_OK &&
		b.revoked,
	    "another sign-in in the same attempt replaces what was not bound yet");
	testing_free(&c);
}

static void
web(struct store *s)
{
	struct call c = at(s, T0);
	struct grant_bearer b;
	struct start g, again;
	int64_t least = INT64_MAX, most = 0;

	for (int i = 0; i < 40; i++) {
		start(&c, "try", "ann", "apple-as-web", &g);
		least = g.t.expires_in_s < least ? g.t.expires_in_s : least;
		most = g.t.expires_in_s > most ? g.t.expires_in_s : most;
	}
	ok(g.t.refresh == NULL, "apple-as-web has no refresh token");
	ok(most <= 30 * 86400 && least >= 24 * 86400 && most - least > 86400,
	    "its token's life is spread over -20 %%..0, so that a fleet does not ask on the same morning");
	c.now += g.t.expires_in_s - 1;
	ok(grant_find(&c, g.t.access, &b) == RC_OK && !b.expired, "it is good to its last second");
	c.now += 1;
	ok(grant_find(&c, g.t.access, &b) == RC_OK && b.expired, "and not after");
	ok(renew(&c, g.t.access, &again) == RC_NOT_FOUND, "and can't be refreshed");
	testing_free(&c);
}

static void
rotation(struct store *s)
{
	struct call c = at(s, T0);
	struct start g, two, three, x;
	struct grant_bearer b;

	scene(&c, &g);
	c.now += 3600;
	ok(renew(&c, g.t.refresh, &two) == RC_OK && two.t.refresh != NULL && strcmp(two.t.refresh, g.t.refresh) != 0,
	    "S-15: a refresh answers an access token and a new refresh token");
	ok(grant_find(&c, two.t.access, &b) == RC_OK && !b.expired && b.generation == 2,
	    "the new access token is good");
	ok(grant_confirm(&c, b.grant.id, b.generation) == RC_OK, "it is used: the grace ends");
	ok(renew(&c, two.t.refresh, &three) == RC_OK, "the chain goes on");
	ok(grant_refresh(&c, three.t.refresh, "somebody-else", &x.g, &x.t) == RC_FORBIDDEN,
	    "a refresh token is for the client it was issued to");
	ok(renew(&c, three.t.refresh, &x) == RC_OK, "and showing it as another client's did not spend it");
	ok(renew(&c, g.t.refresh, &x) == RC_CONFLICT && x.g.id != NULL && strcmp(x.g.id, g.g.id) == 0,
	    "a refresh token of long ago is reuse (RFC 9700 4.14)");
	ok(grant_find(&c, two.t.access, &b) == RC_NOT_FOUND || b.revoked, "the grant is revoked by it");
	ok(renew(&c, three.t.refresh, &x) == RC_NOT_FOUND, "also for whoever has the newest");
	testing_free(&c);
}

static void
lost_answers(struct store *s)
{
	struct call c = at(s, T0);
	struct start g, lost, again, third, x;
	struct grant_bearer b;

	scene(&c, &g);
	grant_confirm(&c, g.g.id, 1);
	ok(renew(&c, g.t.refresh, &lost) == RC_OK, "an answer is lost on the way");
	c.now += 40 * 86400;
	ok(renew(&c, g.t.refresh, &again) == RC_OK, "the phone sleeps for weeks and asks with the token it has");
	ok(renew(&c, g.t.refresh, &third) == RC_OK, "it may lose that answer, too");
	ok(grant_find(&c, again.t.access, &b) == RC_OK && b.generation == 2 && b.grant.generation == 2,
	    "what lost answers held is of one generation");
	grant_confirm(&c, b.grant.id, b.generation);
	ok(renew(&c, g.t.refresh, &x) == RC_CONFLICT, "after the new token was used the one before is reuse");

	c.now = T0;
	scene(&c, &g);
	renew(&c, g.t.refresh, &lost);
	renew(&c, lost.t.refresh, &again);
	ok(renew(&c, g.t.refresh, &x) == RC_CONFLICT, "using the new refresh token ends the grace as well");

	c.now = T0;
	scene(&c, &g);
	for (int i = 0; i < 10; i++)
		renew(&c, g.t.refresh, &lost);
	ok(testing_number(s, "SELECT max(n) FROM (SELECT count(*) AS n FROM oauth_token WHERE kind = 'refresh'"
			     " GROUP BY grant_id, generation)") <= 4,
	    "a token shown again and again makes no rows without end");
	ok(renew(&c, lost.t.refresh, &x) == RC_OK, "the last answer is good");
	testing_free(&c);
}

static void
expiry(struct store *s)
{
	struct call c = at(s, T0);
	struct start g, x;

	scene(&c, &g);
	c.now += 90 * 86400;
	ok(renew(&c, g.t.refresh, &x) == RC_NOT_FOUND && x.g.id != NULL,
	    "a refresh token is good for 90 days without use");
	c.now += 10 * 86400;
	testing_run(s, "DELETE FROM oauth_token WHERE expires_at < 1764000000 + 99 * 86400");
	ok(renew(&c, g.t.refresh, &x) == RC_NOT_FOUND && x.g.revoked_at == 0,
	    "a phone from a drawer is expired, not a thief");

	c.now = T0;
	scene(&c, &g);
	for (int i = 0; i < 6; i++) {
		c.now += 60 * 86400;
		ok(renew(&c, g.t.refresh, &x) == RC_OK, "day %d: still good", 60 * (i + 1));
		grant_confirm(&c, x.g.id, x.g.generation);
		g = x;
	}
	c.now = T0 + 365 * 86400 - 100;
	ok(renew(&c, g.t.refresh, &x) == RC_OK && x.t.expires_in_s == 100, "nothing outlives the grant's year");
	c.now += 100;
	ok(renew(&c, x.t.refresh, &g) == RC_NOT_FOUND, "after a year the person signs in again");
	testing_free(&c);
}

static void
people(struct store *s)
{
	struct call c = at(s, T0);
	struct grant_bearer b;
	struct start g, x;
	struct grant *list;
	int n;

	scene(&c, &g);
	testing_run(s, "UPDATE account SET disabled_at = 5 WHERE id = 'ann'");
	ok(renew(&c, g.t.refresh, &x) == RC_NOT_FOUND, "a disabled person's token does not refresh");
	ok(grant_find(&c, g.t.access, &b) == RC_OK && b.account_disabled,
	    "the bearer says that its person is disabled");
	testing_run(s, "UPDATE account SET disabled_at = NULL WHERE id = 'ann'");
	ok(renew(&c, g.t.refresh, &x) == RC_OK, "enabled again, the same token goes on");

	ok(start(&c, "try", "bob", "apple-oauth2", &g) == RC_OK &&
		grant_revoke_account(&c, "bob", "token-revoked", &n) == RC_OK && n == 1,
	    "all of a person is revoked");
	ok(grant_revoke_account(&c, "bob", "token-revoked", &n) == RC_OK && n == 0, "once");
	ok(grant_find(&c, g.t.access, &b) == RC_OK && b.revoked, "and known as revoked");
	is_str(b.grant.revoked_why, "token-revoked", "with the reason");
	ok(renew(&c, g.t.refresh, &x) == RC_NOT_FOUND, "nothing refreshes after it");
	ok(grant_list(&c, "bag", "bob", NULL, &(struct db_page){ .limit = 500 }, &list, &n) == RC_OK && n == 1,
	    "grants of a person are listed");
	start(&c, "try", "bob", "apple-oauth2", &g);
	ok(grant_list(&c, NULL, NULL, NULL, &(struct db_page){ .limit = 500 }, &list, &n) == RC_OK && n > 2 &&
		list[0].created_at >= list[n - 1].created_at,
	    "those of everybody, the newest first");
	testing_run(s, "DELETE FROM account WHERE id = 'bob'");
	ok(grant_find(&c, g.t.access, &b) == RC_OK && b.account_disabled, "a removed person counts as disabled");
	testing_free(&c);
}

static void
binding(struct store *s)
{
	struct call c = at(s, T0);
	struct start first, second, x;
	struct grant_bearer b;

	scene(&c, &first);
	ok(grant_bind(&c, first.g.id, "enr") == RC_OK && grant_bind(&c, first.g.id, "enr") == RC_OK,
	    "S-16: a grant is bound at Authenticate; the same again changes nothing");
	ok(grant_bind(&c, first.g.id, "other") == RC_CONFLICT, "another enrollment can't have it");
	ok(grant_bind(&c, "none", "enr") == RC_NOT_FOUND, "a grant that is not there can't be bound");

	ok(start(&c, "again", "ann", "apple-oauth2", &second) == RC_OK && second.g.enrollment_id != NULL &&
		strcmp(second.g.enrollment_id, "enr") == 0,
	    "signing in again is bound to the enrollment at issue");
	ok(grant_find(&c, first.t.access, &b) == RC_OK && b.revoked, "and replaces the earlier grant");
	ok(testing_number(s, "SELECT count(*) FROM enrollment WHERE grant_id IS NOT NULL AND state = 'enrolled'") == 1,
	    "the enrollment has the new grant and goes on");
	ok(renew(&c, second.t.refresh, &x) == RC_OK && strcmp(x.g.enrollment_id, "enr") == 0,
	    "a refreshed token belongs to the same enrollment");
	ok(start(&c, "try", "ann", "apple-oauth2", &first) == RC_OK && grant_find(&c, x.t.access, &b) == RC_OK &&
		!b.revoked,
	    "a sign-in of another attempt does not touch it");
	testing_run(s, "UPDATE enrollment SET ended_at = 7");
	ok(start(&c, "again", "ann", "apple-oauth2", &second) == RC_NOT_FOUND,
	    "there is no signing in again for an enrollment that ended");
	testing_run(s, "UPDATE enrollment SET ended_at = NULL");
	testing_free(&c);
}

struct racer {
	pthread_t thread;
	struct store *store;
	const char *token;
	char refresh[GRANT_TOKEN_MAX];
	enum rc rc;
};

static void *
race(void *arg)
{
	struct racer *me = arg;
	struct call c = at(me->store, T0 + 60);
	struct start x;

	me->rc = renew(&c, me->token, &x);
	snprintf(me->refresh, sizeof me->refresh, "%s", me->rc == RC_OK ? x.t.refresh : "");
	testing_free(&c);
	return NULL;
}

static void
two_at_once(struct store *s)
{
	struct call c = at(s, T0);
	struct racer r[4];
	struct start g, x;
	int good = 0;

	scene(&c, &g);
	for (int i = 0; i < 4; i++) {
		r[i] = (struct racer){ .store = s, .token = g.t.refresh };
		pthread_create(&r[i].thread, NULL, race, &r[i]);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(r[i].thread, NULL);
		good += r[i].rc == RC_OK;
	}
	ok(good == 4, "requests with one refresh token at the same time all get an answer");
	c.now += 120;
	for (int i = 0; i < 2; i++)
		ok(renew(&c, r[i].refresh, &x) == RC_OK, "whichever of the answers a device kept is good");
	testing_free(&c);
}

/* ---- a fleet of one morning ---- */

#define FLEET 10000
#define LIFE_S (30 * 86400)
#define WINDOW_H (LIFE_S / 5 / 3600) /* -20 %...0 */

struct fleet {
	int hour[WINDOW_H];
	int outside;
};

static enum rc
one_morning(struct call *c, void *arg)
{
	struct fleet *f = arg;
	enum rc rc = RC_OK;

	*f = (struct fleet){ 0 };
	for (int i = 0; i < FLEET && rc == RC_OK; i++) {
		struct grant g = { .organization_id = "bag", .account_id = "ann", .method = "apple-as-web" };
		struct grant_tokens t;
		int64_t early;

		g.attempt_id = arena_printf(c->arena, "%lld-%d", (long long)c->now, i);
		rc = grant_start(c, &org, &g, &t);
		early = LIFE_S - t.expires_in_s;
		if (early < 0 || early > LIFE_S / 5)
			f->outside++;
		else
			f->hour[early / 3600 < WINDOW_H ? early / 3600 : WINDOW_H - 1]++;
	}
	return rc;
}

static int
busiest(struct store *s, int64_t now)
{
	struct call c = at(s, now);
	struct fleet f;
	int most = 0;

	ok(store_unit(&c, one_morning, &f) == RC_OK && f.outside == 0,
	    "10,000 web tokens end within -20 %%...0 of 30 days");
	for (int i = 0; i < WINDOW_H; i++)
		most = f.hour[i] > most ? f.hour[i] : most;
	testing_free(&c);
	return most;
}

/* Chance alone breaks the rule for one fleet in some hundreds: then a second one is looked at. */
static void
fleet(struct store *s)
{
	int most = busiest(s, T0 + 5 * LIFE_S);

	if (most * 2 * WINDOW_H > FLEET * 3)
		most = busiest(s, T0 + 6 * LIFE_S);
	ok(most * 2 * WINDOW_H <= FLEET * 3, "no hour has more than 1.5 times the mean hour's: %d of %d", most,
	    FLEET / WINDOW_H);
}

/* Policies of groups: the strictest holds, and what is set later holds from the next renewal on. */
static void
groups(struct store *s)
{
	static const char *const all[] = { "guests", "staff", "elsewhere", NULL };
	static const struct {
		const char *organization, *group, *value;
		enum policy_limit which;
	} rows[] = {
		{ "bag", "staff", "600", POLICY_ACCESS_TOKEN_LIFE },
		{ "bag", "guests", "300", POLICY_ACCESS_TOKEN_LIFE },
		{ "bag", "guests", "999999", POLICY_WEB_TOKEN_LIFE },
		{ "bag", "staff", "0", POLICY_SPREAD },
		{ "bag", "guests", "50", POLICY_SPREAD },
		{ "bag", "guests", "300000000",
		    POLICY_REFRESH_IDLE }, /* more than the organization's: loosens nothing */
		{ "other", "elsewhere", "60", POLICY_ACCESS_TOKEN_LIFE },
	};
	struct call c = at(s, T0);
	struct start one, two, web;
	int64_t least = INT64_MAX;
	enum rc rc;

	ok(testing_run(s,
	       "INSERT INTO account (id, organization_id, user_identifier, managed_apple_account, source,"
	       " created_at, updated_at) VALUES ('cat', 'bag', 'cat@example.com', 'c', 'local', 1, 1)") == RC_OK,
	    "a person");
	ok(account_set_groups(&c, "cat", all) == RC_OK, "Cat is in groups");
	rc = policy_set(&c, "bag", "staff", POLICY_ACCESS_TOKEN_LIFE, "0");
	ok(rc == RC_BAD_INPUT && strstr(c.err.text, "access-token-life") != NULL, "a life of nothing is refused");
	ok(policy_set(&c, "bag", "a,b", POLICY_GRACE, "60") == RC_BAD_INPUT, "so is what can be no group");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		ok(policy_set(&c, rows[i].organization, rows[i].group, rows[i].which, rows[i].value) == RC_OK,
		    "%s says %s for %s", rows[i].group, rows[i].value, policy_name(rows[i].which));
	ok(start(&c, "try", "cat", "apple-oauth2", &one) == RC_OK && one.t.expires_in_s == 300,
	    "the strictest of a person's groups says how long an access token lives");
	ok(one.g.ends_at == T0 + org.refresh_max_s, "what no group says is the organization's");
	for (int i = 0; i < 50; i++) {
		ok(start(&c, "try", "cat", "apple-as-web", &web) == RC_OK && web.t.expires_in_s <= 999999,
		    "a web token lives as long as the group's");
		if (web.t.expires_in_s < least)
			least = web.t.expires_in_s;
	}
	ok(least < 999999 * 75 / 100 && least >= 499999, "spread as the group says: of several the widest");
	ok(start(&c, "try", "ann", "apple-oauth2", &two) == RC_OK && two.t.expires_in_s == 3600,
	    "who is in no group has the organization's");

	ok(start(&c, "try", "cat", "apple-oauth2", &one) == RC_OK, "Cat signs in");
	ok(policy_set(&c, "bag", "staff", POLICY_LONGEST, "7200") == RC_OK, "a longest time is set");
	c.now = T0 + 7000;
	ok(renew(&c, one.t.refresh, &two) == RC_OK && two.g.ends_at == T0 + 7200 && two.t.expires_in_s == 200,
	    "S-28: at the next renewal it holds, and no token outlives it");
	c.now = T0 + 7200;
	ok(renew(&c, two.t.refresh, &one) == RC_NOT_FOUND, "then nothing is renewed: the person signs in");
	ok(start(&c, "try", "cat", "apple-as-web", &web) == RC_OK && web.t.expires_in_s <= 7200,
	    "a web token ends by then, too");
	ok(policy_set(&c, "bag", "staff", POLICY_LONGEST, "none") == RC_OK &&
		start(&c, "try", "cat", "apple-oauth2", &one) == RC_OK && one.g.ends_at == c.now + org.refresh_max_s,
	    "taken away, it holds no more");
	testing_free(&c);
}

int
main(void)
{
	struct store *s = testing_store(":memory:");
	struct err e;
	int from, to;

	ok(store_migrate(s, &from, &to, &e) == RC_OK, "the schema is there");
	set_up(s);
	first_tokens(s);
	web(s);
	rotation(s);
	lost_answers(s);
	expiry(s);
	binding(s);
	people(s);
	two_at_once(s);
	groups(s);
	fleet(s);
	store_close(s);
	return done();
}
