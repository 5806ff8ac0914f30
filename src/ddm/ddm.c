#include "ddm/ddm.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/hash.h"
#include "fmt/base64.h"

static const struct {
	const char *word; /* in an endpoint */
	const char *prefix; /* of a Type */
	const char *list; /* in the items */
} kinds[DDM_KINDS] = {
	[DDM_ACTIVATION] = { "activation", "com.apple.activation.", "Activations" },
	[DDM_ASSET] = { "asset", "com.apple.asset.", "Assets" },
	[DDM_CONFIGURATION] = { "configuration", "com.apple.configuration.", "Configurations" },
	[DDM_MANAGEMENT] = { "management", "com.apple.management.", "Management" },
};

enum rc
ddm_kind_of(const char *type, enum ddm_kind *out, struct err *e)
{
	for (int i = 0; i < DDM_KINDS; i++) {
		if (strncmp(type, kinds[i].prefix, strlen(kinds[i].prefix)) == 0) {
			*out = (enum ddm_kind)i;
			return RC_OK;
		}
	}
	return fail(e, RC_BAD_INPUT, "%.100s is the type of no declaration", type);
}

/* "configuration/com.example.a/b": split at the first slash only. */
static enum rc
parse_declaration(struct arena *a, const char *rest, struct ddm_request *out, struct err *e)
{
	const char *slash = strchr(rest, '/');

	for (int i = 0; slash != NULL && i < DDM_KINDS; i++) {
		if (strlen(kinds[i].word) == (size_t)(slash - rest) &&
		    strncmp(kinds[i].word, rest, (size_t)(slash - rest)) == 0) {
			out->kind = (enum ddm_kind)i;
			out->identifier = arena_strdup(a, slash + 1);
			return RC_OK;
		}
	}
	return fail(e, RC_BAD_INPUT, "declaration/%.100s names no kind of declaration", rest);
}

enum rc
ddm_request_parse(struct arena *a, const char *endpoint, struct ddm_request *out, struct err *e)
{
	static const struct {
		const char *word;
		enum ddm_endpoint endpoint;
	} words[] = { { "tokens", DDM_TOKENS }, { "declaration-items", DDM_DECLARATION_ITEMS },
		{ "status", DDM_STATUS } };

	*out = (struct ddm_request){ 0 };
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (strcmp(words[i].word, endpoint) == 0) {
			out->endpoint = words[i].endpoint;
			return RC_OK;
		}
	}
	if (strncmp(endpoint, "declaration/", 12) != 0)
		return fail(e, RC_BAD_INPUT, "there is no Endpoint %.100s", endpoint);
	out->endpoint = DDM_DECLARATION;
	return parse_declaration(a, endpoint + 12, out, e);
}

/* ---- tokens ---- */

char *
ddm_server_token(struct arena *a, const char *text)
{
	return base64url_encode(a, crypto_sha256_text(a, text));
}

static int
by_identifier(const void *x, const void *y)
{
	return strcmp(((const struct ddm_declaration *)x)->identifier, ((const struct ddm_declaration *)y)->identifier);
}

char *
ddm_declarations_token(struct arena *a, struct ddm_declaration *d, int n)
{
	uint8_t digest[32] = { 0 };
	const char *line;

	if (n > 0)
		qsort(d, (size_t)n, sizeof *d, by_identifier);
	/* A chain of digests: its memory does not grow with the set. */
	for (int i = 0; i < n; i++) {
		line = arena_printf(a, "%s\n%s\n%s", hex_encode(a, bytes_of(digest, sizeof digest)), d[i].identifier,
		    d[i].server_token);
		crypto_blake2b(bytes_str(line), digest);
	}
	return base64url_encode(a, bytes_of(digest, sizeof digest));
}

/* ---- answers ---- */

static char *
timestamp(struct arena *a, int64_t at)
{
	char *text = arena_alloc(a, sizeof "YYYY-mm-ddTHH:MM:SSZ");
	time_t t = (time_t)at;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(text, sizeof "YYYY-mm-ddTHH:MM:SSZ", "%Y-%m-%dT%H:%M:%SZ", &tm);
	return text;
}

struct bytes
ddm_tokens(struct arena *a, const char *declarations_token, int64_t at)
{
	/* Both texts are of characters that JSON leaves alone: most of a fleet's questions end here. */
	return bytes_str(arena_printf(a, "{\"SyncTokens\":{\"DeclarationsToken\":\"%s\",\"Timestamp\":\"%s\"}}",
	    declarations_token, timestamp(a, at)));
}

struct bytes
ddm_items(struct arena *a, const struct ddm_declaration *d, int n, const char *declarations_token)
{
	json_t *root = json_keep(a, json_object()), *all = json_object();

	json_object_set_new(root, "Declarations", all);
	for (int i = 0; i < DDM_KINDS; i++)
		json_object_set_new(all, kinds[i].list, json_array());
	for (int i = 0; i < n; i++)
		json_array_append_new(json_object_get(all, kinds[d[i].kind].list),
		    json_pack("{s:s, s:s}", "Identifier", d[i].identifier, "ServerToken", d[i].server_token));
	json_object_set_new(root, "DeclarationsToken", json_string(declarations_token));
	return json_text(a, root, 0);
}

struct bytes
ddm_declaration_text(
    struct arena *a, const char *type, const char *identifier, const char *server_token, json_t *payload)
{
	json_t *root = json_keep(a, json_object());

	json_object_set_new(root, "Type", json_string(type));
	json_object_set_new(root, "Identifier", json_string(identifier));
	json_object_set_new(root, "ServerToken", json_string(server_token));
	json_object_set_new(root, "Payload", payload);
	return json_text(a, root, 0);
}
