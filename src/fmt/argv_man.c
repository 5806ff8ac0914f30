/* The manual page, as scdoc(5) reads it: what --help says of every command, on one page. */
#include <stdio.h>
#include <string.h>

#include "fmt/argv_table.h"

/* Text in which nothing is markup. What follows goes on at `indent`; a line that begins with spaces is an example,
 * and stands by itself, further in. */
static void
plain(struct buf *b, const char *text, const char *indent)
{
	bool example = false;

	for (; text != NULL && *text != '\0'; text++) {
		if (*text == '\n') {
			bool next = text[1] == ' ';

			buf_str(b, next || example ? "\n\n" : "\n");
			if (text[1] != '\n' && text[1] != '\0')
				buf_printf(b, "%s%s", indent, next ? "\t" : "");
			text += strspn(text + 1, " ");
			example = next;
		} else if (strchr("\\*_#[]|-.`+~<>", *text) != NULL) {
			buf_printf(b, "\\%c", *text);
		} else {
			buf_char(b, *text);
		}
	}
}

static void
bold(struct buf *b, const char *before, const char *text)
{
	buf_printf(b, "*%s", before);
	plain(b, text, "");
	buf_char(b, '*');
}

static void
placeholder(struct buf *b, const char *value)
{
	buf_str(b, " _");
	plain(b, value, "");
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
	plain(b, note.n > 0 ? note.p : "", "");
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
		plain(b, t->name, "");
		buf_printf(b, "_\n%s\t", indent);
		plain(b, t->help, "");
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
		plain(b, line.p + strlen("Usage: ") + strlen(p->name) + 1 + strlen(c->name), "");
		buf_str(b, "\n");
	}
	buf_free(&line);
	buf_str(b, indent);
	plain(b, c->help, indent);
	buf_str(b, "\n\n");
	if (c->more != NULL) {
		buf_str(b, indent);
		plain(b, c->more, indent);
		buf_str(b, "\n\n");
	}
	arguments(b, c->arguments, indent);
	options(b, c->options, indent);
}

void
argv_man(struct buf *b, const struct argv_program *p, const char *section)
{
	bool alone = p->commands->name != NULL && *p->commands->name == '\0';

	buf_printf(b, "%s(%s) \"%s %s\"\n\n# NAME\n\n", p->name, section, p->name, POSTERN_VERSION);
	plain(b, p->name, "");
	buf_str(b, " - ");
	plain(b, p->help, "");
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
