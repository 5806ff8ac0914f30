/* Every command of postern: its words, options and arguments. --help and completion read the same rows. */
#include "postern/cli.h"
#include "postern/option_table.h"

/* clang-format off */
#define ONE(name_, help_) (const struct argv_argument[]){ ARGV_ARG(name_, help_), ARGV_END }
#define PERSON ONE("USER@DOMAIN", "User identifier")
#define ENROLLMENT ONE("ENROLLMENT", "Its id, or a beginning of it that no other has")

static const struct argv_argument org_optional[] = { ARGV_ARG("ORG", "Its id", .optional = true), ARGV_END };
static const struct argv_argument attempt_optional[] = {
	ARGV_ARG("ID", "Its id, or the code that the person reads from the page: 7K3M-9QPX", .optional = true), ARGV_END
};
static const struct argv_argument grant_optional[] = {
	ARGV_ARG("GRANT", "One sign-in, from token list", .optional = true), ARGV_END
};
static const struct argv_argument move_arguments[] = {
	ARGV_ARG("RULE", "Its id or its number"), ARGV_ARG("POSITION", "Its number from now on"), ARGV_END
};
static const struct argv_argument send_arguments[] = {
	ARGV_ARG("ENROLLMENT", "Its id, or a beginning of it that no other has"),
	ARGV_ARG("RequestType", "As in Apple's documentation", .optional = true),
	ARGV_ARG("key=value", "Keys of the command; nested ones with dots, lists with commas", .optional = true, .many = true),
	ARGV_END
};

static const struct argv_argument member_arguments[] = {
	ARGV_ARG("GROUP", "Device group"), ARGV_ARG("ENROLLMENT", "Its id, or a beginning of it that no other has"), ARGV_END
};
static const struct argv_argument give_arguments[] = {
	ARGV_ARG("KIND", "profile, app or declaration"), ARGV_ARG("NAME", "As the list of its kind has it"),
	ARGV_ARG("GROUP", "Device group"), ARGV_END
};

static const struct argv_argument modes_arguments[] = {
	ARGV_ARG("NAME", "Only those with this in their name; with their keys", .optional = true), ARGV_END
};
static const struct argv_argument esso_file[] = {
	ARGV_ARG("FILE", "The whole document (JSON) instead of its parts; '-' for standard input", .optional = true), ARGV_END
};

static const struct argv_argument copy_arguments[] = {
	ARGV_ARG("FROM", "sqlite:PATH or postgresql://...; @F: the first line of the file F"),
	ARGV_ARG("TO", "Likewise: a path where nothing is, or a database without tables"), ARGV_END
};

#define MIGRATE_HELP \
	"Reads, and changes nothing there. Enrollments can't be carried over: devices leave there and enroll here, by waves of\n" \
	"people in the order of --people. The groups are migration-wave-1 and so on, for rule add --group."

static const struct argv_command commands[] = {
	{ "init", "Make DIR: configuration, database, keys, a development TLS certificate", cli_init, init_options, NULL,
	  "Needs no server. Never overwrites: a DIR that has an installation is left as it is.\n"
	  "--org NAME is the organization's name; more can be added later." },
	{ "org add", "Add an organization, its domains and keys", cli_call, org_add_options, ONE("NAME", "Its name"), NULL },
	{ "org list", "List organizations", cli_call, NULL, NULL, NULL },
	{ "org show", "Show one, and what is missing", cli_call, org_show_options, org_optional,
	  "--certificate maid is the one to upload to Apple School Manager or Apple Business Manager." },
	{ "org set", "Change settings, push certificate and device CA pool", cli_org_set, org_set_options, org_optional, NULL },
	{ "org remove", "Remove one that has no live enrollment", cli_call, NULL, ONE("ORG", "Its id"), NULL },
	{ "domain add", "Add a domain to an organization", cli_call, NULL, ONE("DOMAIN", "Fully qualified"), NULL },
	{ "domain list", "List domains", cli_call, NULL, NULL, NULL },
	{ "domain remove", "Remove a domain", cli_call, NULL, ONE("DOMAIN", "Fully qualified"), NULL },
	{ "esso set", "Sign people in by an app: keep the document that names it to their devices", cli_esso_set,
	  esso_set_options, esso_file,
	  "postern esso set --app-store-id 1234567890 --profile sso.mobileconfig --associated-domain authsrv:sso.example.com\n"
	  "postern esso set --developer --app-id ABCDE12345.com.example.sso --profile sso.mobileconfig\n"
	  "Replaces the document of before. One that breaks a rule is not kept." },
	{ "esso check", "Name every rule that a document breaks; without one, that the server's breaks", cli_esso_check,
	  esso_set_options, esso_file, "Needs no server where a document is given." },
	{ "esso show", "Show the document and where devices get it", cli_esso_show, esso_show_options, NULL, NULL },
	{ "esso remove", "Sign in without the app again", cli_esso_remove, esso_remove_options, NULL, NULL },
	{ "user add", "Add a person", cli_call, user_add_options, PERSON, NULL },
	{ "user list", "List people", cli_call, user_list_options, NULL, NULL },
	{ "user show", "Show a person and their devices", cli_call, NULL, PERSON, NULL },
	{ "user passwd", "Set a password", cli_call, passwd_options, PERSON, NULL },
	{ "user groups", "Set the groups of a person", cli_call, user_groups_options, PERSON, NULL },
	{ "user disable", "Deliver nothing more to a person's devices", cli_call, NULL, PERSON, NULL },
	{ "user enable", "Undo user disable", cli_call, NULL, PERSON, NULL },
	{ "user remove", "Evict a person's devices and remove the person", cli_call, NULL, PERSON, NULL },
	{ "user export", "Everything that is kept of a person, as one JSON document", cli_call, NULL, PERSON,
	  "For who asks what is known of them. Secrets are not in it." },
	{ "user erase", "Remove everything that is kept of a person, also from history and audit", cli_call, user_erase_options,
	  PERSON, "Rows of the audit stay, without the name. postern store vacuum gives the space back. Backups that were made\n"
	  "before still have it all." },
	{ "user import", "Add people from a CSV file", cli_user_import, NULL, ONE("FILE", "'-' for standard input"),
	  "The first line names the columns: user, managed_apple_account, groups (separated by ';'),\n"
	  "display_name, password. Only user must be there; order is free." },
	{ "group import", "Say who is in which group, from a CSV file", cli_group_import, NULL,
	  ONE("FILE", "'-' for standard input"),
	  "The first line names the columns group and user. A group that the file names has these people from now on\n"
	  "and no others; a line without a user is a group with nobody. Whom the rules refuse now signs in no more, and\n"
	  "the sign-ins of their devices end." },
	{ "group policy", "Say what holds for the people of a group, or show it", cli_call, group_policy_options,
	  ONE("GROUP", "Its name, as a token or the directory says it"),
	  "Of a person's groups and their organization the strictest holds, limit by limit (postern user show).\n"
	  "It is for what is issued or renewed from now on; 'none' takes a limit away." },
	{ "group list", "List groups of people", cli_call, NULL, NULL, NULL },
	{ "device-group add", "Add a group of devices: by conditions, or by name", cli_call, device_group_options,
	  ONE("NAME", "What it is called"),
	  "postern device-group add byod-phones --mode byod --model-family iPhone\n"
	  "Without conditions and without --by-name every device of the organization is in it." },
	{ "device-group list", "List groups of devices", cli_call, NULL, NULL, NULL },
	{ "device-group show", "Show one, and what its devices get", cli_call, NULL, ONE("NAME", "Device group"), NULL },
	{ "device-group remove", "Remove one; its devices lose what no other group gives them", cli_call, NULL,
	  ONE("NAME", "Device group"), NULL },
	{ "device-group join", "Add a device to a group that has its members by name", cli_call, NULL, member_arguments, NULL },
	{ "device-group leave", "Take a device out of such a group", cli_call, NULL, member_arguments, NULL },
	{ "profile add", "Keep a configuration profile, in place of the one with its PayloadIdentifier", cli_call, NULL,
	  ONE("FILE", "The profile (.mobileconfig), signed or not"), NULL },
	{ "profile list", "List profiles and who gets them", cli_call, NULL, NULL, NULL },
	{ "profile show", "Show one", cli_call, NULL, ONE("NAME", "Its PayloadIdentifier"), NULL },
	{ "profile remove", "Remove one, from all devices too", cli_call, NULL, ONE("NAME", "Its PayloadIdentifier"), NULL },
	{ "app add", "Keep an app that devices can be given", cli_call, app_options, ONE("NAME", "What it is called here"),
	  "postern app add mail --app-store-id 1234567890 --bundle-id com.example.mail" },
	{ "app list", "List apps and who gets them", cli_call, NULL, NULL, NULL },
	{ "app show", "Show one", cli_call, NULL, ONE("NAME", "What it is called here"), NULL },
	{ "app remove", "Remove one, from all devices too", cli_call, NULL, ONE("NAME", "What it is called here"), NULL },
	{ "declaration add", "Keep a declaration (JSON), in place of the one with its Identifier", cli_call, NULL,
	  ONE("FILE", "With Type, Identifier and Payload; the server makes the ServerToken"), NULL },
	{ "declaration list", "List declarations and who gets them", cli_call, NULL, NULL, NULL },
	{ "declaration show", "Show one", cli_call, NULL, ONE("NAME", "Its Identifier"), NULL },
	{ "declaration remove", "Remove one, from all devices too", cli_call, NULL, ONE("NAME", "Its Identifier"), NULL },
	{ "give", "Give a profile, app or declaration to a device group", cli_call, give_options, give_arguments,
	  "postern give profile com.example.wifi byod-phones\n"
	  "Refused where no device in the group may have it; devices that may not are named with the rule by\n"
	  "postern enrollment show." },
	{ "take", "Take it away again", cli_call, NULL, give_arguments, NULL },
	{ "rule add", "Add a rule", cli_call, rule_add_options, NULL,
	  "Rules are asked in order; the first whose conditions all match decides." },
	{ "rule list", "Print the rules in order", cli_call, NULL, NULL, NULL },
	{ "rule move", "Move a rule", cli_call, NULL, move_arguments, NULL },
	{ "rule remove", "Remove a rule", cli_call, NULL, ONE("RULE", "Its id or its number"), NULL },
	{ "rule explain", "What would this device get, and why? Changes nothing", cli_call, explain_options, PERSON, NULL },
	{ "idp add", "Let an identity provider sign people in (OpenID Connect)", cli_call, idp_add_options,
	  ONE("KIND", "google, entra or oidc"),
	  "Register the redirect URI that is printed at the provider." },
	{ "idp list", "List identity providers", cli_call, NULL, NULL, NULL },
	{ "idp show", "Show one, and what can be noticed of it", cli_call, NULL, ONE("ID", "From idp list, or a beginning of it"), NULL },
	{ "idp set", "Change one: its secret, its claims, how often it is asked", cli_call, idp_set_options,
	  ONE("ID", "From idp list, or a beginning of it"), NULL },
	{ "idp check", "Ask it for its documents, as a sign-in does", cli_call, NULL, ONE("ID", "From idp list, or a beginning of it"), NULL },
	{ "idp remove", "Remove one; its people stay", cli_call, NULL, ONE("ID", "From idp list, or a beginning of it"), NULL },
	{ "attempt list", "List tries to enroll or to sign in again, newest first", cli_call, attempt_list_options, NULL, NULL },
	{ "attempt show", "Tell the story of one: every step, and what to do", cli_call, attempt_show_options, attempt_optional, NULL },
	{ "enrollment list", "List enrollments, newest first", cli_call, enrollment_list_options, NULL, NULL },
	{ "enrollment show", "Show one", cli_call, NULL, ENROLLMENT, NULL },
	{ "enrollment evict", "Tell the device to leave", cli_call, NULL, ENROLLMENT, NULL },
	{ "push", "Wake a device through Apple's push service", cli_call, NULL, ENROLLMENT, NULL },
	{ "enrollment renew", "Renew the device's identity certificate now", cli_call, NULL, ENROLLMENT, NULL },
	{ "enrollment remove", "Forget one that ended", cli_call, NULL, ENROLLMENT, NULL },
	{ "command send", "Queue a command", cli_call, send_options, send_arguments,
	  "postern command send 4F2A DeviceInformation\n"
	  "postern command send 4F2A InstalledApplicationList Identifiers=com.example.app\n"
	  "What may be sent to an enrollment: postern command list --available ENROLLMENT" },
	{ "command list", "List what is queued and what was answered", cli_call, command_list_options, ENROLLMENT, NULL },
	{ "command show", "Show one and its answer", cli_call, NULL, ONE("UUID", "Of the command"), NULL },
	{ "command cancel", "Take one out of the queue", cli_call, NULL, ONE("UUID", "Of the command"), NULL },
	{ "token list", "List sign-ins", cli_call, token_list_options, NULL, NULL },
	{ "token revoke", "End sign-ins: people sign in again", cli_call, token_revoke_options, grant_optional, NULL },
	{ "licence token set", "Take licences of apps from the organization's Apps and Books", cli_call, licence_token_options, NULL,
	  "The file is the content token that is downloaded from Apple Business, under Payments and Billing." },
	{ "licence token remove", "Ask Apple for licences no more", cli_call, NULL, NULL, NULL },
	{ "licence apps", "List the apps that were bought: how many licences are left, and how many are lacking", cli_call, NULL,
	  NULL, NULL },
	{ "licence list", "List who holds a licence, or waits for one and why", cli_call, licence_list_options, NULL, NULL },
	{ "apple setup", "Make the server known to Apple School Manager or Apple Business: certificate out, server token in",
	  cli_call, apple_setup_options, NULL,
	  "1. postern apple setup >postern.pem, and upload the file in the portal, as the public key of a new MDM server.\n"
	  "2. Download its server token there, and: postern apple setup --token-file FILE\n"
	  "The certificate is the one that GetToken's answers are checked by." },
	{ "apple show", "Show what Apple says of the account, when the server token ends, and whether all is well", cli_call,
	  NULL, NULL, NULL },
	{ "apple discovery set", "Have Apple send devices here where their domain does not answer discovery", cli_call,
	  apple_discovery_options, NULL,
	  "Alternate discovery: iOS and iPadOS 18.2, macOS 15.2, visionOS 2.2, and Managed Apple Accounts of a verified domain." },
	{ "apple discovery show", "Ask Apple which discovery URL it has", cli_call, NULL, NULL, NULL },
	{ "apple discovery remove", "Have Apple send no devices here", cli_call, NULL, NULL, NULL },
	{ "service add", "Let another service of the organization ask about tokens, or keep people up to date", cli_call,
	  service_add_options, ONE("NAME", "Which one, for people"),
	  "introspection: POST /oauth2/introspect (RFC 7662) with the id and the secret.\n"
	  "scim: /scim/v2 (RFC 7644) with the secret as bearer token: for Entra ID, Okta and their like." },
	{ "service list", "List such services", cli_call, NULL, NULL, NULL },
	{ "service remove", "Refuse one from now on", cli_call, NULL, ONE("ID", "From service list"), NULL },
	{ "administrator add", "Let a person administer through the console", cli_call, administrator_add_options, PERSON,
	  "Roles are those of api-token add; with --org that organization alone. A password is the first step of two: the second,\n"
	  "an authenticator app or WebAuthn, is set up at the first sign-in." },
	{ "administrator list", "List them", cli_call, NULL, NULL, NULL },
	{ "administrator set", "Change the role, or with --org the organization (all: every one)", cli_call,
	  administrator_set_options, PERSON, NULL },
	{ "administrator disable", "Sign one in no more", cli_call, NULL, PERSON, NULL },
	{ "administrator enable", "Undo administrator disable", cli_call, NULL, PERSON, NULL },
	{ "administrator passwd", "Set a password", cli_call, passwd_options, PERSON, NULL },
	{ "administrator reset", "Forget second factors and recovery codes, for who lost them", cli_call, NULL, PERSON, NULL },
	{ "administrator remove", "Remove one", cli_call, NULL, PERSON, NULL },
	{ "api-token add", "Let a program use the administration API", cli_call, api_token_add_options,
	  ONE("NAME", "Which one, for people and records"),
	  "read: sees everything, changes nothing. help-desk: attempts, people and enrollments, wakes and renews devices;\n"
	  "no tokens, no results of commands. admin: everything. With --org it reaches that organization alone." },
	{ "api-token list", "List such tokens", cli_call, NULL, NULL, NULL },
	{ "api-token revoke", "Refuse one from now on", cli_call, NULL, ONE("NAME", "Name or ID, from api-token list"), NULL },
	{ "openapi", "Print the OpenAPI document of the administration API", cli_call, NULL, NULL, NULL },
	{ "webhook add", "Tell a receiver what happens: signed messages, in order for each enrollment", cli_call,
	  webhook_add_options, ONE("URL", "The receiver, https"), NULL },
	{ "webhook list", "List receivers, and what waits for each", cli_call, NULL, NULL, NULL },
	{ "webhook remove", "Tell a receiver nothing more", cli_call, NULL, ONE("ID", "From webhook list"), NULL },
	{ "webhook test", "Send a receiver a message now", cli_call, NULL, ONE("ID", "From webhook list"), NULL },
	{ "webhook dead-letters", "List what was given up after webhook_days", cli_call, NULL, ONE("ID", "From webhook list"), NULL },
	{ "webhook replay", "Try dead letters again", cli_call, webhook_replay_options, ONE("ID", "From webhook list"), NULL },
	{ "ca show", "Show the enrollment CA, or what it issued", cli_call, ca_show_options, NULL, NULL },
	{ "ca renew", "Give a key of the organization a new certificate, for ten years more", cli_call, NULL,
	  ONE("KIND", "ca, profile or maid; each key stays as it is, and what was signed with it stays good"), NULL },
	{ "ca revoke", "Revoke an identity certificate", cli_call, NULL,
	  ONE("FINGERPRINT", "Its SHA-256, from ca show --enrollment"), NULL },
	{ "audit list", "What administrators did, and whose data they read; newest first", cli_call, audit_list_options, NULL, NULL },
	{ "audit verify", "Find rows that are not as they were written, or are missing", cli_audit_verify, audit_verify_options,
	  NULL, "Prints the head: noted where nobody of this server can write, it shows later that nothing was cut off.\n"
	  "Exit status 1: a row is wrong; it is named." },
	{ "audit export", "Every row as a line of JSON, oldest first", cli_audit_export, audit_export_options, NULL,
	  "postern audit export --after 1200 >> audit.jsonl     goes on behind row 1200" },
	{ "status", "Is all well? Version, warnings, counts", cli_call, status_options, NULL, NULL },
	{ "backup", "Write keys, settings and all rows into one sealed file, while the server runs", cli_backup,
	  passphrase_options, ONE("FILE", "Where to; an older backup there is replaced when this one is whole"),
	  "Run it as the user of posternd. Without the passphrase nobody reads it, nor you." },
	{ "restore", "Make DIR out of a backup", cli_restore, restore_options, ONE("FILE", "Made by postern backup"),
	  "DIR (--data) must be empty or not there. The rows may go to another engine than they came from." },
	{ "node export", "Write keys and settings for a second server on the same PostgreSQL database", cli_node_export,
	  passphrase_options, ONE("FILE", "Where to"), NULL },
	{ "node join", "Make DIR out of such a file: the same keys, no second CA", cli_node_join, join_options,
	  ONE("FILE", "Made by postern node export"), NULL },
	{ "node update", "Take over keys that were made at another node since", cli_node_update, passphrase_options,
	  ONE("FILE", "Made by postern node export"), NULL },
	{ "store migrate", "Bring the database to this version's schema", cli_store_migrate, NULL, NULL,
	  "posternd does the same when it starts. Needs no server; with one running it refuses." },
	{ "store check", "Is the database sound? Its schema, its tables, and what must hold between them", cli_store_check,
	  NULL, NULL, "Needs no server. On SQLite it refuses while one is running." },
	{ "store vacuum", "Give free space of the database back", cli_store_vacuum, NULL, NULL,
	  "While the server runs, or without one. SQLite's file gets shorter, piece by piece; on PostgreSQL each table gets\n"
	  "VACUUM (ANALYZE), which makes room for new rows. It is done by itself, too, by the server and by autovacuum:\n"
	  "this is for after a large removal." },
	{ "store copy", "Move all rows to another, empty database, on either engine", cli_store_copy, NULL, copy_arguments,
	  "postern store copy sqlite:/var/lib/postern/postern.db @/root/new-database\n"
	  "Stop every posternd first. Rows are counted and summed on both sides before the new database is kept; when\n"
	  "anything fails it is left empty. Keys and settings stay where they are: set `store` in postern.conf." },
	{ "migrate nanomdm", "Read a NanoMDM's store: who is there, what becomes of each, and who comes when", cli_migrate_nanomdm,
	  migrate_options, ONE("SOURCE", "The folder of its file storage, or its database: postgresql://..., or @F for an address in F"),
	  MIGRATE_HELP },
	{ "migrate micromdm", "The same of a MicroMDM", cli_migrate_micromdm, migrate_options,
	  ONE("SOURCE", "Its micromdm.db, of a server that is stopped, or a copy"), MIGRATE_HELP },
	{ "migrate shadow", "Listen to a NanoMDM's or MicroMDM's webhook, and say what this server would make of it", cli_migrate_shadow,
	  shadow_options, NULL,
	  "Start the other server with its webhook URL (-webhook-url, -command-webhook-url) at http://127.0.0.1:8090/. Devices notice\n"
	  "nothing. Nothing is kept but counts, in memory, until Ctrl-C prints them." },
	{ "lint", "Check a profile, command or declaration against what an enrollment mode allows", cli_lint, lint_options,
	  ONE("FILE", "Profile (signed or not), command (property list) or declaration (JSON); '-' for standard input"),
	  "postern lint wifi.mobileconfig --mode byod --os \"iOS 18.2\"\n"
	  "Names each offending key with its rule. Needs no server. Ends 0 when nothing is wrong, 1 with findings,\n"
	  "2 when the file can't be read as any of these." },
	{ "preset", "Print a ready profile with what a mode and system have of it", cli_preset, lint_options,
	  ONE("NAME", "work-data: work data stays in work apps"),
	  "postern preset work-data --mode byod --os iOS | postern profile add -\n"
	  "work-data: open-in both ways, pasteboard, AirDrop, contacts, iCloud of work apps, backups of books. Needs no server." },
	{ "modes", "List what an enrollment mode allows, and the rule for what it does not", cli_modes, modes_options,
	  modes_arguments,
	  "postern modes --mode byod --os \"iOS 18.2\" --kind command\n"
	  "postern modes --mode byod --os \"iOS 18.2\" allowScreenShot\n"
	  "From Apple's tables, as the server checks. Needs no server." },
	{ "check", "See a server from outside, as phones do", cli_check, check_options, PERSON,
	  "Takes the steps of an enrollment that need no password, and says for each what was seen; for what is wrong,\n"
	  "what the phone would say, the cause, and what to write into the web server's configuration. Works with any\n"
	  "vendor's server. With --data, SCEP and push certificate of the server of ours there are looked at too.\n"
	  "Exit status, for monitoring: 0 ok, 1 warning, 2 critical, 3 unknown or wrong usage." },
	ARGV_END
};
/* clang-format on */

const struct argv_program postern_program = { "postern", "Administer a postern server", global_options, commands,
	"check", NULL };
