/* WWW-Authenticate: Bearer name="value", ... as Apple's client reads it (protocol 4.1). Pure. */
#ifndef FMT_CHALLENGE_H
#define FMT_CHALLENGE_H

#include "base/arena.h"
#include "base/err.h"

#define CHALLENGE_PARAMETERS_MAX 32
#define CHALLENGE_LENGTH_MAX 8192 /* octets of a header value */

struct challenge_parameter {
	const char *name, *value;
};
struct challenge {
	struct challenge_parameter parameter[CHALLENGE_PARAMETERS_MAX];
	int n;
};

/* Parse the value of one header. The scheme is exactly "Bearer"; values may be quoted or not, and commas
 * or white space separate. Of a second challenge behind the first nothing is read.
 * RC_NOT_FOUND: another scheme. RC_BAD_INPUT: malformed, too long, or a name twice. */
enum rc challenge_parse(struct arena *a, const char *text, struct challenge *out, struct err *e);

/* Value of a parameter (names without case, RFC 9110 11.2), or NULL. */
const char *challenge_get(const struct challenge *c, const char *name);

/* "Bearer name="value", ..." in `a`. NULL values are left out. RC_BAD_INPUT: a value with a quote, a
 * backslash, or an octet that no header has: it would not survive (protocol 4.1). */
enum rc
challenge_write(struct arena *a, const struct challenge_parameter *parameters, int n, char **out, struct err *e);

#endif
