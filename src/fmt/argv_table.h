/* What argv.c, argv_value.c and argv_page.c share; for nobody else. */
#ifndef FMT_ARGV_TABLE_H
#define FMT_ARGV_TABLE_H

#include "fmt/argv.h"

/* --help, --version, --completion, --man. */
const struct argv_option *argv_builtin(void);

/* `words` is "", or the first words of the command's name and not all of them. */
bool argv_is_prefix(const struct argv_command *c, const char *words);

struct argv_given { /* one option as it was written */
	const struct argv_given *next;
	const struct argv_option *option;
	const char *value; /* NULL for a flag */
};

/* The option of that name (`n` octets), of the command (may be NULL), the program or built in; or NULL. */
const struct argv_option *
argv_find_option(const struct argv_program *p, const struct argv_command *command, const char *name, size_t n);

/* "Usage: postern rule add ...", a line; and what is said of an option: its help, values and default. */
void argv_usage(struct buf *b, const struct argv_program *p, const struct argv_command *c);
void argv_option_note(struct buf *b, const struct argv_option *o);

#endif
