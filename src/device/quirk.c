#include "device/quirk.h"

#include <string.h>

const struct device_quirk_row device_quirks[DEVICE_QUIRKS] = {
	/* clang-format off */
	[DEVICE_ONE_AT]           = { "one-at", "2.1",
	    "an identifier is split at its last @",
	    "more than one @ is error 15000" },
	[DEVICE_ADDE_FROM_17]     = { "adde-from-17", "1",
	    "iOS and iPadOS 16 know account-driven Device Enrollment",
	    "they know it from 17 on" },
	[DEVICE_LOST_QUERY]       = { "lost-query", "2.6",
	    "a redirect of the fallback is followed as it stands",
	    "it has lost user-identifier and model-family, which nobody puts back" },
	[DEVICE_ADDE_NAMELESS]    = { "adde-nameless", "3.1",
	    "MachineInfo of a Device Enrollment has UDID and SERIAL",
	    "it has neither" },
	[DEVICE_OLD_LEAF]         = { "old-leaf", "3.2",
	    "the certificate of the built-in identity is valid",
	    "it expired years ago, as on old hardware" },
	[DEVICE_PLAIN_403]        = { "plain-403", "3.3",
	    "403 com.apple.softwareupdate.required tells the person which version is wanted",
	    "that document counts in Setup Assistant alone; here it is any 403" },
	[DEVICE_ONLY_308]         = { "only-308", "4.2",
	    "any 3xx leads to the callback URL",
	    "only 308 does" },
	[DEVICE_PKCE]             = { "pkce", "4.3",
	    "the authorization request has no code_challenge",
	    "it has one (S256), and the token request its code_verifier" },
	[DEVICE_ADDE_RIGHTS]      = { "adde-rights", "5.2",
	    "a Device Enrollment profile without AccessRights is taken",
	    "it is refused" },
	[DEVICE_MAC_SCOPE]        = { "mac-scope", "5.1",
	    "a Mac's User Enrollment profile may have either PayloadScope",
	    "it must be System, or absent" },
	[DEVICE_MODERN_SCEP]      = { "modern-scep", "6.1",
	    "where the CA does not name SHA-256 and AES, SHA-1 and 3DES are used",
	    "such a CA is refused" },
	[DEVICE_EMPTY_CHAIN]      = { "empty-chain", "6.2",
	    "an ACME key that is not attested comes as fmt none",
	    "it comes as fmt apple with an empty x5c" },
	[DEVICE_BARE_401]         = { "bare-401", "7.4",
	    "401 without a challenge is an error that is tried again",
	    "it ends the enrollment, as in other kinds of it" },
	[DEVICE_EARLY_REFRESH]    = { "early-refresh", "8.1",
	    "a token is refreshed when the server refuses it",
	    "it is refreshed from five minutes before its time is over" },
	[DEVICE_SILENT_WAIT]      = { "silent-wait", "8.1",
	    "while the person has to sign in again the server is still asked at each poll",
	    "it is not asked until they have" },
	[DEVICE_BARE_ASSETS]      = { "bare-assets", "8",
	    "what declarations refer to on the server itself is fetched with the token",
	    "it is fetched without" },
	[DEVICE_TOKEN_OR_NOTHING] = { "token-or-nothing", "9.1",
	    "what Apple makes of a failed GetToken is for --maid-verdict to say",
	    "Apple refuses the sign-in, whatever the verdict" },
	[DEVICE_QUERY_ERROR]      = { "query-error", "10",
	    "forbidden queries are left out of DeviceInformation",
	    "one of them makes the command an Error" },
	/* clang-format on */
};

static uint32_t
find(const char *name)
{
	if (strcmp(name, "all") == 0)
		return (UINT32_C(1) << DEVICE_QUIRKS) - 1;
	for (int i = 0; i < DEVICE_QUIRKS; i++)
		if (strcmp(device_quirks[i].name, name) == 0)
			return UINT32_C(1) << i;
	return 0;
}

enum rc
device_quirks_read(const char *const *names, uint32_t *bits, struct err *e)
{
	*bits = 0;
	for (; names != NULL && *names != NULL; names++) {
		uint32_t found = find(*names);

		if (found == 0)
			return fail(e, RC_BAD_INPUT, "--strict %s: see `postern-device quirks`", *names);
		*bits |= found;
	}
	return RC_OK;
}
