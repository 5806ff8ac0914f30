#include "postern-device/shell.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_OCTETS 4096
#define WORDS_MAX 64

const char shell_more[] =
    "A line is a command of this program without --state: \"status\", \"enroll ann@example.org --password-stdin\".\n"
    "Words may be quoted. `help` lists the commands, `exit` or the end of the input leaves. The exit status is that "
    "of\n"
    "the last command. A password is read from the line that follows its command; a terminal doesn't show it.";

/* Octet by octet, so that what follows is left to a command that reads a password. False: the end. */
static bool
read_line(char *line, bool *whole)
{
	size_t n = 0;
	ssize_t got;
	char c;

	*whole = true;
	for (;;) {
		got = read(STDIN_FILENO, &c, 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0 || c == '\n')
			break;
		if (n == LINE_OCTETS)
			*whole = false;
		else
			line[n++] = c;
	}
	line[n] = '\0';
	return got > 0 || n > 0;
}

/* Split in place, as a shell does with quotes. Returns the number of words; -1: too many, or a quote stays open. */
static int
split(char *p, char **words)
{
	int n = 0;

	for (;;) {
		char *to, quote = '\0';

		p += strspn(p, " \t\r");
		if (*p == '\0')
			return n;
		if (n == WORDS_MAX)
			return -1;
		words[n++] = to = p;
		for (; *p != '\0' && (quote != '\0' || strchr(" \t\r", *p) == NULL); p++) {
			if (quote == '\0' && (*p == '"' || *p == '\''))
				quote = *p;
			else if (*p == quote)
				quote = '\0';
			else
				*to++ = *p;
		}
		if (quote != '\0')
			return -1;
		if (*p != '\0')
			p++;
		*to = '\0';
	}
}

static int
run_line(const struct argv_program *program, char *line)
{
	char name[] = "postern-device", help[] = "--help", *words[WORDS_MAX + 2] = { name };
	int n = split(line, words + 1);

	if (n < 0) {
		fprintf(stderr, "postern-device: a quote that stays open, or more than %d words\n", WORDS_MAX);
		return ARGV_USAGE;
	}
	if (n > 0 && (strcmp(words[1], "shell") == 0 || strcmp(words[1], "page") == 0)) {
		fprintf(stderr, "postern-device: %s is not for a shell\n", words[1]);
		return ARGV_USAGE;
	}
	if (n == 1 && strcmp(words[1], "help") == 0)
		words[1] = help;
	return argv_run(program, n + 1, words, NULL);
}

int
shell_command(const struct argv *v, void *ctx)
{
	bool terminal = isatty(STDIN_FILENO), whole;
	char line[LINE_OCTETS + 1];
	int status = 0;

	(void)ctx;
	/* Where the commands look for it. */
	setenv("POSTERN_DEVICE_STATE", argv_text(v, "state"), 1);
	for (;;) {
		size_t blank;

		if (terminal) {
			fputs("device> ", stdout);
			fflush(stdout);
		}
		if (!read_line(line, &whole))
			break;
		blank = strspn(line, " \t\r");
		if (line[blank] == '\0' || line[blank] == '#')
			continue;
		if (strcmp(line + blank, "exit") == 0 || strcmp(line + blank, "quit") == 0)
			break;
		if (!whole)
			fprintf(stderr, "postern-device: a line has at most %d octets\n", LINE_OCTETS);
		status = whole ? run_line(v->program, line) : ARGV_USAGE;
		fflush(stdout);
	}
	explicit_bzero(line, sizeof line);
	return status;
}
