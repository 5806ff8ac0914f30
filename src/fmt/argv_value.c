/* What a command asks of its command line. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fmt/argv_table.h"

static const struct argv_option *
known(const struct argv *v, const char *name)
{
	const struct argv_option *option = argv_find_option(v->program, v->command, name, strlen(name));

	assert(option != NULL);
	return option;
}

static const struct argv_given *
last_given(const struct argv *v, const struct argv_option *option)
{
	const struct argv_given *found = NULL;

	for (const struct argv_given *g = v->given; g != NULL; g = g->next) {
		if (g->option == option)
			found = g;
	}
	return found;
}

bool
argv_given(const struct argv *v, const char *name)
{
	return last_given(v, known(v, name)) != NULL;
}

const char *
argv_text(const struct argv *v, const char *name)
{
	const struct argv_option *option = known(v, name);
	const struct argv_given *given = last_given(v, option);
	const char *value = NULL;

	assert(option->kind == ARGV_KIND_TEXT);
	if (given != NULL)
		return given->value;
	if (option->env != NULL)
		value = getenv(option->env);
	return value != NULL && *value != '\0' ? value : option->fallback;
}

bool
argv_flag(const struct argv *v, const char *name)
{
	return argv_given(v, name);
}

int64_t
argv_int(const struct argv *v, const char *name, int64_t otherwise)
{
	const struct argv_option *option = known(v, name);
	const struct argv_given *given = last_given(v, option);

	assert(option->kind == ARGV_KIND_INT);
	return given != NULL ? strtoll(given->value, NULL, 10) : otherwise;
}

const char *const *
argv_list(const struct argv *v, const char *name)
{
	const struct argv_option *option = known(v, name);
	const char **list;
	size_t n = 0;

	assert(option->kind == ARGV_KIND_LIST);
	for (const struct argv_given *g = v->given; g != NULL; g = g->next)
		n += g->option == option;
	list = arena_array(v->arena, n + 1, sizeof *list);
	n = 0;
	for (const struct argv_given *g = v->given; g != NULL; g = g->next) {
		if (g->option == option)
			list[n++] = g->value;
	}
	return list;
}

const char *
argv_argument(const struct argv *v, int i)
{
	return i < v->n_arguments ? v->arguments[i] : NULL;
}
