/* Command lines from tables: parsing, --help, manual pages and completion all read the same rows.
 *
 *	static const struct argv_option list_options[] = {
 *		ARGV_TEXT("domain", "D", "Only rules of this domain"),
 *		ARGV_INT("percent", "N", "...", .min = 1, .max = 100),
 *		ARGV_LIST("connect-to", "H1:P1:H2:P2", "..."),		may repeat
 *		ARGV_FLAG("byod", "...", .group = -1),			exactly one of group -1
 *		ARGV_END
 *	};
 *	static const struct argv_argument show_arguments[] = { ARGV_ARG("ID", "..."), ARGV_END };
 *	static const struct argv_command commands[] = {
 *		{ "rule list", "Print the rules in order", rule_list, list_options, NULL, NULL },
 *		ARGV_END
 *	};
 *	static const struct argv_program program = { "postern", "Administer ...", global_options, commands, NULL };
 *	int main(int argc, char **argv) { return argv_run(&program, argc, argv, &my_context); }
 *
 * Spellings: --name VALUE, --name=VALUE, --flag, -- (only arguments follow), -h. Options may stand before
 * or behind the command's words. Every program also has --help, --version, --completion SHELL and --man SECTION. */
#ifndef FMT_ARGV_H
#define FMT_ARGV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#define ARGV_USAGE 2 /* exit status of wrong usage */
#define ARGV_UNKNOWN 3 /* ... of a command that monitoring runs: 2 is its word for "critical", 3 for "unknown" */

enum argv_kind { ARGV_KIND_TEXT, ARGV_KIND_FLAG, ARGV_KIND_INT, ARGV_KIND_LIST };

struct argv_option {
	const char *name; /* "connect-to"; NULL ends a table */
	const char *value; /* placeholder in the help; NULL for flags */
	enum argv_kind kind;
	const char *help; /* one line */
	bool required; /* `env` will do */
	int group; /* options of one group exclude each other; negative: exactly one must be given */
	const char *env; /* TEXT: environment variable that stands in where the option is absent */
	const char *fallback; /* TEXT: value where that is absent too */
	const char *const *choices; /* TEXT: NULL-terminated list of all values; NULL: any */
	int64_t min, max; /* INT: bounds, where not both are 0 */
};

struct argv_argument {
	const char *name; /* "USER@DOMAIN"; NULL ends a table */
	const char *help;
	bool optional, many; /* `many` takes all that follow: last row only */
};

/* clang-format off */
#define ARGV_FLAG(name_, help_, ...) { .name = (name_), .kind = ARGV_KIND_FLAG, .help = (help_), __VA_ARGS__ }
#define ARGV_TEXT(name_, value_, help_, ...) \
	{ .name = (name_), .value = (value_), .kind = ARGV_KIND_TEXT, .help = (help_), __VA_ARGS__ }
#define ARGV_INT(name_, value_, help_, ...) \
	{ .name = (name_), .value = (value_), .kind = ARGV_KIND_INT, .help = (help_), __VA_ARGS__ }
#define ARGV_LIST(name_, value_, help_, ...) \
	{ .name = (name_), .value = (value_), .kind = ARGV_KIND_LIST, .help = (help_), __VA_ARGS__ }
#define ARGV_ARG(name_, help_, ...) { .name = (name_), .help = (help_), __VA_ARGS__ }
#define ARGV_END { .name = NULL }
/* clang-format on */

struct argv;
typedef int argv_function(const struct argv *v, void *ctx); /* returns the exit status */

struct argv_command {
	const char *name; /* its words, "rule list"; "" for a program that is one command; NULL ends a table */
	const char *help; /* one line */
	argv_function *run;
	const struct argv_option *options; /* NULL: none */
	const struct argv_argument *arguments; /* NULL: none */
	const char *more; /* paragraphs for --help; NULL: none */
};

struct argv_program {
	const char *name, *help;
	const struct argv_option *options; /* of every command; NULL: none */
	const struct argv_command *commands;
	const char *monitor; /* name of the command whose wrong usage is ARGV_UNKNOWN; NULL: none */
	void (*file)(struct buf *); /* --man 5, the page of the file that it reads; NULL: none */
};

/* What was written. Texts live as long as argv and the arena. */
struct argv {
	struct arena *arena;
	const struct argv_program *program;
	const struct argv_command *command;
	const char *const *arguments; /* NULL-terminated */
	int n_arguments;
	const struct argv_given *given; /* in the order they were written */
};

/* Value of an option: what was written, else `env`, else `fallback`, else NULL. An option that the tables
 * don't have is a bug (assert), in all of these. */
const char *argv_text(const struct argv *v, const char *name);
bool argv_flag(const struct argv *v, const char *name);
int64_t argv_int(const struct argv *v, const char *name, int64_t otherwise);
const char *const *argv_list(const struct argv *v, const char *name); /* NULL-terminated, never NULL */
bool argv_given(const struct argv *v, const char *name); /* of any kind, written by the user */

/* The i-th argument, or NULL. */
const char *argv_argument(const struct argv *v, int i);

/* Parse. RC_BAD_INPUT: wrong usage, in one sentence. RC_NOT_FOUND: help, version, completion or the
 * manual page is wanted instead and was written to `page`. */
enum rc argv_parse(struct arena *a, const struct argv_program *p, int argc, char *const *argv, struct argv *out,
    struct buf *page, struct err *e);

/* Pages. `command` NULL: the program's. `words` limits the list of commands ("rule"); NULL: all. */
void argv_help(struct buf *b, const struct argv_program *p, const struct argv_command *command, const char *words);
void argv_completion(struct buf *b, const struct argv_program *p, const char *shell); /* bash, zsh, fish */
void argv_man(struct buf *b, const struct argv_program *p, const char *section); /* as scdoc(5) reads it */

/* All of main: parse, print what is asked for, else call the command. Prints; for programs only.
 * Returns the exit status; 2 with one sentence on stderr for wrong usage. */
int argv_run(const struct argv_program *p, int argc, char *const *argv, void *ctx);

#endif
