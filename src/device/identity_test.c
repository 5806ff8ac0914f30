#include "device/identity.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/tap.h"
#include "crypto/cms.h"
#include "crypto/x509.h"
#include "base/disk.h"

#define NOW INT64_C(1795000000)

static struct device
of(struct arena *a, const char *family, const char *os)
{
	struct device d;

	device_init(&d, a, "/nonexistent", STORY_QUIET, stdout);
	d.family = device_family_find(family);
	d.self = (struct device_self){
		.family = family, .os = os, .udid = "the-udid", .serial = "the-serial", .language = "en"
	};
	return d;
}

static bool
says(struct arena *a, const struct device *d, bool byod, const char *key)
{
	struct err e;
	plist_t root;

	return plist_parse(a, device_machineinfo(a, d, byod), &root, &e) == RC_OK && plist_has(root, key);
}

static void
signed_by(struct device *d, const char *dir, enum x509_key_kind kind, const struct bytes *roots, size_t n)
{
	const char *name = kind == X509_P256 ? "P-256" : "RSA";
	struct arena *a = d->arena;
	struct cms_signed message;
	struct x509_info info;
	struct bytes der = { 0 };
	struct err e;

	ok(device_identity_make(d, dir, kind, NOW) == RC_OK && device_machineinfo_signed(d, true, &der) == RC_OK,
	    "D-05: MachineInfo is signed with the built-in identity (%s)", name);
	ok(cms_verify(a, der, (struct bytes){ 0 }, &message, &e) == RC_OK &&
		bytes_eq(message.content, device_machineinfo(a, d, true)),
	    "D-05: the property list is inside, and the signature is good (%s)", name);
	ok(x509_verify(message.signer, message.others, message.n_others, roots, n, NOW, false, &e) == RC_OK,
	    "D-05: the chain is in the message and leads to ca.pem (%s)", name);
	ok(x509_parse(a, message.signer, &info, &e) == RC_OK && strstr(info.subject, "the-") == NULL,
	    "3.2: the certificate does not say which device (%s)", name);
}

int
main(void)
{
	static const char *const personal[] = { "UDID", "SERIAL", "IMEI", "MEID" };
	char dir[] = "/tmp/device-ca-XXXXXX";
	struct arena *a = arena_new(0);
	struct device d = of(a, "iPhone", "18.2"), old = of(a, "iPad", "16.6"), mac = of(a, "Mac", "15.2"), leaky = d;
	struct err e;
	struct bytes pem, *roots;
	int n;

	ok(says(a, &d, true, "PRODUCT") && says(a, &d, true, "VERSION") && says(a, &d, true, "LANGUAGE"),
	    "D-05: MachineInfo says what the device is");
	ok(says(a, &d, true, "OS_VERSION") && !says(a, &old, true, "OS_VERSION"), "3.1: OS_VERSION since iOS 17");
	leaky.self.leak = true;
	for (size_t i = 0; i < sizeof personal / sizeof *personal; i++) {
		ok(!says(a, &d, true, personal[i]), "D-05: BYOD leaves out %s", personal[i]);
		ok(says(a, &leaky, true, personal[i]), "a device that leaks sends %s", personal[i]);
	}
	ok(says(a, &mac, false, "UDID") && says(a, &mac, false, "SERIAL"), "3.1: ADDE may tell UDID and SERIAL");

	if (mkdtemp(dir) == NULL)
		return 1;
	ok(device_ca_make(a, dir, NOW, &e) == RC_OK, "a test CA is made");
	ok(device_ca_make(a, dir, NOW, &e) == RC_CONFLICT, "it is never overwritten");
	ok(device_identity_make(&d, "/nonexistent", X509_RSA_2048, NOW) == RC_NOT_FOUND &&
		strstr(d.err.text, "postern-device ca") != NULL,
	    "a missing test CA is said with what to do");
	disk_read(a, dir, "ca.pem", &pem, &e);
	x509_from_pem(a, pem, &roots, &n, &e);
	signed_by(&d, dir, X509_RSA_2048, roots, n);
	signed_by(&d, dir, X509_P256, roots, n);
	for (const char *const *name =
		 (const char *const[]){ "ca.pem", "ca.key", "device-ca.pem", "device-ca.key", NULL };
	     *name != NULL; name++)
		unlink(arena_printf(a, "%s/%s", dir, *name));
	rmdir(dir);
	arena_free(a);
	return done();
}
