/* One-time codes as RFC 4226 and RFC 6238 have them. */
#include "administrator/totp.h"

#include "base/tap.h"

static const char secret_text[] = "12345678901234567890";

int
main(void)
{
	/* RFC 4226, appendix D: counts 0 to 9. */
	static const char *const counts[] = { "755224", "287082", "359152", "969429", "338314", "254676", "287922",
		"162583", "399871", "520489" };
	/* RFC 6238, appendix B: the last six digits of its eight. */
	static const struct {
		int64_t at;
		const char *code;
	} times[] = { { 59, "287082" }, { 1111111109, "081804" }, { 1111111111, "050471" }, { 1234567890, "005924" },
		{ INT64_C(2000000000), "279037" }, { INT64_C(20000000000), "353130" } };
	struct arena *a = arena_new(0);
	struct bytes secret = bytes_str(secret_text);
	int64_t step = 0;
	bool good = true;

	for (int i = 0; i < 10; i++)
		good = good && strcmp(totp_code(a, secret, i), counts[i]) == 0;
	ok(good, "codes are those of RFC 4226, appendix D");
	good = true;
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
		good = good && totp_check(a, secret, times[i].code, times[i].at, 0, &step) &&
		       step == times[i].at / TOTP_STEP_S;
	ok(good, "and at the times of RFC 6238, appendix B, its codes count");

	ok(totp_check(a, secret, "287082", 59 + TOTP_STEP_S, 0, &step) && step == 1 &&
		totp_check(a, secret, "287082", 59 - TOTP_STEP_S, 0, &step),
	    "a clock may be one step off either way (RFC 6238 5.2)");
	ok(!totp_check(a, secret, "287082", 59 + 2 * TOTP_STEP_S, 0, &step) &&
		!totp_check(a, secret, "287082", 59 - 2 * TOTP_STEP_S + 1 - TOTP_STEP_S, 0, &step),
	    "and no more than one");
	ok(!totp_check(a, secret, "287082", 59, 1, &step), "a step that was used counts no more (RFC 6238 5.2)");
	ok(!totp_check(a, secret, "", 59, 0, &step) && !totp_check(a, secret, "28708", 59, 0, &step),
	    "a code has six digits");

	is_str(totp_base32(a, secret), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "a secret for typing is base32 (RFC 4648)");
	is_str(totp_base32(a, bytes_str("foob")), "MZXW6YQ", "without padding, and whole (RFC 4648 10)");
	is_str(totp_uri(a, bytes_str("foob"), "Better Bag", "eliza@example.com"),
	    "otpauth://totp/Better%20Bag:eliza%40example.com?secret=MZXW6YQ&issuer=Better%20Bag",
	    "the address that apps read names issuer and person");
	arena_free(a);
	return done();
}
