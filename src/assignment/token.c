#include "assignment/token.h"

#include <string.h>

#include "base/clock.h"
#include "fmt/base64.h"
#include "fmt/json.h"
#include "fmt/utf8.h"
#include "keys/keys.h"

#define BEGIN_MESSAGE "-----BEGIN MESSAGE-----"
#define END_MESSAGE "-----END MESSAGE-----"
#define SECRET_MAX 1024
#define DOWNLOAD "download the server token (.p7m) in Apple School Manager or Apple Business"

/* The body of a message (RFC 5322 2.1), or all of it where there is no empty line. */
static struct bytes
body_of(struct bytes file)
{
	for (size_t i = 0; i + 1 < file.n; i++) {
		if (file.p[i] == '\n' && (file.p[i + 1] == '\n' || (file.p[i + 1] == '\r' && i + 2 < file.n)))
			return bytes_of(file.p + i + 2, file.n - i - 2);
	}
	return file;
}

/* ContentInfo with id-envelopedData (RFC 5652 6.1), in DER or BER: the type stands right behind one length. */
static bool
is_enveloped(struct bytes der)
{
	static const uint8_t type[] = { 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x03 };

	for (size_t i = 2; i <= 6 && i + sizeof type <= der.n; i++) {
		if (der.p[0] == 0x30 && memcmp(der.p + i, type, sizeof type) == 0)
			return true;
	}
	return false;
}

enum rc
assignment_token_parse(struct arena *a, struct bytes content, struct assignment_token *out, struct err *e)
{
	const struct {
		const char *name, **to;
	} parts[] = {
		{ "consumer_key", &out->secrets.consumer_key },
		{ "consumer_secret", &out->secrets.consumer_secret },
		{ "access_token", &out->secrets.access_token },
		{ "access_secret", &out->secrets.access_secret },
	};
	const uint8_t *begin =
			  content.n > 0 ? memmem(content.p, content.n, BEGIN_MESSAGE, strlen(BEGIN_MESSAGE)) : NULL,
		      *end = NULL;
	json_t *j;

	*out = (struct assignment_token){ 0 };
	if (begin != NULL) {
		begin += strlen(BEGIN_MESSAGE);
		end = memmem(begin, content.n - (size_t)(begin - content.p), END_MESSAGE, strlen(END_MESSAGE));
	}
	if (end == NULL || json_parse(a, bytes_of(begin, (size_t)(end - begin)), &j, NULL) != RC_OK)
		return fail(e, RC_BAD_INPUT, "the file is no server token: " DOWNLOAD);
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		*parts[i].to = json_get_text(j, parts[i].name);
		if (*parts[i].to == NULL || **parts[i].to == '\0' || strlen(*parts[i].to) > SECRET_MAX)
			return fail(e, RC_BAD_INPUT, "the server token lacks its %s: " DOWNLOAD, parts[i].name);
	}
	out->expires_at = clock_from_rfc3339(json_get_text(j, "access_token_expiry"));
	return RC_OK;
}

enum rc
assignment_token_read(struct call *c, const char *key_name, struct bytes file, struct assignment_token *out)
{
	struct bytes der = file, content = { NULL, 0 };
	enum rc rc;

	if (file.n > ASSIGNMENT_TOKEN_MAX)
		return fail(&c->err, RC_TOO_LARGE, "a server token has at most %d octets", ASSIGNMENT_TOKEN_MAX);
	if (!is_enveloped(der))
		der = base64_decode(c->arena, body_of(file), true);
	if (der.p == NULL || !is_enveloped(der))
		return fail(&c->err, RC_BAD_INPUT, "the file is no encrypted message: " DOWNLOAD);
	rc = keys_envelope_open(c->keys, c->arena, key_name, der, &content, &c->err);
	/* Without the right key there is one chance in 256 that something comes out, which is no text. */
	if (rc == RC_BAD_INPUT || (rc == RC_OK && !utf8_valid(content)))
		return fail(&c->err, RC_BAD_INPUT,
		    "the server token was made for another certificate than this organization's, or is damaged: upload "
		    "the certificate that `postern apple setup` prints, and download a new token");
	if (rc != RC_OK || (rc = assignment_token_parse(c->arena, content, out, &c->err)) != RC_OK)
		return rc;
	if (out->expires_at != 0 && out->expires_at <= c->now)
		return fail(&c->err, RC_BAD_INPUT, "the server token expired at %s: " DOWNLOAD " again",
		    clock_rfc3339(c->arena, out->expires_at));
	return RC_OK;
}
