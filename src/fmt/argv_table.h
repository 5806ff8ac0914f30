/* What argv.c and argv_page.c share; for nobody else. */
#ifndef FMT_ARGV_TABLE_H
#define FMT_ARGV_TABLE_H

#include "fmt/argv.h"

/* --help, --version, --completion. */
const struct argv_option *argv_builtin(void);

/* `words` is "", or the first words of the command's name and not all of them. */
bool argv_is_prefix(const struct argv_command *c, const char *words);

#endif
