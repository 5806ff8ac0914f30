/* One organization, person, enrollment or command; and status. */
#include <string.h>

#include "postern/cli.h"

static void
heading(struct cli *k, const char *text)
{
	printf("\n%s%s%s\n", paint_on(k->color_out, PAINT_BOLD), text, paint_off(k->color_out, PAINT_BOLD));
}

static void
warnings(struct cli *k, const char *prefix, const json_t *list)
{
	const json_t *w;
	size_t i;

	json_array_foreach(list, i, w)
	{
		printf("%s!%s %s%s\n", paint_on(k->color_out, PAINT_WARN), paint_off(k->color_out, PAINT_WARN), prefix,
		    print_safe(k->a, json_is_string(w) ? json_string_value(w) : ""));
	}
}

/* clang-format off */
static const struct column organization_rows[] = {
	{ "Id", "id", COL_TEXT }, { "Name", "name", COL_TEXT }, { "Domains", "domains", COL_LIST },
	{ "Lab", "lab", COL_FLAG }, { "Topic", "topic", COL_TEXT },
	{ "Push certificate", "push_certificate.subject", COL_TEXT }, { "  ends", "push_certificate.not_after", COL_TIME },
	{ "Enrollment CA", "ca_certificate.subject", COL_TEXT }, { "  ends", "ca_certificate.not_after", COL_TIME },
	{ "Server UUID", "server_uuid", COL_TEXT }, { "Identity proof", "identity_proof", COL_TEXT },
	{ "Device CA mode", "device_ca_mode", COL_TEXT }, { "Device CAs", "device_cas", COL_NUMBER },
	{ "  ignore times", "device_ca_ignore_times", COL_FLAG }, { "Attestation CAs", "attestation_cas", COL_NUMBER },
	{ "Access rights (ADDE)", "access_rights", COL_NUMBER },
	{ "Access token life", "access_token_life_s", COL_LIFE }, { "Refresh idle", "refresh_idle_s", COL_LIFE },
	{ "Refresh max", "refresh_max_s", COL_LIFE }, { "Web token life", "web_token_life_s", COL_LIFE },
	{ "Spread of renewals (%)", "spread_percent", COL_NUMBER },
	{ "Since", "created_at", COL_TIME }, COLUMN_END
};
static const struct column user_rows[] = {
	{ "User", "user", COL_TEXT }, { "Managed Apple Account", "managed_apple_account", COL_TEXT },
	{ "Name", "display_name", COL_TEXT }, { "Organization", "organization", COL_TEXT }, { "Groups", "groups", COL_LIST },
	{ "Password", "has_password", COL_FLAG }, { "Disabled", "disabled", COL_FLAG },
	{ "  since", "disabled_at", COL_TIME }, { "Added", "created_at", COL_TIME },
	{ "Newest attempt", "latest_attempt", COL_TEXT }, COLUMN_END
};
static const struct column brief_columns[] = {
	{ "ID", "id", COL_TEXT }, { "MODE", "mode", COL_TEXT }, { "STATE", "state", COL_TEXT }, { "DEVICE", "product", COL_TEXT },
	{ "OS", "os_version", COL_TEXT }, { "LAST SEEN", "last_seen_at", COL_TIME }, COLUMN_END
};
static const struct column policy_columns[] = {
	{ "LIMIT", "limit", COL_TEXT }, { "TIME", "seconds", COL_LIFE }, { "%", "percent", COL_NUMBER }, { "BY", "by", COL_TEXT },
	COLUMN_END
};
static const struct column enrollment_rows[] = {
	{ "Id", "id", COL_TEXT }, { "State", "state", COL_TEXT }, { "Person", "user", COL_TEXT },
	{ "Organization", "organization", COL_TEXT }, { "Mode", "mode", COL_TEXT }, { "Device", "product", COL_TEXT },
	{ "OS", "os_version", COL_TEXT }, { "Build", "build_version", COL_TEXT }, { "Device name", "device_name", COL_TEXT },
	{ "Serial number", "serial_number", COL_TEXT }, { "Device id", "device_id", COL_TEXT },
	{ "Begun", "created_at", COL_TIME }, { "Enrolled", "enrolled_at", COL_TIME }, { "Last seen", "last_seen_at", COL_TIME },
	{ "Inactive", "inactive_sentence", COL_TEXT },
	{ "Evicted anyway", "evict_at", COL_TIME }, { "Ended", "ended_at", COL_TIME }, { "Attempt", "attempt", COL_TEXT },
	{ "Sign-in again", "sign_in_again_attempt", COL_TEXT }, { "Grant", "grant", COL_TEXT },
	{ "Unlock token held", "unlock_token_held", COL_FLAG }, { "Bootstrap token held", "bootstrap_token_held", COL_FLAG },
	{ "Commands queued", "queued", COL_NUMBER }, COLUMN_END
};
static const struct column frozen_rows[] = {
	{ "  Topic", "Topic", COL_TEXT }, { "  ServerURL", "ServerURL", COL_TEXT }, { "  CheckInURL", "CheckInURL", COL_TEXT },
	{ "  AssignedManagedAppleID", "AssignedManagedAppleID", COL_TEXT }, { "  AccessRights", "AccessRights", COL_NUMBER },
	{ "  PerUserConnections", "PerUserConnections", COL_FLAG }, { "  PayloadIdentifier", "PayloadIdentifier", COL_TEXT },
	{ "  Identity proof", "identity_proof", COL_TEXT }, COLUMN_END
};
static const struct column channel_columns[] = {
	{ "CHANNEL", "channel", COL_TEXT }, { "USER ID", "user_id", COL_TEXT }, { "NAME", "user_short_name", COL_TEXT },
	{ "TOKEN UPDATE", "updated_at", COL_TIME }, { "LAST SEEN", "last_seen_at", COL_TIME },
	{ "TO BE WOKEN", "waits_for_wake", COL_FLAG }, { "PUSHED", "pushed_at", COL_TIME },
	{ "PUSH REFUSED", "push_refused", COL_TEXT }, COLUMN_END
};
static const struct column certificate_columns[] = {
	{ "SERIAL", "serial", COL_TEXT }, { "ISSUED", "issued_at", COL_TIME }, { "ENDS", "not_after", COL_TIME },
	{ "REVOKED", "revoked_at", COL_TIME }, { "IN USE", "in_use", COL_FLAG }, COLUMN_END
};
static const struct column desired_columns[] = {
	{ "KIND", "kind", COL_TEXT }, { "NAME", "name", COL_TEXT }, { "GROUP", "group", COL_TEXT }, { "BY", "way", COL_TEXT },
	{ "STATE", "state", COL_TEXT }, { "WHY", "reason", COL_TEXT }, COLUMN_END
};
static const struct column device_group_rows[] = {
	{ "Name", "name", COL_TEXT }, { "Organization", "organization", COL_TEXT }, { "Mode", "mode", COL_TEXT },
	{ "Family", "model_family", COL_TEXT }, { "OS from", "os_from", COL_TEXT }, { "OS below", "os_below", COL_TEXT },
	{ "People in", "user_group", COL_TEXT }, { "Members by name", "members", COL_NUMBER }, COLUMN_END
};
static const struct column given_columns[] = {
	{ "KIND", "kind", COL_TEXT }, { "NAME", "name", COL_TEXT }, { "TITLE", "title", COL_TEXT },
	{ "OPTIONAL", "optional", COL_FLAG }, COLUMN_END
};
static const struct column item_rows[] = {
	{ "Kind", "kind", COL_TEXT }, { "Name", "name", COL_TEXT }, { "Title", "title", COL_TEXT }, { "Type", "type", COL_TEXT },
	{ "Channel", "channel", COL_TEXT }, { "Organization", "organization", COL_TEXT }, { "Given to", "groups", COL_LIST },
	{ "Added", "created_at", COL_TIME }, { "Changed", "updated_at", COL_TIME }, COLUMN_END
};
static const struct column command_rows[] = {
	{ "UUID", "uuid", COL_TEXT }, { "Type", "request_type", COL_TEXT }, { "Enrollment", "enrollment", COL_TEXT },
	{ "User channel", "user_channel", COL_TEXT }, { "Status", "status", COL_TEXT }, { "Error", "error", COL_TEXT },
	{ "Queued", "queued_at", COL_TIME }, { "Queued by", "queued_by", COL_TEXT }, { "Delivered", "delivered_at", COL_TIME },
	{ "Put off", "not_now_at", COL_TIME }, { "Answered", "answered_at", COL_TIME },
	{ "Left out of the answer", "dropped", COL_NUMBER }, COLUMN_END
};
static const struct column status_rows[] = {
	{ "Version", "version", COL_TEXT }, { "URL", "url", COL_TEXT }, { "Running since", "started_at", COL_TIME },
	{ "Store version", "store_version", COL_NUMBER }, { "  size", "store_size", COL_SIZE },
	{ "  free in it", "store_free", COL_SIZE }, { "TLS certificate", "tls.subject", COL_TEXT },
	{ "  issued by", "tls.issuer", COL_TEXT }, { "  ends", "tls.not_after", COL_TIME }, COLUMN_END
};
/* clang-format on */

void
print_organization(struct cli *k, const json_t *answer)
{
	print_object(k, answer, organization_rows);
	warnings(k, "", json_object_get(answer, "warnings"));
}

void
print_user(struct cli *k, const json_t *answer)
{
	print_object(k, answer, user_rows);
	heading(k, "What holds");
	print_table(k, json_object_get(answer, "policy"), policy_columns, NULL);
	heading(k, "Devices");
	if (json_array_size(json_object_get(answer, "enrollments")) == 0)
		printf("None.\n");
	else
		print_table(k, json_object_get(answer, "enrollments"), brief_columns, NULL);
}

void
print_enrollment(struct cli *k, const json_t *answer)
{
	print_object(k, answer, enrollment_rows);
	if (json_array_size(json_object_get(answer, "channels")) > 0) {
		heading(k, "Channels");
		print_table(k, json_object_get(answer, "channels"), channel_columns, NULL);
	}
	if (json_array_size(json_object_get(answer, "certificates")) > 0) {
		heading(k, "Identity certificates");
		print_table(k, json_object_get(answer, "certificates"), certificate_columns, NULL);
	}
	if (json_array_size(json_object_get(answer, "desired")) > 0) {
		heading(k, "What it should have");
		print_table(k, json_object_get(answer, "desired"), desired_columns, NULL);
	}
	heading(k, "Frozen in the profile");
	print_object(k, json_object_get(answer, "frozen"), frozen_rows);
}

void
print_device_group(struct cli *k, const json_t *answer)
{
	print_object(k, answer, device_group_rows);
	heading(k, "What its devices get");
	print_table(k, json_object_get(answer, "items"), given_columns, "Nothing: postern give KIND NAME GROUP");
}

void
print_item(struct cli *k, const json_t *answer)
{
	print_object(k, answer, item_rows);
	heading(k, "Content");
	print_json(json_object_get(answer, "content"));
}

void
print_command(struct cli *k, const json_t *answer)
{
	const json_t *body = json_object_get(answer, "answer"), *command = json_object_get(answer, "command");

	print_object(k, answer, command_rows);
	if (body != NULL && !json_is_null(body)) {
		heading(k, "Answer");
		print_json(body);
	} else if (command != NULL && !json_is_null(command)) {
		heading(k, "To be delivered");
		print_json(command);
	}
}

void
print_sent(struct cli *k, const json_t *answer)
{
	const char *note = json_get_text(answer, "note");

	if (note != NULL)
		cli_say(k, "note: %s", note);
	if (json_is_true(json_object_get(answer, "filled")))
		cli_say(k, "note: everything that may be asked of this device is asked for");
	printf("%s\n", cell_text(k, answer, "uuid", COL_TEXT));
}

void
print_document(struct cli *k, const json_t *answer)
{
	(void)k;
	print_json(answer);
}

void
print_pem(struct cli *k, const json_t *answer)
{
	const char *pem = json_get_text(answer, "pem");

	(void)k;
	fputs(pem != NULL ? pem : "", stdout);
}

static void
counts(struct cli *k, const char *title, const json_t *o)
{
	const char *name;
	json_t *v;

	heading(k, title);
	if (json_object_size(o) == 0)
		printf("  none\n");
	json_object_foreach((json_t *)o, name, v)
	{
		printf("  %-28s %lld\n", print_safe(k->a, name), (long long)json_integer_value(v));
	}
}

void
print_status(struct cli *k, const json_t *answer)
{
	const json_t *list = json_object_get(answer, "organizations"), *o;
	size_t i;

	print_object(k, answer, status_rows);
	warnings(k, "", json_object_get(answer, "warnings"));
	heading(k, "Organizations");
	json_array_foreach(list, i, o)
	{
		printf("  %s (%s)%s\n", cell_text(k, o, "id", COL_TEXT), cell_text(k, o, "name", COL_TEXT),
		    json_is_true(json_object_get(o, "lab")) ? ", lab" : "");
		warnings(k, "", json_object_get(o, "warnings"));
	}
	if (json_array_size(list) == 0)
		printf("  none\n");
	counts(k, "Enrollments by state", json_object_get(answer, "enrollments"));
	counts(k, "Attempts by state", json_object_get(answer, "attempts"));
	counts(k, "Rows", json_object_get(answer, "rows"));
	counts(k, "Answers of discovery, today and yesterday", json_object_get(answer, "discovery"));
}
