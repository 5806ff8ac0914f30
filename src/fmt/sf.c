#include "fmt/sf.h"

#include "fmt/base64.h"

/* Printable characters without the comma: a comma would begin a second member (RFC 8941 3.1), and a
 * proxy that appends to the client's own header must not pick which certificate counts. */
static bool
is_parameters(const char *s)
{
	if (*s != '\0' && *s != ';')
		return false;
	for (; *s != '\0'; s++) {
		if (*s < ' ' || *s > '~' || *s == ',')
			return false;
	}
	return true;
}

enum rc
sf_bytes(struct arena *a, const char *text, struct bytes *out, struct err *e)
{
	const char *end;

	*out = bytes_of(NULL, 0);
	text += strspn(text, " ");
	if (*text != ':' || (end = strchr(text + 1, ':')) == NULL)
		return fail(e, RC_BAD_INPUT, "not a byte sequence: no colons around it (RFC 8941 3.3.5)");
	if (!is_parameters(end + 1 + strspn(end + 1, " ")))
		return fail(e, RC_BAD_INPUT, "a byte sequence with something behind it");
	*out = base64_decode(a, bytes_of(text + 1, (size_t)(end - text - 1)), false);
	if (out->p == NULL || out->n == 0) {
		*out = bytes_of(NULL, 0);
		return fail(e, RC_BAD_INPUT, "a byte sequence that is not base64, or empty");
	}
	return RC_OK;
}

char *
sf_bytes_write(struct arena *a, struct bytes value)
{
	return arena_printf(a, ":%s:", base64_encode(a, value));
}
