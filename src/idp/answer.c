#include "idp/answer.h"

#include <string.h>

#include "fmt/json.h"
#include "fmt/uri.h"

#define WORD_MAX 60 /* octets of an error's name */

/* ---- the discovery document ---- */

static enum rc
endpoint(struct arena *a, const char *issuer, const json_t *j, const char *name, const char **out, struct err *e)
{
	bool https = strncmp(issuer, "https:", 6) == 0;
	struct uri u;

	*out = json_get_text(j, name);
	if (*out == NULL || uri_parse(a, *out, &u, e) != RC_OK || (https && strcmp(u.scheme, "https") != 0))
		return fail(
		    e, RC_UNAVAILABLE, "the discovery document of %.200s has no %s with an https URL", issuer, name);
	return RC_OK;
}

static bool
lists(const json_t *array, const char *word)
{
	const json_t *v;
	size_t i;

	json_array_foreach(array, i, v)
	{
		if (json_is_string(v) && strcmp(json_string_value(v), word) == 0)
			return true;
	}
	return false;
}

enum rc
idp_answer_discovery(struct arena *a, const char *issuer, struct bytes text, struct idp_endpoints *out, struct err *e)
{
	json_t *j = NULL;
	enum rc rc;

	*out = (struct idp_endpoints){ 0 };
	if (json_parse(a, text, &j, e) != RC_OK || !json_is_object(j))
		return fail(e, RC_UNAVAILABLE, "the discovery document of %.200s is not a JSON object", issuer);
	out->issuer = json_get_text(j, "issuer");
	/* Else another provider could speak for this one. */
	if (out->issuer == NULL || strcmp(out->issuer, issuer) != 0)
		return fail(e, RC_UNAVAILABLE, "the discovery document of %.200s names another issuer", issuer);
	if ((rc = endpoint(a, issuer, j, "authorization_endpoint", &out->authorization, e)) != RC_OK ||
	    (rc = endpoint(a, issuer, j, "token_endpoint", &out->token, e)) != RC_OK ||
	    (rc = endpoint(a, issuer, j, "jwks_uri", &out->jwks, e)) != RC_OK)
		return rc;
	out->iss_parameter = json_is_true(json_object_get(j, "authorization_response_iss_parameter_supported"));
	out->pkce = lists(json_object_get(j, "code_challenge_methods_supported"), "S256");
	return RC_OK;
}

/* ---- tokens ---- */

static const char *
token_of(const json_t *j, const char *name)
{
	const char *token = json_get_text(j, name);

	return token != NULL && token[0] != '\0' ? token : NULL;
}

/* A word of RFC 6749 5.2, or what stands for one that isn't: nothing of a stranger's goes into the timeline. */
static const char *
error_word(const json_t *j)
{
	const char *word = json_get_text(j, "error");
	size_t n = word != NULL ? strlen(word) : 0;

	if (n == 0 || n > WORD_MAX || strspn(word, "abcdefghijklmnopqrstuvwxyz_") != n)
		return "an error without a name";
	return word;
}

enum rc
idp_answer_tokens(struct arena *a, const char *issuer, int status, struct bytes text, struct idp_tokens *out,
    const char **error, struct err *e)
{
	json_t *j = NULL;

	*out = (struct idp_tokens){ 0 };
	*error = NULL;
	if (json_parse(a, text, &j, NULL) != RC_OK || !json_is_object(j))
		return fail(e, RC_UNAVAILABLE, "the token endpoint of %.200s answered %d without a JSON object", issuer,
		    status);
	if (status != 200) {
		*error = error_word(j);
		return fail(e, RC_FORBIDDEN, "the token endpoint of %.200s answered %d: %s", issuer, status, *error);
	}
	*out =
	    (struct idp_tokens){ token_of(j, "id_token"), token_of(j, "access_token"), token_of(j, "refresh_token") };
	return RC_OK;
}

/* ---- the directory ---- */

enum rc
idp_answer_groups(
    struct arena *a, const char *directory, struct bytes text, const char *const **groups, int *n, struct err *e)
{
	const json_t *list, *v;
	const char **out;
	json_t *j = NULL;
	size_t i;

	if (json_parse(a, text, &j, NULL) != RC_OK || !json_is_array(list = json_object_get(j, "value")) ||
	    json_object_get(j, "@odata.nextLink") != NULL || json_array_size(list) > IDP_DIRECTORY_MAX)
		return fail(e, RC_UNAVAILABLE, "%.200s did not answer with a list of groups", directory);
	out = arena_array(a, json_array_size(list) + 1, sizeof *out);
	*n = 0;
	json_array_foreach(list, i, v)
	{
		if (json_is_string(v) && json_string_value(v)[0] != '\0')
			out[(*n)++] = json_string_value(v);
	}
	*groups = out;
	return RC_OK;
}
