/* Where Apple's documents leave open what a device does: one table of switches (`enroll --strict NAME`). Each has the side
 * that a device takes without it, and the strict side, which asks more of a server. A server that works with either works
 * whatever turns out. Sections are those of docs/protocol.md. */
#ifndef DEVICE_QUIRK_H
#define DEVICE_QUIRK_H

#include <stdint.h>

#include "base/err.h"

enum device_quirk {
	DEVICE_ONE_AT,
	DEVICE_ADDE_FROM_17,
	DEVICE_LOST_QUERY,
	DEVICE_ADDE_NAMELESS,
	DEVICE_OLD_LEAF,
	DEVICE_PLAIN_403,
	DEVICE_ONLY_308,
	DEVICE_PKCE,
	DEVICE_ADDE_RIGHTS,
	DEVICE_MAC_SCOPE,
	DEVICE_MODERN_SCEP,
	DEVICE_EMPTY_CHAIN,
	DEVICE_BARE_401,
	DEVICE_EARLY_REFRESH,
	DEVICE_SILENT_WAIT,
	DEVICE_BARE_ASSETS,
	DEVICE_TOKEN_OR_NOTHING,
	DEVICE_QUERY_ERROR,
	DEVICE_QUIRKS,
};

struct device_quirk_row {
	const char *name; /* "bare-401" */
	const char *section;
	const char *tolerant, *strict; /* what a device does: without the switch, with it */
};

extern const struct device_quirk_row device_quirks[DEVICE_QUIRKS];

/* A bit, 1 << enum device_quirk, for each name; "all" stands for every one. RC_BAD_INPUT: there is no such name. The list is
 * NULL-terminated and may be NULL. */
enum rc device_quirks_read(const char *const *names, uint32_t *bits, struct err *e);

#endif
