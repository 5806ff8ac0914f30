/* The enrollment profile (protocol 5), and what can never change in it (5.6). */
#include "profile/identity.h"
#include "profile/profile.h"

#include "ca/ca.h"
#include "crypto/cms.h"
#include "enroll/testing.h"
#include "fmt/plist.h"

static struct enrollment
enrollment_of(const char *mode, const char *family)
{
	return (struct enrollment){ .id = "ENROLLMENT",
		.organization_id = "bag",
		.mode = mode,
		.family = family,
		.topic = "com.apple.mgmt.External.test",
		.server_url = "https://m/mdm/bag/command",
		.check_in_url = "https://m/mdm/bag/checkin",
		.assigned_managed_apple_id = "eliza@betterbag.com",
		.identity_proof = "signature",
		.profile_identifier = "postern.bag.enrollment",
		.access_rights = strcmp(mode, "byod") == 0 ? -1 : 8191,
		.per_user_connections = strcmp(family, "Mac") == 0 };
}

static plist_t
payload(struct call *c, plist_t profile, const char *type)
{
	plist_t content = plist_array(profile, "PayloadContent");

	for (uint32_t i = 0; i < plist_array_get_size(content); i++) {
		plist_t d = plist_array_get_item(content, i);

		if (strcmp(plist_text(c->arena, d, "PayloadType"), type) == 0)
			return d;
	}
	return NULL;
}

static bool
capable(plist_t mdm, const char *of)
{
	plist_t list = plist_array(mdm, "ServerCapabilities");

	for (uint32_t i = 0; i < plist_array_get_size(list); i++) {
		if (strcmp(plist_get_string_ptr(plist_array_get_item(list, i), NULL), of) == 0)
			return true;
	}
	return false;
}

static void
modes(struct scene *s, struct call *c)
{
	struct enrollment phone = enrollment_of("byod", "iPhone"), mac = enrollment_of("adde", "Mac");
	plist_t p = profile_build(c, &s->organization, &phone, "scep", "challenge"), mdm, scep;

	mdm = payload(c, p, "com.apple.mdm");
	scep = plist_dict(payload(c, p, "com.apple.security.scep"), "PayloadContent");
	is_str(plist_text(c->arena, mdm, "EnrollmentMode"), "BYOD", "S-18: EnrollmentMode is the discovery Version's");
	is_str(plist_text(c->arena, mdm, "AssignedManagedAppleID"), "eliza@betterbag.com",
	    "S-18: AssignedManagedAppleID is there");
	ok(!plist_has(mdm, "AccessRights"), "S-19: a BYOD profile has no AccessRights");
	ok(!plist_has(p, "PayloadRemovalDisallowed"), "S-19: and no PayloadRemovalDisallowed");
	ok(capable(mdm, "com.apple.mdm.token"), "S-20: com.apple.mdm.token is offered");
	ok(!capable(mdm, "com.apple.mdm.per-user-connections"), "S-20: no user channel to an iPhone");
	ok(plist_flag(mdm, "SignMessage", false) && plist_flag(mdm, "CheckOutWhenRemoved", false),
	    "bodies are signed, and leaving is told");
	is_str(plist_text(c->arena, mdm, "IdentityCertificateUUID"),
	    plist_text(c->arena, payload(c, p, "com.apple.security.scep"), "PayloadUUID"),
	    "the identity is the SCEP payload's");
	ok(plist_int(scep, "Keysize", 0) == 2048 && plist_int(scep, "Key Usage", 0) == 5, "RSA 2048, for both uses");
	is_str(plist_text(c->arena, scep, "URL"), "https://mdm.betterbag.com/scep/bag", "S-02: at an https URL");
	p = profile_build(c, &s->organization, &mac, "scep", "challenge");
	mdm = payload(c, p, "com.apple.mdm");
	is_str(plist_text(c->arena, mdm, "EnrollmentMode"), "ADDE", "S-18: a Mac's says ADDE");
	ok(plist_int(mdm, "AccessRights", 0) == 8191, "with its access rights");
	ok(capable(mdm, "com.apple.mdm.per-user-connections"), "S-20: a Mac gets a user channel");
}

/* Protocol 5.3: its keys are the payload's own. */
static void
by_acme(struct scene *s, struct call *c)
{
	struct enrollment e = enrollment_of("byod", "iPhone");
	plist_t p = profile_build(c, &s->organization, &e, "acme", "challenge"), d;

	d = payload(c, p, "com.apple.security.acme");
	ok(d != NULL && payload(c, p, "com.apple.security.scep") == NULL, "S-22: ACME instead of SCEP, not beside it");
	is_str(plist_text(c->arena, payload(c, p, "com.apple.mdm"), "IdentityCertificateUUID"),
	    plist_text(c->arena, d, "PayloadUUID"), "the identity is the ACME payload's");
	is_str(plist_text(c->arena, d, "DirectoryURL"), "https://mdm.betterbag.com/acme/bag/directory",
	    "5.3: DirectoryURL is https");
	is_str(plist_text(c->arena, d, "ClientIdentifier"), "challenge", "5.3: ClientIdentifier is the one-time value");
	is_str(plist_text(c->arena, d, "KeyType"), "ECSECPrimeRandom", "5.3: HardwareBound needs a key on a curve");
	ok(plist_int(d, "KeySize", 0) == 384 && plist_flag(d, "HardwareBound", false) &&
		plist_flag(d, "Attest", false) && plist_has(d, "Subject") && plist_int(d, "UsageFlags", 0) == 1,
	    "S-22: on P-384, bound to the hardware and attested by it");
}

static struct profile_identity
identity(struct call *c, const char *wanted, const char *mode, const char *family, const char *version)
{
	struct rule rule = { .identity = wanted };

	return profile_identity(c, &rule, mode, family, version);
}

static void
which(struct call *c)
{
	ok(strcmp(identity(c, NULL, "byod", "iPhone", "18.2").door, "scep") == 0,
	    "SCEP unless the rule says otherwise");
	for (const char *const *mode = (const char *const[]){ "byod", "adde", NULL }; *mode != NULL; mode++) {
		ok(strcmp(identity(c, "acme", *mode, "iPhone", "16.0").door, "acme") == 0 &&
			strcmp(identity(c, "acme", *mode, "Mac", "14.0").door, "acme") == 0 &&
			strcmp(identity(c, "acme", *mode, "RealityDevice", "1.1").door, "acme") == 0 &&
			strcmp(identity(c, "acme", *mode, NULL, NULL).door, "acme") == 0,
		    "S-22: ACME where Apple's tables have the payload, %s", *mode);
		ok(strcmp(identity(c, "acme", *mode, "iPad", "15.8").door, "scep") == 0 &&
			identity(c, "acme", *mode, "iPad", "15.8").why_scep != NULL,
		    "S-22: SCEP where they don't, with the reason, %s", *mode);
	}
}

static void
frozen(struct scene *s, struct call *c)
{
	static const char *const texts[] = { "Topic", "ServerURL", "CheckInURL", "EnrollmentMode",
		"AssignedManagedAppleID" };
	struct enrollment e = enrollment_of("adde", "Mac");
	plist_t p = profile_build(c, &s->organization, &e, "scep", "challenge"), mdm = payload(c, p, "com.apple.mdm");

	ok(profile_check_frozen(c, &e, p) == RC_OK, "S-40: a renewal from the frozen keys is the same");
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		const char *was = plist_text(c->arena, mdm, texts[i]);

		plist_put_text(mdm, texts[i], "https://elsewhere");
		ok(profile_check_frozen(c, &e, p) == RC_CONFLICT && strstr(c->err.text, texts[i]) != NULL,
		    "S-40: another %s is refused by name", texts[i]);
		plist_put_text(mdm, texts[i], was);
	}
	plist_put_int(mdm, "AccessRights", 8191 - 8);
	ok(profile_check_frozen(c, &e, p) == RC_OK, "S-40: AccessRights may lose a bit");
	plist_put_int(mdm, "AccessRights", 8191 + 8192);
	ok(profile_check_frozen(c, &e, p) == RC_CONFLICT, "S-40: and never gain one");
	plist_put_int(mdm, "AccessRights", 8191);
	e.per_user_connections = false;
	ok(profile_check_frozen(c, &e, p) == RC_CONFLICT, "S-40: per-user-connections can't be added");
}

static void
signed_profile(struct scene *s, struct call *c)
{
	struct enrollment e = enrollment_of("byod", "iPad");
	struct cms_signed v;
	struct bytes der;
	plist_t p;

	ok(profile_sign(c, &s->organization, profile_build(c, &s->organization, &e, "scep", "x"), &der) == RC_OK &&
		cms_verify(c->arena, der, (struct bytes){ NULL, 0 }, &v, &c->err) == RC_OK &&
		plist_parse(c->arena, v.content, &p, &c->err) == RC_OK,
	    "S-17: the profile is signed, with itself inside");
}

int
main(void)
{
	struct scene s;
	struct call c;

	scene_open(&s);
	c = scene_call(&s);
	ok(ca_make(s.keys, c.arena, "bag", "Better Bag", SCENE_NOW, &c.err) == RC_OK,
	    "the organization's keys are made");
	modes(&s, &c);
	by_acme(&s, &c);
	which(&c);
	frozen(&s, &c);
	signed_profile(&s, &c);
	testing_free(&c);
	scene_close(&s);
	return done();
}
