#include "assignment/token.h"

#include <string.h>

#include "base/tap.h"
#include "ca/ca.h"
#include "enroll/testing.h"
#include "fmt/base64.h"

#define KEY "maid-bag"
#define SECRETS \
	"\"consumer_key\":\"CK_1\",\"consumer_secret\":\"CS_1\",\"access_token\":\"AT_1\",\"access_secret\":\"AS_1\""
#define MESSAGE(json) \
	"Content-Type: text/plain;charset=UTF-8\r\n\r\n-----BEGIN MESSAGE-----\r\n" json "\r\n-----END " \
	"MESSAGE-----\r\n"

static struct scene scene;

/* The message as Apple's portal makes it, for the certificate of `key`; a MIME part with base64, or DER alone. */
static struct bytes
file_for(struct call *c, const char *key, const char *message, bool mime)
{
	struct bytes *certificates, der = { NULL, 0 };
	int n;

	ok(keys_certificates(c->keys, c->arena, key, &certificates, &n, &c->err) == RC_OK && n > 0 &&
		cms_envelope(c->arena, bytes_str(message), certificates[0], "DES-EDE3-CBC", &der, &c->err) == RC_OK,
	    "a message for %s is made", key);
	if (!mime)
		return der;
	return bytes_str(arena_printf(c->arena,
	    "Content-Type: application/pkcs7-mime; name=\"smime.p7m\"; smime-type=enveloped-data\r\n"
	    "Content-Transfer-Encoding: base64\r\n\r\n%s\r\n",
	    base64_encode(c->arena, der)));
}

static void
says(struct call *c, struct bytes file, enum rc expected, const char *part, const char *rule)
{
	struct assignment_token t;
	enum rc rc = assignment_token_read(c, KEY, file, &t);

	ok(rc == expected && strstr(c->err.text, part) != NULL, "S-06: %s: %s", rule, c->err.text);
}

static void
good(struct call *c)
{
	static const char message[] = MESSAGE("{" SECRETS ",\"access_token_expiry\":\"2026-11-29T10:00:00Z\"}");
	struct bytes file = file_for(c, KEY, message, true);
	struct assignment_token t;

	ok(assignment_token_read(c, KEY, file, &t) == RC_OK && t.expires_at == 1795946400,
	    "S-06: a token is opened, and says when it ends");
	ok(strcmp(t.secrets.consumer_key, "CK_1") == 0 && strcmp(t.secrets.consumer_secret, "CS_1") == 0 &&
		strcmp(t.secrets.access_token, "AT_1") == 0 && strcmp(t.secrets.access_secret, "AS_1") == 0,
	    "S-06: the four are where they belong");
	ok(assignment_token_read(c, KEY, file_for(c, KEY, message, false), &t) == RC_OK, "and without MIME around it");
	ok(ca_renew(scene.keys, c->arena, "maid", "bag", "Better Bag", c->now, &c->err) == RC_OK &&
		assignment_token_read(c, KEY, file, &t) == RC_OK,
	    "S-06: a token for the key's certificate of before its renewal is opened, too");
}

static void
bad(struct call *c)
{
	static const char fine[] = MESSAGE("{" SECRETS "}");
	struct bytes file = file_for(c, KEY, fine, false);
	char *damaged = arena_alloc(c->arena, file.n);
	struct assignment_token t;
	bool whole = true;

	says(c, bytes_str("no token"), RC_BAD_INPUT, "no encrypted message", "text");
	says(c, bytes_str("A: b\n\n!!!"), RC_BAD_INPUT, "no encrypted message", "MIME without base64");
	says(c, bytes_of(file.p, 12), RC_BAD_INPUT, "no encrypted message", "its beginning alone");
	says(c, bytes_of(file.p, file.n / 2), RC_BAD_INPUT, "damaged", "half of it");
	says(c, bytes_of(arena_alloc(c->arena, ASSIGNMENT_TOKEN_MAX + 1), ASSIGNMENT_TOKEN_MAX + 1), RC_TOO_LARGE,
	    "at most", "one that is too large");
	says(c, file_for(c, "maid-other", fine, true), RC_BAD_INPUT, "another certificate", "one for another key");
	says(c, file_for(c, KEY, MESSAGE("{\"consumer_key\":\"CK_1\"}"), true), RC_BAD_INPUT,
	    "lacks its consumer_secret", "one that lacks a part");
	says(c, file_for(c, KEY, "{" SECRETS "}", true), RC_BAD_INPUT, "no server token",
	    "JSON without the lines around it");
	says(c, file_for(c, KEY, "-----BEGIN MESSAGE-----\n[", true), RC_BAD_INPUT, "no server token", "a line alone");
	says(c, file_for(c, KEY, MESSAGE("{" SECRETS ",\"access_token_expiry\":\"2025-01-01T00:00:00Z\"}"), true),
	    RC_BAD_INPUT, "expired at 2025-01-01T00:00:00Z", "one that has expired");
	/* CBC tells nobody that a block of the text is another one, nor does it matter which certificate was named. */
	for (size_t i = 0; i < file.n; i += 3) {
		memcpy(damaged, file.p, file.n);
		damaged[i] = (char)(damaged[i] ^ 0x55);
		if (assignment_token_read(c, KEY, bytes_of(damaged, file.n), &t) == RC_OK)
			whole = whole && t.secrets.consumer_key[0] != '\0' && t.secrets.access_secret[0] != '\0';
	}
	ok(whole, "S-06: with damage anywhere it is refused, or has all four");
}

int
main(void)
{
	struct call c;

	scene_open(&scene);
	c = scene_call(&scene);
	ok(ca_make(scene.keys, c.arena, "bag", "Better Bag", c.now, &c.err) == RC_OK &&
		ca_make(scene.keys, c.arena, "other", "Other", c.now, &c.err) == RC_OK,
	    "two organizations have keys");
	good(&c);
	bad(&c);
	arena_free(c.arena);
	scene_close(&scene);
	return done();
}
