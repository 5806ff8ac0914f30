#include "oauth/provider.h"

#include <string.h>

#include "crypto/hash.h"
#include "fmt/base64.h"
#include "fmt/json.h"
#include "keys/keys.h"

#define CONTEXT "signin-way"

enum rc
signin_way_seal(struct call *c, const struct signin_way *w, const char **out)
{
	const struct signin_form *f = &w->form;
	struct bytes sealed;
	enum rc rc;
	json_t *j = json_pack("{s:I, s:i, s:s, s:s, s:s*, s:s*, s:s, s:s*, s:s*, s:s*, s:s*, s:b}", "at",
	    (json_int_t)c->now, "flow", (int)f->flow, "attempt", f->attempt, "nonce", f->nonce, "state", f->state,
	    "challenge", f->challenge, "provider", w->provider, "hint", w->hint, "asked", w->request.state, "token",
	    w->request.nonce, "verifier", w->request.verifier, "again", (int)w->request.again);

	if (j == NULL)
		return fail(&c->err, RC_INTERNAL, "the way to the provider can't be written");
	json_keep(c->arena, j);
	rc = keys_seal(c->keys, c->arena, CONTEXT, json_text(c->arena, j, 0), &sealed, &c->err);
	if (rc == RC_OK)
		*out = base64url_encode(c->arena, sealed);
	return rc;
}

enum rc
signin_way_open(struct call *c, const char *sealed, const char *nonce, struct signin_way *out)
{
	struct bytes box, plain;
	enum rc rc = RC_BAD_INPUT;
	json_t *j = NULL;

	*out = (struct signin_way){ 0 };
	if (sealed == NULL || nonce == NULL)
		return fail(&c->err, RC_FORBIDDEN, "no sign-in was begun in this browser");
	box = base64url_decode(c->arena, bytes_str(sealed));
	if (box.p != NULL)
		rc = keys_unseal(c->keys, c->arena, CONTEXT, box, &plain, &c->err);
	if (rc == RC_UNAVAILABLE)
		return rc;
	if (rc != RC_OK || json_parse(c->arena, plain, &j, &c->err) != RC_OK)
		return fail(&c->err, RC_FORBIDDEN, "the cookie was not made by this server");
	out->form = (struct signin_form){
		.flow = (enum signin_flow)json_get_int(j, "flow", SIGNIN_WEB),
		.attempt = json_get_text(j, "attempt"),
		.nonce = json_get_text(j, "nonce"),
		.state = json_get_text(j, "state"),
		.challenge = json_get_text(j, "challenge"),
	};
	out->provider = json_get_text(j, "provider");
	out->hint = json_get_text(j, "hint");
	out->request = (struct idp_request){ json_get_text(j, "asked"), json_get_text(j, "token"),
		json_get_text(j, "verifier"), provider_redirect_uri(c), json_is_true(json_object_get(j, "again")), 0 };
	if (out->form.attempt == NULL || out->provider == NULL || out->form.nonce == NULL ||
	    !crypto_equal(out->form.nonce, nonce))
		return fail(&c->err, RC_FORBIDDEN, "the sign-in was begun in another browser");
	if (json_get_int(j, "at", 0) + SIGNIN_FORM_LIFE_S <= c->now)
		return fail(&c->err, RC_FORBIDDEN, "the sign-in was begun more than an hour ago");
	return RC_OK;
}
