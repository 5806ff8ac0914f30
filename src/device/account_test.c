#include "base/tap.h"
#include "device/account.h"

int
main(void)
{
	static const char refusal[] = "{\"reason\":\"locked\",\"sentence\":\"the account is locked\","
				      "\"error\":\"AKAuthenticationError\",\"code\":-7013}";
	struct arena *a = arena_new(0);
	struct err e = { 0 };

	ok(device_account_verdict(a, 200, bytes_str("{}"), "a@b.c", &e) == RC_OK, "D-15: 200 is a yes");
	ok(device_account_verdict(a, 403, bytes_str(refusal), "a@b.c", &e) == RC_FORBIDDEN,
	    "D-15: 403 with a reason is a no");
	is_str(e.text,
	    "Apple refused the sign-in of the Managed Apple Account a@b.c: the account is locked "
	    "(AKAuthenticationError -7013)",
	    "D-23: which the person sees with Apple's number");
	ok(device_account_verdict(a, 403, bytes_str("<html>"), "a@b.c", &e) == RC_UNAVAILABLE &&
		device_account_verdict(a, 500, bytes_str(refusal), "a@b.c", &e) == RC_UNAVAILABLE &&
		device_account_verdict(a, 403, bytes_str("[]"), "a@b.c", &e) == RC_UNAVAILABLE,
	    "D-23: anything else is no word of Apple's");
	arena_free(a);
	return done();
}
