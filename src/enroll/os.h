/* Which OS a device runs, from what it says about itself. */
#ifndef ENROLL_OS_H
#define ENROLL_OS_H

#include <stdbool.h>

#include "base/arena.h"

/* Family of a product name: "iPhone17,2" to "iPhone", "Mac15,3" or "MacBookPro18,1" to "Mac",
 * "RealityDevice14,1" to "RealityDevice", "iPad14,1" to "iPad". NULL: not known. */
const char *os_family(const char *product);

/* "18.2" from OS_VERSION, else from the leading number of the build (iOS 19..23 to 15..18, 26; macOS 23..25 to
 * 14, 15, 26; one table). NULL: not known, which callers take for current. */
const char *os_version(const char *family, const char *os_version, const char *build);

/* -1, 0, 1 over dotted numbers; NULL counts as newest. */
int os_compare(const char *a, const char *b);

/* "iOS", "macOS", "visionOS" for a family (iPad is iOS); NULL family: "iOS". */
const char *os_name(const char *family);

#endif
