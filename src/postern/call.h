/* Which request each command is: method, path, fields, and how its answer is printed. The table is calls.c, what it is
 * read by call.c.
 *
 * Path:   {0} an argument, {org} what --org says or "_" (the only one), {o} argument 0, else {org},
 *         {--name} an option.
 * Fields: NAME=SOURCE[:TYPE], separated by spaces. SOURCE is the number of an argument ("1+": it and all
 *         that follow), an option, `stdin` (the password), or a constant behind '@'. TYPE: s text (the
 *         default), i number, b flag, a list, f a file's text, d a file's octets in base64. What was not
 *         written is left out. GET and DELETE carry them in the query.
 * Done:   said when it succeeded; {name} is a member of the answer, {0} an argument. */
#ifndef POSTERN_CALL_H
#define POSTERN_CALL_H

#include "postern/cli.h"

struct cli_call {
	const char *command;
	const char *when; /* the option that selects this row of several; NULL: the last of them */
	const char *method, *path, *fields;
	bool limited; /* it has --limit */
	const struct column *columns; /* of a listing or of an object; NULL: nothing to print */
	void (*print)(struct cli *k, const json_t *answer); /* instead of columns */
	const char *empty, *done;
};

extern const struct cli_call cli_calls[]; /* ends with command NULL */

#endif
