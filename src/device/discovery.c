#include "device/discovery.h"

#include <assert.h>
#include <string.h>

#include "device/url.h"
#include "fmt/json.h"
#include "fmt/uri.h"

#define WELL_KNOWN "/.well-known/com.apple.remotemanagement"

static const char *
query(struct arena *a, const char *identifier, const char *family)
{
	return arena_printf(a, "user-identifier=%s&model-family=%s", device_url_encode(a, identifier), family);
}

enum rc
device_discovery_url(struct arena *a, const char *identifier, const char *family, const char **url, struct err *e)
{
	const char *user, *domain;
	enum rc rc = uri_identifier_split(a, identifier, &user, &domain, e);

	if (rc != RC_OK)
		return rc;
	*url = arena_printf(a, "https://%s" WELL_KNOWN "?%s", domain, query(a, identifier, family));
	return RC_OK;
}

const char *
device_discovery_fallback_url(struct arena *a, const char *base, const char *identifier, const char *family)
{
	struct uri u;
	bool bare = uri_parse(a, base, &u, NULL) == RC_OK && strcmp(u.path, "/") == 0;

	if (bare)
		base = device_url_resolve(a, base, WELL_KNOWN);
	return device_url_set_query(a, base, query(a, identifier, family));
}

enum rc
device_discovery_read(struct arena *a, struct bytes body, struct device_server *out, struct err *e)
{
	static const struct {
		const char *version, *mode;
	} versions[] = { { "mdm-byod", "BYOD" }, { "mdm-adde", "ADDE" } };
	json_t *root, *first;
	const char *version;
	enum rc rc;

	if ((rc = json_parse(a, body, &root, e)) != RC_OK)
		return fail_in(e, rc, "the discovery document");
	first = json_array_get(json_object_get(root, "Servers"), 0);
	if (first == NULL)
		return fail(e, RC_BAD_INPUT, "the discovery document names no server");
	version = json_get_text(first, "Version");
	out->base_url = json_get_text(first, "BaseURL");
	out->mode = NULL;
	for (size_t i = 0; version != NULL && i < sizeof versions / sizeof *versions; i++)
		if (strcmp(versions[i].version, version) == 0)
			out->mode = versions[i].mode;
	if (out->mode == NULL)
		return fail(
		    e, RC_BAD_INPUT, "the discovery document's Version is %s", version != NULL ? version : "missing");
	if (out->base_url == NULL || !device_url_is(out->base_url, "https"))
		return fail(e, RC_BAD_INPUT, "the discovery document's BaseURL is no https URL");
	return RC_OK;
}

/* A 403 may carry a message for the person (protocol 2.5), whom systems that know it show it. */
static const char *
refusal(struct arena *a, const struct http_client_answer *answer)
{
	json_t *root;
	const char *message = NULL;

	if (answer->type != NULL && strcmp(answer->type, "application/json") == 0 &&
	    json_parse(a, answer->body, &root, NULL) == RC_OK) {
		message = json_get_text(root, "message");
		if (message == NULL || *message == '\0')
			message = json_get_text(root, "code");
	}
	return message;
}

/* A URL without the items that a device sends. */
static const char *
without_items(struct arena *a, const char *url)
{
	char *rest = strchr(url, '?') != NULL ? arena_strdup(a, strchr(url, '?') + 1) : NULL, *item;
	const char *kept = "";

	while ((item = strsep(&rest, "&")) != NULL)
		if (strncmp(item, "user-identifier=", 16) != 0 && strncmp(item, "model-family=", 13) != 0)
			kept = arena_printf(a, "%s%s%s", kept, *kept != '\0' ? "&" : "?", item);
	return arena_printf(a, "%.*s%s", (int)strcspn(url, "?"), url, kept);
}

/* Redirects are followed as they are: putting the items into Location is the server's part. With `lose` it did not. */
static enum rc
get(struct device *d, const char *url, bool lose, struct http_client_answer *answer)
{
	static const char *const headers[] = { "Accept: */*", "Accept-Language: en", NULL };
	struct http_client_request request = { .method = "GET", .url = url, .headers = headers, .follow = !lose };
	enum rc rc = device_exchange(d, d->arena, DEVICE_AGENT_MANAGEMENT, &request, answer);

	if (rc != RC_OK || !lose || answer->location == NULL)
		return rc;
	request.url = without_items(d->arena, answer->location);
	request.follow = true;
	return device_exchange(d, d->arena, DEVICE_AGENT_MANAGEMENT, &request, answer);
}

static enum rc
ask(struct device *d, const char *url, bool lose, struct device_server *out)
{
	struct http_client_answer answer = { 0 };
	const char *message;
	enum rc rc;

	rc = get(d, url, lose, &answer);
	if (rc != RC_OK && answer.no_tls && device_can(d, DEVICE_STRICT_TLS))
		return fail_in(&d->err, rc, "\"Your Apple Account does not support the expected services\"");
	if (rc != RC_OK)
		return rc;
	if (strcmp(answer.url, url) != 0)
		story_detail(&d->story, "redirected", "%s", answer.url);
	if (answer.status == 403 && device_can(d, DEVICE_REFUSAL_TEXT) &&
	    (message = refusal(d->arena, &answer)) != NULL) {
		story_detail(&d->story, "message", "%s", message);
		return fail(&d->err, RC_FORBIDDEN, "the organization refuses: %s", message);
	}
	if (answer.status != 200)
		return fail(&d->err, RC_UNAVAILABLE, "the server answered %d instead of 200", answer.status);
	if (answer.type == NULL || strcmp(answer.type, "application/json") != 0)
		return fail(&d->err, RC_BAD_INPUT, "the media type is %s instead of application/json",
		    answer.type != NULL ? answer.type : "missing");
	if (answer.body.n == 0)
		return fail(&d->err, RC_BAD_INPUT, "the discovery document is empty");
	return device_discovery_read(d->arena, answer.body, out, &d->err);
}

enum rc
device_discover(struct device *d, const char *identifier, struct device_server *out)
{
	const char *fallback = d->self.fallback_url != NULL ? d->self.fallback_url : d->self.apple_url, *url, *first;
	bool knows = device_can(d, DEVICE_FALLBACK);
	enum rc rc;

	story_stage(&d->story, "discovery", "1. Service discovery");
	if (device_is_strict(d, DEVICE_ONE_AT) && strchr(identifier, '@') != strrchr(identifier, '@'))
		return fail(&d->err, RC_BAD_INPUT, "error 15000: %s has more than one @", identifier);
	if ((rc = device_discovery_url(d->arena, identifier, d->family->name, &url, &d->err)) != RC_OK)
		return rc;
	story_step(&d->story, "ask-domain", "Ask the domain of %s which server is responsible", identifier);
	rc = ask(d, url, false, out);
	if (rc != RC_OK && knows && fallback != NULL) {
		first = arena_strdup(d->arena, d->err.text);
		url = device_discovery_fallback_url(d->arena, fallback, identifier, d->family->name);
		story_step(&d->story, "ask-fallback", "The domain gave no answer to use; ask the fallback, once");
		story_detail(&d->story, "because", "%s", first);
		rc = ask(d, url, device_is_strict(d, DEVICE_LOST_QUERY), out);
		if (rc != RC_OK)
			return fail(
			    &d->err, rc, "%s; and the fallback: %s", first, arena_strdup(d->arena, d->err.text));
	} else if (rc != RC_OK && fallback != NULL)
		return fail_in(&d->err, rc, "%s %s asks the domain alone", d->family->os_label, d->self.os);
	if (rc != RC_OK)
		return rc;
	assert(out->mode != NULL); /* device_discovery_read says so */
	story_step(&d->story, "discovered", "Found the server: account-driven %s enrollment",
	    strcmp(out->mode, "BYOD") == 0 ? "User" : "Device");
	story_detail(&d->story, "BaseURL", "%s", out->base_url);
	return RC_OK;
}
