#include "idp/signin.h"

#include <string.h>

#include "account/id_token.h"
#include "crypto/hash.h"
#include "fmt/uri.h"
#include "keys/keys.h"

#define CODE_MAX 4096 /* octets of an authorization code */
#define WORD_MAX 60 /* octets of an error's name */

/* ---- there ---- */

enum rc
idp_begin(struct idp *i, struct call *c, const struct provider *p, const char *hint, bool again,
    struct idp_request *out, const char **url)
{
	const struct provider_preset *preset = provider_preset(p->kind);
	struct arena *a = c->arena;
	struct idp_endpoints at;
	enum rc rc;

	if ((rc = idp_endpoints(i, c, p, &at)) != RC_OK)
		return rc;
	*out = (struct idp_request){ crypto_token(a), crypto_token(a), crypto_token(a), again && p->again[0] == 'l' };
	*url = arena_printf(a,
	    "%s%sresponse_type=code&client_id=%s&redirect_uri=%s&scope=%s&state=%s&nonce=%s&code_challenge=%s"
	    "&code_challenge_method=S256%s%s%s%s",
	    at.authorization, strchr(at.authorization, '?') != NULL ? "&" : "?", uri_encode(a, p->client_id),
	    uri_encode(a, provider_redirect_uri(c)), uri_encode(a, p->scope), out->state, out->nonce,
	    crypto_s256(a, out->verifier), hint != NULL ? "&login_hint=" : "", hint != NULL ? uri_encode(a, hint) : "",
	    preset->more != NULL ? preset->more : "",
	    !out->again               ? ""
	    : preset->tells_auth_time ? arena_printf(a, "&prompt=login&max_age=%d", IDP_MAX_AGE_S)
				      : "&prompt=login");
	if (preset->tenant_claim != NULL && strcmp(preset->tenant_claim, "hd") == 0 && p->tenant != NULL)
		*url = arena_printf(a, "%s&hd=%s", *url, uri_encode(a, p->tenant));
	return RC_OK;
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

static enum rc
check_token(struct idp *i, struct call *c, const struct provider *p, const struct idp_request *r,
    const struct idp_tokens *tokens, struct id_token *out, enum enroll_code *code)
{
	const struct provider_preset *preset = provider_preset(p->kind);
	const struct id_token_expected x = {
		.issuer = p->issuer,
		.client_id = p->client_id,
		.nonce = r->nonce,
		.access_token = tokens->access_token,
		.max_age = r->again && preset->tells_auth_time ? IDP_MAX_AGE_S : 0,
		.tenant_claim = p->tenant != NULL ? preset->tenant_claim : NULL,
		.tenant = p->tenant,
		.now = c->now,
	};
	enum id_token_fault fault;
	enum jose_fault jose;
	struct jose_keys *keys;
	struct err why;
	enum rc rc = RC_NOT_FOUND;

	if (tokens->id_token == NULL)
		return refuse(c, code, EV_id_token_refused, "missing: the provider sent no ID token");
	for (int tries = 0; tries < 2 && rc == RC_NOT_FOUND; tries++) {
		if ((rc = idp_keys(i, c, p, tries > 0, &keys)) != RC_OK)
			return rc;
		rc = id_token_check(c->arena, bytes_str(tokens->id_token), keys, &x, out, &fault, &jose, &c->err);
	}
	if (rc == RC_OK)
		return RC_OK;
	why = c->err;
	return refuse(c, code, EV_id_token_refused,
	    arena_printf(c->arena, "%s: %s",
		fault == ID_TOKEN_token ? jose_fault_name(jose) : id_token_fault_name(fault), why.text));
}

/* ---- what it says ---- */

/* "{local}@appleid.example.com": user, local, domain, or the name of a claim with a text. NULL: a claim is missing. */
static const char *
fill(struct arena *a, const char *pattern, const char *identifier, const json_t *claims)
{
	const char *at = strrchr(identifier, '@');
	char *out = arena_strdup(a, "");

	while (*pattern != '\0') {
		size_t n = strcspn(pattern, "{"), m;
		const char *name, *value;

		out = arena_printf(a, "%s%.*s", out, (int)n, pattern);
		pattern += n;
		if (*pattern == '\0')
			break;
		m = strcspn(pattern, "}");
		if (pattern[m] == '\0')
			return NULL;
		name = arena_strndup(a, pattern + 1, m - 1);
		value = strcmp(name, "user") == 0     ? identifier
			: strcmp(name, "domain") == 0 ? at + 1
			: strcmp(name, "local") == 0  ? arena_strndup(a, identifier, (size_t)(at - identifier))
						      : json_get_text(claims, name);
		if (value == NULL)
			return NULL;
		out = arena_printf(a, "%s%s", out, value);
		pattern += m + 1;
	}
	return out;
}

#define GROUPS_MAX 200

/* NULL: the token does not say. Of a person in very many groups Entra ID names none, and says so. */
static const char *const *
groups_of(struct arena *a, const struct provider *p, const json_t *claims)
{
	const json_t *list = p->groups_claim != NULL ? json_object_get(claims, p->groups_claim) : NULL, *v;
	const char **out;
	size_t i, n = 0;

	if (!json_is_array(list) || json_object_get(json_object_get(claims, "_claim_names"), p->groups_claim) != NULL)
		return NULL;
	out = arena_array(a, json_array_size(list) + 1, sizeof *out);
	json_array_foreach(list, i, v)
	{
		if (json_is_string(v) && json_string_value(v)[0] != '\0' && n < GROUPS_MAX)
			out[n++] = json_string_value(v);
	}
	return out;
}

static enum rc
read_person(struct call *c, const struct provider *p, const struct id_token *token, struct idp_person *out,
    enum enroll_code *code)
{
	const struct provider_preset *preset = provider_preset(p->kind);
	const char *identifier = json_get_text(token->claims, p->user_claim), *user, *domain, *name;
	struct err ignored;

	*out = (struct idp_person){ .subject = token->sub, .sid = json_get_text(token->claims, "sid") };
	if (identifier == NULL || uri_identifier_split(c->arena, identifier, &user, &domain, &ignored) != RC_OK)
		return refuse(c, code, EV_provider_person,
		    arena_printf(c->arena, "the claim %s is no user identifier", p->user_claim));
	/* An address that nobody checked is what its owner wrote there. */
	if (preset->email_verified != NULL && strcmp(p->user_claim, "email") == 0 &&
	    !json_is_true(json_object_get(token->claims, preset->email_verified)))
		return refuse(
		    c, code, EV_provider_person, "the provider has not verified the address (email_verified)");
	if (p->domain != NULL && strcmp(p->domain, domain) != 0)
		return refuse(
		    c, code, EV_provider_person, "the user identifier is of another domain than the provider's");
	out->user_identifier = account_fold(c->arena, identifier);
	if (p->apple_account != NULL && (out->managed_apple_account = fill(
					     c->arena, p->apple_account, out->user_identifier, token->claims)) == NULL)
		return refuse(
		    c, code, EV_provider_person, "a claim of the Managed Apple Account's template is missing");
	name = json_get_text(token->claims, "name");
	out->display_name = name != NULL && strlen(name) <= 200 && strpbrk(name, "\r\n") == NULL ? name : NULL;
	out->groups = groups_of(c->arena, p, token->claims);
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
	rc = idp_redeem(i, c, p, answer->code, r->verifier, &tokens, &error);
	if (rc == RC_FORBIDDEN)
		return refuse(c, code, EV_provider_refused, error);
	if (rc != RC_OK || (rc = check_token(i, c, p, r, &tokens, &token, code)) != RC_OK ||
	    (rc = read_person(c, p, &token, out, code)) != RC_OK)
		return rc;
	out->refresh_token = tokens.refresh_token;
	return RC_OK;
}
