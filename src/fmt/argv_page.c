#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fmt/argv_table.h"

#define PAGE_MAX (256u << 10)
#define COLUMN 30 /* where explanations begin */

/* ---- help ---- */

static void
two_columns(struct buf *b, const char *left, const char *right)
{
	int n = (int)strlen(left);

	if (n + 4 > COLUMN)
		buf_printf(b, "  %s\n%*s%s", left, COLUMN, "", right);
	else
		buf_printf(b, "  %-*s%s", COLUMN - 2, left, right);
}

void
argv_option_note(struct buf *b, const struct argv_option *o)
{
	buf_str(b, o->help != NULL ? o->help : "");
	if (o->choices != NULL) {
		buf_str(b, ":");
		for (const char *const *c = o->choices; *c != NULL; c++)
			buf_printf(b, "%s %s", c == o->choices ? "" : ",", *c);
	}
	if (o->kind == ARGV_KIND_LIST)
		buf_str(b, " (may repeat)");
	if (o->required)
		buf_str(b, " (required)");
	if (o->env != NULL && o->fallback != NULL)
		buf_printf(b, " [$%s, else %s]", o->env, o->fallback);
	else if (o->env != NULL)
		buf_printf(b, " [$%s]", o->env);
	else if (o->fallback != NULL)
		buf_printf(b, " [%s]", o->fallback);
}

static void
option_line(struct buf *b, const struct argv_option *o)
{
	char left[128];

	snprintf(left, sizeof left, "--%s%s%s", o->name, o->value != NULL ? " " : "", o->value != NULL ? o->value : "");
	two_columns(b, left, "");
	argv_option_note(b, o);
	buf_char(b, '\n');
}

static void
options_block(struct buf *b, const char *title, const struct argv_option *table)
{
	if (table == NULL || table->name == NULL)
		return;
	buf_printf(b, "\n%s:\n", title);
	for (; table->name != NULL; table++)
		option_line(b, table);
}

/* "--byod | --adde | --redirect URL", with brackets where none is needed. */
static void
usage_option(struct buf *b, const struct argv_option *table, const struct argv_option *o)
{
	bool must = (o->required && o->env == NULL) || o->group < 0, first = true;

	if (o->group != 0) {
		for (const struct argv_option *p = table; p != o; p++) {
			if (p->group == o->group) /* its group was written with its first member */
				return;
		}
	}
	buf_str(b, must ? (o->group < 0 ? " {" : " ") : " [");
	for (const struct argv_option *p = o; p->name != NULL; p++) {
		if (p != o && (o->group == 0 || p->group != o->group))
			continue;
		buf_printf(b, "%s--%s%s%s", first ? "" : " | ", p->name, p->value != NULL ? " " : "",
		    p->value != NULL ? p->value : "");
		first = false;
	}
	buf_str(b, must ? (o->group < 0 ? "}" : "") : "]");
	if (o->kind == ARGV_KIND_LIST)
		buf_str(b, "...");
}

void
argv_usage(struct buf *b, const struct argv_program *p, const struct argv_command *c)
{
	buf_printf(b, "Usage: %s%s%s", p->name, *c->name != '\0' ? " " : "", c->name);
	for (const struct argv_argument *t = c->arguments; t != NULL && t->name != NULL; t++)
		buf_printf(b, t->optional ? " [%s%s]" : " %s%s", t->name, t->many ? "..." : "");
	for (const struct argv_option *o = c->options; o != NULL && o->name != NULL; o++)
		usage_option(b, c->options, o);
	buf_char(b, '\n');
}

static void
command_page(struct buf *b, const struct argv_program *p, const struct argv_command *c)
{
	argv_usage(b, p, c);
	buf_printf(b, "\n%s\n", c->help != NULL && *c->help != '\0' ? c->help : p->help);
	if (c->more != NULL)
		buf_printf(b, "\n%s\n", c->more);
	if (c->arguments != NULL && c->arguments->name != NULL) {
		buf_str(b, "\nArguments:\n");
		for (const struct argv_argument *t = c->arguments; t->name != NULL; t++) {
			two_columns(b, t->name, t->help != NULL ? t->help : "");
			buf_char(b, '\n');
		}
	}
	options_block(b, "Options", c->options);
	options_block(b, "Options of every command", p->options);
	options_block(b, "Also", argv_builtin());
}

void
argv_help(struct buf *b, const struct argv_program *p, const struct argv_command *command, const char *words)
{
	if (command != NULL) {
		command_page(b, p, command);
		return;
	}
	if (words == NULL)
		words = "";
	buf_printf(
	    b, "Usage: %s%s%s COMMAND ...\n\n%s\n\nCommands:\n", p->name, *words != '\0' ? " " : "", words, p->help);
	for (const struct argv_command *c = p->commands; c->name != NULL; c++) {
		if (argv_is_prefix(c, words)) {
			two_columns(b, c->name, c->help != NULL ? c->help : "");
			buf_char(b, '\n');
		}
	}
	options_block(b, "Options of every command", p->options);
	options_block(b, "Also", argv_builtin());
	buf_printf(b, "\n'%s COMMAND --help' explains a command.\n", p->name);
}

/* ---- main ---- */

/* What a command printed is with whoever reads it, or it did not succeed: a full disk is met when the rest is written. */
static int
printed(const struct argv_program *p, int status)
{
	bool now = fflush(stdout) != 0; /* or earlier, and the reason is gone */

	if (!now && !ferror(stdout))
		return status;
	fprintf(stderr, "%s: not all of the output could be written%s%s\n", p->name, now ? ": " : "",
	    now ? strerror(errno) : "");
	return status != 0 ? status : 1;
}

int
argv_run(const struct argv_program *p, int argc, char *const *argv, void *ctx)
{
	struct arena *a = arena_new(0);
	struct argv v = { 0 };
	struct err e = { 0 };
	struct buf page;
	int status;
	enum rc rc;

	buf_init(&page, PAGE_MAX);
	rc = argv_parse(a, p, argc, argv, &v, &page, &e);
	if (rc == RC_OK) {
		status = printed(p, v.command->run(&v, ctx));
	} else if (rc == RC_NOT_FOUND) {
		(void)fwrite(page.p, 1, page.n, stdout);
		status = printed(p, 0);
	} else {
		fprintf(stderr, "%s: %s; see '%s%s%s --help'\n", p->name, e.text, p->name,
		    v.command != NULL && *v.command->name != '\0' ? " " : "", v.command != NULL ? v.command->name : "");
		status = v.command != NULL && p->monitor != NULL && strcmp(v.command->name, p->monitor) == 0
			     ? ARGV_UNKNOWN
			     : ARGV_USAGE;
	}
	buf_free(&page);
	arena_free(a);
	return status;
}
