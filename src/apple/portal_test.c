#include "apple/once.h"
#include "apple/portal.h"
#include "crypto/cms.h"
#include "crypto/testkit.h"
#include "fmt/base64.h"

static struct portal p;

static bool
begin(void)
{
	return portal_begin(a, dir, &p, &e) == RC_OK;
}

static void
test_file(void)
{
	const char *name;
	json_t *o;

	ok(begin() && portal_organization(&p, PORTAL_LABORATORY, false) != NULL,
	    "a portal has an organization from the start");
	o = portal_organization(&p, "Better Bag", true);
	json_object_set_new(portal_part(o, "domains"), "betterbag.com", json_true());
	json_object_set_new(portal_part(o, "domains"), "other.com", json_false());
	json_object_set_new(portal_part(o, "accounts"), "eliza@betterbag.com", json_pack("{s:s}", "kind", "manual"));
	ok(portal_commit(&p, &e) == RC_OK && begin(), "what was changed is written, and read again");
	o = portal_organization_of(&p, "betterbag.com", &name);
	ok(o != NULL && strcmp(name, "Better Bag") == 0, "an organization is found by a domain that it has verified");
	ok(portal_organization_of(&p, "other.com", &name) == NULL, "and not by one that it has not (protocol 2.6)");
	is_str(portal_word(portal_account(o, "Eliza@BetterBag.com"), "kind", portal_kinds), "manual",
	    "an account is found in any case");
	is_str(portal_word(o, "managed_accounts_on", portal_maid_policies), "any-device",
	    "what was never set is the first of its words");
	json_object_set_new(o, "managed_accounts_on", json_string("managed-devices"));
	portal_end(&p);
	ok(begin(), "without a commit");
	is_str(portal_word(portal_organization(&p, "Better Bag", false), "managed_accounts_on", portal_maid_policies),
	    "any-device", "nothing is written");
	portal_end(&p);
}

static void
test_server(void)
{
	struct pair rsa = make(X509_RSA_2048, &kit_ca, NULL), ec = make(X509_P256, &kit_ca, NULL);
	const char *uuid = NULL, *again, *text;
	struct bytes file = { 0 }, inner = { 0 };

	ok(begin() && portal_server_add(&p, "nobody", "mdm", rsa.cert, NOW, &uuid, &e) == RC_NOT_FOUND,
	    "a server belongs to an organization");
	ok(portal_server_add(&p, "Better Bag", "mdm", rsa.cert, NOW, &uuid, &e) == RC_OK &&
		portal_server_add(&p, "Better Bag", "mdm", rsa.cert, NOW, &again, &e) == RC_CONFLICT,
	    "and its name is taken once");
	ok(portal_server_by(&p, "name", "mdm", &again) != NULL && strcmp(uuid, again) == 0, "it is found by its name");
	ok(portal_server_token(&p, uuid, NOW, &file, &e) == RC_OK, "it has a token to be downloaded");
	text = strstr((const char *)file.p, "\n\n");
	ok(text != NULL &&
		cms_envelope_open(a, base64_decode(a, bytes_str(text), true), rsa.cert, rsa.key, &inner, &e) == RC_OK,
	    "which opens with the key of the certificate that was uploaded (protocol 2.7)");
	text = arena_strndup(a, (const char *)inner.p, inner.n);
	ok(strstr(text, "-----BEGIN MESSAGE-----") != NULL && strstr(text, "\"consumer_key\":\"CK_") != NULL &&
		strstr(text, "\"access_token_expiry\":\"2027-") != NULL,
	    "and has secrets, with their end, between the lines BEGIN and END MESSAGE");
	portal_server_certify(&p, uuid, ec.cert);
	ok(portal_server_token(&p, uuid, NOW, &file, &e) == RC_BAD_INPUT, "only an RSA key can be written to");
	portal_end(&p);
}

static void
test_once(void)
{
	struct once *o = once_new();

	ok(once_take(o, "n", 100, 200) && !once_take(o, "n", 199, 300), "what may come once comes once (RFC 5849 3.3)");
	ok(once_take(o, "m", 100, 200) && once_take(o, "n", 200, 300), "another is another, and time ends it");
	for (int i = 0; i < ONCE_MAX; i++)
		once_take(o, arena_printf(a, "%d", i), 200, 300);
	ok(once_take(o, "n", 201, 300), "no more than ONCE_MAX are remembered");
	once_free(o);
}

int
main(void)
{
	kit_start();
	test_file();
	test_server();
	test_once();
	return kit_end();
}
