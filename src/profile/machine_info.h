/* The body of the enrollment request: who made the device, and what it says about itself
 * (protocol 3.1, 3.2). Identifies nobody: it proves "a genuine device", never which one. */
#ifndef PROFILE_MACHINE_INFO_H
#define PROFILE_MACHINE_INFO_H

#include <stdbool.h>

#include "account/organization.h"
#include "base/call.h"
#include "enroll/failure.h"

struct machine_info {
	const char *product; /* "iPhone17,2" */
	const char *build; /* VERSION: "23A300" */
	const char *os_version; /* OS_VERSION, or from the build; NULL: not known */
	const char *family; /* "iPhone"; NULL: not known */
	bool identifiers; /* under byod: it sent UDID, SERIAL, IMEI or MEID; they went no further */
	const char *warning; /* mode warn: why the built-in identity could not be verified; NULL: it could */
};

/* Read and verify. On refusal *code says which row of the catalogue, and the result is the matching rc:
 * RC_BAD_INPUT malformed, RC_FORBIDDEN signature or trust. The organization's mode decides: require,
 * warn (goes on, out->warning set), off (also takes a bare property list). */
enum rc machine_info_read(struct call *c, const struct organization *o, const char *mode, struct bytes body,
    struct machine_info *out, enum enroll_code *code);

#endif
