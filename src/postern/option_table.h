/* Options of every command of postern. For commands.c alone, which has the commands. */
#ifndef POSTERN_OPTION_TABLE_H
#define POSTERN_OPTION_TABLE_H

#include "fmt/argv.h"

#define SECRET "Read the password from standard input (one line)"

static const char *const families[] = { "iPhone", "iPad", "Mac", "RealityDevice", "Watch", "AppleTV", NULL };
static const char *const enrolling[] = { "iPhone", "iPad", "Mac", "RealityDevice", NULL };
static const char *const web_servers[] = { "nginx", "apache", "caddy", "iis", "cloudfront", "cloudflare", NULL };
static const char *const identities[] = { "scep", "acme", NULL };
static const char *const methods[] = { "apple-oauth2", "apple-as-web", NULL };
static const char *const proofs[] = { "signature", "mtls", "proxy", NULL };
static const char *const ca_modes[] = { "require", "warn", "off", NULL };
static const char *const roles[] = { "read", "help-desk", "admin", NULL };
static const char *const purposes[] = { "introspection", "scim", NULL };
static const char *const client_auths[] = { "client_secret_basic", "client_secret_post", "private_key_jwt", "none",
	NULL };
static const char *const agains[] = { "login", "session", NULL };
static const char *const modes[] = { "byod", "adde", NULL };
static const char *const channels[] = { "device", "user", NULL };
static const char *const rule_kinds[] = { "command", "checkin", "payload", "declaration", "status-item", NULL };
static const char *const yes_no[] = { "yes", "no", NULL };
static const char *const certificates[] = { "maid", "ca", "profile", NULL };
static const char *const attempt_states[] = { "open", "signed-in", "enrolled", "failed", "ended", NULL };
static const char *const enrollment_states[] = { "live", "inactive", "pending", "enrolled", "reauth", "evicting",
	"unenrolled", "evicted", "replaced", NULL };

/* clang-format off */
static const struct argv_option global_options[] = {
	ARGV_TEXT("data", "DIR", "The server's folder", .env = "POSTERN_DATA", .fallback = "/var/lib/postern"),
	ARGV_TEXT("org", "NAME", "The organization, where there are several"),
	ARGV_TEXT("server", "URL", "Ask the administration API there, https://HOST:PORT, instead of the socket in DIR",
	    .env = "POSTERN_SERVER"),
	ARGV_TEXT("token-file", "F", "With --server: the token, in the first line of F", .env = "POSTERN_TOKEN_FILE"),
	ARGV_TEXT("cacert", "F", "With --server: CA certificates (PEM) to trust beside the system's", .env = "POSTERN_CACERT"),
	ARGV_FLAG("json", "Print JSON instead of text for people"),
	ARGV_END
};

#define STORE_FILE ARGV_TEXT("store-file", "F", "The same, from the first line of F, where nobody else sees it", .group = 1)
static const struct argv_option init_options[] = {
	ARGV_LIST("domain", "DOMAIN", "Domain of the people's user identifiers", .required = true),
	ARGV_TEXT("url", "URL", "What devices call this server: https://HOST[:PORT]", .required = true),
	ARGV_TEXT("store", "DSN", "The database: sqlite:PATH or postgresql://... [sqlite:postern.db in DIR]", .group = 1),
	STORE_FILE,
	ARGV_FLAG("lab", "For trying it out: a generated topic, no push certificate needed"),
	ARGV_END
};

static const struct argv_option org_add_options[] = {
	ARGV_LIST("domain", "DOMAIN", "Domain of the people's user identifiers", .required = true),
	ARGV_TEXT("id", "ID", "Short name in paths; made from the name otherwise"),
	ARGV_FLAG("lab", "A generated topic, no push certificate needed"),
	ARGV_END
};
static const struct argv_option org_show_options[] = {
	ARGV_TEXT("certificate", "KIND", "Print one certificate as PEM", .choices = certificates),
	ARGV_END
};
static const struct argv_option org_set_options[] = {
	ARGV_TEXT("name", "NAME", "What people see on the sign-in page"),
	ARGV_TEXT("push-certificate", "FILE", "MDM push certificate from Apple (PEM); the topic is read from it"),
	ARGV_TEXT("push-key", "FILE", "Its private key (PEM)"),
	ARGV_TEXT("server-uuid", "UUID", "This server's UUID in Apple School Manager or Apple Business Manager"),
	ARGV_TEXT("topic", "TOPIC", "The push topic; --push-certificate sets it by itself"),
	ARGV_LIST("device-ca", "FILE", "CA certificates (PEM) that built-in device identities chain to; adds all"),
	ARGV_FLAG("device-ca-clear", "Empty the pool first"),
	ARGV_LIST("attestation-ca", "FILE", "CA certificates (PEM) that attestations of keys chain to (rule add --identity acme)"),
	ARGV_FLAG("attestation-ca-clear", "Empty that pool first"),
	ARGV_TEXT("device-ca-mode", "MODE", "What a device without a good identity gets", .choices = ca_modes),
	ARGV_TEXT("device-ca-ignore-times", "YES", "Take expired device certificates", .choices = yes_no),
	ARGV_TEXT("identity-proof", "HOW", "How enrolled devices prove themselves", .choices = proofs),
	ARGV_TEXT("access-rights", "N", "AccessRights of ADDE profiles, 1 to 8191"),
	ARGV_TEXT("access-token-life", "LIFE", "Life of access tokens: 90s, 15m, 1h"),
	ARGV_TEXT("refresh-idle", "LIFE", "A sign-in ends when it was not renewed for so long: 90d"),
	ARGV_TEXT("refresh-max", "LIFE", "And after so long in any case: 365d"),
	ARGV_TEXT("web-token-life", "LIFE", "Life of apple-as-web tokens, which can't be renewed: 30d"),
	ARGV_TEXT("spread", "PERCENT", "Per cent of a life that renewals are spread over, so that they don't come together [20]"),
	ARGV_TEXT("colour", "COLOUR", "Of the sign-in pages' buttons: '#0a5'; none: the usual one"),
	ARGV_TEXT("logo", "FILE", "PNG or JPEG on the sign-in pages, at most 24 kB", .group = 7),
	ARGV_FLAG("logo-clear", "The organization's initials instead", .group = 7),
	ARGV_FLAG("lab", "For trying it out: a generated topic where there is none"),
	ARGV_FLAG("no-lab", "No shortcuts any more"),
	ARGV_END
};

static const struct argv_option user_list_options[] = {
	ARGV_TEXT("search", "WORDS", "Whose address or name has words that begin so"),
	ARGV_INT("limit", "N", "Only the first N", .min = 1, .max = 1000000000),
	ARGV_END
};
static const struct argv_option user_add_options[] = {
	ARGV_TEXT("managed-apple-account", "A", "Where it differs from the user identifier"),
	ARGV_TEXT("name", "TEXT", "Display name"),
	ARGV_LIST("group", "GROUP", "A group of this organization"),
	ARGV_FLAG("password-stdin", SECRET),
	ARGV_END
};
static const struct argv_option user_groups_options[] = {
	ARGV_LIST("group", "GROUP", "The groups from now on; none: in no group"), ARGV_END
};
static const struct argv_option passwd_options[] = { ARGV_FLAG("password-stdin", SECRET), ARGV_END };

static const struct argv_option user_erase_options[] = {
	ARGV_FLAG("yes", "It can't be undone: say so"),
	ARGV_FLAG("evict", "End the enrollments of devices that are still enrolled"),
	ARGV_END
};

static const struct argv_option group_policy_options[] = {
	ARGV_TEXT("access-token-life", "LIFE", "Life of access tokens at most: 15m"),
	ARGV_TEXT("web-token-life", "LIFE", "Life of apple-as-web tokens at most: 7d"),
	ARGV_TEXT("refresh-idle", "LIFE", "A sign-in ends when it was not renewed for so long: 14d"),
	ARGV_TEXT("longest", "LIFE", "And after so long in any case, at most: 30d"),
	ARGV_TEXT("grace", "LIFE", "How long an identity provider may fail to answer, at most: 4h"),
	ARGV_TEXT("spread", "PERCENT", "Per cent of a life that renewals are spread over, at least"),
	ARGV_END
};

static const struct argv_option device_group_options[] = {
	ARGV_TEXT("mode", "MODE", "Only devices enrolled this way", .choices = modes),
	ARGV_TEXT("model-family", "FAMILY", "Only such devices", .choices = families),
	ARGV_TEXT("os-from", "VERSION", "Only with this system version or a later one"),
	ARGV_TEXT("os-below", "VERSION", "Only with an earlier system version than this"),
	ARGV_TEXT("group", "GROUP", "Only of people in this group"),
	ARGV_FLAG("by-name", "No conditions: devices are added by device-group join"),
	ARGV_END
};
static const struct argv_option give_options[] = {
	ARGV_FLAG("optional", "Of an app: the person may take it, or not"), ARGV_END
};
static const struct argv_option app_options[] = {
	ARGV_TEXT("app-store-id", "N", "Its number in the App Store"),
	ARGV_TEXT("bundle-id", "ID", "Its bundle identifier"),
	ARGV_TEXT("manifest-url", "URL", "Manifest of an app of the organization's own"),
	ARGV_TEXT("title", "TEXT", "What people know it by"),
	ARGV_TEXT("configuration", "FILE", "What the app is told (a property list); makes it go by InstallApplication"),
	ARGV_END
};
static const struct argv_option rule_add_options[] = {
	ARGV_TEXT("domain", "DOMAIN", "Only people of this domain"),
	ARGV_TEXT("user", "GLOB", "Only people whose identifier matches: *@sales.example.com"),
	ARGV_TEXT("group", "GROUP", "Only people in this group (known once somebody signed in, or was added)"),
	ARGV_TEXT("model-family", "FAMILY", "Only such devices", .choices = families),
	ARGV_INT("percent", "N", "Only so many in a hundred people, always the same", .min = 0, .max = 100),
	ARGV_FLAG("byod", "Enroll as the person's own device (User Enrollment)", .group = -1),
	ARGV_FLAG("adde", "Enroll as the organization's device (Device Enrollment)", .group = -1),
	ARGV_TEXT("redirect", "URL", "Send it to another server", .group = -1),
	ARGV_TEXT("refuse", "MESSAGE", "Refuse it, and say so to the person", .group = -1),
	ARGV_TEXT("method", "METHOD", "How people sign in", .choices = methods),
	ARGV_TEXT("identity", "HOW", "How devices get their certificate: scep [default], or acme, with a key that the hardware attests", .choices = identities),
	ARGV_INT("at", "POSITION", "Where in the list; first otherwise", .min = 1, .max = 100000),
	ARGV_END
};
static const struct argv_option migrate_options[] = {
	ARGV_TEXT("people", "FILE", "CSV: whose each device is; columns device (serial number or id), user, display_name, managed_apple_account"),
	ARGV_INT("wave", "N", "People in one wave [50]", .min = 1, .max = 1000000),
	ARGV_FLAG("apply", "Add the people here, each in the group of their wave"),
	ARGV_END
};
static const struct argv_option shadow_options[] = {
	ARGV_TEXT("listen", "ADDRESS", "Where to listen, HTTP without TLS: on this machine only, or behind a proxy", .fallback = "127.0.0.1:8090"),
	ARGV_END
};
#define IDP_SETTINGS \
	ARGV_TEXT("client-secret-file", "F", "The client secret is the first line of F; '-' for standard input"), \
	ARGV_TEXT("key-file", "F", "A private key, RSA or EC on P-256, instead of a secret (private_key_jwt); for entra RSA, with its certificate"), \
	ARGV_TEXT("key-id", "ID", "What the provider calls that key (kid), where it knows several of this server's"), \
	ARGV_TEXT("client-auth", "HOW", "How the secret is shown [client_secret_basic]", .choices = client_auths), \
	ARGV_TEXT("name", "NAME", "What people know it by"), \
	ARGV_TEXT("scope", "SCOPE", "What is asked for; openid must be in it"), \
	ARGV_TEXT("user-claim", "CLAIM", "Which claim is the user identifier"), \
	ARGV_TEXT("apple-account", "TEMPLATE", "Managed Apple Account, where it differs: {local}@appleid.example.com"), \
	ARGV_TEXT("groups-claim", "CLAIM", "Which claim names the groups; they are set at each sign-in"), \
	ARGV_TEXT("group-needed", "GROUP", "Only people in this group, for as long as they are in it"), \
	ARGV_TEXT("directory", "URL", "entra: who is asked for groups that a token has no room for; none: nobody [https://graph.microsoft.com]"), \
	ARGV_TEXT("interval", "LIFE", "How often the provider is asked whether a sign-in still stands [4h]"), \
	ARGV_TEXT("grace", "LIFE", "How long it may fail to answer before people have to sign in again [24h]"), \
	ARGV_TEXT("longest", "LIFE", "The longest time without a full sign-in: 90d [any]"), \
	ARGV_TEXT("again", "HOW", "Signing in again asks the person, or takes the provider's session [login]", .choices = agains), \
	ARGV_TEXT("cacert", "FILE", "Trust this CA for the provider too (PEM)")
static const struct argv_option idp_add_options[] = {
	ARGV_TEXT("client-id", "ID", "What the provider calls this server", .required = true),
	IDP_SETTINGS,
	ARGV_TEXT("tenant", "ID", "google: the Workspace domain; entra: the directory's id. Nobody else's people get in"),
	ARGV_TEXT("issuer", "URL", "oidc: as in its discovery document"),
	ARGV_TEXT("domain", "DOMAIN", "Only for people of this domain; otherwise of all the organization's"),
	ARGV_FLAG("known-only", "Let in who was added here; otherwise people are made when they first sign in"),
	ARGV_FLAG("button", "Show the sign-in page with a button; otherwise people are sent to the provider at once"),
	ARGV_END
};
static const struct argv_option idp_set_options[] = {
	IDP_SETTINGS,
	ARGV_TEXT("known-only", "YES", "Let in who was added here only", .choices = yes_no),
	ARGV_TEXT("button", "YES", "Show the sign-in page with a button", .choices = yes_no),
	ARGV_END
};
static const struct argv_option explain_options[] = {
	ARGV_TEXT("model-family", "FAMILY", "What kind of device asks", .choices = families),
	ARGV_TEXT("os", "VERSION", "Its system version: 17.5"),
	ARGV_END
};

#define DEVELOPER ARGV_FLAG("developer", "The document for devices in developer mode")
#define TARGET \
	ARGV_TEXT("mode", "MODE", "Enrollment mode", .required = true, .choices = modes), \
	ARGV_TEXT("os", "SYSTEM", "\"iOS 18.2\", \"macOS 15\", \"visionOS\"; the current version where none is said", .required = true), \
	ARGV_TEXT("channel", "CHANNEL", "A Mac's device or user channel", .fallback = "device", .choices = channels)
static const struct argv_option lint_options[] = { TARGET, ARGV_END };
static const struct argv_option modes_options[] = {
	TARGET,
	ARGV_TEXT("kind", "KIND", "Only these", .choices = rule_kinds),
	ARGV_FLAG("keys", "Their keys too"),
	ARGV_END
};

static const struct argv_option esso_set_options[] = {
	DEVELOPER,
	ARGV_INT("app-store-id", "N", "The SSO app's number in the App Store (iTunesStoreID)", .min = 0, .max = INT64_MAX),
	ARGV_LIST("app-id", "TEAMID.BUNDLE", "With --developer: the app as it was signed (AppIDs)"),
	ARGV_TEXT("profile", "FILE", "Profile with the app's com.apple.extensiblesso payload, and certificates it needs"),
	ARGV_LIST("associated-domain", "SERVICE:DOMAIN", "A domain that belongs to the app: authsrv:sso.example.com"),
	ARGV_FLAG("direct-downloads", "Devices ask those domains themselves instead of Apple's servers"),
	ARGV_LIST("declaration", "FILE", "A declaration (JSON) instead of the profile, for iOS 18.4 and later"),
	ARGV_END
};
static const struct argv_option esso_show_options[] = {
	DEVELOPER, ARGV_FLAG("document", "Print the document itself, as devices get it"), ARGV_END
};
static const struct argv_option esso_remove_options[] = { DEVELOPER, ARGV_END };

#define LIMIT ARGV_INT("limit", "N", "Only the newest N", .min = 1, .max = 1000000000)
static const struct argv_option attempt_list_options[] = {
	ARGV_TEXT("user", "USER@DOMAIN", "Of this person only"),
	ARGV_TEXT("state", "STATE", "In this state only", .choices = attempt_states),
	LIMIT,
	ARGV_END
};
static const struct argv_option attempt_show_options[] = {
	ARGV_TEXT("last", "USER@DOMAIN", "The newest of this person"), ARGV_END
};
static const struct argv_option status_options[] = {
	ARGV_TEXT("next", "DAYS", "What ends within that time instead, and what to do about it: 90d"), ARGV_END
};
static const struct argv_option enrollment_list_options[] = {
	ARGV_TEXT("user", "USER@DOMAIN", "Of this person only"),
	ARGV_TEXT("state", "STATE", "In this state only", .choices = enrollment_states),
	LIMIT,
	ARGV_END
};
static const struct argv_option audit_list_options[] = {
	ARGV_TEXT("user", "USER@DOMAIN", "Whom it concerns"),
	ARGV_TEXT("actor", "NAME", "Who did it: 'uid 0', 'token backup', 'eliza@example.com', 'scim Directory'"),
	ARGV_TEXT("object", "KIND ID", "What it was done to: 'rule 5x2k…', as the listing says it"),
	ARGV_TEXT("since", "TIME", "From then on: 2026-11-29, 2026-11-29T16:05:00Z, or 7d ago"),
	ARGV_TEXT("until", "TIME", "Before then"),
	LIMIT,
	ARGV_END
};
static const struct argv_option audit_verify_options[] = {
	ARGV_TEXT("head", "HEAD", "A head that was noted earlier: rows that were cut off since are missed"), ARGV_END
};
static const struct argv_option audit_export_options[] = {
	ARGV_INT("after", "SEQ", "Only what is newer than this row", .min = 0, .max = INT64_MAX), ARGV_END
};
static const struct argv_option send_options[] = {
	ARGV_TEXT("plist", "FILE", "The command as a property list, '-' for standard input"),
	ARGV_TEXT("user-channel", "ID", "To a Mac's user channel (its id: enrollment show)"),
	ARGV_END
};
static const struct argv_option command_list_options[] = {
	ARGV_FLAG("available", "What may be sent to it, with the keys of each command"),
	ARGV_FLAG("user-channel", "With --available: to a Mac's user channel"),
	ARGV_END
};
static const struct argv_option token_list_options[] = {
	ARGV_TEXT("user", "USER@DOMAIN", "Of this person only"),
	ARGV_TEXT("enrollment", "ID", "Of this enrollment only"),
	LIMIT,
	ARGV_END
};
static const struct argv_option token_revoke_options[] = {
	ARGV_TEXT("user", "USER@DOMAIN", "All of this person", .group = 1),
	ARGV_TEXT("enrollment", "ID", "All of this enrollment", .group = 1),
	ARGV_END
};
static const struct argv_option licence_token_options[] = {
	ARGV_TEXT("token-file", "FILE", "As it came from Apple", .required = true), ARGV_END
};
static const struct argv_option licence_list_options[] = {
	ARGV_TEXT("user", "USER@DOMAIN", "Of this person"), ARGV_END
};
static const struct argv_option apple_setup_options[] = {
	ARGV_TEXT("token-file", "FILE", "The server token (.p7m) that Apple hands out for the certificate"), ARGV_END
};
static const struct argv_option apple_discovery_options[] = {
	ARGV_TEXT("url", "URL", "Another URL than this server's own"), ARGV_END
};
static const struct argv_option webhook_add_options[] = {
	ARGV_LIST("event", "EVENT", "Only such events (docs/events.md); several, or none for all"),
	ARGV_TEXT("secret-file", "F", "The secret, whsec_ and base64, is the first line of F; '-' for standard input. Without it one is made"),
	ARGV_END
};
static const struct argv_option webhook_replay_options[] = {
	ARGV_TEXT("message", "ID", "Only this one"), ARGV_END
};
static const struct argv_option service_add_options[] = {
	ARGV_TEXT("for", "PURPOSE", "What it may do", .choices = purposes, .required = true), ARGV_END
};
static const struct argv_option administrator_add_options[] = {
	ARGV_TEXT("role", "ROLE", "What they may do", .choices = roles, .required = true),
	ARGV_TEXT("provider", "ID", "The identity provider that signs them in, from idp list; else they get a password"),
	ARGV_FLAG("password-stdin", SECRET), ARGV_END
};
static const struct argv_option administrator_set_options[] = {
	ARGV_TEXT("role", "ROLE", "What they may do from now on", .choices = roles), ARGV_END
};
static const struct argv_option api_token_add_options[] = {
	ARGV_TEXT("role", "ROLE", "What it may do", .choices = roles, .required = true),
	ARGV_TEXT("life", "TIME", "It ends after that: 12h, 90d [90d]"), ARGV_END
};
static const struct argv_option ca_show_options[] = {
	ARGV_TEXT("enrollment", "ID", "The certificates that were issued for it"), ARGV_END
};
static const struct argv_option check_options[] = {
	ARGV_TEXT("model-family", "FAMILY", "Only such devices [iPhone, iPad, Mac and RealityDevice]", .choices = enrolling),
	ARGV_TEXT("web-server", "SERVER", "Whose configuration is shown [by the answers, else nginx]", .choices = web_servers),
	ARGV_TEXT("mdm-server", "URL", "Where that configuration sends devices [https://mdm.DOMAIN]"),
	ARGV_TEXT("apple", "URL", "Ask this fallback where the domain fails, as devices from iOS 18.2 do"),
	ARGV_TEXT("scep", "URL", "Look at this SCEP server too"),
	ARGV_TEXT("device-ca", "DIR", "Be a device of the test CA in DIR (postern-device ca --out DIR)"),
	ARGV_INT("timeout", "SECONDS", "Wait so long for each connection and answer [10]", .min = 1, .max = 600),
	ARGV_LIST("connect-to", "H1:P1:H2:P2", "Ask H2:P2 where H1:P1 is meant (curl's option)"),
	ARGV_TEXT("cacert", "FILE", "Trust this CA too (PEM)"),
	ARGV_END
};

#define PASSPHRASE \
	ARGV_TEXT("passphrase-file", "F", "The passphrase is the first line of F", .group = -1), \
	ARGV_FLAG("passphrase-stdin", "Read the passphrase from standard input (one line)", .group = -1)
static const struct argv_option passphrase_options[] = { PASSPHRASE, ARGV_END };
static const struct argv_option restore_options[] = {
	PASSPHRASE,
	ARGV_TEXT("store", "DSN", "Into this empty database instead of the one that its settings name", .group = 1),
	STORE_FILE,
	ARGV_END
};
static const struct argv_option join_options[] = {
	PASSPHRASE,
	ARGV_TEXT("store", "DSN", "How this machine reaches the same database, where that differs", .group = 1),
	STORE_FILE,
	ARGV_TEXT("url", "URL", "What devices call this node, where that differs"),
	ARGV_END
};
/* clang-format on */

#endif
