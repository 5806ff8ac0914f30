/* Which request each command is, and how its answer is printed: the table, and the columns of listings. */
#include "postern/call.h"

/* clang-format off */
static const struct column org_columns[] = {
	{ "ID", "id", COL_TEXT }, { "NAME", "name", COL_TEXT }, { "DOMAINS", "domains", COL_LIST },
	{ "PROOF", "identity_proof", COL_TEXT }, { "DEVICE CA", "device_ca_mode", COL_TEXT }, { "LAB", "lab", COL_FLAG },
	{ "TOPIC", "topic", COL_TEXT }, COLUMN_END
};
static const struct column domain_columns[] = {
	{ "DOMAIN", "domain", COL_TEXT }, { "ORGANIZATION", "organization", COL_TEXT }, { "SINCE", "added_at", COL_TIME },
	COLUMN_END
};
static const struct column user_columns[] = {
	{ "USER", "user", COL_TEXT }, { "MANAGED APPLE ACCOUNT", "managed_apple_account", COL_TEXT },
	{ "NAME", "display_name", COL_TEXT }, { "GROUPS", "groups", COL_LIST }, { "PASSWORD", "has_password", COL_FLAG },
	{ "DISABLED", "disabled", COL_FLAG }, COLUMN_END
};
static const struct column group_columns[] = {
	{ "GROUP", "group", COL_TEXT }, { "PEOPLE", "people", COL_NUMBER }, { "ACCESS TOKEN", "access_token_life_s", COL_LIFE },
	{ "WEB TOKEN", "web_token_life_s", COL_LIFE }, { "IDLE", "refresh_idle_s", COL_LIFE },
	{ "FULL SIGN-IN", "longest_s", COL_LIFE }, { "GRACE", "grace_s", COL_LIFE }, { "SPREAD %", "spread_percent", COL_NUMBER },
	COLUMN_END
};
static const struct column group_rows[] = {
	{ "Group", "group", COL_TEXT }, { "People", "people", COL_NUMBER }, { "Access token life", "access_token_life_s", COL_LIFE },
	{ "Web token life", "web_token_life_s", COL_LIFE }, { "Refresh idle", "refresh_idle_s", COL_LIFE },
	{ "Full sign-in after", "longest_s", COL_LIFE }, { "Provider may be silent for", "grace_s", COL_LIFE },
	{ "Spread of renewals (%)", "spread_percent", COL_NUMBER }, COLUMN_END
};
static const struct column attempt_columns[] = {
	{ "ID", "id", COL_TEXT }, { "STARTED", "started_at", COL_TIME }, { "USER", "user", COL_TEXT },
	{ "DEVICE", "product", COL_TEXT }, { "OS", "os_version", COL_TEXT }, { "MODE", "mode", COL_TEXT },
	{ "STATE", "state", COL_TEXT }, { "LAST", "sentence", COL_TEXT }, COLUMN_END
};
static const struct column enrollment_columns[] = {
	{ "ID", "id", COL_TEXT }, { "USER", "user", COL_TEXT }, { "MODE", "mode", COL_TEXT }, { "STATE", "state", COL_TEXT },
	{ "DEVICE", "product", COL_TEXT }, { "OS", "os_version", COL_TEXT }, { "ENROLLED", "enrolled_at", COL_TIME },
	{ "LAST SEEN", "last_seen_at", COL_TIME }, { "INACTIVE", "inactive", COL_FLAG }, COLUMN_END
};
static const struct column command_columns[] = {
	{ "UUID", "uuid", COL_TEXT }, { "TYPE", "request_type", COL_TEXT }, { "CHANNEL", "channel", COL_TEXT },
	{ "STATUS", "status", COL_TEXT }, { "QUEUED", "queued_at", COL_TIME }, { "ANSWERED", "answered_at", COL_TIME },
	{ "ERROR", "error", COL_TEXT }, COLUMN_END
};
static const struct column available_columns[] = {
	{ "COMMAND", "request_type", COL_TEXT }, { "KEYS", "keys", COL_LIST }, { "NOTE", "note", COL_TEXT }, COLUMN_END
};
static const struct column token_columns[] = {
	{ "GRANT", "grant", COL_TEXT }, { "USER", "user", COL_TEXT }, { "ENROLLMENT", "enrollment", COL_TEXT },
	{ "METHOD", "method", COL_TEXT }, { "STATE", "state", COL_TEXT }, { "SIGNED IN", "created_at", COL_TIME },
	{ "RENEWED", "used_at", COL_TIME }, { "ENDS", "ends_at", COL_TIME }, COLUMN_END
};
static const struct column audit_columns[] = {
	{ "SEQ", "seq", COL_NUMBER }, { "AT", "at", COL_TIME }, { "WHO", "actor", COL_TEXT }, { "WHAT", "action", COL_TEXT },
	{ "ON", "object", COL_TEXT }, { "WHOM", "person", COL_TEXT }, { "OUTCOME", "outcome", COL_TEXT },
	{ "BEGUN", "begun", COL_NUMBER }, { "AGAIN", "again", COL_NUMBER }, COLUMN_END
};
static const struct column licence_app_columns[] = {
	{ "APP", "adam_id", COL_TEXT }, { "BOUGHT", "total", COL_NUMBER }, { "ASSIGNED", "assigned", COL_NUMBER },
	{ "LEFT", "available", COL_NUMBER }, { "WANTED", "wanted", COL_NUMBER }, { "HELD", "held", COL_NUMBER },
	{ "LACKING", "lacking", COL_NUMBER }, COLUMN_END
};
static const struct column licence_columns[] = {
	{ "APP", "adam_id", COL_TEXT }, { "USER", "user", COL_TEXT }, { "STATE", "state", COL_TEXT },
	{ "SINCE", "since", COL_TIME }, { "WHY", "reason", COL_TEXT }, COLUMN_END
};
static const struct column apple_columns[] = {
	{ "Server", "server_name", COL_TEXT }, { "Server UUID", "server_uuid", COL_TEXT },
	{ "Organization at Apple", "org_name", COL_TEXT }, { "  kind", "org_type", COL_TEXT }, { "  id", "org_id", COL_TEXT },
	{ "  mail", "org_email", COL_TEXT }, { "  administrator", "admin_id", COL_TEXT },
	{ "Server token ends", "expires_at", COL_TIME }, { "Alternate discovery offered", "discovery_offered", COL_FLAG },
	{ "Discovery URL", "discovery_url", COL_TEXT }, { "  at Apple", "found_url", COL_TEXT },
	{ "Apple answered", "checked_at", COL_TIME }, { "Trouble since", "trouble", COL_TEXT }, COLUMN_END
};
static const struct column apple_discovery_columns[] = {
	{ "URL", "url", COL_TEXT }, { "Registered", "since", COL_TEXT }, { "Ours", "ours", COL_FLAG }, COLUMN_END
};
static const struct column service_columns[] = {
	{ "ID", "id", COL_TEXT }, { "NAME", "name", COL_TEXT }, { "FOR", "purpose", COL_TEXT },
	{ "ORGANIZATION", "organization", COL_TEXT }, { "SINCE", "created_at", COL_TIME }, { "BY", "created_by", COL_TEXT },
	COLUMN_END
};
static const struct column administrator_columns[] = {
	{ "NAME", "name", COL_TEXT }, { "ROLE", "role", COL_TEXT }, { "ORGANIZATION", "organization", COL_TEXT },
	{ "PROVIDER", "provider", COL_TEXT }, { "SECOND FACTORS", "second_factors", COL_LIST }, { "CODES", "recovery_codes", COL_NUMBER },
	{ "DISABLED", "disabled", COL_FLAG }, { "SIGNED IN", "signed_in_at", COL_TIME }, COLUMN_END
};
static const struct column api_token_columns[] = {
	{ "NAME", "name", COL_TEXT }, { "ROLE", "role", COL_TEXT }, { "ORGANIZATION", "organization", COL_TEXT },
	{ "STATE", "state", COL_TEXT }, { "UNTIL", "expires_at", COL_TIME }, { "USED", "used_at", COL_TIME },
	{ "BY", "created_by", COL_TEXT }, { "ID", "id", COL_TEXT }, COLUMN_END
};
static const struct column api_secret_columns[] = {
	{ "ID", "id", COL_TEXT }, { "Role", "role", COL_TEXT }, { "Organization", "organization", COL_TEXT },
	{ "Until", "expires_at", COL_TIME }, { "Secret", "secret", COL_TEXT }, COLUMN_END
};
static const struct column webhook_columns[] = {
	{ "ID", "id", COL_TEXT }, { "URL", "url", COL_TEXT }, { "EVENTS", "events", COL_TEXT },
	{ "ORGANIZATION", "organization", COL_TEXT }, { "WAITING", "waiting", COL_NUMBER }, { "DEAD", "dead", COL_NUMBER },
	{ "LAST ACCEPTED", "delivered_at", COL_TIME }, { "TROUBLE", "trouble", COL_TEXT }, COLUMN_END
};
static const struct column dead_letter_columns[] = {
	{ "ID", "id", COL_TEXT }, { "EVENT", "type", COL_TEXT }, { "HAPPENED", "created_at", COL_TIME },
	{ "GIVEN UP", "dead_at", COL_TIME }, { "TRIES", "tries", COL_NUMBER }, { "TROUBLE", "trouble", COL_TEXT }, COLUMN_END
};
static const struct column secret_columns[] = {
	{ "ID", "id", COL_TEXT }, { "Secret", "secret", COL_TEXT }, COLUMN_END
};
static const struct column certificate_columns[] = {
	{ "FINGERPRINT", "fingerprint", COL_TEXT }, { "SERIAL", "serial", COL_TEXT }, { "STATE", "state", COL_TEXT },
	{ "ISSUED", "issued_at", COL_TIME }, { "ENDS", "not_after", COL_TIME }, COLUMN_END
};
static const struct column ca_columns[] = {
	{ "Organization", "organization", COL_TEXT }, { "Subject", "subject", COL_TEXT }, { "Serial", "serial", COL_TEXT },
	{ "From", "not_before", COL_TIME }, { "Until", "not_after", COL_TIME }, COLUMN_END
};

static const struct column idp_columns[] = {
	{ "ID", "id", COL_TEXT }, { "KIND", "kind", COL_TEXT }, { "ISSUER", "issuer", COL_TEXT }, { "DOMAIN", "domain", COL_TEXT },
	{ "CLIENT", "client_id", COL_TEXT }, COLUMN_END
};
static const struct column idp_show_columns[] = {
	{ "Id", "id", COL_TEXT }, { "Kind", "kind", COL_TEXT }, { "Name", "name", COL_TEXT }, { "Domain", "domain", COL_TEXT },
	{ "Issuer", "issuer", COL_TEXT }, { "Client id", "client_id", COL_TEXT }, { "Client authentication", "client_auth", COL_TEXT }, { "Key", "key_id", COL_TEXT },
	{ "Tenant", "tenant", COL_TEXT }, { "Scope", "scope", COL_TEXT }, { "User identifier", "user_claim", COL_TEXT }, { "  else", "user_claim_else", COL_TEXT },
	{ "Managed Apple Account", "apple_account", COL_TEXT }, { "Groups", "groups_claim", COL_TEXT },
	{ "Group needed", "group_needed", COL_TEXT }, { "Directory", "directory", COL_TEXT }, { "Asked every", "interval_s", COL_LIFE }, { "May be silent for", "grace_s", COL_LIFE },
	{ "Full sign-in after", "longest_s", COL_LIFE }, { "Signing in again", "again", COL_TEXT }, { "Makes people", "creates", COL_FLAG }, { "Sent there at once", "redirects", COL_FLAG },
	{ "Redirect URI", "redirect_uri", COL_TEXT }, { "Authorization", "authorization_endpoint", COL_TEXT },
	{ "Token", "token_endpoint", COL_TEXT }, { "Keys at", "jwks_uri", COL_TEXT }, { "Keys", "keys", COL_NUMBER },
	{ "PKCE announced", "pkce", COL_FLAG }, { "Noticed", "notices", COL_TEXT }, COLUMN_END
};

static const struct column device_group_columns[] = {
	{ "NAME", "name", COL_TEXT }, { "MODE", "mode", COL_TEXT }, { "FAMILY", "model_family", COL_TEXT },
	{ "OS FROM", "os_from", COL_TEXT }, { "OS BELOW", "os_below", COL_TEXT }, { "PEOPLE IN", "user_group", COL_TEXT },
	{ "MEMBERS", "members", COL_NUMBER }, COLUMN_END
};
static const struct column item_columns[] = {
	{ "NAME", "name", COL_TEXT }, { "TITLE", "title", COL_TEXT }, { "TYPE", "type", COL_TEXT }, { "CHANNEL", "channel", COL_TEXT },
	{ "GIVEN TO", "groups", COL_LIST }, { "CHANGED", "updated_at", COL_TIME }, COLUMN_END
};

static const struct column next_columns[] = {
	{ "ENDS", "at", COL_TIME }, { "WHAT", "what", COL_TEXT }, { "ORGANIZATION", "organization", COL_TEXT },
	{ "NUMBER", "count", COL_NUMBER }, { "TO DO", "todo", COL_TEXT }, COLUMN_END
};

#define ORG "organization=--org"

const struct cli_call cli_calls[] = {
	{ "org add", NULL, "POST", "/organizations", "name=0 id=--id domains=--domain:a lab=--lab:b",
	  .done = "Organization {id} was added. postern org show {id} says what is still missing." },
	{ "org list", NULL, "GET", "/organizations", "", .columns = org_columns,
	  .empty = "There is no organization yet: postern org add NAME --domain DOMAIN" },
	{ "org show", "certificate", "GET", "/organizations/{o}/certificates/{--certificate}", "", .print = print_pem },
	{ "org show", NULL, "GET", "/organizations/{o}", "", .print = print_organization },
	{ "org remove", NULL, "DELETE", "/organizations/{0}", "", .done = "Organization {0} was removed, with its people and keys." },
	{ "domain add", NULL, "POST", "/organizations/{org}/domains", "domain=0",
	  .done = "{domain} belongs to {organization} now." },
	{ "domain list", NULL, "GET", "/domains", ORG, .columns = domain_columns, .empty = "There is no domain yet: postern domain add DOMAIN" },
	{ "domain remove", NULL, "DELETE", "/organizations/{org}/domains/{0}", "", .done = "{0} was removed." },

	{ "user add", NULL, "POST", "/users",
	  "user=0 managed_apple_account=--managed-apple-account display_name=--name groups=--group:a password=stdin",
	  .done = "{user} was added." },
	{ "user list", NULL, "GET", "/users", ORG " search=--search", .columns = user_columns, .limited = true,
	  .empty = "Nobody is found. postern user add USER@DOMAIN adds a person." },
	{ "user show", NULL, "GET", "/users/{0}", "", .print = print_user },
	{ "user passwd", NULL, "PUT", "/users/{0}/password", "password=stdin", .done = "{0} has a new password." },
	{ "user groups", NULL, "PATCH", "/users/{0}", "groups=--group:A", .done = "The groups of {user} were set." },
	{ "user disable", NULL, "PATCH", "/users/{0}", "disabled=@true:b",
	  .done = "{user} is disabled: nothing more is delivered to {live_enrollments} live enrollment(s)." },
	{ "user enable", NULL, "PATCH", "/users/{0}", "disabled=@false:b", .done = "{user} is enabled." },
	{ "user remove", NULL, "DELETE", "/users/{0}", "", .done = "{user} was removed; {evicted} enrollment(s) are evicted." },
	{ "user export", NULL, "GET", "/users/{0}/export", "", .print = print_document },
	{ "user erase", NULL, "POST", "/users/{0}/erase", "evict=--evict:b",
	  .done = "Nothing is kept of {user}; {evicted} enrollment(s) were ended. postern store vacuum gives the space back." },

	{ "group list", NULL, "GET", "/groups", ORG, .columns = group_columns, .empty = "Nobody is in a group." },
	{ "group policy", NULL, "PATCH", "/groups/{0}", ORG " access_token_life=--access-token-life web_token_life=--web-token-life"
	  " refresh_idle=--refresh-idle longest=--longest grace=--grace spread=--spread", .columns = group_rows },

	{ "device-group add", NULL, "POST", "/device-groups", ORG " name=0 by_name=--by-name:b mode=--mode"
	  " model_family=--model-family os_from=--os-from os_below=--os-below user_group=--group",
	  .done = "Device group {name} was added. Give it something: postern give profile NAME {name}" },
	{ "device-group list", NULL, "GET", "/device-groups", ORG, .columns = device_group_columns,
	  .empty = "There is no device group yet: postern device-group add NAME" },
	{ "device-group show", NULL, "GET", "/device-groups/{0}", ORG, .print = print_device_group },
	{ "device-group remove", NULL, "DELETE", "/device-groups/{0}", ORG,
	  .done = "Device group {name} was removed: its devices lose what no other group gives them." },
	{ "device-group join", NULL, "PUT", "/device-groups/{0}/members/{1}", ORG, .done = "{enrollment} is in {name} now." },
	{ "device-group leave", NULL, "DELETE", "/device-groups/{0}/members/{1}", ORG, .done = "{enrollment} is in {name} no more." },
	{ "give", NULL, "PUT", "/device-groups/{2}/items/{0}/{1}", ORG " optional=--optional:b",
	  .done = "The {kind} {name} is given to {group}: postern enrollment show says which devices have it." },
	{ "take", NULL, "DELETE", "/device-groups/{2}/items/{0}/{1}", ORG, .done = "The {kind} {name} is taken from {group}." },
	{ "profile add", NULL, "PUT", "/items/profile", ORG " content=0:d", .done = "Profile {name} is kept. Give it to a device group: postern give profile {name} GROUP" },
	{ "profile list", NULL, "GET", "/items/profile", ORG, .columns = item_columns, .empty = "There is no profile yet: postern profile add FILE" },
	{ "profile show", NULL, "GET", "/items/profile/{0}", ORG, .print = print_item },
	{ "profile remove", NULL, "DELETE", "/items/profile/{0}", ORG, .done = "Profile {name} was removed, and goes from all devices." },
	{ "declaration add", NULL, "PUT", "/items/declaration", ORG " content=0:d",
	  .done = "Declaration {name} is kept. Give it to a device group: postern give declaration {name} GROUP" },
	{ "declaration list", NULL, "GET", "/items/declaration", ORG, .columns = item_columns,
	  .empty = "There is no declaration yet: postern declaration add FILE" },
	{ "declaration show", NULL, "GET", "/items/declaration/{0}", ORG, .print = print_item },
	{ "declaration remove", NULL, "DELETE", "/items/declaration/{0}", ORG,
	  .done = "Declaration {name} was removed, and goes from all devices." },
	{ "app add", NULL, "PUT", "/items/app", ORG " name=0 title=--title app_store_id=--app-store-id bundle_id=--bundle-id"
	  " manifest_url=--manifest-url configuration=--configuration:d",
	  .done = "App {name} is kept. Give it to a device group: postern give app {name} GROUP" },
	{ "app list", NULL, "GET", "/items/app", ORG, .columns = item_columns, .empty = "There is no app yet: postern app add NAME" },
	{ "app show", NULL, "GET", "/items/app/{0}", ORG, .print = print_item },
	{ "app remove", NULL, "DELETE", "/items/app/{0}", ORG, .done = "App {name} was removed, and goes from all devices." },

	{ "rule add", NULL, "POST", "/rules", ORG " domain=--domain user=--user group=--group model_family=--model-family"
	  " percent=--percent:i outcome=outcome redirect_url=--redirect message=--refuse method=--method identity=--identity position=--at:i",
	  .done = "Rule {id} is number {position}." },
	{ "rule list", NULL, "GET", "/rules", ORG, .print = print_rules },
	{ "rule move", NULL, "PATCH", "/rules/{0}", ORG " position=1:i", .done = "Rule {id} is number {position} now." },
	{ "rule remove", NULL, "DELETE", "/rules/{0}", ORG, .done = "Rule {id} was removed." },
	{ "rule explain", NULL, "GET", "/rules/explain", ORG " user=0 model-family=--model-family os=--os", .print = print_explain },

	{ "idp add", NULL, "POST", "/identity-providers", ORG " kind=0 client_id=--client-id client_secret=--client-secret-file:f client_key=--key-file:f key_id=--key-id"
	  " client_auth=--client-auth tenant=--tenant issuer=--issuer domain=--domain name=--name scope=--scope"
	  " user_claim=--user-claim apple_account=--apple-account groups_claim=--groups-claim group_needed=--group-needed"
	  " directory=--directory interval=--interval grace=--grace longest=--longest again=--again"
	  " known_only=--known-only:b button=--button:b ca=--cacert:f",
	  .done = "Identity provider {id} was added. Register {redirect_uri} as its redirect URI, then: postern idp check {id}" },
	{ "idp set", NULL, "PATCH", "/identity-providers/{0}", ORG " client_secret=--client-secret-file:f client_key=--key-file:f key_id=--key-id"
	  " client_auth=--client-auth name=--name scope=--scope user_claim=--user-claim apple_account=--apple-account"
	  " groups_claim=--groups-claim group_needed=--group-needed directory=--directory interval=--interval grace=--grace longest=--longest"
	  " again=--again known_only=--known-only:y button=--button:y ca=--cacert:f",
	  .done = "Identity provider {id} was changed." },
	{ "idp list", NULL, "GET", "/identity-providers", ORG, .columns = idp_columns,
	  .empty = "No identity provider: people sign in with a password of this server." },
	{ "idp show", NULL, "GET", "/identity-providers/{0}", ORG, .columns = idp_show_columns },
	{ "idp check", NULL, "POST", "/identity-providers/{0}/check", ORG, .columns = idp_show_columns },
	{ "idp remove", NULL, "DELETE", "/identity-providers/{0}", ORG, .done = "Identity provider {id} was removed." },

	{ "attempt list", NULL, "GET", "/attempts", ORG " user=--user state=--state", .columns = attempt_columns, .limited = true,
	  .empty = "No attempt. Refusals at discovery are counted in postern status." },
	{ "attempt show", "last", "GET", "/attempts/latest", "user=--last", .print = print_attempt },
	{ "attempt show", NULL, "GET", "/attempts/{0}", "", .print = print_attempt },

	{ "enrollment list", NULL, "GET", "/enrollments", ORG " user=--user state=--state", .columns = enrollment_columns, .limited = true,
	  .empty = "No enrollment." },
	{ "enrollment show", NULL, "GET", "/enrollments/{0}", "", .print = print_enrollment },
	{ "enrollment evict", NULL, "POST", "/enrollments/{0}/evict", "", .done = "Enrollment {id} is evicted: {sentence}." },
	{ "enrollment renew", NULL, "POST", "/enrollments/{0}/renew", "", .done = "Enrollment {id} is sent its profile again (command {uuid}); its new certificate counts from its first use." },
	{ "push", NULL, "POST", "/enrollments/{0}/push", "", .done = "{channels} channel(s) of {id} will be pushed to: postern enrollment show {id} says when." },
	{ "enrollment remove", NULL, "DELETE", "/enrollments/{0}", "", .done = "Enrollment {id} was removed; its attempts stay in the history." },

	{ "command send", NULL, "POST", "/enrollments/{0}/commands",
	  "request_type=1 pairs=2+:a plist=--plist:d user_channel=--user-channel", .print = print_sent },
	{ "command list", "available", "GET", "/enrollments/{0}/available-commands", "user-channel=--user-channel:b",
	  .columns = available_columns, .empty = "Nothing may be sent to it." },
	{ "command list", NULL, "GET", "/enrollments/{0}/commands", "", .columns = command_columns,
	  .empty = "No command, queued or answered." },
	{ "command show", NULL, "GET", "/commands/{0}", "", .print = print_command },
	{ "command cancel", NULL, "DELETE", "/commands/{0}", "", .done = "Command {0} was taken out of the queue." },

	{ "audit list", NULL, "GET", "/audit", ORG " user=--user actor=--actor object=--object since=--since until=--until",
	  .columns = audit_columns, .limited = true, .empty = "Nothing of that kind happened." },
	{ "token list", NULL, "GET", "/tokens", ORG " user=--user enrollment=--enrollment", .columns = token_columns, .limited = true,
	  .empty = "No sign-in." },
	{ "token revoke", NULL, "POST", "/tokens/revoke", "user=--user enrollment=--enrollment grant=0",
	  .done = "{revoked} sign-in(s) were revoked: the next request of each device gets 401, and its person signs in again." },
	{ "licence token set", NULL, "PUT", "/organizations/{org}/licence-token", "token=--token-file:f",
	  .done = "Licences come from {location} from now on: postern licence apps" },
	{ "licence token remove", NULL, "DELETE", "/organizations/{org}/licence-token", "",
	  .done = "The token is forgotten. What people hold stays theirs at Apple." },
	{ "licence apps", NULL, "GET", "/organizations/{org}/licence-apps", "", .columns = licence_app_columns,
	  .empty = "No app was bought, or it was not counted yet." },
	{ "licence list", NULL, "GET", "/organizations/{org}/licences", "user=--user", .columns = licence_columns,
	  .empty = "Nobody wants a licence." },
	{ "apple setup", "token-file", "PUT", "/organizations/{org}/apple", "token=--token-file:d", .columns = apple_columns,
	  .done = "GetToken is answered in the name of {server_uuid} from now on. Next: postern apple discovery set" },
	{ "apple setup", NULL, "GET", "/organizations/{org}/certificates/maid", "", .print = print_pem },
	{ "apple show", NULL, "GET", "/organizations/{org}/apple", "", .columns = apple_columns },
	{ "apple discovery set", NULL, "PUT", "/organizations/{org}/apple/discovery", "url=--url",
	  .done = "Apple sends devices to {url} where the domain of their person does not answer discovery." },
	{ "apple discovery show", NULL, "GET", "/organizations/{org}/apple/discovery", "", .columns = apple_discovery_columns },
	{ "apple discovery remove", NULL, "DELETE", "/organizations/{org}/apple/discovery", "",
	  .done = "Apple sends no devices here any more." },
	{ "service add", NULL, "POST", "/services", ORG " name=0 purpose=--for", .columns = secret_columns,
	  .done = "Give id and secret to {name} now: the secret is not kept, and never shown again." },
	{ "service list", NULL, "GET", "/services", ORG, .columns = service_columns, .empty = "No other service may ask." },
	{ "service remove", NULL, "DELETE", "/services/{0}", "", .done = "{0} was removed: its next request is refused." },
	{ "administrator add", NULL, "POST", "/administrators", ORG " name=0 role=--role provider=--provider password=stdin",
	  .done = "{name} administers from now on: /console/sign-in on a listener of admin_listen." },
	{ "administrator list", NULL, "GET", "/administrators", "", .columns = administrator_columns,
	  .empty = "There are no administrators yet: postern administrator add USER@DOMAIN" },
	{ "administrator set", NULL, "PATCH", "/administrators/{0}", ORG " role=--role",
	  .done = "{name} was changed; their sessions have ended." },
	{ "administrator disable", NULL, "PATCH", "/administrators/{0}", "disabled=@true:b",
	  .done = "{name} is disabled; their sessions have ended." },
	{ "administrator enable", NULL, "PATCH", "/administrators/{0}", "disabled=@false:b", .done = "{name} is enabled." },
	{ "administrator passwd", NULL, "PUT", "/administrators/{0}/password", "password=stdin",
	  .done = "{0} has a new password; their sessions have ended." },
	{ "administrator reset", NULL, "POST", "/administrators/{0}/reset", "",
	  .done = "{0} sets up a second factor at the next sign-in; their sessions have ended." },
	{ "administrator remove", NULL, "DELETE", "/administrators/{0}", "", .done = "{0} was removed; their sessions have ended." },
	{ "api-token add", NULL, "POST", "/api-tokens", ORG " name=0 role=--role life=--life", .columns = api_secret_columns,
	  .done = "Keep the secret of {name} now: it is never shown again." },
	{ "api-token list", NULL, "GET", "/api-tokens", ORG, .columns = api_token_columns, .empty = "There are no tokens." },
	{ "api-token revoke", NULL, "DELETE", "/api-tokens/{0}", "", .done = "{name} was revoked: its next request is refused." },
	{ "openapi", NULL, "GET", "/openapi.json", "", .print = print_document },
	{ "webhook add", NULL, "POST", "/webhooks", ORG " url=0 events=--event:a secret=--secret-file:f", .columns = secret_columns,
	  .done = "Give the secret to {url} now: it is never shown again. Then: postern webhook test {id}" },
	{ "webhook list", NULL, "GET", "/webhooks", ORG, .columns = webhook_columns, .empty = "Nobody is told what happens." },
	{ "webhook remove", NULL, "DELETE", "/webhooks/{0}", "", .done = "{0} was removed, with what it was still to be told." },
	{ "webhook test", NULL, "POST", "/webhooks/{0}/test", "", .done = "The receiver answered {status}." },
	{ "webhook dead-letters", NULL, "GET", "/webhooks/{0}/dead-letters", "", .columns = dead_letter_columns,
	  .empty = "Everything was told, or is still tried." },
	{ "webhook replay", NULL, "POST", "/webhooks/{0}/replay", "message=--message", .done = "{messages} message(s) are tried again." },
	{ "ca show", "enrollment", "GET", "/certificates", "enrollment=--enrollment", .columns = certificate_columns,
	  .empty = "No certificate was issued for it." },
	{ "ca show", NULL, "GET", "/organizations/{org}/certificates/ca", "", .columns = ca_columns },
	{ "ca renew", NULL, "POST", "/organizations/{org}/certificates/{0}/renew", "", .columns = ca_columns },
	{ "ca revoke", NULL, "POST", "/certificates/{0}/revoke", "", .done = "The certificate {serial} is revoked." },
	{ "status", "next", "GET", "/status/next", "within=--next", .columns = next_columns,
	  .empty = "Nothing ends within that time." },
	{ "status", NULL, "GET", "/status", "", .print = print_status },
	{ .command = NULL },
};
/* clang-format on */
