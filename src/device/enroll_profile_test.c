#include "device/enroll_profile.h"

#include "base/tap.h"

#define SCEP_UUID "11111111-2222-4333-8444-555555555555"

/* A profile that is in order; the tests spoil one thing each. */
static plist_t
sample(struct arena *a, const char *mode, plist_t *mdm)
{
	plist_t root = plist_keep(a, plist_new_dict()), content = plist_new_array(), scep = plist_new_dict(),
		inner = plist_new_dict(), capabilities = plist_new_array();

	*mdm = plist_new_dict();
	plist_put_text(root, "PayloadType", "Configuration");
	plist_put_int(root, "PayloadVersion", 1);
	plist_put_text(root, "PayloadIdentifier", "org.example.enroll");
	plist_put_text(root, "PayloadUUID", "X");
	plist_put_text(*mdm, "PayloadType", "com.apple.mdm");
	plist_put_text(*mdm, "EnrollmentMode", mode);
	plist_put_text(*mdm, "AssignedManagedAppleID", "ann@example.org");
	plist_put_text(*mdm, "IdentityCertificateUUID", SCEP_UUID);
	plist_put_text(*mdm, "Topic", "com.apple.mgmt.External.x");
	plist_put_text(*mdm, "ServerURL", "https://h/mdm");
	if (strcmp(mode, "ADDE") == 0)
		plist_put_int(*mdm, "AccessRights", 8191);
	plist_array_append_item(capabilities, plist_new_string("com.apple.mdm.token"));
	plist_put(*mdm, "ServerCapabilities", capabilities);
	plist_put_text(scep, "PayloadType", "com.apple.security.scep");
	plist_put_text(scep, "PayloadUUID", SCEP_UUID);
	plist_put_text(inner, "URL", "https://h/scep");
	plist_put_int(inner, "Keysize", 2048);
	plist_put(scep, "PayloadContent", inner);
	plist_array_append_item(content, scep);
	plist_array_append_item(content, *mdm);
	plist_put(root, "PayloadContent", content);
	return root;
}

static enum rc
check(struct arena *a, plist_t root, const char *mode, struct err *e)
{
	struct device_profile p;
	enum rc rc = device_profile_read(a, plist_xml(a, root), &p, e);

	return rc == RC_OK ? device_profile_check(&p, mode, e) : rc;
}

static enum rc
spoil(struct arena *a, const char *mode, const char *key, const char *value, struct err *e)
{
	plist_t mdm, root = sample(a, mode, &mdm);

	plist_dict_remove_item(mdm, key);
	if (value != NULL)
		plist_put_text(mdm, key, value);
	return check(a, root, mode, e);
}

/* The identity by ACME: the payload's keys are its own, and `key` is left out. */
static enum rc
by_acme(struct arena *a, const char *key, struct device_profile *p, struct err *e)
{
	plist_t mdm, root = sample(a, "BYOD", &mdm), d = plist_array_get_item(plist_array(root, "PayloadContent"), 0);

	plist_dict_remove_item(d, "PayloadContent");
	plist_put_text(d, "PayloadType", "com.apple.security.acme");
	plist_put_text(d, "DirectoryURL", "https://h/acme/directory");
	plist_put_text(d, "ClientIdentifier", "once");
	plist_put_text(d, "KeyType", "ECSECPrimeRandom");
	plist_put_int(d, "KeySize", 384);
	plist_put_flag(d, "HardwareBound", true);
	plist_put_flag(d, "Attest", true);
	plist_put(d, "Subject", plist_new_array());
	plist_dict_remove_item(d, key);
	return device_profile_read(a, plist_xml(a, root), p, e);
}

static void
acme(struct arena *a)
{
	static const char *const required[] = { "DirectoryURL", "ClientIdentifier", "KeyType", "KeySize",
		"HardwareBound", "Subject" };
	struct device_profile p;
	struct err e;

	ok(by_acme(a, "SubjectAltName", &p, &e) == RC_OK && p.scep.url == NULL && p.acme.attest &&
		p.acme.hardware_bound && p.acme.key_size == 384 && strcmp(p.acme.client_identifier, "once") == 0,
	    "D-16: an ACME payload is read");
	ok(by_acme(a, "Attest", &p, &e) == RC_OK && !p.acme.attest, "D-16: Attest is false where it is absent");
	for (size_t i = 0; i < sizeof required / sizeof required[0]; i++)
		ok(by_acme(a, required[i], &p, &e) == RC_BAD_INPUT && strstr(e.text, required[i]) != NULL,
		    "D-16: an ACME payload without %s is refused", required[i]);
}

int
main(void)
{
	struct arena *a = arena_new(0);
	struct device_profile before, now;
	plist_t mdm, root;
	struct err e;

	ok(check(a, sample(a, "BYOD", &mdm), "BYOD", &e) == RC_OK, "D-14: a User Enrollment profile that is in order");
	ok(check(a, sample(a, "ADDE", &mdm), "ADDE", &e) == RC_OK,
	    "D-14: a Device Enrollment profile that is in order");
	ok(check(a, sample(a, "ADDE", &mdm), "BYOD", &e) == RC_FORBIDDEN, "D-14: the mode is the one of discovery");
	ok(spoil(a, "BYOD", "EnrollmentMode", NULL, &e) == RC_FORBIDDEN, "D-14: EnrollmentMode is required");
	ok(spoil(a, "BYOD", "AssignedManagedAppleID", NULL, &e) == RC_FORBIDDEN,
	    "D-14: AssignedManagedAppleID is required");
	ok(spoil(a, "BYOD", "AssignedManagedAppleID", "", &e) == RC_FORBIDDEN,
	    "D-14: AssignedManagedAppleID is not empty");
	ok(spoil(a, "BYOD", "ManagedAppleID", "x", &e) == RC_FORBIDDEN,
	    "D-14: ManagedAppleID belongs to another enrollment");
	ok(spoil(a, "BYOD", "Topic", "com.example", &e) == RC_FORBIDDEN, "D-14: Topic is a management topic");
	ok(spoil(a, "BYOD", "ServerURL", "http://h", &e) == RC_FORBIDDEN, "D-14: ServerURL is https");
	ok(spoil(a, "BYOD", "IdentityCertificateUUID", "other", &e) == RC_BAD_INPUT,
	    "the identity is a payload of the profile");
	root = sample(a, "BYOD", &mdm);
	plist_put_int(mdm, "AccessRights", 8191);
	ok(check(a, root, "BYOD", &e) == RC_FORBIDDEN, "D-14: AccessRights with BYOD cancels");
	root = sample(a, "BYOD", &mdm);
	plist_put_int(mdm, "AccessRights", 0);
	ok(check(a, root, "BYOD", &e) == RC_FORBIDDEN, "D-14: AccessRights of 0 are AccessRights");
	root = sample(a, "BYOD", &mdm);
	plist_put_flag(root, "PayloadRemovalDisallowed", false);
	ok(check(a, root, "BYOD", &e) == RC_FORBIDDEN, "5.1: PayloadRemovalDisallowed with BYOD cancels");
	ok(device_profile_read(a, bytes_str("<html></html>"), &now, &e) != RC_OK, "a page is no profile");

	device_profile_read(a, plist_xml(a, sample(a, "ADDE", &mdm)), &before, &e);
	is_str(before.checkin_url, "https://h/mdm", "CheckInURL is ServerURL where it is absent");
	ok(before.wants_token && !before.per_user, "ServerCapabilities are read");
	ok(device_profile_replace(&before, &before, &e) == RC_OK, "D-28: the same profile may replace itself");
	root = sample(a, "ADDE", &mdm);
	plist_put_int(mdm, "AccessRights", 4095);
	device_profile_read(a, plist_xml(a, root), &now, &e);
	ok(device_profile_replace(&before, &now, &e) == RC_OK, "D-28: access rights may be given up");
	ok(device_profile_replace(&now, &before, &e) == RC_FORBIDDEN, "D-28: access rights may not be added");
	root = sample(a, "ADDE", &mdm);
	plist_put_text(mdm, "CheckInURL", "https://h/mdm");
	device_profile_read(a, plist_xml(a, root), &now, &e);
	ok(device_profile_replace(&before, &now, &e) == RC_FORBIDDEN,
	    "D-28: a CheckInURL that was absent stays absent");
	root = sample(a, "ADDE", &mdm);
	plist_array_append_item(
	    plist_array(mdm, "ServerCapabilities"), plist_new_string("com.apple.mdm.per-user-connections"));
	device_profile_read(a, plist_xml(a, root), &now, &e);
	ok(device_profile_replace(&before, &now, &e) == RC_FORBIDDEN, "D-28: per-user-connections may not be added");
	ok(device_profile_replace(&now, &before, &e) == RC_FORBIDDEN, "D-28: per-user-connections may not be removed");
	acme(a);
	arena_free(a);
	return done();
}
