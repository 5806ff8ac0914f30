#include "postern-device/data.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/disk.h"
#include "device/account.h"
#include "device/data.h"
#include "fmt/json.h"
#include "postern-device/run.h"

/* In the order of enum separation_account and enum device_share. */
static const char *const accounts[] = { "personal", "managed", NULL };
static const char *const ways[] = { "open-in", "paste", "airdrop", NULL };

/* clang-format off */
const struct argv_option data_options[] = { RUN_STATE, RUN_HOW_TO_TELL, ARGV_END };
#define TEXT ARGV_TEXT("text", "TEXT", "The text, for all to see, instead of standard input")
const struct argv_option data_put_options[] = { RUN_STATE, TEXT, RUN_HOW_TO_TELL, ARGV_END };
const struct argv_option data_share_options[] = {
	RUN_STATE,
	ARGV_TEXT("from", "PLACE", "Where it is", .required = true),
	ARGV_TEXT("to", "PLACE", "Where it goes; not with --by airdrop, which goes to somebody else's device"),
	ARGV_TEXT("by", "WAY", "How", .fallback = "open-in", .choices = ways),
	TEXT,
	RUN_HOW_TO_TELL,
	ARGV_END
};
const struct argv_option data_siwa_options[] = {
	RUN_STATE,
	ARGV_FLAG("web", "On a web page inside the app"),
	ARGV_TEXT("choose", "ACCOUNT", "The person chooses", .choices = accounts),
	RUN_HOW_TO_TELL,
	ARGV_END
};
const struct argv_option data_invitation_options[] = {
	RUN_STATE,
	ARGV_TEXT("as", "ACCOUNT", "Who is signed in to the App Store (default: the Managed Apple Account)"),
	RUN_HOW_TO_TELL,
	ARGV_END
};
const struct argv_option data_restore_options[] = {
	RUN_STATE,
	ARGV_TEXT("from", "FILE", "The backup (default: one that is made just now)"),
	RUN_HOW_TO_TELL,
	ARGV_END
};
const struct argv_argument data_at_arguments[] = {
	ARGV_ARG("PLACE", "Where"),
	ARGV_ARG("NAME", "Its name there"),
	ARGV_END
};
const struct argv_argument data_name_arguments[] = { ARGV_ARG("NAME", "Its name"), ARGV_END };
const struct argv_argument data_app_arguments[] = { ARGV_ARG("BUNDLE", "The app"), ARGV_END };
const struct argv_argument data_code_arguments[] = { ARGV_ARG("CODE", "inviteCode of Apps and Books"), ARGV_END };
const struct argv_argument data_file_arguments[] = { ARGV_ARG("FILE", "Where to write it"), ARGV_END };
/* clang-format on */

const char data_more[] =
    "A PLACE is the documents of an app (com.example.app), its keychain (keychain:com.example.app; "
    "on a Mac also\n"
    "file-keychain:com.example.app), an account in what comes with the system (notes@managed, "
    "notes@personal; also\n"
    "calendar, contacts, drive, mail, reminders), or, to take from, a document on the web "
    "(https://example.com/a.pdf).";

/* Which of the words it is: the option's table lets no other through. */
static int
index_of(const char *const *words, const char *word)
{
	int i = 0;

	while (words[i + 1] != NULL && word != NULL && strcmp(words[i], word) != 0)
		i++;
	return i;
}

/* ---- contents ---- */

/* A text: what the option says, or all of standard input. */
static enum rc
read_text(struct run *r, const struct argv *v, struct bytes *text)
{
	struct buf b;
	char chunk[4096];
	ssize_t n;
	enum rc rc = RC_OK;

	if (argv_text(v, "text") != NULL) {
		*text = bytes_str(argv_text(v, "text"));
		return RC_OK;
	}
	buf_init(&b, SEPARATION_TEXT_MAX);
	while ((n = read(STDIN_FILENO, chunk, sizeof chunk)) > 0)
		buf_add(&b, chunk, (size_t)n);
	*text = arena_copy(r->arena, bytes_of(b.p, b.n));
	if (n < 0)
		rc = fail(&r->d.err, RC_UNAVAILABLE, "standard input can't be read");
	else if (b.over)
		rc = fail(&r->d.err, RC_TOO_LARGE, "a text has at most %u octets", SEPARATION_TEXT_MAX);
	buf_free(&b);
	return rc;
}

static void
print_json(struct run *r, const json_t *o)
{
	struct bytes text = json_text(r->arena, o, 0);

	printf("%.*s\n", (int)text.n, (const char *)text.p);
}

int
data_put_command(const struct argv *v, void *ctx)
{
	struct bytes text;
	struct run r;
	enum rc rc = run_begin(&r, v, false);

	(void)ctx;
	if (rc == RC_OK && (rc = read_text(&r, v, &text)) == RC_OK)
		rc = device_data_put(&r.d, argv_argument(v, 0), argv_argument(v, 1), text);
	return run_end(&r, rc, false);
}

int
data_get_command(const struct argv *v, void *ctx)
{
	struct bytes text;
	struct run r;
	enum rc rc = run_begin(&r, v, false);

	(void)ctx;
	if (rc == RC_OK)
		rc = device_data_get(&r.d, argv_argument(v, 0), argv_argument(v, 1), &text);
	if (rc == RC_OK && argv_flag(v, "json"))
		print_json(
		    &r, json_keep(r.arena, json_pack("{s:o}", "text", json_stringn((const char *)text.p, text.n))));
	else if (rc == RC_OK)
		fwrite(text.p, 1, text.n, stdout);
	return run_end(&r, rc, false);
}

int
data_list_command(const struct argv *v, void *ctx)
{
	json_t *list = NULL, *item;
	struct run r;
	size_t i;
	enum rc rc = run_begin(&r, v, false);

	(void)ctx;
	if (rc == RC_OK)
		rc = device_data_list(&r.d, &list);
	if (rc == RC_OK && argv_flag(v, "json"))
		print_json(&r, list);
	else
		json_array_foreach(list, i, item)
		{
			const char *account = json_get_text(item, "account");
			bool mixed = strcmp(account, "managed") == 0 && !json_is_true(json_object_get(item, "apart"));

			printf("%-30s %-30s %s\n", json_get_text(item, "place"), json_get_text(item, "name"),
			    mixed ? "managed, in the person's volume" : account);
		}
	return run_end(&r, rc, false);
}

int
data_remove_command(const struct argv *v, void *ctx)
{
	struct run r;
	enum rc rc = run_begin(&r, v, false);

	(void)ctx;
	if (rc == RC_OK)
		rc = device_data_remove(&r.d, argv_argument(v, 0), argv_argument(v, 1));
	return run_end(&r, rc, false);
}

/* ---- what is apart, and what may pass ---- */

static json_t *
contents_of(const struct device *d)
{
	const struct separation_content *c;
	json_t *o = json_object();

	for (int i = 0; (c = separation_content_at(i)) != NULL; i++)
		json_object_set_new(o, c->name, json_boolean(device_keeps_apart(d, c)));
	return o;
}

int
data_rules_command(const struct argv *v, void *ctx)
{
	struct separation_rules rules;
	json_t *o, *keys, *value;
	const char *key;
	struct run r;
	enum rc rc = run_begin(&r, v, false);

	(void)ctx;
	if (rc != RC_OK)
		return run_end(&r, rc, false);
	rules = device_separation_rules(&r.d, r.arena);
	keys = json_object();
	for (int i = 0; (key = separation_rules_key(i)) != NULL; i++)
		json_object_set_new(keys, key, json_boolean(separation_rules_value(&rules, i)));
	o = json_keep(r.arena, json_pack("{s:o, s:o}", "apart", contents_of(&r.d), "rules", keys));
	value = json_array();
	for (const char *const *w = rules.web_domains; *w != NULL; w++)
		json_array_append_new(value, json_string(*w));
	json_object_set_new(o, "managed-web-domains", value);
	if (argv_flag(v, "json")) {
		print_json(&r, o);
		return run_end(&r, rc, false);
	}
	json_object_foreach(json_object_get(o, "apart"), key, value)
	{
		printf("%-40s %s\n", key, json_is_true(value) ? "apart" : "not apart on this system");
	}
	json_object_foreach(keys, key, value)
	{
		printf("%-40s %s\n", key, json_is_true(value) ? "true" : "false");
	}
	for (const char *const *w = rules.web_domains; *w != NULL; w++)
		printf("%-40s %s\n", "managed web domain", *w);
	return run_end(&r, rc, false);
}

int
data_share_command(const struct argv *v, void *ctx)
{
	const char *from = argv_text(v, "from"), *to = argv_text(v, "to");
	enum device_share way = (enum device_share)index_of(ways, argv_text(v, "by"));
	struct bytes text = { 0 };
	struct run r;
	enum rc rc;

	(void)ctx;
	if ((to == NULL) != (way == DEVICE_SHARE_AIRDROP)) {
		fprintf(stderr, "postern-device: --to names a place on this device, and AirDrop goes to another\n");
		return ARGV_USAGE;
	}
	rc = run_begin(&r, v, false);
	if (rc == RC_OK && strstr(from, "://") != NULL)
		rc = read_text(&r, v, &text);
	if (rc == RC_OK)
		rc = device_data_share(&r.d, argv_argument(v, 0), from, to, way, text);
	return run_end(&r, rc, false);
}

/* ---- accounts ---- */

int
data_siwa_command(const struct argv *v, void *ctx)
{
	const char *chosen = argv_text(v, "choose");
	enum separation_account choice = (enum separation_account)index_of(accounts, chosen);
	struct run r;
	enum rc rc = run_begin(&r, v, false);

	(void)ctx;
	if (rc == RC_OK)
		rc = device_data_sign_in(
		    &r.d, argv_argument(v, 0), argv_flag(v, "web"), chosen != NULL ? &choice : NULL);
	return run_end(&r, rc, false);
}

int
data_invitation_command(const struct argv *v, void *ctx)
{
	struct run r;
	enum rc rc = run_begin(&r, v, false);

	(void)ctx;
	if (rc == RC_OK)
		rc = device_account_invited(&r.d, argv_argument(v, 0), argv_text(v, "as"));
	return run_end(&r, rc, false);
}

/* ---- backup ---- */

/* A path as directory and name. */
static void
split(struct arena *a, const char *path, const char **dir, const char **name)
{
	const char *slash = strrchr(path, '/');

	*dir = slash == NULL ? "." : slash == path ? "/" : arena_strndup(a, path, (size_t)(slash - path));
	*name = slash == NULL ? path : slash + 1;
}

int
data_backup_command(const struct argv *v, void *ctx)
{
	const char *dir, *name;
	struct bytes backup;
	struct run r;
	enum rc rc = run_begin(&r, v, false);

	(void)ctx;
	split(r.arena, argv_argument(v, 0), &dir, &name);
	if (rc == RC_OK && (rc = device_backup(&r.d, r.arena, &backup)) == RC_OK)
		rc = disk_write(dir, name, backup, &r.d.err);
	return run_end(&r, rc, false);
}

int
data_restore_command(const struct argv *v, void *ctx)
{
	const char *from = argv_text(v, "from"), *dir, *name;
	struct bytes backup = { 0 };
	struct run r;
	enum rc rc = run_begin(&r, v, false);

	(void)ctx;
	if (rc == RC_OK && from != NULL) {
		split(r.arena, from, &dir, &name);
		rc = disk_read(r.arena, dir, name, &backup, &r.d.err);
	}
	if (rc == RC_OK)
		rc = device_restore(&r.d, backup);
	return run_end(&r, rc, false);
}
