/* Providers as rows, and who of ours somebody is that one of them signed in. */
#include <string.h>

#include "account/organization.h"
#include "account/policy.h"
#include "config/config.h"
#include "idp/signin.h"
#include "keys/keys.h"
#include "store/testing.h"

static char dir[64];
static struct store *s;
static struct keys *keys;
static struct conf conf;

static struct call
call(void)
{
	struct call c = testing_call(s);

	c.keys = keys;
	c.conf = &conf;
	return c;
}

static struct provider
generic(void)
{
	return (struct provider){
		.kind = "oidc",
		.organization_id = "bag",
		.issuer = "https://idp.example.com",
		.client_id = "postern",
		.creates = true,
	};
}

/* ---- rows ---- */

static void
presets(struct arena *a)
{
	struct call c = call();
	struct provider p = { .kind = "google", .organization_id = "bag", .client_id = "x", .domain = "a.example" },
			q = { 0 };
	const char *secret;

	ok(provider_add(&c, &p, "secret", false) == RC_BAD_INPUT, "google without its Workspace domain is refused");
	p.tenant = "a.example";
	ok(provider_add(&c, &p, "secret", false) == RC_OK && provider_get(&c, p.id, &q) == RC_OK, "and made with it");
	is_str(q.issuer, "https://accounts.google.com", "google brings its issuer");
	is_str(q.user_claim, "email", "and its claim of the user identifier");
	ok(q.groups_claim == NULL, "and no groups claim: Google has none");
	ok(q.client_secret.n > 6 && memmem(q.client_secret.p, q.client_secret.n, "secret", 6) == NULL,
	    "the client secret is sealed in its row");
	ok(provider_secret(&c, &q, &secret) == RC_OK && strcmp(secret, "secret") == 0, "and comes out as it was");
	q.client_secret = bytes_of(q.client_secret.p, q.client_secret.n - 1);
	ok(provider_secret(&c, &q, &secret) == RC_BAD_INPUT, "unless its row was changed");

	p = (struct provider){ .kind = "entra", .organization_id = "bag", .client_id = "x", .domain = "b.example" };
	ok(provider_add(&c, &p, "secret", false) == RC_BAD_INPUT, "entra without its directory is refused");
	p.tenant = "9188040d";
	ok(provider_add(&c, &p, "secret", false) == RC_OK && provider_get(&c, p.id, &q) == RC_OK, "and made with it");
	is_str(q.issuer, "https://login.microsoftonline.com/9188040d/v2.0", "its issuer is the directory's");
	is_str(q.groups_claim, "groups", "and its groups come along");

	p = generic();
	p.issuer = "http://idp.example.com";
	ok(provider_add(&c, &p, "secret", false) == RC_BAD_INPUT, "an issuer without TLS is refused");
	p = generic();
	ok(provider_add(&c, &p, "secret", false) == RC_OK, "a generic one for the rest of the domains");
	ok(provider_add(&c, &p, "secret", false) == RC_CONFLICT, "but not two for the same domains");
	ok(provider_for(&c, "bag", "Ann@B.example", &q) == RC_OK && strcmp(q.kind, "entra") == 0,
	    "a domain's provider signs its people in");
	ok(provider_for(&c, "bag", "ann@c.example", &q) == RC_OK && strcmp(q.kind, "oidc") == 0,
	    "who is of another domain goes to the one for all");
	ok(provider_for(&c, "bag", NULL, &q) == RC_OK && strcmp(q.kind, "oidc") == 0, "as does who is not known yet");
	ok(provider_for(&c, "other", "ann@a.example", &q) == RC_NOT_FOUND, "another organization has none of them");
	(void)a;
	testing_free(&c);
}

static void
changes(void)
{
	struct call c = call();
	struct provider p = { 0 }, q = { 0 };
	const char *secret;

	ok(provider_for(&c, "bag", "ann@c.example", &p) == RC_OK, "there is one to change");
	p.creates = false;
	p.group_needed = "staff";
	ok(provider_change(&c, &p, NULL, false) == RC_OK && provider_get(&c, p.id, &q) == RC_OK && !q.creates &&
		strcmp(q.group_needed, "staff") == 0,
	    "settings change");
	ok(provider_secret(&c, &q, &secret) == RC_OK && strcmp(secret, "secret") == 0, "and the secret stays");
	ok(provider_change(&c, &q, "newer", false) == RC_OK && provider_get(&c, p.id, &q) == RC_OK &&
		provider_secret(&c, &q, &secret) == RC_OK && strcmp(secret, "newer") == 0,
	    "unless a newer one is given");
	q.client_auth = "private_key_jwt";
	ok(provider_change(&c, &q, NULL, false) == RC_BAD_INPUT, "a secret is no key");
	q.client_auth = "none";
	ok(provider_change(&c, &q, NULL, false) == RC_OK && provider_get(&c, p.id, &q) == RC_OK &&
		q.client_secret.p == NULL,
	    "a client without a secret keeps none");
	q.client_auth = "client_secret_post";
	ok(provider_change(&c, &q, NULL, false) == RC_BAD_INPUT, "and needs one to show one");
	q.client_auth = "none";
	q.creates = true;
	q.group_needed = NULL;
	ok(provider_change(&c, &q, NULL, false) == RC_OK, "what the others need is set");
	q.id = "nobody";
	ok(provider_change(&c, &q, NULL, false) == RC_NOT_FOUND, "nobody is changed whom nobody knows");
	testing_free(&c);
}

/* ---- people ---- */

struct visit {
	struct call c;
	struct account account;
	enum enroll_code code;
};

/* `who` comes back from the provider `p`. */
static enum rc
come(struct visit *v, const struct provider *p, const char *subject, const char *identifier, const char *const *groups)
{
	struct idp_person who = { .subject = subject, .user_identifier = identifier, .groups = groups };

	v->c = call();
	return idp_account(&v->c, p, &who, &v->account, &v->code);
}

static void
refused(const struct provider *p, const char *subject, const char *identifier, enum enroll_code code, const char *rule)
{
	struct visit v;

	ok(come(&v, p, subject, identifier, NULL) == RC_FORBIDDEN && v.code == code, "%s", rule);
	testing_free(&v.c);
}

static void
accepted(const struct provider *p, const char *subject, const char *identifier, const char *account, const char *rule)
{
	struct visit v;

	ok(come(&v, p, subject, identifier, NULL) == RC_OK && strcmp(v.account.user_identifier, account) == 0, "%s",
	    rule);
	testing_free(&v.c);
}

static void
local(const char *identifier, const char *password_hash)
{
	struct call c = call();
	struct account a = { .user_identifier = identifier, .password_hash = password_hash };

	ok(account_add(&c, &a) == RC_OK, "%s is added", identifier);
	testing_free(&c);
}

/* Ann is renamed at the provider: what is hers here stays hers. */
static void
named(const struct provider *p)
{
	struct idp_person who = { .subject = "1", .user_identifier = "ann.c@c.example", .display_name = "Ann C" };
	struct call c = call();
	struct account before, a;
	enum enroll_code code;

	ok(account_find(&c, "ann.b@c.example", &before) == RC_OK && before.display_name == NULL, "Ann has no name yet");
	ok(idp_account(&c, p, &who, &a, &code) == RC_OK && strcmp(a.id, before.id) == 0, "she is the same person");
	is_str(a.display_name, "Ann C", "her name is the provider's");
	is_str(
	    a.managed_apple_account, "ann.c@c.example", "the Managed Apple Account goes along where it was the same");
	who.managed_apple_account = "ann@appleid.c.example";
	ok(idp_account(&c, p, &who, &a, &code) == RC_OK, "with a template it is");
	is_str(a.managed_apple_account, "ann@appleid.c.example", "what the template says");
	who = (struct idp_person){ .subject = "1c", .user_identifier = "kept@c.example", .display_name = "Other" };
	before = (struct account){ .user_identifier = "kept@c.example", .display_name = "Kept", .source = "scim" };
	ok(account_add(&c, &before) == RC_OK && idp_account(&c, p, &who, &a, &code) == RC_OK, "SCIM made somebody");
	is_str(a.display_name, "Kept", "whose name the directory says");
	testing_free(&c);
}

static void
people(const struct provider *p)
{
	static const char *const groups[] = { "staff", NULL }, *const odd[] = { "a\nb", NULL };
	struct account a;
	struct call c;
	struct visit v;

	accepted(p, "1", "ann@c.example", "ann@c.example", "somebody new is made");
	accepted(p, "1", "ann.b@c.example", "ann.b@c.example",
	    "Core 5.7: and known again by subject; the user identifier follows the claim");
	accepted(p, "1b", "bea@c.example", "bea@c.example", "another one");
	accepted(p, "1", "bea@c.example", "ann.b@c.example", "but not to one that is somebody else's");
	accepted(p, "1", "ann@other.example", "ann.b@c.example", "nor into another organization's domain");
	named(p);
	accepted(p, "1", "ann@c.example", "ann@c.example", "and back");
	refused(p, "2", "ann@c.example", EV_provider_account_taken,
	    "another subject that brings the same identifier is not that person");
	local("local@c.example", "$argon2id$");
	refused(p, "3", "local@c.example", EV_provider_account_taken,
	    "a claim that looks like an account with a password does not take it over");
	local("added@c.example", NULL);
	accepted(p, "4", "added@c.example", "added@c.example", "who was added without a password is linked");
	local("eve@other.example", NULL);
	refused(p, "5", "eve@other.example", EV_provider_person, "another organization's person stays theirs");
	refused(p, "6", "new@other.example", EV_provider_person, "and nobody is made there");
	refused(p, "7", "new@nowhere.example", EV_provider_person, "nor in a domain of nobody");

	ok(come(&v, p, "1", "ann@c.example", groups) == RC_OK && account_get(&v.c, v.account.id, &a) == RC_OK &&
		account_in_group(&a, "staff"),
	    "groups are set as the claim has them");
	testing_free(&v.c);
	ok(come(&v, p, "1", "ann@c.example", NULL) == RC_OK && account_get(&v.c, v.account.id, &a) == RC_OK &&
		account_in_group(&a, "staff"),
	    "and stay where it says nothing");
	testing_free(&v.c);
	ok(come(&v, p, "1", "ann@c.example", odd) == RC_OK, "a group's name that can't be ours keeps nobody out");

	c = call();
	ok(account_set_disabled(&c, v.account.id, true) == RC_OK, "somebody is disabled here");
	refused(p, "1", "ann@c.example", EV_signin_disabled, "and is not signed in, whatever the provider says");
	ok(account_remove(&c, v.account.id) == RC_OK, "somebody is removed");
	accepted(p, "1", "ann@c.example", "ann@c.example", "and is made anew when they come again");
	testing_free(&v.c);
	testing_free(&c);
}

static void
group_needed(struct provider *p)
{
	static const char *const staff[] = { "staff", NULL }, *const others[] = { "others", NULL };
	struct visit v;

	p->group_needed = "staff";
	ok(come(&v, p, "9", "tom@c.example", others) == RC_FORBIDDEN && v.code == EV_provider_group,
	    "who is not in the needed group is not let in");
	testing_free(&v.c);
	ok(come(&v, p, "9", "tom@c.example", staff) == RC_OK, "and is, when they are");
	testing_free(&v.c);
	p->group_needed = NULL;
}

/* A group's limits hold for its people where they are stricter than the provider's. */
static void
groups_hold(const struct provider *p)
{
	static const char *const temps[] = { "temps", "guests", NULL };
	struct provider theirs;
	struct visit v;
	struct call c;

	ok(come(&v, p, "7", "tim@c.example", temps) == RC_OK, "somebody of two groups");
	c = call();
	theirs = *p;
	ok(provider_narrow(&c, &theirs, v.account.id) == RC_OK && theirs.grace_s == p->grace_s &&
		theirs.longest_s == p->longest_s,
	    "without a policy the provider's settings hold");
	ok(policy_set(&c, "bag", "temps", POLICY_GRACE, "3600") == RC_OK &&
		policy_set(&c, "bag", "guests", POLICY_GRACE, "0") == RC_OK &&
		policy_set(&c, "bag", "guests", POLICY_LONGEST, "86400") == RC_OK &&
		policy_set(&c, "bag", "others", POLICY_LONGEST, "60") == RC_OK,
	    "groups get limits");
	theirs = *p;
	ok(provider_narrow(&c, &theirs, v.account.id) == RC_OK && theirs.grace_s == 0,
	    "of a person's groups the strictest grace holds, also none at all");
	ok(theirs.longest_s == 86400, "and the shortest time without a sign-in, where the provider has no limit");
	theirs = *p;
	theirs.grace_s = 0;
	ok(policy_set(&c, "bag", "guests", POLICY_GRACE, "none") == RC_OK &&
		provider_narrow(&c, &theirs, v.account.id) == RC_OK && theirs.grace_s == 0,
	    "no group is given more than the provider's");
	theirs.grace_s = 7200;
	ok(provider_narrow(&c, &theirs, v.account.id) == RC_OK && theirs.grace_s == 3600, "but less");
	testing_free(&c);
	testing_free(&v.c);
}

static void
known_only(struct provider *p)
{
	p->creates = false;
	refused(p, "8", "stranger@c.example", EV_provider_person_unknown,
	    "a provider that creates nobody lets no stranger in");
	accepted(p, "1", "ann@c.example", "ann@c.example", "but who is known");
}

static void
organization_gone(void)
{
	struct call c = call();
	struct provider q = { 0 };

	ok(organization_remove(&c, "bag") == RC_OK, "an organization is removed");
	ok(provider_for(&c, "bag", NULL, &q) == RC_NOT_FOUND, "with its providers: the next of its name trusts none");
	testing_free(&c);
}

int
main(void)
{
	static const char *const domains[] = { "a.example", "b.example", "c.example" }, *const others[] = {
		"other.example"
	};
	struct organization bag = { .id = "bag", .name = "Bag" }, other = { .id = "other", .name = "Other" };
	struct arena *a = arena_new(0);
	struct provider p;
	struct err e;
	struct call c;
	int from, to;

	testing_dir(dir);
	s = testing_store(":memory:");
	ok(store_migrate(s, &from, &to, &e) == RC_OK, "the schema is there");
	ok(keys_open(dir, &keys, &e) == RC_OK && keys_make_secret(keys, "seal", &e) == RC_OK, "and a key");
	conf_defaults(a, dir, &conf);
	c = call();
	ok(organization_add(&c, &bag, domains, 3) == RC_OK && organization_add(&c, &other, others, 1) == RC_OK,
	    "two organizations");
	presets(a);
	changes();
	ok(provider_for(&c, "bag", "ann@c.example", &p) == RC_OK, "there is a provider");
	people(&p);
	group_needed(&p);
	groups_hold(&p);
	known_only(&p);
	organization_gone();
	testing_free(&c);
	keys_close(keys);
	store_close(s);
	testing_rmtree(dir);
	arena_free(a);
	return done();
}
