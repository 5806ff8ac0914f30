/* An organization's logo: what its sign-in pages show above the title.
 *
 * PNG or JPEG, told by its first octets and never by a name; SVG can hold scripts and is not taken. */
#ifndef ACCOUNT_LOGO_H
#define ACCOUNT_LOGO_H

#include "base/call.h"

#define LOGO_MAX (24 * 1024) /* octets: a page stays under 40 kB together with it */
#define LOGO_SIDE_MIN 32 /* pixels */
#define LOGO_SIDE_MAX 2048

struct logo {
	const char *digest; /* 16 hexadecimal digits of the content's SHA-256 */
	const char *type; /* "image/png", "image/jpeg" */
	struct bytes content;
};

/* What an image is. RC_BAD_INPUT: neither PNG nor JPEG, or a side is too short or too long. RC_TOO_LARGE. Pure. */
enum rc logo_read(struct arena *a, struct bytes content, struct logo *out, struct err *err);

/* Keep it in place of the one before. As logo_read. */
enum rc logo_set(struct call *c, const char *organization_id, struct bytes content, struct logo *out);
enum rc logo_clear(struct call *c, const char *organization_id);
/* RC_NOT_FOUND: none with that digest. */
enum rc logo_get(struct call *c, const char *organization_id, const char *digest, struct logo *out);

#endif
