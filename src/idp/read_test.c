/* Who somebody is by what an ID token says of them: each kind's claims, the administrator's mapping, and groups. */
#include "idp/read.h"

#include "config/config.h"
#include "fmt/json.h"
#include "keys/keys.h"
#include "store/testing.h"

static struct call c;
static enum enroll_code code;

static struct provider
of_kind(const char *kind)
{
	const struct provider_preset *preset = provider_preset(kind);

	return (struct provider){
		.id = "p",
		.kind = kind,
		.organization_id = "bag",
		.issuer = "https://idp.example.com",
		.user_claim = preset->user_claim,
		.groups_claim = preset->groups_claim,
		.directory = preset->directory,
	};
}

static enum rc
read_claims(const struct provider *p, const char *claims, struct idp_person *out)
{
	struct id_token token = { .sub = "1" };
	json_t *j = NULL;

	code = EV_signin_ok;
	if (json_parse(c.arena, bytes_str(claims), &j, &c.err) != RC_OK)
		printf("# %s\n", c.err.text);
	token.claims = j;
	return idp_read_person(&c, p, &token, out, &code);
}

/* `user` NULL: refused, as nobody who can be a person here. */
static void
is_read(const struct provider *p, const char *claims, const char *user, const char *rule)
{
	struct idp_person who = { 0 };
	enum rc rc = read_claims(p, claims, &who);

	if (user == NULL)
		ok(rc == RC_FORBIDDEN && code == EV_provider_person, "%s", rule);
	else
		is_str(rc == RC_OK ? who.user_identifier : c.err.text, user, rule);
}

static void
identifiers(void)
{
	struct provider p = of_kind("entra");

	is_read(&p, "{\"preferred_username\":\"Ann@A.example\",\"upn\":\"other@a.example\"}", "ann@a.example",
	    "Entra ID: preferred_username, folded");
	is_read(&p, "{\"preferred_username\":\"+49 30 1234\",\"upn\":\"ann@a.example\"}", "ann@a.example",
	    "upn, where preferred_username is a telephone number");
	is_read(&p, "{\"upn\":\"ann@a.example\",\"oid\":\"00000000-0000-0000-0000-000000000001\"}", "ann@a.example",
	    "upn, where there is no preferred_username");
	is_read(&p, "{\"oid\":\"00000000-0000-0000-0000-000000000001\"}", NULL,
	    "oid alone is nobody: no domain says whose it is");
	is_read(&p, "{\"preferred_username\":17,\"upn\":[\"ann@a.example\"]}", NULL,
	    "and claims of another type say nothing");
	p.domain = "a.example";
	is_read(&p, "{\"oid\":\"0A-1\"}", "0a-1@a.example", "with a domain, oid is the name in it");
	is_read(
	    &p, "{\"preferred_username\":\"ann@b.example\"}", NULL, "somebody of another domain than the provider's");
	is_read(&p, "{\"preferred_username\":\"ann@b.example\",\"oid\":\"0a-1\"}", NULL,
	    "and oid does not make them one of its own");
	p = of_kind("entra");
	p.user_claim = "email";
	is_read(&p, "{\"upn\":\"ann@a.example\",\"preferred_username\":\"ann@a.example\"}", NULL,
	    "a claim that the administrator chose has no stand-in");
	is_read(&p, "{\"email\":\"ann@a.example\"}", "ann@a.example",
	    "Entra ID says email_verified of nobody: who chose its email trusts the directory");

	p = of_kind("google");
	is_read(
	    &p, "{\"email\":\"ann@a.example\",\"email_verified\":true}", "ann@a.example", "Google: email, verified");
	is_read(&p, "{\"email\":\"ann@a.example\",\"email_verified\":false}", NULL, "and not one that nobody checked");
	is_read(&p, "{\"email\":\"ann@a.example\",\"email_verified\":\"true\"}", NULL, "a text is not true");
	is_read(&p, "{\"email\":\"ann@a.example\"}", NULL, "nor is what is not there");
	p = of_kind("oidc");
	p.user_claim = "sub_name";
	is_read(&p, "{\"sub_name\":\"ann@a.example\"}", "ann@a.example",
	    "another claim than email needs no email_verified");
	is_read(&p, "{\"sub_name\":\"ann\"}", NULL, "a name without a domain is no user identifier");
}

static void
mapping(void)
{
	struct provider p = of_kind("entra");
	struct idp_person who;

	p.apple_account = "{local}.{dept}@appleid.{domain}";
	ok(read_claims(&p, "{\"upn\":\"Ann@a.example\",\"dept\":\"it\",\"name\":\"Ann\",\"sid\":\"s1\"}", &who) ==
		RC_OK,
	    "a template is filled in");
	is_str(who.managed_apple_account, "ann.it@appleid.a.example", "with the parts of the identifier, and claims");
	is_str(who.display_name, "Ann", "the name comes along");
	is_str(who.sid, "s1", "and the session's, for back-channel logout");
	is_read(&p, "{\"upn\":\"ann@a.example\"}", NULL, "a claim of the template is missing");
	is_read(&p, "{\"upn\":\"ann@a.example\",\"dept\":7}", NULL, "or no text");
	p.apple_account = "{user";
	is_read(&p, "{\"upn\":\"ann@a.example\"}", NULL, "a template that does not end is no name");
	p.apple_account = NULL;
	ok(read_claims(&p, "{\"upn\":\"ann@a.example\",\"name\":\"Ann\\nstate: admin\"}", &who) == RC_OK &&
		who.display_name == NULL && who.managed_apple_account == NULL,
	    "a name of two lines is none");
}

static int
count(const char *const *groups)
{
	int n = 0;

	while (groups != NULL && groups[n] != NULL)
		n++;
	return groups != NULL ? n : -1;
}

static void
groups(void)
{
	struct idp_tokens tokens = { .access_token = NULL };
	struct provider p = of_kind("entra");
	struct idp_person who;
	struct idp *idp = idp_new();

	read_claims(&p, "{\"upn\":\"ann@a.example\",\"groups\":[\"g1\",\"\",7,\"g2\"]}", &who);
	ok(count(who.groups) == 2 && strcmp(who.groups[1], "g2") == 0 && !who.groups_elsewhere,
	    "groups are the claim's texts");
	read_claims(&p, "{\"upn\":\"ann@a.example\"}", &who);
	ok(who.groups == NULL && !who.groups_elsewhere, "without the claim they stay as they are");
	p.group_needed = "staff";
	read_claims(&p, "{\"upn\":\"ann@a.example\"}", &who);
	ok(count(who.groups) == 0, "but where one is needed, nobody stays in by leaving the claim out");
	p.group_needed = NULL;
	read_claims(&p,
	    "{\"upn\":\"ann@a.example\",\"_claim_names\":{\"groups\":\"src1\"},\"_claim_sources\":{\"src1\":"
	    "{\"endpoint\":\"https://evil.example\"}}}",
	    &who);
	ok(who.groups == NULL && who.groups_elsewhere, "_claim_names: too many groups for the token");
	read_claims(&p, "{\"upn\":\"ann@a.example\",\"hasgroups\":true,\"groups\":[\"g1\"]}", &who);
	ok(who.groups == NULL && who.groups_elsewhere, "hasgroups: likewise, and what is listed beside it is not all");
	ok(idp_read_groups(idp, &c, &p, &tokens, &who) == RC_OK && strstr(who.groups_unknown, "access token") != NULL,
	    "the directory can't be asked without an access token");
	read_claims(&p, "{\"upn\":\"ann@a.example\",\"hasgroups\":true}", &who);
	p.directory = "none";
	ok(idp_read_groups(idp, &c, &p, &tokens, &who) == RC_OK && strstr(who.groups_unknown, "no directory") != NULL &&
		who.groups == NULL,
	    "nor where the administrator wants none to be asked");
	read_claims(&p, "{\"upn\":\"ann@a.example\",\"hasgroups\":true}", &who);
	tokens.access_token = "at";
	p.directory = "http://127.0.0.1:1";
	p.issuer = "http://127.0.0.1:1";
	ok(idp_read_groups(idp, &c, &p, &tokens, &who) == RC_OK && who.groups_unknown != NULL && who.groups == NULL,
	    "a directory that does not answer is no refusal: the groups stay as they are, and why is kept");
	read_claims(&p, "{\"upn\":\"ann@a.example\",\"hasgroups\":\"true\",\"groups\":[\"g1\"]}", &who);
	ok(count(who.groups) == 1 && !who.groups_elsewhere, "hasgroups is true or nothing");
	p = of_kind("google");
	read_claims(
	    &p, "{\"email\":\"ann@a.example\",\"email_verified\":true,\"groups\":[\"g1\"],\"hasgroups\":true}", &who);
	ok(who.groups == NULL && !who.groups_elsewhere, "Google has no groups, whatever a token says");
	idp_free(idp);
}

static void
kept(void)
{
	struct provider p = of_kind("oidc");
	struct bytes sealed;
	const char *token = NULL;
	bool within = true, differ = false;

	ok(idp_seal(&c, NULL, &sealed) == RC_OK && sealed.p == NULL, "no refresh token is no seal");
	ok(idp_seal(&c, "refresh", &sealed) == RC_OK && memmem(sealed.p, sealed.n, "refresh", 7) == NULL &&
		idp_unseal(&c, sealed, &token) == RC_OK,
	    "a refresh token is sealed");
	is_str(token, "refresh", "and comes out as it was");

	p.interval_s = 1000;
	p.spread = 20;
	for (int i = 0; i < 200; i++) {
		int64_t in = idp_next(&c, &p) - c.now;

		within = within && in > 800 && in <= 1000;
		differ = differ || in != idp_next(&c, &p) - c.now;
	}
	ok(within && differ, "the next question comes within the last fifth of the interval");
	p.spread = 0;
	ok(idp_next(&c, &p) == c.now + 1000, "without a spread, at its end");
}

int
main(void)
{
	struct store *s = testing_store(":memory:");
	struct conf conf;
	struct keys *keys = NULL;
	char dir[64];
	struct err e;
	int from, to;

	testing_dir(dir);
	ok(store_migrate(s, &from, &to, &e) == RC_OK && keys_open(dir, &keys, &e) == RC_OK &&
		keys_make_secret(keys, "seal", &e) == RC_OK,
	    "a store and a key");
	c = testing_call(s);
	conf_defaults(c.arena, dir, &conf);
	c.keys = keys;
	c.conf = &conf;
	identifiers();
	mapping();
	groups();
	kept();
	testing_free(&c);
	keys_close(keys);
	store_close(s);
	testing_rmtree(dir);
	return done();
}
