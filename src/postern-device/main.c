/* postern-device: a simulated iPhone, iPad, Mac or Vision Pro. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "crypto/hash.h"
#include "crypto/start.h"
#include "device/acme_client.h"
#include "device/enroll.h"
#include "base/disk.h"
#include "device/identity.h"
#include "device/poll.h"
#include "device/wait.h"
#include "fmt/argv.h"
#include "fmt/json.h"
#include "postern-device/conform.h"
#include "postern-device/data.h"
#include "postern-device/fleet.h"
#include "postern-device/lists.h"
#include "postern-device/page.h"
#include "postern-device/password.h"
#include "postern-device/run.h"
#include "postern-device/shell.h"
#include "postern-device/status.h"

static const char *const families[] = { "iPhone", "iPad", "RealityDevice", "Mac", NULL };
static const char *const verdicts[] = { "accept", "check", "refuse", NULL };
static const char *const signins[] = { "accept", "refuse", NULL };
static const char *const acme_faults[] = { DEVICE_ACME_FAULTS, NULL };
static const char *const modes[] = { "byod", "adde", NULL };
static const char *const device_keys[] = { "rsa", "p256", NULL };

/* clang-format off */
#define APPS \
	ARGV_LIST("refuse-app", "BUNDLE", "The person refuses this app when asked"), \
	ARGV_LIST("unlicensed-app", "BUNDLE", "The App Store has no licence for this app")
#define SIGN_IN \
	ARGV_FLAG("password-stdin", "The first line of standard input is the password", .group = -1), \
	ARGV_TEXT("signin-command", "CMD", "Program that signs in: gets the page's URL, prints the callback URL", .group = -1)

static const struct argv_option enroll_options[] = {
	RUN_STATE,
	SIGN_IN,
	ARGV_FLAG("esso", "Nobody signs in but the app of Enrollment SSO, with the session of `sso signin`", .group = -1),
	ARGV_FLAG("esso-developer", "The same on a device in developer mode", .group = -1),
	ARGV_TEXT("family", "FAMILY", "Kind of device (default: iPhone)", .choices = families),
	ARGV_TEXT("model", "PRODUCT", "Its hardware, one of `postern-device models` (default: the first that runs this system)"),
	ARGV_TEXT("os", "VERSION", "Version of its system (default: 18.2, 15.2 or 2.2 by family)"),
	ARGV_TEXT("cacert", "FILE", "Trust the TLS certificates of this CA too"),
	ARGV_LIST("connect-to", "H1:P1:H2:P2", "Connect to H2:P2 instead of H1:P1"),
	ARGV_TEXT("device-ca", "DIR", "Test CA of the built-in identity (default: made in the state directory)"),
	ARGV_TEXT("device-key", "KIND", "Key of the built-in identity; p256 is made at once", .fallback = "rsa", .choices = device_keys),
	ARGV_TEXT("identity-key", "FILE", "Key of the identity that SCEP will certify (PEM); otherwise it makes one, which takes a while"),
	ARGV_TEXT("attestation-ca", "DIR", "Test CA that attests the device's keys, for an identity by ACME"),
	ARGV_TEXT("acme-fault", "FAULT", "What goes wrong with it", .choices = acme_faults),
	ARGV_TEXT("apple", "URL", "`postern-apple run` in Apple's place: what it prints behind `devices`"),
	ARGV_TEXT("apple-ca", "FILE", "Trust its CA where Apple is asked"),
	ARGV_TEXT("fallback-url", "URL", "Where to ask when the domain gives no answer (default: that of --apple)"),
	ARGV_TEXT("language", "CODE", "Language of the device", .fallback = "en"),
	ARGV_TEXT("account-signin", "VERDICT", "Sign-in to the Managed Apple Account before installing, without --apple", .fallback = "accept", .choices = signins),
	ARGV_TEXT("maid-verdict", "VERDICT", "Apple's word on the token of GetToken, without --apple", .fallback = "accept", .choices = verdicts),
	ARGV_INT("maid-delay", "SECONDS", "From a refusal by Apple to CheckOut (default: 10)", .min = 0, .max = 3600),
	ARGV_LIST("personal-app", "BUNDLE[=NUMBER]", "The person has this app already, of this number in the App Store"),
	ARGV_TEXT("store", "FILE", "What the App Store has: a JSON list of {adamId, bundleId, name, version}"),
	APPS,
	ARGV_FLAG("network-user", "A Mac's user is one of a directory: UserAuthenticate goes first (Device Enrollment)"),
	ARGV_LIST("strict", "NAME", "The strict side of something open, one of `postern-device quirks`, or all"),
	ARGV_FLAG("leak-identifiers", "Misbehave: send serial number, UDID, IMEI and MEID everywhere"),
	RUN_HOW_TO_TELL,
	ARGV_END
};
static const struct argv_option poll_options[] = {
	RUN_STATE,
	ARGV_INT("count", "N", "Answer at most N commands", .min = 1, .max = DEVICE_POLL_MAX, .group = 1),
	ARGV_FLAG("until-empty", "Answer until the server has no more (the default)", .group = 1),
	ARGV_FLAG("not-now", "Answer every command with NotNow", .group = 2),
	ARGV_FLAG("duplicate", "Send every answer twice", .group = 2),
	ARGV_FLAG("lose-answer", "Act as if every reply to an answer was lost", .group = 2),
	ARGV_FLAG("device-channel", "Only the device channel", .group = 3),
	ARGV_FLAG("user-channel", "Only the user channel (Mac)", .group = 3),
	ARGV_TEXT("wait-push", "URL", "Sleep until a push comes from `postern-apple run`: what it prints behind `http`"),
	ARGV_INT("wait-seconds", "N", "At most so long (default: 300)", .min = 1, .max = 86400),
	ARGV_INT("clock-ahead", "SECONDS", "The device's clock runs ahead: a full status report is due once a day", .min = 0, .max = 366 * 86400),
	APPS,
	ARGV_LIST("install-app", "BUNDLE", "The person installs this app, which is on offer"),
	ARGV_LIST("remove-app", "BUNDLE", "The person removes this managed app"),
	RUN_HOW_TO_TELL,
	ARGV_END
};
static const struct argv_option reauth_options[] = { RUN_STATE, SIGN_IN, RUN_HOW_TO_TELL, ARGV_END };
static const struct argv_option plain_options[] = { RUN_STATE, RUN_HOW_TO_TELL, ARGV_END };
static const struct argv_option sso_options[] = {
	RUN_STATE, ARGV_FLAG("password-stdin", "The first line of standard input is the password", .required = true), RUN_HOW_TO_TELL, ARGV_END
};
static const struct argv_option shell_options[] = { RUN_STATE, ARGV_END };
static const struct argv_option page_options[] = {
	RUN_STATE,
	ARGV_TEXT("listen", "ADDR:PORT", "Where on the loopback; port 0: any", .fallback = "127.0.0.1:0"),
	ARGV_END
};
static const struct argv_option ca_options[] = {
	ARGV_TEXT("out", "DIR", "Directory to make it in", .required = true),
	ARGV_FLAG("json", "Print the paths as one JSON object"),
	ARGV_END
};
static const struct argv_option judge_options[] = {
	ARGV_TEXT("family", "FAMILY", "Kind of device", .fallback = "iPhone", .choices = families),
	ARGV_TEXT("os", "VERSION", "Version of its system (default: 18.2, 15.2 or 2.2 by family)"),
	ARGV_TEXT("mode", "MODE", "Enrollment mode", .required = true, .choices = modes),
	ARGV_FLAG("user-channel", "Asked on the user channel (Mac)"),
	ARGV_END
};
static const struct argv_argument page_arguments[] = {
	ARGV_ARG("OPTION", "Options of `enroll`, behind --", .optional = true, .many = true),
	ARGV_END
};
static const struct argv_argument enroll_arguments[] = {
	ARGV_ARG("USER@DOMAIN", "What the person types"),
	ARGV_END
};
/* clang-format on */

static enum rc
read_person(struct run *r, const struct argv *v, struct device_person *person)
{
	person->command = argv_text(v, "signin-command");
	if (!argv_flag(v, "password-stdin"))
		return RC_OK;
	return password_read_stdin(r->arena, &person->password, &r->d.err);
}

static void
take_apps(struct run *r, const struct argv *v)
{
	r->d.refused_apps = argv_list(v, "refuse-app");
	r->d.unlicensed_apps = argv_list(v, "unlicensed-app");
}

/* ---- enroll ---- */

/* Fourteen digits and the one that makes their Luhn sum a multiple of ten (3GPP TS 23.003, annex B). */
static const char *
new_imei(struct arena *a)
{
	uint8_t random[6];
	char text[16] = "35332811"; /* a type of phone */
	unsigned sum = 0;

	crypto_random(random, sizeof random);
	for (size_t i = 0; i < sizeof random; i++)
		text[8 + i] = (char)('0' + random[i] % 10);
	for (size_t i = 0; i < 14; i++) {
		unsigned digit = (unsigned)(text[i] - '0') << (i % 2);

		sum += digit > 9 ? digit - 9 : digit;
	}
	text[14] = (char)('0' + (10 - sum % 10) % 10);
	return arena_strdup(a, text);
}

static const char *
absolute(struct arena *a, const char *path)
{
	char *full = path != NULL ? realpath(path, NULL) : NULL;
	const char *kept = full != NULL ? arena_strdup(a, full) : path;

	free(full);
	return kept;
}

/* The kind of device is settled at its first enrollment and may change only while it is not enrolled:
 * another family or OS is another device, so it gets another identity. */
static enum rc
describe(struct run *r, const struct argv *v, bool fresh)
{
	struct device *d = &r->d;
	const char *family = argv_text(v, "family"), *os = argv_text(v, "os");
	bool changed;

	if (family == NULL)
		family = fresh ? "iPhone" : d->self.family;
	changed = fresh || strcmp(family, d->self.family) != 0;
	d->family = device_family_find(family);
	if (os == NULL)
		os = changed ? d->family->default_os : d->self.os;
	if (device_version(os) == 0)
		return fail(&d->err, RC_BAD_INPUT, "--os %s is no version", os);
	if (changed) {
		d->self = (struct device_self){
			.family = family, .udid = device_udid_new(r->arena), .serial = device_serial_new(r->arena)
		};
	}
	d->self.os = os;
	if (argv_given(v, "model") || changed)
		d->self.model = argv_text(v, "model");
	if (d->self.model != NULL && device_model_find(d->family, device_version(os), d->self.model) == NULL)
		return fail(&d->err, RC_BAD_INPUT, "no %s %s runs %s %s: see `postern-device models`", family,
		    d->self.model, d->family->os_label, os);
	if (!device_model(d)->cellular)
		d->self.imei = NULL;
	else if (d->self.imei == NULL)
		d->self.imei = new_imei(r->arena);
	d->self.language = argv_text(v, "language");
	if (argv_given(v, "cacert") || changed)
		d->self.ca_file = absolute(r->arena, argv_text(v, "cacert"));
	if (argv_given(v, "connect-to") || changed)
		d->self.connect_to = argv_list(v, "connect-to");
	if (argv_given(v, "personal-app") || changed)
		d->self.personal_apps = argv_list(v, "personal-app");
	if (argv_given(v, "store") || changed)
		d->self.store_file = absolute(r->arena, argv_text(v, "store"));
	if (argv_given(v, "fallback-url") || changed)
		d->self.fallback_url = argv_text(v, "fallback-url");
	if (argv_given(v, "apple") || changed)
		d->self.apple_url = argv_text(v, "apple");
	if (argv_given(v, "apple-ca") || changed)
		d->self.apple_ca = absolute(r->arena, argv_text(v, "apple-ca"));
	if (argv_given(v, "attestation-ca") || changed)
		d->self.attestation_ca = absolute(r->arena, argv_text(v, "attestation-ca"));
	d->acme_fault = argv_text(v, "acme-fault");
	d->self.leak = argv_flag(v, "leak-identifiers");
	d->self.strict = argv_list(v, "strict");
	d->self.network_user = argv_flag(v, "network-user");
	d->self.maid_verdict = argv_text(v, "maid-verdict");
	d->self.maid_delay_s = argv_int(v, "maid-delay", 10);
	return device_quirks_read(d->self.strict, &d->strict, &d->err);
}

static enum rc
give_identity(struct run *r, const struct argv *v)
{
	struct device *d = &r->d;
	const char *ca = argv_text(v, "device-ca");
	enum rc rc;

	if (d->self.certificate.p != NULL && ca == NULL)
		return RC_OK;
	if (ca == NULL) {
		ca = arena_printf(r->arena, "%s/device-ca", d->dir);
		rc = device_ca_make(r->arena, ca, clock_now(), &d->err);
		if (rc != RC_OK && rc != RC_CONFLICT)
			return rc;
		story_step(&d->story, "device-ca", "The device's maker is a test CA of its own");
		story_detail(&d->story, "trust", "%s/ca.pem", ca);
	}
	return device_identity_make(
	    d, ca, strcmp(argv_text(v, "device-key"), "p256") == 0 ? X509_P256 : X509_RSA_2048, clock_now());
}

static enum rc
give_key(struct run *r, const char *file)
{
	struct bytes text;
	enum rc rc;

	if (file == NULL)
		return RC_OK;
	if ((rc = disk_read(r->arena, "/", absolute(r->arena, file), &text, &r->d.err)) == RC_OK)
		rc = x509_key_from_pem(r->arena, text, &r->d.identity_key, &r->d.err);
	return rc == RC_OK ? rc : fail_in(&r->d.err, rc, "--identity-key");
}

static int
run_enroll(const struct argv *v, void *ctx)
{
	struct run r;
	struct device_plan plan = { .person.identifier = argv_argument(v, 0),
		.esso = argv_flag(v, "esso-developer") ? DEVICE_ESSO_DEVELOPER
			: argv_flag(v, "esso")         ? DEVICE_ESSO_APP
						       : DEVICE_ESSO_PERSON,
		.account_refused = strcmp(argv_text(v, "account-signin"), "refuse") == 0 };
	enum rc rc = run_begin(&r, v, true);
	bool fresh = rc == RC_NOT_FOUND;

	(void)ctx;
	if (rc != RC_OK && !fresh)
		return run_end(&r, rc, false);
	if (!fresh && r.d.self.phase == DEVICE_ENROLLED)
		return run_end(
		    &r, fail(&r.d.err, RC_CONFLICT, "this device is enrolled already: unenroll it first"), false);
	if ((rc = describe(&r, v, fresh)) != RC_OK) {
		run_end(&r, rc, false);
		return ARGV_USAGE;
	}
	if ((rc = read_person(&r, v, &plan.person)) != RC_OK || (rc = give_identity(&r, v)) != RC_OK ||
	    (rc = give_key(&r, argv_text(v, "identity-key"))) != RC_OK || (rc = device_save(&r.d)) != RC_OK)
		return run_end(&r, rc, false);
	if (r.d.self.leak) {
		story_step(&r.d.story, "leak", "This device misbehaves: it sends its personal identifiers");
		story_detail(&r.d.story, "SerialNumber", "%s", DEVICE_LEAK_SERIAL);
		story_detail(&r.d.story, "UDID", "%s", DEVICE_LEAK_UDID);
		story_detail(&r.d.story, "IMEI", "%s", DEVICE_LEAK_IMEI);
		story_detail(&r.d.story, "MEID", "%s", DEVICE_LEAK_MEID);
	}
	take_apps(&r, v);
	rc = device_enroll(&r.d, &plan);
	return run_end(&r, rc, true);
}

/* ---- the others ---- */

/* The channel that is woken is the one that asks, unless the command line names one. */
static enum rc
wait_push(struct run *r, const struct argv *v, struct device_poll *how)
{
	const char *url = argv_text(v, "wait-push");
	bool user = false;
	enum rc rc = url != NULL ? device_wait_push(&r->d, url, argv_int(v, "wait-seconds", 300), &user) : RC_OK;

	if (rc == RC_OK && url != NULL && !how->device_channel && !how->user_channel)
		*(user ? &how->user_channel : &how->device_channel) = true;
	return rc;
}

static int
run_poll(const struct argv *v, void *ctx)
{
	struct device_poll how = {
		.count = argv_int(v, "count", 0),
		.not_now = argv_flag(v, "not-now"),
		.duplicate = argv_flag(v, "duplicate"),
		.lose_answer = argv_flag(v, "lose-answer"),
		.clock_ahead_s = argv_int(v, "clock-ahead", 0),
		.device_channel = argv_flag(v, "device-channel"),
		.user_channel = argv_flag(v, "user-channel"),
	};
	struct device_polled polled = { 0 };
	struct run r;
	enum rc rc = run_begin(&r, v, false);

	(void)ctx;
	if (rc == RC_OK) {
		take_apps(&r, v);
		r.d.installed_apps = argv_list(v, "install-app");
		r.d.removed_apps = argv_list(v, "remove-app");
		rc = wait_push(&r, v, &how);
	}
	if (rc == RC_OK) {
		rc = device_poll(&r.d, &how, &polled);
	}
	if (rc == RC_OK) {
		story_step(&r.d.story, "done", "%u command%s answered, %u postponed", polled.answered,
		    polled.answered == 1 ? "" : "s", polled.postponed);
		story_detail(&r.d.story, "device", "%s", device_phase_name(r.d.self.phase));
	}
	return run_end(&r, rc, true);
}

static int
run_reauth(const struct argv *v, void *ctx)
{
	struct device_person person = { 0 };
	struct device_polled polled;
	struct device_poll how = { 0 };
	struct run r;
	enum rc rc = run_begin(&r, v, false);

	(void)ctx;
	if (rc == RC_OK && (rc = read_person(&r, v, &person)) == RC_OK)
		rc = device_reauthenticate(&r.d, &person);
	/* What was refused is asked again (protocol 8.1). */
	if (rc == RC_OK)
		rc = device_poll(&r.d, &how, &polled);
	return run_end(&r, rc, true);
}

static int
run_unenroll(const struct argv *v, void *ctx)
{
	struct run r;
	enum rc rc = run_begin(&r, v, false);

	(void)ctx;
	if (rc == RC_OK)
		rc = device_unenroll(&r.d, "the person removed it");
	return run_end(&r, rc, false);
}

/* The app holds this from now on; a device that was never enrolled has one too. */
static int
run_sso_signin(const struct argv *v, void *ctx)
{
	const char *identifier = argv_argument(v, 0), *password;
	struct run r;
	enum rc rc = run_begin(&r, v, true);

	(void)ctx;
	if (rc == RC_NOT_FOUND)
		rc = RC_OK;
	if (rc == RC_OK && (rc = password_read_stdin(r.arena, &password, &r.d.err)) == RC_OK)
		rc = device_esso_keep(&r.d, identifier, password);
	if (rc == RC_OK)
		story_step(&r.d.story, "sso-session", "The SSO app signs in as %s from now on", identifier);
	return run_end(&r, rc, false);
}

static int
run_sso_signout(const struct argv *v, void *ctx)
{
	struct run r;
	enum rc rc = run_begin(&r, v, false);

	(void)ctx;
	if (rc == RC_OK || rc == RC_NOT_FOUND)
		rc = device_esso_forget(&r.d);
	if (rc == RC_OK)
		story_step(&r.d.story, "sso-session", "The SSO app holds no session any more");
	return run_end(&r, rc, false);
}

static int
run_status(const struct argv *v, void *ctx)
{
	struct run r;
	enum rc rc = run_begin(&r, v, false);

	(void)ctx;
	if (rc == RC_OK)
		status_print(&r.d, argv_flag(v, "json"));
	return run_end(&r, rc, false);
}

static int
run_visible(const struct argv *v, void *ctx)
{
	struct run r;
	enum rc rc = run_begin(&r, v, false);

	(void)ctx;
	if (rc == RC_OK && (rc = device_need_enrolled(&r.d)) == RC_OK)
		visible_print(&r.d, argv_flag(v, "json"));
	return run_end(&r, rc, false);
}

/* A CA was made, or not; `option` names it on both sides. */
static int
say_ca(const struct argv *v, struct arena *a, enum rc rc, const struct err *e, const char *option)
{
	const char *dir = argv_text(v, "out");
	int status = 0;

	if (rc != RC_OK)
		status = run_complain(NULL, e);
	else if (argv_flag(v, "json"))
		printf("{\"ca\":\"%s/ca.pem\"}\n", dir);
	else
		printf("%s/ca.pem is the root: give it to the server (postern org set --%s)\n"
		       "%s is for --%s\n",
		    dir, option, dir, option);
	arena_free(a);
	return status;
}

static int
run_ca(const struct argv *v, void *ctx)
{
	struct arena *a = arena_new(0);
	struct err e = { 0 };

	(void)ctx;
	return say_ca(v, a, device_ca_make(a, argv_text(v, "out"), clock_now(), &e), &e, "device-ca");
}

static int
run_attestation_ca(const struct argv *v, void *ctx)
{
	struct arena *a = arena_new(0);
	struct err e = { 0 };

	(void)ctx;
	return say_ca(v, a, device_attestation_ca_make(a, argv_text(v, "out"), clock_now(), &e), &e, "attestation-ca");
}

/* ---- judge ---- */

/* The next word of a line that tabs separate; NULL: none is left, or it is empty. */
static const char *
next_word(char **line)
{
	char *word = strsep(line, "\t");

	return word != NULL && word[0] != '\0' ? word : NULL;
}

static int
run_judge(const struct argv *v, void *ctx)
{
	static const char *const kinds[DEVICE_KINDS] = { [DEVICE_COMMAND] = "command",
		[DEVICE_CHECKIN] = "checkin",
		[DEVICE_PAYLOAD] = "payload",
		[DEVICE_DECLARATION] = "declaration",
		[DEVICE_STATUS_ITEM] = "status-item" };
	const struct device_family *family = device_family_find(argv_text(v, "family"));
	const char *os = argv_text(v, "os") != NULL ? argv_text(v, "os") : family->default_os;
	struct device_schema s = { .os = family->os,
		.version = device_version(os),
		.byod = strcmp(argv_text(v, "mode"), "byod") == 0,
		.user_channel = argv_flag(v, "user-channel") };
	char line[1024];

	(void)ctx;
	if (s.version == 0)
		return run_complain(NULL, &(struct err){ .rc = RC_BAD_INPUT, .text = "--os is not a version" });
	while (fgets(line, sizeof line, stdin) != NULL) {
		enum device_verdict verdict = DEVICE_UNKNOWN;
		const char *kind, *name, *side, *key;
		char *p = line;

		line[strcspn(line, "\n")] = '\0';
		kind = next_word(&p);
		name = next_word(&p);
		side = next_word(&p);
		key = next_word(&p);
		for (int k = 0; k < DEVICE_KINDS && kind != NULL && name != NULL; k++)
			if (kinds[k] != NULL && strcmp(kinds[k], kind) == 0)
				verdict = device_schema_verdict(
				    &s, (enum device_kind)k, name, key, side != NULL && strcmp(side, "response") == 0);
		puts(device_verdict_name(verdict));
	}
	return 0;
}

static const struct argv_command commands[] = {
	{ "enroll", "Enroll with a work or school account", run_enroll, enroll_options, enroll_arguments,
	    "Plays all four stages: service discovery, authentication, "
	    "enrollment, and what follows. A failure names the\n"
	    "stage and leaves nothing of the enrollment behind. Where the server names an app for Enrollment SSO it "
	    "is\n"
	    "installed before anybody signs in; without --esso the person signs in all the same." },
	{ "poll", "Ask the server for commands and answer them", run_poll, poll_options, NULL, NULL },
	{ "sso signin", "Sign in once to the app of Enrollment SSO, which answers from then on", run_sso_signin,
	    sso_options, enroll_arguments,
	    "The session waits in the state directory until an enrollment brings the app. Then it is the app's, and "
	    "ends\n"
	    "with the enrollment. Whether the password is right is seen when the app first signs in." },
	{ "sso signout", "End the session of that app", run_sso_signout, plain_options, NULL, NULL },
	{ "reauth", "Sign in again when the server asks for it, then poll", run_reauth, reauth_options, NULL, NULL },
	{ "unenroll", "Remove the enrollment and destroy what it brought", run_unenroll, plain_options, NULL, NULL },
	{ "status", "Print what the device knows of itself", run_status, plain_options, NULL, NULL },
	{ "visible", "Print what the organization can see of the device and do to it, and what not", run_visible,
	    plain_options, NULL, NULL },
	{ "shell", "Read commands about one device, line by line", shell_command, shell_options, NULL, shell_more },
	{ "page", "Show the device on a local web page", page_command, page_options, page_arguments, page_more },
	{ "restore", "Erase the device and restore a backup: the enrollment does not come back", data_restore_command,
	    data_restore_options, NULL, NULL },
	{ "backup", "Write a backup of the device: a JSON file, readable", data_backup_command, data_options,
	    data_file_arguments, NULL },
	{ "data put", "Keep a text, which is standard input", data_put_command, data_put_options, data_at_arguments,
	    data_more },
	{ "data get", "Print a text", data_get_command, data_options, data_at_arguments, data_more },
	{ "data list", "Print what is where, and whose", data_list_command, data_options, NULL, NULL },
	{ "data remove", "Remove a text", data_remove_command, data_options, data_at_arguments, data_more },
	{ "data rules", "Print what is kept apart here, and what installed profiles say about passing it on",
	    data_rules_command, data_options, NULL, NULL },
	{ "data share", "Carry a text to another place, if the installed profiles let it pass", data_share_command,
	    data_share_options, data_name_arguments, data_more },
	{ "siwa", "Sign in with Apple in an app", data_siwa_command, data_siwa_options, data_app_arguments, NULL },
	{ "invitation", "Accept an invitation to the organization's apps", data_invitation_command,
	    data_invitation_options, data_code_arguments, NULL },
	{ "conform", "Test whether a server keeps to the rules, with devices of every family", conform_command,
	    conform_options, conform_arguments, conform_more },
	{ "ca", "Make a test CA for built-in identities", run_ca, ca_options, NULL, NULL },
	{ "attestation-ca", "Make a test CA that attests keys, for identities by ACME", run_attestation_ca, ca_options,
	    NULL, NULL },
	{ "judge", "Say what a device would make of each line of standard input, by Apple's tables", run_judge,
	    judge_options, NULL,
	    "A line is KIND, NAME and, for a key of it, request or response and the key's path, separated by tabs. "
	    "KIND is\n"
	    "command, checkin, payload, declaration or status-item. The answer is one word a line: allowed, required,\n"
	    "ignored, forbidden, absent (not in this version) or unknown." },
	{ "features", "List what its systems can do, and since which version", features_command, features_options, NULL,
	    "The last column is the section of docs/protocol.md. What Apple's schema says of commands, profiles and\n"
	    "declarations is not in it: see `judge`." },
	{ "quirks", "List what Apple's documents leave open, and both sides of it", quirks_command, list_options, NULL,
	    "A device takes the first side. `enroll --strict NAME` makes it take the second, which asks more of a "
	    "server." },
	{ "models", "List the hardware of simulated devices", models_command, list_options, NULL, NULL },
	{ "fleet prepare", "Write the rows of many enrolled devices into a server's store", fleet_prepare_command,
	    fleet_prepare_options, NULL, fleet_prepare_more },
	{ "fleet run", "Let many devices press a server, and measure it", fleet_run_command, fleet_run_options, NULL,
	    fleet_run_more },
	{ "fleet verify", "Compare what was acknowledged to devices with the server's store", fleet_verify_command,
	    fleet_verify_options, NULL, fleet_verify_more },
	ARGV_END
};

static const struct argv_program program = { "postern-device", "A simulated iPhone, iPad, Mac or Vision Pro", NULL,
	commands, NULL, NULL };

int
main(int argc, char **argv)
{
	/* Passwords, tokens and keys are in this process. */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	crypto_start();
	return argv_run(&program, argc, argv, NULL);
}
