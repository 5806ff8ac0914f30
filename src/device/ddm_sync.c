/* Fetching: tokens, the list of what there is, and of that what is new or changed. */
#include <string.h>

#include "device/ddm.h"
#include "fmt/json.h"

static const struct {
	const char *list; /* in Declarations of the list */
	const char *kind; /* in the endpoint of one of them, and in its Type after com.apple */
	const char *kept; /* in a status report */
} kinds[] = {
	{ "Management", "management", "management" },
	{ "Assets", "asset", "assets" },
	{ "Configurations", "configuration", "configurations" },
	{ "Activations", "activation", "activations" },
};
#define N_KINDS (sizeof kinds / sizeof *kinds)
#define APPLE "com.apple."

const char *
device_ddm_kind(const char *type)
{
	const char *rest = strncmp(type, APPLE, strlen(APPLE)) == 0 ? type + strlen(APPLE) : "";

	for (size_t k = 0; k < N_KINDS; k++) {
		size_t n = strlen(kinds[k].kind);

		if (strncmp(rest, kinds[k].kind, n) == 0 && rest[n] == '.')
			return kinds[k].kept;
	}
	return NULL;
}

enum rc
device_ddm_ask(struct device_ddm *m, const char *endpoint, struct bytes data, struct http_client_answer *answer)
{
	plist_t message = device_message_new(m->d, m->a, m->channel);

	plist_put_text(message, "MessageType", "DeclarativeManagement");
	plist_put_text(message, "Endpoint", endpoint);
	if (data.p != NULL)
		plist_put_data(message, "Data", data);
	*answer = (struct http_client_answer){ 0 };
	return device_mdm_put(m->d, m->a, m->channel, DEVICE_DOOR_CHECKIN, plist_xml(m->a, message), answer);
}

static enum rc
ask_json(struct device_ddm *m, const char *endpoint, struct http_client_answer *answer, json_t **root)
{
	struct err *e = &m->d->err;
	enum rc rc = device_ddm_ask(m, endpoint, (struct bytes){ 0 }, answer);

	*root = NULL;
	if (rc != RC_OK)
		return rc;
	if (answer->type == NULL || strcmp(answer->type, "application/json") != 0)
		return fail(e, RC_BAD_INPUT, "%s was answered with the media type %s", endpoint,
		    answer->type != NULL ? answer->type : "none");
	if (json_parse(m->a, answer->body, root, e) != RC_OK || !json_is_object(*root))
		return fail(e, RC_BAD_INPUT, "%s was not answered with a JSON object", endpoint);
	return RC_OK;
}

static bool
is_name(const char *text, size_t max)
{
	return text != NULL && text[0] != '\0' && strlen(text) <= max;
}

enum rc
device_ddm_keep(struct device_ddm *m, const char *kind, const char *identifier, json_t *document)
{
	const char *token = json_get_text(document, "ServerToken"), *name = json_get_text(document, "Identifier");

	if (name == NULL || strcmp(name, identifier) != 0 || json_get_text(document, "Type") == NULL ||
	    !is_name(token, DEVICE_DDM_NAME_MAX) || !json_is_object(json_object_get(document, "Payload")))
		return fail(
		    &m->d->err, RC_BAD_INPUT, "the declaration %.64s is incomplete, or another one", identifier);
	if (kind == NULL)
		kind = device_ddm_kind(json_get_text(document, "Type"));
	if (kind == NULL)
		return fail(&m->d->err, RC_BAD_INPUT, "the declaration %.64s is of no kind", identifier);
	json_object_set_new(json_object_get(m->kept, "declarations"), identifier,
	    json_pack("{s:s, s:s, s:O}", "kind", kind, "ServerToken", token, "document", document));
	return RC_OK;
}

/* One item of the list: fetch it unless it is here as it is there. */
static enum rc
fetch(struct device_ddm *m, size_t k, const char *identifier, const char *token)
{
	json_t *declarations = json_object_get(m->kept, "declarations"), *document;
	const json_t *here = json_object_get(declarations, identifier);
	const char *endpoint = arena_printf(m->a, "declaration/%s/%s", kinds[k].kind, identifier);
	struct http_client_answer answer;
	enum rc rc;

	if (here != NULL && strcmp(json_get_text(here, "ServerToken"), token) == 0 &&
	    strcmp(json_get_text(here, "kind"), kinds[k].kept) == 0)
		return RC_OK;
	rc = ask_json(m, endpoint, &answer, &document);
	if (rc == RC_UNAVAILABLE && answer.status == 404) {
		story_step(&m->d->story, "ddm-gone", "%s is gone at the server", identifier);
		json_object_del(declarations, identifier);
		return RC_OK;
	}
	if (rc != RC_OK)
		return rc;
	story_step(&m->d->story, "ddm-fetched", "Fetched %s", identifier);
	return device_ddm_keep(m, kinds[k].kept, identifier, document);
}

/* The whole list, or nothing of it. *listed: Identifiers. */
static enum rc
check_list(struct device_ddm *m, const json_t *root, json_t *listed)
{
	const json_t *lists = json_object_get(root, "Declarations"), *item;
	struct err *e = &m->d->err;
	size_t i;

	if (!is_name(json_get_text(root, "DeclarationsToken"), DEVICE_DDM_TOKEN_MAX))
		return fail(e, RC_BAD_INPUT, "declaration-items has no DeclarationsToken of 1 to %d octets",
		    DEVICE_DDM_TOKEN_MAX);
	for (size_t k = 0; k < N_KINDS; k++) {
		const json_t *list = json_object_get(lists, kinds[k].list);

		if (!json_is_array(list))
			return fail(e, RC_BAD_INPUT, "declaration-items has no list of %s", kinds[k].list);
		json_array_foreach(list, i, item)
		{
			const char *identifier = json_get_text(item, "Identifier");

			if (!is_name(identifier, DEVICE_DDM_NAME_MAX) ||
			    !is_name(json_get_text(item, "ServerToken"), DEVICE_DDM_NAME_MAX))
				return fail(e, RC_BAD_INPUT,
				    "declaration-items has an item without Identifier or ServerToken of 1 to %d octets",
				    DEVICE_DDM_NAME_MAX);
			if (json_object_get(listed, identifier) != NULL)
				return fail(e, RC_BAD_INPUT, "declaration-items has %s twice", identifier);
			json_object_set_new(listed, identifier, json_true());
		}
	}
	return RC_OK;
}

static void
drop_missing(struct device_ddm *m, const json_t *listed)
{
	json_t *declarations = json_object_get(m->kept, "declarations"), *item;
	const char *identifier;
	void *next;

	json_object_foreach_safe(declarations, next, identifier, item)
	{
		if (json_object_get(listed, identifier) != NULL)
			continue;
		story_step(&m->d->story, "ddm-dropped", "%s is not listed any more", identifier);
		json_object_del(declarations, identifier);
	}
}

static enum rc
fetch_all(struct device_ddm *m)
{
	struct http_client_answer answer;
	json_t *listed = json_keep(m->a, json_object()), *root, *item;
	enum rc rc;
	size_t i;

	if ((rc = ask_json(m, "declaration-items", &answer, &root)) != RC_OK ||
	    (rc = check_list(m, root, listed)) != RC_OK)
		return rc;
	drop_missing(m, listed);
	for (size_t k = 0; k < N_KINDS; k++) {
		json_array_foreach(json_object_get(json_object_get(root, "Declarations"), kinds[k].list), i, item)
		{
			rc = fetch(m, k, json_get_text(item, "Identifier"), json_get_text(item, "ServerToken"));
			if (rc != RC_OK)
				return rc;
		}
	}
	json_object_set(m->kept, "token", json_object_get(root, "DeclarationsToken"));
	return RC_OK;
}

static enum rc
current_token(struct device_ddm *m, const char **token)
{
	struct http_client_answer answer;
	json_t *root;
	enum rc rc;

	*token = json_get_text(m->kept, "offered");
	if (*token != NULL)
		return RC_OK;
	if ((rc = ask_json(m, "tokens", &answer, &root)) != RC_OK)
		return rc;
	*token = json_get_text(json_object_get(root, "SyncTokens"), "DeclarationsToken");
	if (!is_name(*token, DEVICE_DDM_TOKEN_MAX))
		return fail(&m->d->err, RC_BAD_INPUT, "tokens has no DeclarationsToken of 1 to %d octets",
		    DEVICE_DDM_TOKEN_MAX);
	return RC_OK;
}

enum rc
device_ddm_sync(struct device_ddm *m)
{
	const char *known = json_get_text(m->kept, "token"), *token = NULL;
	enum rc rc;

	story_step(&m->d->story, "ddm-sync", "Look for changed declarations%s",
	    m->channel == DEVICE_CHANNEL_USER ? " on the person's channel" : "");
	if ((rc = current_token(m, &token)) != RC_OK)
		return rc;
	if ((known == NULL || strcmp(known, token) != 0) && (rc = fetch_all(m)) != RC_OK)
		return rc;
	json_object_del(m->kept, "offered");
	json_object_set_new(m->kept, "due", json_false());
	return RC_OK;
}
