#include <string.h>

#include "crypto/hash.h"
#include "enroll/attempt.h"
#include "fmt/base64.h"
#include "keys/keys.h"

#define CONTEXT "attempt"

/* Octets inside: version, time (5, big-endian), family, rule (8, zero when none), identifier. */
#define VERSION 1
#define HEAD 15

/* Order is part of the format: append only. */
static const char *const families[] = { NULL, "iPhone", "iPad", "Mac", "RealityDevice", "Watch", "AppleTV" };
#define N_FAMILIES (sizeof families / sizeof families[0])

enum rc
attempt_seal(struct call *c, const struct attempt_seal *s, const char **sealed)
{
	size_t n = s->user_identifier != NULL ? strlen(s->user_identifier) : 0;
	uint8_t *p = arena_alloc(c->arena, HEAD + n);
	struct bytes rule = { NULL, 0 }, out;
	enum rc rc;

	if (n > ATTEMPT_IDENTIFIER_MAX)
		return fail(&c->err, RC_TOO_LARGE, "a user identifier has at most %d octets", ATTEMPT_IDENTIFIER_MAX);
	p[0] = VERSION;
	for (int i = 0; i < 5; i++)
		p[1 + i] = (uint8_t)(s->at >> (8 * (4 - i)));
	for (size_t i = 1; i < N_FAMILIES; i++) {
		if (s->model_family != NULL && strcmp(families[i], s->model_family) == 0)
			p[6] = (uint8_t)i;
	}
	if (s->rule_id != NULL)
		rule = hex_decode(c->arena, s->rule_id);
	if (rule.n == 8)
		memcpy(&p[7], rule.p, 8);
	if (n > 0)
		memcpy(&p[HEAD], s->user_identifier, n);
	if ((rc = keys_seal(c->keys, c->arena, CONTEXT, bytes_of(p, HEAD + n), &out, &c->err)) != RC_OK)
		return fail_in(&c->err, rc, "seal attempt");
	*sealed = base64url_encode(c->arena, out);
	return RC_OK;
}

enum rc
attempt_unseal(struct call *c, const char *sealed, struct attempt_seal *out)
{
	static const uint8_t no_rule[8];
	struct bytes raw = { NULL, 0 }, plain;
	enum rc rc;

	if (strlen(sealed) <= ATTEMPT_SEALED_MAX)
		raw = base64url_decode(c->arena, bytes_str(sealed));
	if (raw.p == NULL)
		return fail(&c->err, RC_BAD_INPUT, "not a sealed attempt");
	if ((rc = keys_unseal(c->keys, c->arena, CONTEXT, raw, &plain, &c->err)) != RC_OK)
		return fail_in(&c->err, rc, "open attempt");
	if (plain.n < HEAD || plain.p[0] != VERSION || plain.p[6] >= N_FAMILIES)
		return fail(&c->err, RC_BAD_INPUT, "a sealed attempt of another version");
	*out = (struct attempt_seal){ .model_family = families[plain.p[6]] };
	for (int i = 0; i < 5; i++)
		out->at = out->at << 8 | plain.p[1 + i];
	if (memcmp(&plain.p[7], no_rule, 8) != 0)
		out->rule_id = hex_encode(c->arena, bytes_of(&plain.p[7], 8));
	if (plain.n > HEAD)
		out->user_identifier = arena_strndup(c->arena, (const char *)plain.p + HEAD, plain.n - HEAD);
	/* A clock that was set back a little is no reason to refuse. */
	if (c->now - out->at > ATTEMPT_LIFE_S || out->at - c->now > 600)
		return fail(&c->err, RC_FORBIDDEN, "a sealed attempt older than a day");
	return RC_OK;
}

const char *
attempt_id(struct arena *a, const char *sealed)
{
	/* Crockford's alphabet in lower case: read aloud without mistakes. */
	static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
	struct bytes h = crypto_sha256_text(a, sealed);
	char *id = arena_alloc(a, 17);

	for (int i = 0; i < 16; i++)
		id[i] = alphabet[h.p[i] & 31];
	return id;
}
