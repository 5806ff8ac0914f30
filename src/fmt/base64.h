/* base64 and base64url (RFC 4648). Strict: no white space, no foreign characters, canonical
 * padding bits. Pure. */
#ifndef FMT_BASE64_H
#define FMT_BASE64_H

#include "base/arena.h"
#include "base/bytes.h"

char *base64_encode(struct arena *a, struct bytes b); /* with padding */
char *base64url_encode(struct arena *a, struct bytes b); /* without padding */

/* NULL p: not base64. Standard alphabet, padding required; `lenient` ignores white space and line
 * ends and tolerates missing padding (Mdm-Signature, SCEP GET). */
struct bytes base64_decode(struct arena *a, struct bytes text, bool lenient);
struct bytes base64url_decode(struct arena *a, struct bytes text);

char *hex_encode(struct arena *a, struct bytes b); /* lower case */
struct bytes hex_decode(struct arena *a, const char *text); /* NULL p: not hexadecimal */

#endif
