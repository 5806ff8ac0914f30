#include "idp/signin.h"

#include <string.h>

#include "crypto/hash.h"
#include "fmt/uri.h"
#include "idp/read.h"

#define CODE_MAX 4096 /* octets of an authorization code */
#define WORD_MAX 60 /* octets of an error's name */

/* ---- there ---- */

const char *
idp_begin(struct call *c, const struct provider *p, const struct idp_endpoints *at, const char *redirect_uri,
    const char *hint, enum idp_ask ask, struct idp_request *out)
{
	const struct provider_preset *preset = provider_preset(p->kind);
	struct arena *a = c->arena;
	const char *url;

	*out = (struct idp_request){ crypto_token(a), crypto_token(a), crypto_token(a), redirect_uri,
		ask != IDP_NOBODY && p->again[0] == 'l', 0 };
	if (ask == IDP_ANEW && !out->again)
		out->anew_at = c->now;
	url = arena_printf(a,
	    "%s%sresponse_type=code&client_id=%s&redirect_uri=%s&scope=%s&state=%s&nonce=%s&code_challenge=%s"
	    "&code_challenge_method=S256%s%s%s%s",
	    at->authorization, strchr(at->authorization, '?') != NULL ? "&" : "?", uri_encode(a, p->client_id),
	    uri_encode(a, redirect_uri), uri_encode(a, p->scope), out->state, out->nonce, crypto_s256(a, out->verifier),
	    hint != NULL ? "&login_hint=" : "", hint != NULL ? uri_encode(a, hint) : "",
	    preset->more != NULL ? preset->more : "",
	    out->anew_at != 0         ? "&prompt=login&max_age=0"
	    : !out->again             ? ""
	    : preset->tells_auth_time ? arena_printf(a, "&prompt=login&max_age=%d", IDP_MAX_AGE_S)
				      : "&prompt=login");
	if (preset->tenant_claim != NULL && strcmp(preset->tenant_claim, "hd") == 0 && p->tenant != NULL)
		url = arena_printf(a, "%s&hd=%s", url, uri_encode(a, p->tenant));
	return url;
}

/* ---- back ---- */

static enum rc
refuse(struct call *c, enum enroll_code *code, enum enroll_code why, const char *detail)
{
	*code = why;
	return fail(&c->err, RC_FORBIDDEN, "%s", detail);
}

/* RFC 6749 4.1.2.1 and OpenID Connect Core 3.1.2.6 name what may stand there; what else does is not repeated. */
static enum rc
refused_there(struct call *c, const char *error, enum enroll_code *code)
{
	size_t n = strlen(error);
	bool word = n > 0 && n <= WORD_MAX && strspn(error, "abcdefghijklmnopqrstuvwxyz_") == n;

	return refuse(c, code, strcmp(error, "access_denied") == 0 ? EV_provider_cancelled : EV_provider_refused,
	    word ? arena_strdup(c->arena, error) : "an error without a name");
}

static enum rc
check_answer(struct call *c, const struct provider *p, const struct idp_endpoints *at, const struct idp_request *r,
    const struct idp_answer *answer, enum enroll_code *code)
{
	if (answer->state == NULL || !crypto_equal(answer->state, r->state))
		return refuse(c, code, EV_provider_answer, "state is not the one that this sign-in began with");
	/* RFC 9207: another provider's answer must not be taken for this one's. */
	if (answer->iss != NULL ? strcmp(answer->iss, p->issuer) != 0 : at->iss_parameter)
		return refuse(c, code, EV_provider_answer, "iss is missing, or is not the provider's issuer");
	if (answer->error != NULL)
		return refused_there(c, answer->error, code);
	if (answer->code == NULL || answer->code[0] == '\0' || strlen(answer->code) > CODE_MAX)
		return refuse(c, code, EV_provider_answer, "code is missing, or too long");
	return RC_OK;
}

enum rc
idp_finish(struct idp *i, struct call *c, const struct provider *p, const struct idp_request *r,
    const struct idp_answer *answer, struct idp_person *out, enum enroll_code *code)
{
	struct idp_endpoints at;
	struct idp_tokens tokens;
	struct id_token token;
	const char *error;
	enum rc rc;

	*out = (struct idp_person){ 0 };
	if ((rc = idp_endpoints(i, c, p, &at)) != RC_OK || (rc = check_answer(c, p, &at, r, answer, code)) != RC_OK)
		return rc;
	rc = idp_redeem(i, c, p, answer->code, r->redirect_uri, r->verifier, &tokens, &error);
	if (rc == RC_FORBIDDEN)
		return refuse(c, code, EV_provider_refused, error);
	if (rc != RC_OK || (rc = idp_check_token(i, c, p, &tokens, r->nonce, r->again, &token, code)) != RC_OK ||
	    (rc = idp_read_person(c, p, &token, out, code)) != RC_OK ||
	    (rc = idp_read_groups(i, c, p, &tokens, out)) != RC_OK)
		return rc;
	out->refresh_token = tokens.refresh_token;
	/* That prompt and max_age were asked for proves nothing: they came through the browser. */
	out->asked = r->again || (r->anew_at != 0 && token.auth_time >= r->anew_at - ID_TOKEN_SKEW);
	return RC_OK;
}
