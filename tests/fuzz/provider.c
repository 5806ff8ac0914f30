#include <string.h>

#include "crypto/start.h"
#include "fuzz.h"
#include "idp/answer.h"

#define ISSUER "https://idp.example.com"

/* A letter for the question, then what an identity provider or its directory answers to it: the discovery document, its
 * keys, tokens, or an error, groups. */
FUZZ(a, in)
{
	struct bytes text;
	const char *const *groups = NULL, *error = NULL;
	struct idp_endpoints at;
	struct idp_tokens tokens;
	struct jose_keys *keys;
	struct err e;
	int n = 0;

	if (in.n == 0)
		return;
	text = bytes_of(in.p + 1, in.n - 1);
	crypto_start();
	switch (in.p[0]) {
	case 'd':
		if (idp_answer_discovery(a, ISSUER, text, &at, &e) == RC_OK)
			MUST(strcmp(at.issuer, ISSUER) == 0 && strncasecmp(at.authorization, "https:", 6) == 0 &&
			     strncasecmp(at.token, "https:", 6) == 0 && strncasecmp(at.jwks, "https:", 6) == 0);
		break;
	case 'k':
		if (jose_keys_parse(a, text, &keys, &e) == RC_OK)
			MUST(jose_keys_count(keys) > 0 && jose_keys_count(keys) <= JOSE_KEYS_MAX);
		break;
	case 't':
		if (idp_answer_tokens(a, ISSUER, 200, text, &tokens, &error, &e) == RC_OK)
			MUST(error == NULL && (tokens.id_token == NULL || tokens.id_token[0] != '\0') &&
			     (tokens.refresh_token == NULL || tokens.refresh_token[0] != '\0'));
		break;
	case 'e':
		if (idp_answer_tokens(a, ISSUER, 400, text, &tokens, &error, &e) == RC_FORBIDDEN)
			MUST(error[strspn(error, "abcdefghijklmnopqrstuvwxyz_ ")] == '\0' && strlen(error) <= 60 &&
			     tokens.refresh_token == NULL);
		break;
	default:
		if (idp_answer_groups(a, ISSUER, text, &groups, &n, &e) == RC_OK) {
			MUST(n >= 0 && n <= IDP_DIRECTORY_MAX && groups[n] == NULL);
			for (int i = 0; i < n; i++)
				MUST(groups[i][0] != '\0');
		}
	}
}
