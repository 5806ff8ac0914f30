/* Kinds of content that a device keeps apart, and from which version of its system on (protocol 12; the rows are
 * data/data-separation.csv). Pure. */
#ifndef SEPARATION_CONTENT_H
#define SEPARATION_CONTENT_H

#include <stdbool.h>

enum separation_os {
	SEPARATION_IOS,
	SEPARATION_IPADOS,
	SEPARATION_MACOS,
	SEPARATION_VISIONOS,
	SEPARATION_SYSTEMS,
};

struct separation_content {
	const char *name; /* "notes": as commands and files name it */
	const char *title; /* "Notes app": Apple's */
	unsigned since[SEPARATION_SYSTEMS]; /* major << 16 | minor << 8 | patch; 0: never */
};

extern const struct separation_content separation_contents[]; /* Apple's rows; a NULL name ends them */

/* Apple's rows, then iCloud Drive, which is apart wherever there is one, and contacts, which have no row and are
 * not. NULL past the end. */
const struct separation_content *separation_content_at(int i);
const struct separation_content *separation_content_find(const char *name); /* NULL: there is none */

/* "iOS", "iPadOS", "macOS", "visionOS"; SEPARATION_SYSTEMS: none of them. */
enum separation_os separation_os_of(const char *label);

/* Does the managed account have a place of its own for it, under the key of the enrollment? Otherwise it shares the
 * person's. */
bool separation_content_is_apart(const struct separation_content *c, enum separation_os os, unsigned version);

#endif
