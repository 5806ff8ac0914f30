#include "idp/read.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "fmt/uri.h"
#include "keys/keys.h"
#include "store/store.h"

#define CONTEXT "provider-session"

static enum rc
refuse(struct call *c, enum enroll_code *code, enum enroll_code why, const char *detail)
{
	*code = why;
	return fail(&c->err, RC_FORBIDDEN, "%s", detail);
}

enum rc
idp_check_token(struct idp *i, struct call *c, const struct provider *p, const struct idp_tokens *tokens,
    const char *nonce, bool again, struct id_token *out, enum enroll_code *code)
{
	const struct provider_preset *preset = provider_preset(p->kind);
	const struct id_token_expected x = {
		.issuer = p->issuer,
		.client_id = p->client_id,
		.nonce = nonce,
		.access_token = tokens->access_token,
		.max_age = again && preset->tells_auth_time ? IDP_MAX_AGE_S : 0,
		.tenant_claim = p->tenant != NULL ? preset->tenant_claim : NULL,
		.tenant = p->tenant,
		.now = c->now,
	};
	enum id_token_fault fault;
	enum jose_fault jose;
	const struct jose_keys *keys;
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

/* Of a person in very many groups Entra ID names none, and says so. The URL in _claim_sources is not asked: it is of
 * Azure AD Graph, which is no more, and who forges a token could have us ask anybody. */
static bool
groups_elsewhere(const struct provider *p, const json_t *claims)
{
	return p->groups_claim != NULL &&
	       (json_object_get(json_object_get(claims, "_claim_names"), p->groups_claim) != NULL ||
		   json_is_true(json_object_get(claims, "hasgroups")));
}

/* NULL: the token does not say. */
static const char *const *
groups_of(struct arena *a, const struct provider *p, const json_t *claims)
{
	const json_t *list = p->groups_claim != NULL ? json_object_get(claims, p->groups_claim) : NULL, *v;
	const char **out;
	size_t i, n = 0;

	if (p->groups_claim == NULL || groups_elsewhere(p, claims))
		return NULL;
	/* Some leave the claim out for who is in no group. Where a group is needed nobody stays in by that. */
	if (!json_is_array(list) && p->group_needed == NULL)
		return NULL;
	out = arena_array(a, json_array_size(list) + 1, sizeof *out);
	json_array_foreach(list, i, v)
	{
		if (json_is_string(v) && json_string_value(v)[0] != '\0' && n < GROUPS_MAX)
			out[n++] = json_string_value(v);
	}
	return out;
}

/* NULL: no claim is one. The stand-ins are of the kind's own claim, not of one that the administrator chose. */
static const char *
identifier_of(struct call *c, const struct provider *p, const json_t *claims)
{
	const struct provider_preset *preset = provider_preset(p->kind);
	bool own = preset->user_else != NULL && strcmp(p->user_claim, preset->user_claim) == 0;
	const char *id = own ? json_get_text(claims, preset->id_claim) : NULL;
	const char *candidates[] = { json_get_text(claims, p->user_claim),
		own ? json_get_text(claims, preset->user_else) : NULL,
		id != NULL && p->domain != NULL ? arena_printf(c->arena, "%s@%s", id, p->domain) : NULL };
	const char *user, *domain;
	struct err ignored;

	for (size_t i = 0; i < sizeof candidates / sizeof candidates[0]; i++) {
		if (candidates[i] != NULL &&
		    uri_identifier_split(c->arena, candidates[i], &user, &domain, &ignored) == RC_OK)
			return account_fold(c->arena, candidates[i]);
	}
	return NULL;
}

enum rc
idp_read_person(struct call *c, const struct provider *p, const struct id_token *token, struct idp_person *out,
    enum enroll_code *code)
{
	const struct provider_preset *preset = provider_preset(p->kind);
	const char *identifier = identifier_of(c, p, token->claims), *name;

	*out = (struct idp_person){ .subject = token->sub, .sid = json_get_text(token->claims, "sid") };
	if (identifier == NULL)
		return refuse(c, code, EV_provider_person,
		    arena_printf(c->arena, "the claim %s is no user identifier", p->user_claim));
	/* An address that nobody checked is what its owner wrote there. */
	if (preset->email_verified != NULL && strcmp(p->user_claim, "email") == 0 &&
	    !json_is_true(json_object_get(token->claims, preset->email_verified)))
		return refuse(
		    c, code, EV_provider_person, "the provider has not verified the address (email_verified)");
	if (p->domain != NULL && strcmp(p->domain, strrchr(identifier, '@') + 1) != 0)
		return refuse(
		    c, code, EV_provider_person, "the user identifier is of another domain than the provider's");
	out->user_identifier = identifier;
	if (p->apple_account != NULL && (out->managed_apple_account = fill(
					     c->arena, p->apple_account, out->user_identifier, token->claims)) == NULL)
		return refuse(
		    c, code, EV_provider_person, "a claim of the Managed Apple Account's template is missing");
	name = json_get_text(token->claims, "name");
	out->display_name = name != NULL && strlen(name) <= 200 && strpbrk(name, "\r\n") == NULL ? name : NULL;
	out->groups = groups_of(c->arena, p, token->claims);
	out->groups_elsewhere = groups_elsewhere(p, token->claims);
	return RC_OK;
}

/* ---- what the directory says ---- */

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Those of `groups` that a rule, a policy, the directory's own groups or the provider's setting name. */
static enum rc
asked_for(struct call *c, const struct provider *p, const char *const *groups, int n, const char *const **out)
{
	static const char sql[] = "SELECT group_name FROM rule WHERE organization_id = ?1 AND group_name IS NOT NULL"
				  " UNION SELECT name FROM group_policy WHERE organization_id = ?1"
				  " UNION SELECT name FROM directory_group WHERE organization_id = ?1";
	const char **wanted, **kept;
	struct db_rows r;
	enum rc rc = store_run(c, sql, DB_ARGS(db_text(p->organization_id)), &r);
	int n_wanted = 0, n_kept = 0;

	if (rc != RC_OK)
		return rc;
	wanted = arena_array(c->arena, (size_t)r.rows + 1, sizeof *wanted);
	for (int i = 0; i < r.rows; i++)
		wanted[n_wanted++] = db_get_text(&r, i, 0);
	if (p->group_needed != NULL)
		wanted[n_wanted++] = p->group_needed;
	qsort(wanted, (size_t)n_wanted, sizeof *wanted, by_name);
	kept = arena_array(c->arena, GROUPS_MAX + 1, sizeof *kept);
	for (int i = 0; i < n && n_kept < GROUPS_MAX; i++) {
		if (n <= GROUPS_MAX || bsearch(&groups[i], wanted, (size_t)n_wanted, sizeof *wanted, by_name) != NULL)
			kept[n_kept++] = groups[i];
	}
	*out = kept;
	return RC_OK;
}

enum rc
idp_read_groups(
    struct idp *i, struct call *c, const struct provider *p, const struct idp_tokens *tokens, struct idp_person *out)
{
	const char *const *groups = NULL;
	int n = 0;

	if (!out->groups_elsewhere)
		return RC_OK;
	if (p->directory == NULL || strcmp(p->directory, "none") == 0)
		out->groups_unknown = "too many for the token, and no directory is asked";
	else if (tokens->access_token == NULL)
		out->groups_unknown = "no access token came to ask the directory with";
	else if (idp_directory(i, c, p, tokens->access_token, &groups, &n) != RC_OK)
		out->groups_unknown = arena_strdup(c->arena, c->err.text);
	return out->groups_unknown == NULL ? asked_for(c, p, groups, n, &out->groups) : RC_OK;
}

/* ---- what is kept ---- */

enum rc
idp_seal(struct call *c, const char *refresh_token, struct bytes *sealed)
{
	*sealed = (struct bytes){ 0 };
	if (refresh_token == NULL)
		return RC_OK;
	return keys_seal(c->keys, c->arena, CONTEXT, bytes_str(refresh_token), sealed, &c->err);
}

enum rc
idp_unseal(struct call *c, struct bytes sealed, const char **refresh_token)
{
	struct bytes plain;
	enum rc rc = keys_unseal(c->keys, c->arena, CONTEXT, sealed, &plain, &c->err);

	if (rc == RC_OK)
		*refresh_token = arena_strndup(c->arena, (const char *)plain.p, plain.n);
	return rc;
}

int64_t
idp_next(const struct call *c, const struct provider *p)
{
	int64_t spread = p->interval_s * p->spread / 100;
	uint32_t random;

	crypto_random(&random, sizeof random);
	return c->now + p->interval_s - (spread > 0 ? random % spread : 0);
}
