#include "device/quirk.h"

#include <string.h>

#include "base/tap.h"
#include "device/attestation.h"

static bool
has(struct bytes b, const char *text)
{
	return memmem(b.p, b.n, text, strlen(text)) != NULL;
}

int
main(void)
{
	static const char *const two[] = { "bare-401", "pkce", NULL }, *const all[] = { "all", NULL },
				 *const wrong[] = { "bare-402", NULL };
	struct arena *a = arena_new(0);
	struct bytes nobody = { 0 }, object;
	struct device d;
	struct err e;
	uint32_t bits;

	device_init(&d, a, NULL, STORY_QUIET, stdout);
	ok(device_attest(&d, nobody, "token", false, &object) == RC_OK && has(object, "dnone") && !has(object, "x5c"),
	    "D-16: a key that is not attested comes as fmt none (6.2)");
	d.strict = UINT32_C(1) << DEVICE_EMPTY_CHAIN;
	ok(device_attest(&d, nobody, "token", false, &object) == RC_OK && has(object, "eapple") &&
		has(object, "cx5c\x80"),
	    "D-16: with --strict empty-chain as fmt apple with an empty x5c");

	ok(device_quirks_read(NULL, &bits, &e) == RC_OK && bits == 0, "nothing is strict by itself");
	ok(device_quirks_read(two, &bits, &e) == RC_OK &&
		bits == (UINT32_C(1) << DEVICE_BARE_401 | UINT32_C(1) << DEVICE_PKCE),
	    "switches go by their names");
	ok(device_quirks_read(all, &bits, &e) == RC_OK && bits == (UINT32_C(1) << DEVICE_QUIRKS) - 1,
	    "all is every one");
	ok(device_quirks_read(wrong, &bits, &e) == RC_BAD_INPUT, "a name that is none is refused");
	arena_free(a);
	return done();
}
