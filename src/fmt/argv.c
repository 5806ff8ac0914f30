#include "fmt/argv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fmt/argv_table.h"

static const char *const shells[] = { "bash", "zsh", "fish", NULL };
static const char *const sections[] = { "1", "5", "8", NULL };
static const struct argv_option builtin[] = {
	ARGV_FLAG("help", "Print this help"),
	ARGV_FLAG("version", "Print the version"),
	ARGV_TEXT("completion", "SHELL", "Print a completion script", .choices = shells),
	ARGV_TEXT("man", "SECTION", "Print the manual page, for scdoc", .choices = sections),
	ARGV_END,
};

const struct argv_option *
argv_builtin(void)
{
	return builtin;
}

static const struct argv_option *
find_in(const struct argv_option *table, const char *name, size_t n)
{
	for (; table != NULL && table->name != NULL; table++) {
		if (strlen(table->name) == n && memcmp(table->name, name, n) == 0)
			return table;
	}
	return NULL;
}

const struct argv_option *
argv_find_option(const struct argv_program *p, const struct argv_command *command, const char *name, size_t n)
{
	const struct argv_option *found = NULL;

	if (command != NULL)
		found = find_in(command->options, name, n);
	if (found == NULL)
		found = find_in(p->options, name, n);
	return found != NULL ? found : find_in(builtin, name, n);
}

/* ---- parsing ---- */

struct parser {
	struct arena *a;
	const struct argv_program *p;
	const struct argv_command *command; /* NULL until its words are complete */
	struct argv_given *first, **last;
	const char **arguments;
	int n_arguments;
	char words[128]; /* of the command, so far */
	struct err *e;
};

/* Changes of one letter that lead from a to b, counted up to 3: for "did you mean". */
static int
distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	int row[64], previous, above;

	if (n >= 64 || m >= 64)
		return 3;
	for (size_t j = 0; j <= m; j++)
		row[j] = (int)j;
	for (size_t i = 1; i <= n; i++) {
		previous = row[0];
		row[0] = (int)i;
		for (size_t j = 1; j <= m; j++) {
			int best = previous + (a[i - 1] != b[j - 1]);

			above = row[j];
			if (above + 1 < best)
				best = above + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			previous = above;
			row[j] = best;
		}
	}
	return row[m];
}

static void
nearest(const char *name, const char *candidate, const char **best, int *best_distance)
{
	int d = distance(name, candidate);

	if (d < *best_distance) {
		*best_distance = d;
		*best = candidate;
	}
}

static enum rc
unknown_option(struct parser *s, const char *name)
{
	const struct argv_option *tables[] = { s->command != NULL ? s->command->options : NULL, s->p->options,
		builtin };
	const char *best = NULL;
	int best_distance = 3;

	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
		for (const struct argv_option *o = tables[i]; o != NULL && o->name != NULL; o++)
			nearest(name, o->name, &best, &best_distance);
	}
	if (best != NULL)
		return fail(s->e, RC_BAD_INPUT, "there is no option --%s; did you mean --%s?", name, best);
	return fail(s->e, RC_BAD_INPUT, "there is no option --%s", name);
}

static enum rc
check_value(struct parser *s, const struct argv_option *option, const char *value)
{
	char *end;
	long long n;

	if (option->kind == ARGV_KIND_INT) {
		bool bounded = option->min != 0 || option->max != 0;

		errno = 0;
		n = strtoll(value, &end, 10);
		if (*value == '\0' || *end != '\0' || errno != 0 || *value == ' ')
			return fail(s->e, RC_BAD_INPUT, "--%s wants a whole number, not '%s'", option->name, value);
		if (bounded && (n < option->min || n > option->max))
			return fail(s->e, RC_BAD_INPUT, "--%s wants a number from %lld to %lld, not %lld", option->name,
			    (long long)option->min, (long long)option->max, n);
	}
	if (option->choices != NULL) {
		char list[256] = "";
		size_t used = 0;

		for (const char *const *c = option->choices; *c != NULL; c++) {
			if (strcmp(*c, value) == 0)
				return RC_OK;
			if (used < sizeof list)
				used +=
				    (size_t)snprintf(list + used, sizeof list - used, "%s%s", used > 0 ? ", " : "", *c);
		}
		return fail(s->e, RC_BAD_INPUT, "--%s is one of %s; not '%s'", option->name, list, value);
	}
	return RC_OK;
}

/* "--name", "--name=value" or "--name value"; *next is what follows, NULL at the end. Says in *took
 * whether it used that up. */
static enum rc
take_option(struct parser *s, const char *word, const char *next, bool *took)
{
	const char *name = word + 2, *equals = strchr(name, '=');
	size_t n = equals != NULL ? (size_t)(equals - name) : strlen(name);
	const struct argv_option *option = argv_find_option(s->p, s->command, name, n);
	struct argv_given *given;
	enum rc rc;

	*took = false;
	if (option == NULL)
		return unknown_option(s, arena_strndup(s->a, name, n));
	given = arena_alloc(s->a, sizeof *given);
	given->option = option;
	if (option->kind == ARGV_KIND_FLAG) {
		if (equals != NULL)
			return fail(s->e, RC_BAD_INPUT, "--%s takes no value", option->name);
	} else if (equals != NULL) {
		given->value = equals + 1;
	} else if (next == NULL || strncmp(next, "--", 2) == 0) {
		/* "--org --json" is a forgotten value; who means it writes --org=--json */
		return fail(s->e, RC_BAD_INPUT, "--%s wants a value: %s", option->name, option->value);
	} else {
		given->value = next;
		*took = true;
	}
	if (given->value != NULL && (rc = check_value(s, option, given->value)) != RC_OK)
		return rc;
	if (option->kind == ARGV_KIND_TEXT || option->kind == ARGV_KIND_INT) {
		for (const struct argv_given *g = s->first; g != NULL; g = g->next) {
			if (g->option == option)
				return fail(s->e, RC_BAD_INPUT, "--%s is given twice", option->name);
		}
	}
	*s->last = given;
	s->last = (struct argv_given **)&given->next;
	return RC_OK;
}

static const struct argv_command *
find_command(const struct argv_program *p, const char *words)
{
	for (const struct argv_command *c = p->commands; c->name != NULL; c++) {
		if (strcmp(c->name, words) == 0)
			return c;
	}
	return NULL;
}

/* Is `words` the beginning of a command's name, up to a space? */
bool
argv_is_prefix(const struct argv_command *c, const char *words)
{
	size_t n = strlen(words);

	return n == 0 || (strncmp(c->name, words, n) == 0 && c->name[n] == ' ');
}

static bool
has_prefix(const struct argv_program *p, const char *words)
{
	for (const struct argv_command *c = p->commands; c->name != NULL; c++) {
		if (argv_is_prefix(c, words))
			return true;
	}
	return false;
}

static enum rc
unknown_command(struct parser *s, const char *words)
{
	const char *best = NULL;
	int best_distance = 3;

	for (const struct argv_command *c = s->p->commands; c->name != NULL; c++)
		nearest(words, c->name, &best, &best_distance);
	if (best != NULL)
		return fail(s->e, RC_BAD_INPUT, "there is no command '%s'; did you mean '%s'?", words, best);
	return fail(s->e, RC_BAD_INPUT, "there is no command '%s'", words);
}

/* The longest command wins: while no argument has been seen, one more word may belong to it. */
static enum rc
take_word(struct parser *s, const char *word)
{
	const char *space = *s->words != '\0' ? " " : "";
	char longer[sizeof s->words];
	bool fits = (size_t)snprintf(longer, sizeof longer, "%s%s%s", s->words, space, word) < sizeof longer;
	const struct argv_command *found = NULL;
	bool begins = false;

	if (fits && s->n_arguments == 0) {
		found = find_command(s->p, longer);
		begins = found != NULL || has_prefix(s->p, longer);
	}
	if (begins && *word != '\0') {
		s->command = found;
		memcpy(s->words, longer, sizeof longer);
		return RC_OK;
	}
	if (s->command == NULL)
		return fits ? unknown_command(s, longer) : fail(s->e, RC_BAD_INPUT, "there is no such command");
	s->arguments[s->n_arguments++] = word;
	return RC_OK;
}

/* ---- what must be there ---- */

static bool
is_given(const struct parser *s, const struct argv_option *option)
{
	for (const struct argv_given *g = s->first; g != NULL; g = g->next) {
		if (g->option == option)
			return true;
	}
	return false;
}

static enum rc
check_group(struct parser *s, const struct argv_option *table, int group)
{
	const struct argv_option *one = NULL;
	char list[256] = "";
	size_t used = 0;

	for (const struct argv_option *o = table; o->name != NULL; o++) {
		if (o->group != group)
			continue;
		if (used < sizeof list)
			used +=
			    (size_t)snprintf(list + used, sizeof list - used, "%s--%s", used > 0 ? ", " : "", o->name);
		if (!is_given(s, o))
			continue;
		if (one != NULL)
			return fail(s->e, RC_BAD_INPUT, "--%s and --%s exclude each other", one->name, o->name);
		one = o;
	}
	if (one == NULL && group < 0)
		return fail(s->e, RC_BAD_INPUT, "one of %s is needed", list);
	return RC_OK;
}

static enum rc
check_options(struct parser *s, const struct argv_option *table)
{
	enum rc rc;

	for (const struct argv_option *o = table; o != NULL && o->name != NULL; o++) {
		const char *env = o->env != NULL ? getenv(o->env) : NULL;

		if (o->required && !is_given(s, o) && (env == NULL || *env == '\0'))
			return fail(s->e, RC_BAD_INPUT, "--%s %s is needed", o->name, o->value != NULL ? o->value : "");
		if (o->group != 0 && (rc = check_group(s, table, o->group)) != RC_OK)
			return rc;
	}
	return RC_OK;
}

static enum rc
check_arguments(struct parser *s)
{
	const struct argv_argument *t = s->command->arguments;
	int n = 0;

	for (; t != NULL && t->name != NULL; t++) {
		if (n < s->n_arguments)
			n = t->many ? s->n_arguments : n + 1;
		else if (!t->optional)
			return fail(s->e, RC_BAD_INPUT, "%s is missing", t->name);
	}
	if (n < s->n_arguments)
		return fail(s->e, RC_BAD_INPUT, "'%s' is one argument too many", s->arguments[n]);
	return RC_OK;
}

/* Pages that stand in for running a command. RC_OK: none is wanted. */
static enum rc
pages(struct parser *s, struct buf *page)
{
	for (const struct argv_given *g = s->first; g != NULL; g = g->next) {
		if (g->option == &builtin[0])
			argv_help(page, s->p, s->command, s->words);
		else if (g->option == &builtin[1])
			buf_printf(page, "%s %s\n", s->p->name, POSTERN_VERSION);
		else if (g->option == &builtin[2])
			argv_completion(page, s->p, g->value);
		else if (g->option == &builtin[3])
			argv_man(page, s->p, g->value);
		else
			continue;
		return RC_NOT_FOUND;
	}
	return RC_OK;
}

static enum rc
no_command(struct parser *s)
{
	if (*s->words == '\0')
		return fail(s->e, RC_BAD_INPUT, "a command is needed");
	return fail(s->e, RC_BAD_INPUT, "'%s' wants one more word", s->words);
}

enum rc
argv_parse(struct arena *a, const struct argv_program *p, int argc, char *const *argv, struct argv *out,
    struct buf *page, struct err *e)
{
	struct parser s = { .a = a, .p = p, .e = e };
	bool only_arguments = false, took;
	enum rc rc = RC_OK;
	int i;

	s.last = &s.first;
	s.arguments = arena_array(a, (size_t)argc + 1, sizeof *s.arguments);
	s.command = find_command(p, "");
	for (i = 1; i < argc && rc == RC_OK; i++) {
		const char *word = argv[i];

		if (only_arguments || word[0] != '-' || word[1] == '\0') {
			rc = take_word(&s, word);
		} else if (strcmp(word, "--") == 0) {
			only_arguments = true;
		} else if (strncmp(word, "--", 2) == 0) {
			rc = take_option(&s, word, i + 1 < argc ? argv[i + 1] : NULL, &took);
			i += rc == RC_OK && took;
		} else if (strcmp(word, "-h") == 0) {
			rc = take_option(&s, "--help", NULL, &took);
		} else {
			rc = fail(e, RC_BAD_INPUT, "there is no option %s", word);
		}
	}
	/* Who asks for help is helped, whatever else is wrong. */
	for (; i < argc && rc != RC_OK; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			rc = take_option(&s, "--help", NULL, &took);
	}
	if (pages(&s, page) != RC_OK)
		return RC_NOT_FOUND;
	*out = (struct argv){ .arena = a, .program = p, .command = s.command, .given = s.first };
	out->arguments = s.arguments;
	out->n_arguments = s.n_arguments;
	if (rc != RC_OK)
		return rc;
	if (s.command == NULL)
		return no_command(&s);
	if ((rc = check_options(&s, p->options)) != RC_OK || (rc = check_options(&s, s.command->options)) != RC_OK)
		return rc;
	return check_arguments(&s);
}
