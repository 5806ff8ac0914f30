/* What the console's pages are made of: src/console/web, put into the program by script/embed. */
#ifndef CONSOLE_FILES_H
#define CONSOLE_FILES_H

struct console_file {
	const char *path; /* below src/console/web; NULL ends the table */
	const char *text;
};
extern const struct console_file console_files[];
extern const char console_version[]; /* changes with any of them */

#endif
