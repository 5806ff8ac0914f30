#include "device/feature.h"

#include "device/schema.h"

#define V(major, minor) DEVICE_VERSION(major, minor, 0)
#define NEVER 0
#define OURS 0, NULL, NULL /* Apple's tables do not speak of it */

const struct device_feature_row device_features[DEVICE_FEATURES] = {
	/* clang-format off */
	/*                              name                       iOS        macOS      visionOS */
	[DEVICE_USER_ENROLLMENT]   = { "user-enrollment",        { V(15, 0),  V(14, 0),  V(1, 1) }, "1",
	    "account-driven User Enrollment", OURS },
	[DEVICE_DEVICE_ENROLLMENT] = { "device-enrollment",      { V(16, 0),  V(14, 0),  V(1, 1) }, "1",
	    "account-driven Device Enrollment; before, the Version mdm-adde is unknown", OURS },
	[DEVICE_OAUTH2]            = { "oauth2",                 { V(16, 0),  V(14, 0),  V(1, 1) }, "4.3",
	    "the method apple-oauth2; before, only apple-as-web is known", OURS },
	[DEVICE_PKCS7_TYPE]        = { "pkcs7-content-type",     { V(16, 0),  V(14, 0),  V(1, 1) }, "3",
	    "the enrollment request is application/pkcs7-signature; before, it calls itself a form", OURS },
	[DEVICE_REFUSAL_TEXT]      = { "discovery-refusal",      { V(17, 5),  V(14, 5),  V(1, 2) }, "2.5",
	    "a 403 of discovery with com.apple.well-known.failed shows its message; before, it is any failure", OURS },
	[DEVICE_FALLBACK]          = { "discovery-fallback",     { V(18, 2),  V(15, 2),  V(2, 2) }, "2.6",
	    "a domain that gives no answer is asked for at Apple", OURS },
	[DEVICE_OS_VERSION_KEY]    = { "os-version",             { V(17, 0),  V(14, 0),  V(1, 1) }, "3.1",
	    "MachineInfo has OS_VERSION", DEVICE_MACHINEINFO, NULL, "OS_VERSION" },
	[DEVICE_UPDATE_REQUIRED]   = { "update-required",        { V(17, 0),  V(14, 0),  V(26, 0) }, "3.3",
	    "403 com.apple.softwareupdate.required names the version that is wanted", OURS },
	[DEVICE_EVICTION]          = { "unrecognized-device",    { V(17, 0),  V(14, 0),  V(1, 1) }, "7.4",
	    "403 com.apple.unrecognized.device ends the enrollment; before, it is an error that is tried again", OURS },
	[DEVICE_GET_TOKEN]         = { "get-token",              { V(17, 0),  V(14, 0),  V(1, 1) }, "9",
	    "GetToken com.apple.maid", DEVICE_CHECKIN, "GetToken", NULL },
	[DEVICE_ESSO]              = { "enrollment-sso",         { V(16, 0),  NEVER,     V(2, 0) }, "4.5",
	    "an app signs the person in (X-Apple-MDM-ESSO)", OURS },
	[DEVICE_ESSO_DECLARATIONS] = { "enrollment-sso-declarations", { V(18, 4), NEVER, V(2, 4) }, "4.5",
	    "its document may hold Declarations, which win over ConfigurationProfile", OURS },
	[DEVICE_ACME]              = { "acme",                   { V(16, 0),  V(13, 1),  V(1, 0) }, "5.3",
	    "an identity by ACME", DEVICE_PAYLOAD, "com.apple.security.acme", NULL },
	[DEVICE_HARDWARE_KEYS]     = { "acme-hardware-bound",    { V(16, 0),  V(14, 0),  V(1, 0) }, "5.3",
	    "HardwareBound and Attest may be true", OURS },
	[DEVICE_DECLARATIONS]      = { "declarative-management", { V(15, 0),  V(13, 0),  V(1, 1) }, "14",
	    "declarative management", DEVICE_CHECKIN, "DeclarativeManagement", NULL },
	[DEVICE_DECLARED_APPS]     = { "declared-apps",          { V(17, 2),  V(26, 0),  V(2, 4) }, "11",
	    "com.apple.configuration.app.managed", DEVICE_DECLARATION, "com.apple.configuration.app.managed", NULL },
	[DEVICE_BOOTSTRAP_TOKEN]   = { "bootstrap-token",        { V(26, 0),  V(10, 15), V(26, 0) }, "15",
	    "SetBootstrapToken and GetBootstrapToken, in a Device Enrollment", DEVICE_CHECKIN, "SetBootstrapToken", NULL },
	[DEVICE_MDM_STATUS]        = { "mdm-status-items",       { V(27, 0),  V(27, 0),  V(27, 0) }, "15",
	    "status items mdm.enrollment-type, push-token, push-magic, is-awaiting-configuration", DEVICE_STATUS_ITEM,
	    "mdm.enrollment-type", NULL },
	[DEVICE_STRICT_TLS]        = { "strict-tls",             { V(27, 0),  V(27, 0),  V(27, 0) }, "15",
	    "discovery, enrollment and management want TLS 1.2 with ECDHE, AES-GCM and Extended Master Secret, or TLS 1.3, and "
	    "certificates with a subjectAltName, RSA 2048 or P-256, and SHA-256; else nothing is asked. SCEP and the "
	    "sign-in view are exempt", OURS },
	/* clang-format on */
};

bool
device_os_can(enum device_os os, unsigned version, enum device_feature f)
{
	unsigned since = device_features[f].since[os];

	return since != NEVER && version >= since;
}
