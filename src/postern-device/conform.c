#include "postern-device/conform.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conform/conform.h"
#include "crypto/x509.h"
#include "device/family.h"
#include "base/disk.h"
#include "device/identity.h"
#include "postern-device/password.h"

#define PEOPLE_MAX 16
#define REPORT_MAX (256u * 1024 * 1024) /* octets */

static const char *const families[] = { "iPhone", "iPad", "RealityDevice", "Mac", NULL };

/* clang-format off */
const struct argv_option conform_options[] = {
	ARGV_FLAG("password-stdin", "Each line of standard input is the password of a USER, in their order; the last one is that of all who follow"),
	ARGV_TEXT("signin-command", "CMD", "Program that signs in: gets the page's URL, prints the callback URL"),
	ARGV_TEXT("plan", "PLAN", "How much is tried", .fallback = "quick", .choices = conform_plan_names),
	ARGV_TEXT("family", "FAMILY", "Only this kind of device", .choices = families),
	ARGV_TEXT("os", "VERSION", "Version of its system (default: each its own)"),
	ARGV_TEXT("mode", "MODE", "Only devices that discovery sends to this mode", .choices = conform_mode_names),
	ARGV_LIST("only", "RULE", "Only this rule (S-08) or check (first_status)"),
	ARGV_TEXT("until", "STAGE", "Stop after this stage", .choices = conform_stage_names),
	ARGV_TEXT("cacert", "FILE", "Trust the TLS certificates of this CA too"),
	ARGV_LIST("connect-to", "H1:P1:H2:P2", "Connect to H2:P2 instead of H1:P1"),
	ARGV_TEXT("device-ca", "DIR", "Test CA of the built-in identities (default: one of this run)"),
	ARGV_TEXT("identity-key", "FILE", "Key of the identities that SCEP will certify (PEM); otherwise one is made"),
	ARGV_INT("patience", "SECONDS", "An answer that takes longer is a deviation (default: 10)", .min = 1, .max = 90),
	ARGV_FLAG("all", "Print what passed, too"),
	ARGV_FLAG("tap", "Print TAP instead of text", .group = 1),
	ARGV_FLAG("json", "Print JSON instead of text", .group = 1),
	ARGV_TEXT("junit", "FILE", "Write JUnit XML"),
	ARGV_TEXT("html", "FILE", "Write a page to read"),
	ARGV_TEXT("record", "FILE", "Write every exchange as HAR 1.2, secrets masked"),
	ARGV_FLAG("quiet", "Say nothing while it runs"),
	ARGV_FLAG("list", "Print every check as Markdown, and play nothing"),
	ARGV_END
};
const struct argv_argument conform_arguments[] = {
	ARGV_ARG("USER@DOMAIN", "Who enrolls; several, where one alone does not get both modes and methods", .optional = true, .many = true),
	ARGV_END
};
/* clang-format on */

const char conform_more[] =
    "Devices of all families live through all stages with any server, and each answer is judged by a table of checks\n"
    "(docs/conform.md). What was not reached is never called passed. The exit status is 0 where nothing deviates and\n"
    "every device came to the end, 1 otherwise, 2 for wrong usage. Every device that enrolled unenrolls again.";

static int
complain(const struct err *e, int status)
{
	fprintf(stderr, "postern-device conform: %s\n", e->text);
	return status;
}

typedef void writer(const struct conform_report *r, struct buf *b);

/* Only its owner may read it: a recording tells much, also without passwords. */
static enum rc
write_file(const struct conform_report *r, const char *path, writer *write_it, struct err *e)
{
	struct buf b;
	size_t done = 0;
	ssize_t n;
	int fd;

	if (path == NULL)
		return RC_OK;
	buf_init(&b, REPORT_MAX);
	write_it(r, &b);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	while (fd >= 0 && done < b.n && ((n = write(fd, b.p + done, b.n - done)) >= 0 || errno == EINTR))
		done += n > 0 ? (size_t)n : 0;
	if (fd < 0 || done < b.n || !buf_ok(&b) || close(fd) != 0) {
		buf_free(&b);
		return fail(e, RC_UNAVAILABLE, "%s can't be written: %s", path, strerror(errno));
	}
	buf_free(&b);
	return RC_OK;
}

static enum rc
read_people(struct arena *a, const struct argv *v, struct conform_settings *s, struct err *e)
{
	struct conform_person *people = arena_array(a, (size_t)v->n_arguments + 1, sizeof *people);
	const char *password = NULL;

	if (v->n_arguments == 0 || v->n_arguments > PEOPLE_MAX)
		return fail(e, RC_BAD_INPUT, "name 1 to %d people, each as USER@DOMAIN", PEOPLE_MAX);
	if (argv_flag(v, "password-stdin") == (s->command != NULL))
		return fail(e, RC_BAD_INPUT, "--password-stdin or --signin-command is needed");
	for (int i = 0; i < v->n_arguments; i++) {
		people[i].identifier = v->arguments[i];
		if (s->command == NULL && password_read_stdin(a, &people[i].password, e) != RC_OK) {
			if (password == NULL)
				return e->rc;
			people[i].password = password;
		}
		password = people[i].password;
	}
	s->people = people;
	s->n_people = v->n_arguments;
	return RC_OK;
}

static enum rc
read_key(struct arena *a, const char *path, struct bytes *key, struct err *e)
{
	struct bytes text;
	enum rc rc;

	if (path == NULL)
		return RC_OK;
	rc = disk_read(a, *path == '/' ? "/" : ".", path, &text, e);
	return rc == RC_OK ? x509_key_from_pem(a, text, key, e) : rc;
}

static int
index_of(const char *const *names, const char *name, int otherwise)
{
	for (int i = 0; name != NULL && names[i] != NULL; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return otherwise;
}

static enum rc
settings_of(struct arena *a, const struct argv *v, struct conform_settings *s, struct err *e)
{
	enum rc rc;

	*s = (struct conform_settings){ .command = argv_text(v, "signin-command"),
		.family = argv_text(v, "family"),
		.os = argv_text(v, "os"),
		.mode = argv_text(v, "mode"),
		.plan = (enum conform_plan)index_of(conform_plan_names, argv_text(v, "plan"), CONFORM_QUICK),
		.until = (enum conform_stage)index_of(conform_stage_names, argv_text(v, "until"), CONFORM_END),
		.only = argv_list(v, "only"),
		.ca_file = argv_text(v, "cacert"),
		.device_ca = argv_text(v, "device-ca"),
		.connect_to = argv_list(v, "connect-to"),
		.patience_ms = (int)argv_int(v, "patience", 10) * 1000,
		.progress = argv_flag(v, "quiet") ? NULL : stderr };
	if (s->os != NULL && device_version(s->os) == 0)
		return fail(e, RC_BAD_INPUT, "--os %s is no version", s->os);
	if (s->os != NULL && s->family == NULL)
		return fail(e, RC_BAD_INPUT, "--os needs --family: each has its own versions");
	if ((rc = read_key(a, argv_text(v, "identity-key"), &s->identity_key, e)) != RC_OK)
		return rc;
	return read_people(a, v, s, e);
}

static void
print(const struct conform_report *r, const struct argv *v)
{
	struct buf b;

	buf_init(&b, REPORT_MAX);
	if (argv_flag(v, "json"))
		conform_write_json(r, &b);
	else if (argv_flag(v, "tap"))
		conform_write_tap(r, &b);
	else
		conform_write_text(r, &b, isatty(STDOUT_FILENO), argv_flag(v, "all"));
	fwrite(b.p, 1, b.n, stdout);
	buf_free(&b);
}

static int
list(void)
{
	struct buf b;

	buf_init(&b, REPORT_MAX);
	conform_write_table(&b);
	fwrite(b.p, 1, b.n, stdout);
	buf_free(&b);
	return 0;
}

int
conform_command(const struct argv *v, void *ctx)
{
	struct arena *a;
	struct conform_settings s;
	struct conform_report r;
	struct err e = { 0 };
	int status;

	(void)ctx;
	if (argv_flag(v, "list"))
		return list();
	a = arena_new(0);
	if (settings_of(a, v, &s, &e) != RC_OK || conform_run(a, &s, &r, &e) != RC_OK) {
		status = complain(&e, ARGV_USAGE);
	} else {
		print(&r, v);
		status = conform_is_good(&r) ? 0 : 1;
		if (write_file(&r, argv_text(v, "junit"), conform_write_junit, &e) != RC_OK ||
		    write_file(&r, argv_text(v, "html"), conform_write_html, &e) != RC_OK ||
		    write_file(&r, argv_text(v, "record"), conform_write_har, &e) != RC_OK)
			status = complain(&e, ARGV_USAGE);
	}
	arena_free(a);
	return status;
}
