/* What the browser carries to an identity provider and back. */
#include "oauth/provider.h"

#include "oauth/testing.h"

#define NONCE "nonce-of-this-browser-nonce-of-this-browser"

static enum rc
come_back(struct scene *s, const char *sealed, const char *nonce, int64_t later_s)
{
	struct call c = scene_call(s);
	struct signin_way w;
	enum rc rc;

	c.now += later_s;
	rc = signin_way_open(&c, sealed, nonce, &w);
	testing_free(&c);
	return rc;
}

int
main(void)
{
	const struct signin_way way = {
		.form = { .flow = SIGNIN_OAUTH2, .attempt = "the attempt", .nonce = NONCE, .state = "the device's" },
		.provider = "the provider",
		.request = { "a state", "a nonce", "a verifier", "https://example.com/back", true, 0 },
	};
	struct signin_way got;
	const char *sealed;
	struct scene s;
	struct call c;
	char *other;

	scene_open(&s);
	c = scene_call(&s);
	ok(signin_way_seal(&c, &way, &sealed) == RC_OK && strlen(sealed) < 1024, "the way is sealed, in under 1 kB");
	ok(strstr(sealed, "verifier") == NULL, "and nobody reads it");
	ok(signin_way_open(&c, sealed, NONCE, &got) == RC_OK && got.form.flow == SIGNIN_OAUTH2 && got.request.again &&
		got.hint == NULL && got.form.challenge == NULL,
	    "it comes back whole");
	is_str(got.form.state, "the device's", "with the device's state");
	is_str(got.request.state, "a state", "the provider's");
	is_str(got.request.nonce, "a nonce", "the nonce");
	is_str(got.request.verifier, "a verifier", "and the verifier of PKCE");

	ok(come_back(&s, sealed, "nonce-of-another-browser-nonce-of-another-b", 0) == RC_FORBIDDEN,
	    "RFC 9700 4.7: through another browser it is refused");
	ok(come_back(&s, sealed, NULL, 0) == RC_FORBIDDEN, "as it is without the browser's cookie");
	ok(come_back(&s, NULL, NONCE, 0) == RC_FORBIDDEN, "and where nothing was begun");
	ok(come_back(&s, sealed, NONCE, SIGNIN_FORM_LIFE_S - 1) == RC_OK, "it is good for an hour");
	ok(come_back(&s, sealed, NONCE, SIGNIN_FORM_LIFE_S) == RC_FORBIDDEN, "and no longer");
	other = arena_strdup(c.arena, sealed);
	other[20] = other[20] == 'A' ? 'B' : 'A';
	ok(come_back(&s, other, NONCE, 0) == RC_FORBIDDEN, "an octet changed, and it is refused");
	testing_free(&c);
	scene_close(&s);
	return done();
}
