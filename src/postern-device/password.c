#include "postern-device/password.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define PASSWORD_OCTETS 1024

enum rc
password_read_stdin(struct arena *a, const char **password, struct err *e)
{
	char line[PASSWORD_OCTETS + 2];
	size_t n = 0;
	char c;
	ssize_t got;
	struct termios before, quiet;
	bool terminal = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &before) == 0;
	enum rc rc = RC_OK;

	if (terminal) {
		quiet = before;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		fputs("Password: ", stderr);
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	}
	while ((got = read(STDIN_FILENO, &c, 1)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 || c == '\n' || n > PASSWORD_OCTETS)
			break;
		line[n++] = c;
	}
	if (terminal) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
		fputc('\n', stderr);
	}
	if (n > 0 && line[n - 1] == '\r')
		n--;
	if (n == 0 || n > PASSWORD_OCTETS)
		rc = fail(e, RC_BAD_INPUT, "standard input holds no password of 1 to %d octets", PASSWORD_OCTETS);
	else
		*password = arena_strndup(a, line, n);
	explicit_bzero(line, sizeof line);
	return rc;
}
