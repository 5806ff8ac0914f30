/* Completion scripts for shells. */
#include <stdio.h>
#include <string.h>

#include "fmt/argv_table.h"

/* ---- bash ---- */

static void
option_words(struct buf *b, const struct argv_option *table)
{
	for (; table != NULL && table->name != NULL; table++)
		buf_printf(b, " --%s", table->name);
}

/* The words that may follow `words`: each once, though several commands share it. */
static void
next_words(struct buf *b, const struct argv_program *p, const char *words)
{
	size_t skip = *words != '\0' ? strlen(words) + 1 : 0;

	for (const struct argv_command *c = p->commands; c->name != NULL; c++) {
		bool seen = false;
		size_t n;

		if (!argv_is_prefix(c, words) || *c->name == '\0')
			continue;
		n = strcspn(c->name + skip, " ");
		for (const struct argv_command *d = p->commands; d != c && !seen; d++)
			seen = argv_is_prefix(d, words) && strcspn(d->name + skip, " ") == n &&
			       memcmp(d->name + skip, c->name + skip, n) == 0;
		if (!seen)
			buf_printf(b, " %.*s", (int)n, c->name + skip);
	}
}

static void
case_line(struct buf *b, const struct argv_program *p, const char *words, const struct argv_command *c)
{
	buf_printf(b, "\t'%s') offer='", words);
	if (c == NULL)
		next_words(b, p, words);
	else
		option_words(b, c->options);
	buf_str(b, "' ;;\n");
}

/* One line for each beginning of a command's name, once. */
static void
case_prefixes(struct buf *b, const struct argv_program *p, const struct argv_command *c)
{
	for (const char *space = strchr(c->name, ' '); space != NULL; space = strchr(space + 1, ' ')) {
		char words[128];
		bool seen = false;

		snprintf(words, sizeof words, "%.*s", (int)(space - c->name), c->name);
		for (const struct argv_command *d = p->commands; d != c && !seen; d++)
			seen = argv_is_prefix(d, words);
		if (!seen)
			case_line(b, p, words, NULL);
	}
}

static void
options_with_values(struct buf *b, const struct argv_option *table)
{
	for (; table != NULL && table->name != NULL; table++) {
		if (table->kind != ARGV_KIND_FLAG)
			buf_printf(b, "|--%s", table->name);
	}
}

static void
bash(struct buf *b, const struct argv_program *p, const char *id)
{
	buf_printf(b, "_%s()\n{\n\tlocal word at='' skip='' offer=''\n\n", id);
	/* Words that belong to options are no part of the command. */
	buf_str(b, "\tfor word in \"${COMP_WORDS[@]:1:$((COMP_CWORD - 1))}\"; do\n"
		   "\t\tif [ -n \"$skip\" ]; then\n"
		   "\t\t\t[ \"$word\" = '=' ] || skip=''\n" /* bash splits --name=value in three */
		   "\t\t\tcontinue\n\t\tfi\n"
		   "\t\tcase $word in\n\t\t''");
	options_with_values(b, p->options);
	for (const struct argv_command *c = p->commands; c->name != NULL; c++)
		options_with_values(b, c->options);
	buf_str(b, ") skip=yes ;;\n\t\t--*) ;;\n"
		   "\t\t*) case \"${at:+$at }$word\" in\n\t\t\t");
	for (const struct argv_command *c = p->commands; c->name != NULL; c++) {
		for (const char *s = c->name; s != NULL && *s != '\0'; s = strchr(s + 1, ' '))
			if (s != c->name)
				buf_printf(b, "'%.*s'|", (int)(s - c->name), c->name);
		buf_printf(b, "'%s'%s", c->name, c[1].name != NULL ? "|" : "");
	}
	buf_str(b, ") at=\"${at:+$at }$word\" ;;\n\t\t\tesac ;;\n\t\tesac\n\tdone\n\tcase $at in\n");
	if (p->commands->name != NULL && *p->commands->name != '\0')
		case_line(b, p, "", NULL);
	for (const struct argv_command *c = p->commands; c->name != NULL; c++) {
		case_prefixes(b, p, c);
		case_line(b, p, c->name, c);
	}
	buf_str(b, "\tesac\n\toffer=\"$offer");
	option_words(b, p->options);
	option_words(b, argv_builtin());
	buf_printf(b,
	    "\"\n\t[ -n \"$skip\" ] || COMPREPLY=($(compgen -W \"$offer\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n}\n"
	    "complete -o default -F _%s %s\n",
	    id, p->name);
}

/* ---- zsh, by its own reading of bash's ---- */

static void
zsh(struct buf *b, const struct argv_program *p, const char *id)
{
	buf_printf(b, "#compdef %s\nautoload -U +X bashcompinit && bashcompinit\n", p->name);
	bash(b, p, id);
	buf_printf(b, "_bash_complete -o default -F _%s\n", id);
}

/* ---- fish ---- */

static void
quoted(struct buf *b, const char *text)
{
	buf_char(b, '\'');
	for (; text != NULL && *text != '\0'; text++) {
		if (*text == '\'' || *text == '\\')
			buf_char(b, '\\');
		buf_char(b, *text);
	}
	buf_char(b, '\'');
}

static void
fish_options(struct buf *b, const struct argv_program *p, const char *when, const struct argv_option *table)
{
	for (; table != NULL && table->name != NULL; table++) {
		buf_printf(b, "complete -c %s%s -l %s%s -d ", p->name, when, table->name,
		    table->kind != ARGV_KIND_FLAG ? " -r" : "");
		quoted(b, table->help);
		if (table->choices != NULL) {
			buf_str(b, " -f -a '");
			for (const char *const *c = table->choices; *c != NULL; c++)
				buf_printf(b, "%s%s", c == table->choices ? "" : " ", *c);
			buf_char(b, '\'');
		}
		buf_char(b, '\n');
	}
}

static void
fish_with_values(struct buf *b, const struct argv_option *table)
{
	for (; table != NULL && table->name != NULL; table++) {
		if (table->kind != ARGV_KIND_FLAG)
			buf_printf(b, " --%s", table->name);
	}
}

/* The command's words, one after another: each is offered behind those before it. */
static void
fish_command(struct buf *b, const struct argv_program *p, const char *id, const struct argv_command *c)
{
	const char *word = c->name, *space;
	char when[192];

	for (; *word != '\0'; word = space != NULL ? space + 1 : "") {
		space = strchr(word, ' ');
		buf_printf(b, "complete -c %s -f -n '__%s_at \"%.*s\"' -a %.*s", p->name, id,
		    word == c->name ? 0 : (int)(word - c->name - 1), c->name,
		    space != NULL ? (int)(space - word) : (int)strlen(word), word);
		if (space == NULL) {
			buf_str(b, " -d ");
			quoted(b, c->help);
		}
		buf_char(b, '\n');
	}
	snprintf(when, sizeof when, " -n '__%s_at \"%s\"'", id, c->name);
	fish_options(b, p, when, c->options);
}

static void
fish(struct buf *b, const struct argv_program *p, const char *id)
{
	/* Whether the command that was written so far is the one given. Words that belong to options are no part
	 * of it, nor are arguments. */
	buf_printf(b,
	    "function __%s_at\n"
	    "    set -l at\n"
	    "    set -l skip no\n"
	    "    for word in (commandline -opc)[2..]\n"
	    "        if test $skip = yes\n            set skip no\n            continue\n        end\n"
	    "        switch $word\n            case ''",
	    id);
	fish_with_values(b, p->options);
	for (const struct argv_command *c = p->commands; c->name != NULL; c++)
		fish_with_values(b, c->options);
	buf_str(b, "\n                set skip yes\n            case '-*'\n            case '*'\n"
		   "                set -l longer (string join ' ' -- $at $word)\n"
		   "                if string match -q -- \"$longer *\"");
	for (const struct argv_command *c = p->commands; c->name != NULL; c++)
		buf_printf(b, " '%s '", c->name);
	buf_printf(b, "\n                    set at $longer\n                end\n"
		      "        end\n    end\n    test \"$at\" = \"$argv\"\nend\n");
	for (const struct argv_command *c = p->commands; c->name != NULL; c++)
		fish_command(b, p, id, c);
	fish_options(b, p, "", p->options);
	fish_options(b, p, "", argv_builtin());
}

/* ---- by name ---- */

static const struct {
	const char *name;
	void (*write)(struct buf *b, const struct argv_program *p, const char *id);
} shells[] = { { "bash", bash }, { "zsh", zsh }, { "fish", fish } };

void
argv_completion(struct buf *b, const struct argv_program *p, const char *shell)
{
	char id[64];

	snprintf(id, sizeof id, "%s", p->name);
	for (size_t n = 0; id[n] != '\0'; n++) {
		if (id[n] == '-')
			id[n] = '_';
	}
	for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++) {
		if (strcmp(shells[i].name, shell) == 0)
			shells[i].write(b, p, id);
	}
}
