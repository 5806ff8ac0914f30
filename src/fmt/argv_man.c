/* The manual page, as scdoc(5) reads it: what --help says of every command, on one page. */
#include <string.h>

#include "fmt/argv_table.h"
#include "fmt/scdoc.h"

static void
bold(struct buf *b, const char *before, const char *text)
{
	buf_printf(b, "*%s", before);
	scdoc_text(b, text, "");
	buf_char(b, '*');
}

static void
placeholder(struct buf *b, const char *value)
{
	buf_str(b, " _");
	scdoc_text(b, value, "");
	buf_char(b, '_');
}

static void
option(struct buf *b, const struct argv_option *o, const char *indent)
{
	struct buf note;

	buf_printf(b, "%s", indent);
	bold(b, "\\-\\-", o->name);
	if (o->value != NULL)
		placeholder(b, o->value);
	buf_printf(b, "\n%s\t", indent);
	buf_init(&note, 4096);
	argv_option_note(&note, o);
	scdoc_text(b, note.n > 0 ? note.p : "", "");
	buf_free(&note);
	buf_str(b, "\n\n");
}

static void
options(struct buf *b, const struct argv_option *table, const char *indent)
{
	for (; table != NULL && table->name != NULL; table++)
		option(b, table, indent);
}

static void
arguments(struct buf *b, const struct argv_argument *t, const char *indent)
{
	for (; t != NULL && t->name != NULL; t++) {
		buf_str(b, indent);
		buf_char(b, '_');
		scdoc_text(b, t->name, "");
		buf_printf(b, "_\n%s\t", indent);
		scdoc_text(b, t->help, "");
		buf_str(b, "\n\n");
	}
}

/* The first line says how it is written; the rest hangs below it. */
static void
command(struct buf *b, const struct argv_program *p, const struct argv_command *c)
{
	const char *indent = *c->name != '\0' ? "\t" : "";
	struct buf line;

	buf_init(&line, 8192);
	argv_usage(&line, p, c);
	if (*c->name != '\0' && line.n > 0) {
		bold(b, "", c->name);
		scdoc_text(b, line.p + strlen("Usage: ") + strlen(p->name) + 1 + strlen(c->name), "");
		buf_str(b, "\n");
	}
	buf_free(&line);
	buf_str(b, indent);
	scdoc_text(b, c->help, indent);
	buf_str(b, "\n\n");
	if (c->more != NULL) {
		buf_str(b, indent);
		scdoc_text(b, c->more, indent);
		buf_str(b, "\n\n");
	}
	arguments(b, c->arguments, indent);
	options(b, c->options, indent);
}

void
argv_man(struct buf *b, const struct argv_program *p, const char *section)
{
	bool alone = p->commands->name != NULL && *p->commands->name == '\0';

	if (p->file != NULL && strcmp(section, "5") == 0) {
		p->file(b);
		return;
	}
	buf_printf(b, "%s(%s) \"%s %s\"\n\n# NAME\n\n", p->name, section, p->name, POSTERN_VERSION);
	scdoc_text(b, p->name, "");
	buf_str(b, " - ");
	scdoc_text(b, p->help, "");
	buf_str(b, "\n\n# SYNOPSIS\n\n");
	bold(b, "", p->name);
	buf_printf(
	    b, "%s\n\n# %s\n\n", alone ? " [_options_]" : " _COMMAND_ [_options_]", alone ? "DESCRIPTION" : "COMMANDS");
	for (const struct argv_command *c = p->commands; c->name != NULL; c++)
		command(b, p, c);
	if (p->options != NULL) {
		buf_str(b, "# OPTIONS OF EVERY COMMAND\n\n");
		options(b, p->options, "");
	}
	buf_str(b, "# ALSO\n\n");
	options(b, argv_builtin(), "");
}
