/* People, organizations, and the throttle of failed passwords. */
#include "account/account.h"

#include <pthread.h>
#include <stdlib.h>

#include "account/logo.h"
#include "account/organization.h"
#include "account/throttle.h"
#include "base/tap.h"
#include "crypto/x509.h"
#include "fmt/base64.h"
#include "store/migrate.h"
#include "store/testing.h"

static const char *const domains[] = { "Example.com", "example.org" };

static enum rc
make(struct call *c, const char *id, const char *const *names, int n)
{
	struct organization o = { .id = id, .name = "Better Bag", .lab = true };

	return organization_add(c, &o, names, n);
}

static void
slugs(struct call *c)
{
	is_str(organization_slug(c->arena, "Better Bag"), "better-bag", "a name becomes an id for paths");
	is_str(organization_slug(c->arena, "  Müller & Söhne, GmbH. "), "m-ller-s-hne-gmbh",
	    "what is not a letter or digit of ASCII is a hyphen, never two");
	is_str(organization_slug(c->arena, "日本"), "organization", "a name without any such letter still gets an id");
	ok(strlen(organization_slug(c->arena, "abcdefghij abcdefghij abcdefghij abcdefghij abcdefghij")) <= 40,
	    "an id has 40 characters at most");
}

/* Heads of images; what follows them is nobody's business here. */
static struct bytes
image(struct call *c, const char *kind, unsigned width, unsigned height)
{
	static const char jfif[] = "\xff\xd8\xff\xe0\0\4ab\xff\xc4\0\3x\xff\xc0\0\x11\x08";
	static const char png[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0";
	bool is_png = strcmp(kind, "png") == 0;
	size_t n = is_png ? sizeof png - 1 : sizeof jfif - 1;
	uint8_t *p = arena_alloc(c->arena, 64);

	memcpy(p, is_png ? png : jfif, n);
	p[n + (is_png ? 0 : 2)] = (uint8_t)(width >> 8);
	p[n + (is_png ? 1 : 3)] = (uint8_t)width;
	p[n + (is_png ? 4 : 0)] = (uint8_t)(height >> 8);
	p[n + (is_png ? 5 : 1)] = (uint8_t)height;
	return bytes_of(p, 64);
}

static void
looks(struct call *c)
{
	struct organization o;
	struct logo logo, got;
	struct bytes b;

	ok(organization_set(c, "bag", "colour", "#0a5") == RC_OK && organization_get(c, "bag", &o) == RC_OK &&
		o.colour != NULL && strcmp(o.colour, "#0a5") == 0 && o.logo == NULL,
	    "a colour is kept");
	ok(organization_set(c, "bag", "colour", "red;}") == RC_BAD_INPUT, "what is no colour is refused");
	ok(organization_set(c, "bag", "colour", "none") == RC_OK && organization_get(c, "bag", &o) == RC_OK &&
		o.colour == NULL,
	    "none takes it away");
	ok(logo_set(c, "bag", image(c, "png", 64, 48), &logo) == RC_OK && strcmp(logo.type, "image/png") == 0,
	    "a PNG is a logo");
	ok(logo_set(c, "bag", image(c, "jpeg", 64, 48), &logo) == RC_OK && strcmp(logo.type, "image/jpeg") == 0,
	    "so is a JPEG");
	ok(organization_get(c, "bag", &o) == RC_OK && o.logo != NULL && strcmp(o.logo, logo.digest) == 0,
	    "the newer one is the organization's");
	ok(logo_get(c, "bag", logo.digest, &got) == RC_OK && got.content.n == 64, "and is found by its digest");
	ok(logo_get(c, "other", logo.digest, &got) == RC_NOT_FOUND, "which is of one organization only");
	ok(logo_set(c, "bag", image(c, "png", 31, 64), &logo) == RC_BAD_INPUT &&
		logo_set(c, "bag", image(c, "jpeg", 64, 2049), &logo) == RC_BAD_INPUT,
	    "a side that is too short or too long is refused");
	ok(logo_set(c, "bag", bytes_str("<svg xmlns=\"http://www.w3.org/2000/svg\"/>"), &logo) == RC_BAD_INPUT &&
		logo_set(c, "bag", bytes_str(""), &logo) == RC_BAD_INPUT &&
		logo_set(c, "bag", bytes_of("\xff\xd8\xff\xff\0\0\0\0\0\0\0\0", 12), &logo) == RC_BAD_INPUT,
	    "what is neither PNG nor JPEG is refused");
	b = bytes_of(arena_alloc(c->arena, LOGO_MAX + 1), LOGO_MAX + 1);
	ok(logo_set(c, "bag", b, &logo) == RC_TOO_LARGE, "so is what is too large");
	ok(logo_clear(c, "bag") == RC_OK && organization_get(c, "bag", &o) == RC_OK && o.logo == NULL,
	    "a logo is taken away");
}

static void
organizations(struct call *c)
{
	static const char *const taken[] = { "new.example", "example.org" };
	static const char *const wrong[] = { "localhost" };
	struct organization o, *all;
	struct domain *d;
	struct db_rows r;
	int n = 0;

	ok(make(c, "bag", domains, 2) == RC_OK, "an organization is added with its domains");
	ok(organization_get(c, "bag", &o) == RC_OK && strcmp(o.name, "Better Bag") == 0, "and is found by id");
	ok(o.access_token_life_s == 3600 && o.refresh_idle_s == 90 * 86400 && o.refresh_max_s == 365 * 86400 &&
		o.web_token_life_s == 30 * 86400,
	    "token lives are the defaults: 1 h, 90 d, 1 y, 30 d");
	ok(o.access_rights == 8191, "an ADDE profile asks for every right unless told otherwise");
	ok(organization_by_domain(c, "EXAMPLE.com", &o) == RC_OK, "domains are found in any case");
	ok(organization_by_domain(c, "example.net", &o) == RC_NOT_FOUND, "an unknown domain is nobody's");
	ok(make(c, "bag", domains, 0) == RC_CONFLICT, "an id is taken once");
	ok(make(c, "other", taken, 2) == RC_CONFLICT, "a domain is taken once");
	ok(organization_get(c, "other", &o) == RC_NOT_FOUND && organization_by_domain(c, "new.example", &o) != RC_OK,
	    "and nothing of the refused organization is kept");
	ok(make(c, "other", wrong, 1) == RC_BAD_INPUT, "a domain is a fully qualified name (protocol 2.1)");
	ok(make(c, "Bad Id", domains, 0) == RC_BAD_INPUT, "an id has a-z, 0-9 and - only");
	ok(domain_list(c, "bag", &d, &n) == RC_OK && n == 2 && strcmp(d[0].name, "example.com") == 0,
	    "domains are stored in lower case");
	ok(organization_list(c, &all, &n) == RC_OK && n == 1, "organizations are listed");

	store_run(
	    c, "SELECT model_family, outcome FROM rule WHERE organization_id = 'bag' ORDER BY position", DB_NONE, &r);
	ok(r.rows == 7 && strcmp(db_get_text(&r, 3, 0), "Mac") == 0 && strcmp(db_get_text(&r, 3, 1), "adde") == 0 &&
		db_is_null(&r, 6, 0) && strcmp(db_get_text(&r, 6, 1), "byod") == 0,
	    "a new organization has visible last rules");
}

static void
settings(struct call *c)
{
	static const struct {
		const char *key, *value;
		enum rc want;
	} cases[] = {
		{ "name", "Best Bag", RC_OK },
		{ "name", "", RC_BAD_INPUT },
		{ "topic", "com.apple.mgmt.External.x", RC_OK },
		{ "identity-proof", "mtls", RC_OK },
		{ "identity-proof", "trust-me", RC_BAD_INPUT },
		{ "device-ca-mode", "warn", RC_OK },
		{ "device-ca-ignore-times", "yes", RC_OK },
		{ "access-rights", "8192", RC_BAD_INPUT },
		{ "access-rights", "0x10", RC_BAD_INPUT },
		{ "access-token-life", "600", RC_OK },
		{ "access-token-life", "-1", RC_BAD_INPUT },
		{ "web-token-life", "86400", RC_OK },
		{ "colour", "blue", RC_BAD_INPUT },
	};
	struct organization o;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		ok(organization_set(c, "bag", cases[i].key, cases[i].value) == cases[i].want, "org set %s %s: %s",
		    cases[i].key, cases[i].value, rc_name(cases[i].want));
	ok(organization_set(c, "nobody", "lab", "no") == RC_NOT_FOUND,
	    "a setting of an unknown organization is refused");
	organization_get(c, "bag", &o);
	ok(strcmp(o.name, "Best Bag") == 0 && strcmp(o.identity_proof, "mtls") == 0 && o.device_ca_ignore_times &&
		o.access_token_life_s == 600 && o.web_token_life_s == 86400,
	    "what was set is read back");
}

static void
domains_and_pool(struct call *c)
{
	struct x509_template t = { .subject = { .cn = "Test Device CA" },
		.not_after = 2000000000,
		.is_ca = true,
		.key_usage = X509_USE_CERT_SIGN };
	struct bytes key, spki, cert, *pool;
	int n = 0;

	ok(domain_add(c, "bag", "Third.example") == RC_OK, "a domain is added later");
	ok(domain_add(c, "bag", "third.example") == RC_CONFLICT, "once");
	ok(domain_add(c, "nobody", "fourth.example") == RC_NOT_FOUND, "to an organization there is");
	ok(domain_remove(c, "bag", "THIRD.example") == RC_OK, "and removed");
	ok(domain_remove(c, "bag", "third.example") == RC_NOT_FOUND, "once");

	x509_key_new(c->arena, X509_P256, &key, &c->err);
	x509_key_public(c->arena, key, &spki, &c->err);
	x509_issue(c->arena, &t, spki, (struct bytes){ 0 }, key, &cert, &c->err);
	ok(trust_add(c, TRUST_DEVICE, "bag", cert) == RC_OK && trust_add(c, TRUST_DEVICE, "bag", cert) == RC_OK,
	    "S-09: the device CA pool takes a certificate; the same again changes nothing");
	ok(trust_pool(c, TRUST_DEVICE, "bag", &pool, &n) == RC_OK && n == 1 && bytes_eq(pool[0], cert),
	    "and gives it back");
	ok(trust_add(c, TRUST_DEVICE, "bag", bytes_str("nonsense")) == RC_BAD_INPUT,
	    "what is no certificate is refused");
	ok(trust_clear(c, TRUST_DEVICE, "bag") == RC_OK && trust_pool(c, TRUST_DEVICE, "bag", &pool, &n) == RC_OK &&
		n == 0,
	    "the pool can be emptied");
}

static const char *hash; /* of "correct horse" */

static enum rc
person(struct call *c, const char *identifier, const char *const *groups, struct account *out)
{
	*out = (struct account){ .user_identifier = identifier, .password_hash = hash, .groups = groups };
	return account_add(c, out);
}

/* Whom a search finds: identifiers, with a comma between. */
static const char *
found(struct call *c, const char *search)
{
	const char *names = "";
	struct account *list;
	int n;

	if (account_list(c, NULL, search, NULL, 500, &list, &n) != RC_OK)
		return c->err.text;
	for (int i = 0; i < n; i++)
		names = arena_printf(c->arena, "%s%s%s", names, i > 0 ? "," : "", list[i].user_identifier);
	return names;
}

static void
searches(struct call *c)
{
	struct account both = { .user_identifier = "zoe.van-dam@example.com",
		.managed_apple_account = "zvd@appleid.example.com",
		.display_name = "Zoë (O'Brien) van Dam; 100% Ökotest" };
	struct account other = { .user_identifier = "dam@example.org", .display_name = "Zoltan Vance" };
	char words[1000];

	ok(account_add(c, &both) == RC_OK && account_add(c, &other) == RC_OK, "two people are added");
	is_str(
	    found(c, "dam"), "dam@example.org,zoe.van-dam@example.com", "a search finds any word's beginning, sorted");
	is_str(found(c, "BRIEN"), "zoe.van-dam@example.com", "in any case, behind any mark");
	is_str(found(c, "zvd"), "zoe.van-dam@example.com", "in the Managed Apple Account, too");
	is_str(found(c, "appleid.exam"), "zoe.van-dam@example.com", "and an address in its middle");
	is_str(found(c, "\u00d6ko"), "zoe.van-dam@example.com", "letters beyond ASCII are letters");
	is_str(found(c, "dam brien"), "zoe.van-dam@example.com", "of several words each has to be found");
	is_str(found(c, "van zo"), "dam@example.org,zoe.van-dam@example.com", "in any order");
	is_str(found(c, "am"), "", "a word's middle finds nobody");
	is_str(found(c, "zo%"), "dam@example.org,zoe.van-dam@example.com", "what LIKE would take for a sign is none");
	is_str(found(c, "z_lt"), "", "nor this one");
	is_str(found(c, "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21"), "a search has 20 words at most",
	    "and too many words are refused, with the limit");
	ok(account_rename(c, &other, "lena@example.org", NULL) == RC_OK, "one gets another identifier");
	is_str(found(c, "lena"), "lena@example.org", "by which they are found");
	is_str(found(c, "dam"), "zoe.van-dam@example.com", "and not by that of before");
	ok(account_set_name(c, other.id, "Ruth") == RC_OK, "and another name");
	is_str(found(c, "ruth"), "lena@example.org", "by which they are found");
	is_str(found(c, "vance"), "", "and not by that of before");

	/* The migration makes the same of what is there. */
	snprintf(words, sizeof words, "%s", found(c, "e"));
	testing_run(c->store, "UPDATE account SET words = ''");
	is_str(found(c, "e"), "", "people without words are not found");
	for (int i = 0; i < store_migrations_n; i++) {
		const char *sql = strstr(store_migrations[i].sql, "WITH RECURSIVE cut"), *end = sql;

		if (sql == NULL)
			continue;
		while (strncmp(end, ";\n", 2) != 0)
			end++;
		testing_run(c->store, arena_strndup(c->arena, sql, (size_t)(end - sql)));
	}
	is_str(found(c, "e"), words, "the migration gives them to who was there before");
	is_str(found(c, "brien 100 \u00f6ko appleid"), "", "of letters beyond ASCII the case counts");
	is_str(found(c, "brien 100 \u00d6ko appleid"), "zoe.van-dam@example.com", "with all their words");
	ok(account_remove(c, both.id) == RC_OK && account_remove(c, other.id) == RC_OK, "both are removed");
}

static void
people(struct call *c)
{
	static const char *const groups[] = { "staff", "design", NULL }, *const fewer[] = { "staff", NULL };
	struct account a, b, *list;
	int n;

	ok(person(c, "Ann@Example.com", groups, &a) == RC_OK, "a person is added");
	is_str(a.organization_id, "bag", "the domain says whose");
	is_str(a.user_identifier, "ann@example.com", "identifiers are kept in lower case");
	is_str(a.managed_apple_account, "ann@example.com", "the Managed Apple Account is the identifier unless told");
	ok(person(c, "ANN@example.COM", NULL, &b) == RC_CONFLICT, "once, whatever the case");
	ok(person(c, "ann@elsewhere.example", NULL, &b) == RC_NOT_FOUND, "a domain that is nobody's has no people");
	ok(person(c, "ann", NULL, &b) == RC_BAD_INPUT, "an identifier is user@domain (protocol 2.1)");
	b = (struct account){ .user_identifier = "x@example.com", .organization_id = "other" };
	ok(account_add(c, &b) == RC_NOT_FOUND, "a person is not added to another organization than the domain's");
	ok(account_find(c, "ANN@example.com", &b) == RC_OK && strcmp(b.id, a.id) == 0, "a person is found in any case");
	ok(strcmp(b.groups[0], "design") == 0 && strcmp(b.groups[1], "staff") == 0 && b.groups[2] == NULL,
	    "groups come sorted");
	ok(account_in_group(&b, "design") && !account_in_group(&b, "sales"), "membership is asked by name");
	ok(account_set_groups(c, a.id, fewer) == RC_OK && account_get(c, a.id, &b) == RC_OK &&
		!account_in_group(&b, "design") && account_in_group(&b, "staff"),
	    "setting groups replaces them");
	person(c, "bob@example.org", groups, &b);
	ok(account_list(c, "bag", NULL, NULL, 500, &list, &n) == RC_OK && n == 2 &&
		account_in_group(&list[1], "design") && !account_in_group(&list[0], "design"),
	    "a page has each person with their own groups");
	ok(account_list(c, NULL, NULL, "ann@example.com", 500, &list, &n) == RC_OK && n == 1 &&
		strcmp(list[0].id, b.id) == 0,
	    "the next page begins after the last identifier");
	account_set_name(c, b.id, "Eliza_ Block");
	ok(account_list(c, "bag", "AN", NULL, 500, &list, &n) == RC_OK && n == 1 && strcmp(list[0].id, a.id) == 0 &&
		account_list(c, NULL, "eliza_", NULL, 500, &list, &n) == RC_OK && n == 1 &&
		strcmp(list[0].id, b.id) == 0 && account_in_group(&list[0], "design") &&
		account_list(c, NULL, "eliza_", "bob@example.org", 500, &list, &n) == RC_OK && n == 0,
	    "people are found by the beginning of their identifier or their name, in any case");
	ok(account_list(c, "other", "a", NULL, 500, &list, &n) == RC_OK && n == 0 &&
		account_list(c, "bag", "liza", NULL, 500, &list, &n) == RC_OK && n == 0 &&
		account_list(c, "bag", "%", NULL, 500, &list, &n) == RC_OK && n == 0,
	    "in their organization, and by nothing but the beginning");
	ok(account_remove(c, b.id) == RC_OK && account_get(c, b.id, &b) == RC_NOT_FOUND, "a person can be removed");
	ok(account_remove(c, "nobody") == RC_NOT_FOUND && account_set_disabled(c, "nobody", true) == RC_NOT_FOUND,
	    "what nobody has can't be changed");
}

static enum rc
sign_in(struct call *c, const char *who, const char *password, const char *address, int *wait_s)
{
	struct account a;
	enum rc rc;

	*wait_s = 0;
	rc = account_sign_in(c, NULL, who, password, address, &a, wait_s);
	return rc == RC_OK ? account_signed_in(c, who) : rc;
}

static void
signing_in(struct call *c)
{
	struct account a;
	int wait_s;

	account_find(c, "ann@example.com", &a);
	ok(sign_in(c, "Ann@example.com", "correct horse", "192.0.2.1", &wait_s) == RC_OK,
	    "the right password signs in");
	ok(sign_in(c, "ann@example.com", "wrong", "192.0.2.1", &wait_s) == RC_FORBIDDEN, "a wrong one does not");
	ok(sign_in(c, "nobody@example.com", "wrong", "192.0.2.1", &wait_s) == RC_FORBIDDEN,
	    "an unknown person gets the same answer");
	account_set_disabled(c, a.id, true);
	ok(sign_in(c, "ann@example.com", "correct horse", "192.0.2.1", &wait_s) == RC_FORBIDDEN,
	    "a disabled person gets the same answer");
	account_set_disabled(c, a.id, false);
	ok(sign_in(c, "ann@example.com", "correct horse", "192.0.2.1", &wait_s) == RC_OK,
	    "enabled again, they sign in");
	account_set_password(c, a.id, NULL);
	ok(sign_in(c, "ann@example.com", "correct horse", "192.0.2.1", &wait_s) == RC_FORBIDDEN,
	    "without a local password nobody signs in");
	account_set_password(c, a.id, hash);
}

static void
waits(struct call *c)
{
	struct account a;
	int wait_s;

	ok(throttle_wait(5, 5) == 0 && throttle_wait(6, 5) == 5 && throttle_wait(7, 5) == 10 &&
		throttle_wait(12, 5) == 320 && throttle_wait(14, 5) == 900 && throttle_wait(INT64_MAX, 5) == 900,
	    "each failure beyond the fifth doubles the wait, up to 15 minutes");

	for (int known = 0; known < 2; known++) {
		const char *who = known ? "ann@example.com" : "ghost@example.com";
		int tried = 0;

		while (
		    tried < 50 && sign_in(c, who, "wrong", known ? "192.0.2.9" : "192.0.2.10", &wait_s) == RC_FORBIDDEN)
			tried++;
		ok(tried == 6 && wait_s == 5, "%s person is throttled after the sixth failure in a row",
		    known ? "a known" : "an unknown");
		ok(sign_in(c, who, "correct horse", "198.51.100.7", &wait_s) == RC_TOO_LARGE,
		    "from any address, also with the right password");
	}
	c->now += 5;
	ok(sign_in(c, "ann@example.com", "correct horse", "192.0.2.9", &wait_s) == RC_OK,
	    "after the wait it works again");
	ok(sign_in(c, "ann@example.com", "wrong", "192.0.2.9", &wait_s) == RC_FORBIDDEN &&
		sign_in(c, "ann@example.com", "wrong", "192.0.2.9", &wait_s) == RC_FORBIDDEN,
	    "and a success starts the count anew");

	account_find(c, "ann@example.com", &a);
	for (int i = 0; i < 6; i++)
		sign_in(c, "ann@example.com", "wrong", "192.0.2.11", &wait_s);
	ok(sign_in(c, "ann@example.com", "correct horse", "192.0.2.12", &wait_s) == RC_TOO_LARGE, "throttled again");
	account_set_password(c, a.id, hash);
	ok(sign_in(c, "ann@example.com", "correct horse", "192.0.2.12", &wait_s) == RC_OK,
	    "a new password ends the wait");
}

static void
addresses(struct call *c)
{
	struct throttle a = throttle_of(c->arena, "x", "2001:db8:1:2::1"),
			b = throttle_of(c->arena, "x", "2001:db8:1:2:ffff::9"),
			other = throttle_of(c->arena, "x", "2001:db8:1:3::1"),
			mapped = throttle_of(c->arena, "x", "::ffff:192.0.2.1"),
			plain = throttle_of(c->arena, "x", "192.0.2.1");
	int wait_s, tried = 0;
	enum rc rc;

	ok(strcmp(a.address, b.address) == 0 && strcmp(a.address, other.address) != 0, "IPv6 counts by /64");
	ok(strcmp(mapped.address, plain.address) == 0, "IPv4 inside IPv6 counts as IPv4");

	do {
		rc =
		    sign_in(c, arena_printf(c->arena, "guess%d@example.com", tried++), "wrong", "203.0.113.5", &wait_s);
	} while (rc == RC_FORBIDDEN && tried < 60);
	ok(rc == RC_TOO_LARGE && tried == 22, "an address is throttled after its 21st failure, whoever is guessed");
	ok(sign_in(c, "ann@example.com", "correct horse", "203.0.113.6", &wait_s) == RC_OK, "other addresses go on");
	c->now += 5;
	ok(sign_in(c, "ann@example.com", "correct horse", "203.0.113.5", &wait_s) == RC_OK,
	    "after the wait it may try");
	sign_in(c, "guess99@example.com", "wrong", "203.0.113.5", &wait_s);
	ok(sign_in(c, "guess98@example.com", "wrong", "203.0.113.5", &wait_s) == RC_TOO_LARGE && wait_s == 10,
	    "a success of one's own does not clear an address's count");
	c->now += THROTTLE_FORGET;
	ok(sign_in(c, "guess98@example.com", "wrong", "203.0.113.5", &wait_s) == RC_FORBIDDEN, "a day forgets it");
	ok(testing_number(c->store, "SELECT count(*) FROM throttle") <= 4, "and clears old rows away");
}

struct racer {
	pthread_t thread;
	struct store *store;
	struct password_gate *gate;
	enum rc rc;
};

static void *
race(void *arg)
{
	struct racer *me = arg;
	struct call c = testing_call(me->store);
	struct account a;
	int wait_s;

	c.now += 10 * 86400;
	me->rc = account_sign_in(&c, me->gate, "racer@example.com", "wrong", "192.0.2.77", &a, &wait_s);
	testing_free(&c);
	return NULL;
}

static void
parallel(struct store *s)
{
	struct racer r[16];
	int tried = 0;

	for (int i = 0; i < 16; i++) {
		r[i] = (struct racer){ .store = s, .gate = NULL };
		pthread_create(&r[i].thread, NULL, race, &r[i]);
	}
	for (int i = 0; i < 16; i++) {
		pthread_join(r[i].thread, NULL);
		tried += r[i].rc == RC_FORBIDDEN;
	}
	ok(tried == 6, "tries in parallel get no more guesses than tries in a row (%d)", tried);
}

static void
busy(struct call *c)
{
	struct account a;
	int wait_s;

	c->now += 20 * 86400;
	/* A password that can't be checked at all stands in for a full line: both are not tried. */
	for (int i = 0; i < 10; i++) {
		struct throttle t = throttle_of(c->arena, "busy@example.com", "192.0.2.88");

		throttle_begin(c, &t, &wait_s);
		throttle_end(c, &t, false);
	}
	ok(account_sign_in(c, NULL, "busy@example.com", "wrong", "192.0.2.88", &a, &wait_s) == RC_FORBIDDEN,
	    "a try that was not made, since the line was full, does not count");
}

static void
removing(struct call *c)
{
	struct organization o;
	struct account a;

	store_run(c,
	    "INSERT INTO enrollment (id, organization_id, mode, account_id, attempt_id, state, topic, server_url,"
	    " check_in_url, assigned_managed_apple_id, per_user_connections, identity_proof, profile_identifier, "
	    "created_at)"
	    " VALUES ('e', 'bag', 'byod', 'a', 't', 'enrolled', '', '', '', '', 0, 'mtls', '', 1)",
	    DB_NONE, NULL);
	ok(organization_remove(c, "bag") == RC_CONFLICT, "an organization with enrolled devices stays");
	store_run(c, "UPDATE enrollment SET ended_at = 2", DB_NONE, NULL);
	ok(organization_remove(c, "bag") == RC_OK && organization_get(c, "bag", &o) == RC_NOT_FOUND &&
		account_find(c, "ann@example.com", &a) == RC_NOT_FOUND,
	    "without any it goes, and its people with it");
	ok(organization_remove(c, "bag") == RC_NOT_FOUND, "once");
}

int
main(void)
{
	struct store *s = testing_store(":memory:");
	struct call c = testing_call(s);
	char *text;
	int from, to;

	ok(store_migrate(s, &from, &to, &c.err) == RC_OK, "the schema is there");
	password_hash(NULL, c.arena, "correct horse", &text, &c.err);
	hash = text;
	slugs(&c);
	organizations(&c);
	looks(&c);
	settings(&c);
	domains_and_pool(&c);
	people(&c);
	searches(&c);
	signing_in(&c);
	waits(&c);
	addresses(&c);
	parallel(s);
	busy(&c);
	removing(&c);
	testing_free(&c);
	store_close(s);
	return done();
}
