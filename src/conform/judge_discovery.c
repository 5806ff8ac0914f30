/* Discovery: what the domain answered the device, and how it answers other spellings of the question. */
#include <string.h>
#include <strings.h>

#include "conform/check.h"
#include "crypto/hash.h"
#include "device/url.h"
#include "fmt/json.h"
#include "fmt/uri.h"

#define FLOOD 40
#define WELL_KNOWN "/.well-known/com.apple.remotemanagement"

/* The answer that the device got at last. NULL: it asked nobody. */
static const struct conform_exchange *
found(const struct conform_play *p)
{
	const struct conform_exchange *fallback = conform_tape_last(&p->tape, "ask-fallback");

	return fallback != NULL ? fallback : conform_tape_first(&p->tape, "ask-domain");
}

/* Its document; NULL: it is none, and p->d.err says why. */
static json_t *
document(struct conform_play *p)
{
	const struct conform_exchange *x = found(p);
	json_t *root = NULL;

	if (x == NULL || !x->answered || json_parse(p->arena, x->answer.body, &root, &p->d.err) != RC_OK)
		return NULL;
	return root;
}

static const char *
domain(struct conform_play *p)
{
	const char *at = strrchr(p->person->identifier, '@');

	return at != NULL ? at + 1 : "";
}

static const struct conform_exchange *
ask(struct conform_play *p, const char *event, const char *query)
{
	const char *url =
	    arena_printf(p->arena, "https://%s" WELL_KNOWN "%s%s", domain(p), *query != '\0' ? "?" : "", query);
	static const char *const headers[] = { "Accept: */*", "Accept-Language: en", NULL };
	struct http_client_request request = { .method = "GET", .url = url, .headers = headers, .follow = true };

	return conform_ask(p, event, DEVICE_AGENT_MANAGEMENT, &request);
}

static bool
is_document(struct conform_play *p, const struct conform_exchange *x, struct device_server *server)
{
	return x->answered && x->answer.status == 200 && conform_is_type(x, "application/json") &&
	       device_discovery_read(p->arena, x->answer.body, server, NULL) == RC_OK;
}

static bool
is_refusal(struct conform_play *p, const struct conform_exchange *x)
{
	json_t *root;
	const char *code;

	if (!x->answered || x->answer.status != 403 || !conform_is_type(x, "application/json") ||
	    json_parse(p->arena, x->answer.body, &root, NULL) != RC_OK)
		return false;
	code = json_get_text(root, "code");
	return code != NULL && strcmp(code, "com.apple.well-known.failed") == 0;
}

static enum conform_verdict
sensible(struct conform_play *p, const struct conform_exchange *x)
{
	struct device_server server;

	if (is_document(p, x, &server) || is_refusal(p, x))
		return CONFORM_PASSED;
	return conform_deviates(
	    p, "%s, %s", conform_status_text(p, x), x->answer.type != NULL ? x->answer.type : "no media type");
}

enum conform_verdict
conform_judge_discovery_status(struct conform_play *p)
{
	return conform_is_status(p, found(p), 200);
}

enum conform_verdict
conform_judge_discovery_type(struct conform_play *p)
{
	const struct conform_exchange *x = found(p);

	if (x == NULL || !x->answered || x->answer.status != 200)
		return CONFORM_NOT_REACHED;
	if (!conform_is_type(x, "application/json"))
		return conform_deviates(p, "the media type is %s", x->answer.type != NULL ? x->answer.type : "missing");
	return CONFORM_PASSED;
}

enum conform_verdict
conform_judge_discovery_document(struct conform_play *p)
{
	const struct conform_exchange *x = found(p);
	json_t *root;

	if (x == NULL || !x->answered || x->answer.status != 200)
		return CONFORM_NOT_REACHED;
	if ((root = document(p)) == NULL)
		return conform_deviates(p, "%s", p->d.err.text);
	if (!json_is_array(json_object_get(root, "Servers")))
		return conform_deviates(p, "Servers is no array");
	return CONFORM_PASSED;
}

enum conform_verdict
conform_judge_discovery_one_server(struct conform_play *p)
{
	json_t *servers = json_object_get(document(p), "Servers");

	if (!json_is_array(servers))
		return CONFORM_NOT_REACHED;
	if (json_array_size(servers) != 1)
		return conform_deviates(p, "%zu items", json_array_size(servers));
	return CONFORM_PASSED;
}

enum conform_verdict
conform_judge_discovery_version(struct conform_play *p)
{
	json_t *first = json_array_get(json_object_get(document(p), "Servers"), 0);
	const char *version = json_get_text(first, "Version");

	if (first == NULL)
		return CONFORM_NOT_REACHED;
	if (version == NULL || (strcmp(version, "mdm-byod") != 0 && strcmp(version, "mdm-adde") != 0))
		return conform_deviates(p, "Version is %s", version != NULL ? version : "missing");
	return CONFORM_PASSED;
}

enum conform_verdict
conform_judge_discovery_base_url(struct conform_play *p)
{
	json_t *first = json_array_get(json_object_get(document(p), "Servers"), 0);
	const char *url = json_get_text(first, "BaseURL");
	struct uri parts;

	if (first == NULL)
		return CONFORM_NOT_REACHED;
	if (url == NULL)
		return conform_deviates(p, "BaseURL is missing");
	if (uri_parse(p->arena, url, &parts, &p->d.err) != RC_OK)
		return conform_deviates(p, "BaseURL: %s", p->d.err.text);
	if (strcmp(parts.scheme, "https") != 0)
		return conform_deviates(p, "BaseURL is %s", url);
	return CONFORM_PASSED;
}

/* ---- redirects, one by one ---- */

enum conform_verdict
conform_judge_discovery_hops(struct conform_play *p)
{
	bool any = false;

	for (int i = 0; i < p->tape.n; i++) {
		const struct conform_exchange *x = p->tape.all[i];

		if (strcmp(x->event, "probe-walk") != 0 || x->answer.location == NULL)
			continue;
		any = true;
		if (!device_url_is(x->answer.location, "https"))
			return conform_deviates(p, "%s leads to %s", x->url, x->answer.location);
	}
	return any ? CONFORM_PASSED : CONFORM_NOT_APPLICABLE;
}

enum conform_verdict
conform_judge_discovery_query_kept(struct conform_play *p)
{
	static const char *const items[] = { "user-identifier", "model-family" };
	bool any = false;

	for (int i = 0; i < p->tape.n; i++) {
		const struct conform_exchange *x = p->tape.all[i];

		if (strcmp(x->event, "probe-walk") != 0 || x->answer.location == NULL)
			continue;
		any = true;
		for (size_t k = 0; k < sizeof items / sizeof *items; k++) {
			const char *sent = device_url_item(p->arena, x->url, items[k]),
				   *back = device_url_item(p->arena, x->answer.location, items[k]);

			if (sent != NULL && (back == NULL || strcmp(sent, back) != 0))
				return conform_deviates(
				    p, "%s is %s in Location", items[k], back == NULL ? "missing" : "another");
		}
	}
	return any ? CONFORM_PASSED : CONFORM_NOT_APPLICABLE;
}

/* ---- other spellings ---- */

enum conform_verdict
conform_judge_identifier_forms(struct conform_play *p)
{
	const struct conform_exchange *x = ask(p, "probe-percent",
	    arena_printf(p->arena, "user-identifier=%s&model-family=%s", uri_encode(p->arena, p->person->identifier),
		p->d.family->name));
	struct device_server server;

	if (!p->has_server)
		return CONFORM_NOT_REACHED;
	if (!is_document(p, x, &server))
		return conform_deviates(p, "%s", conform_status_text(p, x));
	if (strcmp(server.mode, p->server.mode) != 0)
		return conform_deviates(p, "%s instead of %s", server.mode, p->server.mode);
	return CONFORM_PASSED;
}

/* Nobody's, so that the answer is the domain's rule or a refusal, but the same one for both. */
enum conform_verdict
conform_judge_identifier_plus(struct conform_play *p)
{
	const struct conform_exchange *raw = ask(p, "probe-plus",
	    arena_printf(p->arena, "user-identifier=conform+plus@%s&model-family=%s", domain(p), p->d.family->name));
	const struct conform_exchange *escaped = ask(p, "probe-plus",
	    arena_printf(p->arena, "user-identifier=conform%%2Bplus@%s&model-family=%s", domain(p), p->d.family->name));

	if (raw->answered && escaped->answered && raw->answer.status == escaped->answer.status)
		return sensible(p, raw);
	return conform_deviates(p, "%s, and escaped %s", conform_status_text(p, raw), conform_status_text(p, escaped));
}

enum conform_verdict
conform_judge_family_missing(struct conform_play *p)
{
	return sensible(
	    p, ask(p, "probe-no-family",
		   arena_printf(p->arena, "user-identifier=%s", device_url_encode(p->arena, p->person->identifier))));
}

enum conform_verdict
conform_judge_identifier_missing(struct conform_play *p)
{
	return sensible(p, ask(p, "probe-no-identifier", arena_printf(p->arena, "model-family=%s", p->d.family->name)));
}

enum conform_verdict
conform_judge_discovery_refusal(struct conform_play *p)
{
	return sensible(p, ask(p, "probe-watch",
			       arena_printf(p->arena, "user-identifier=%s&model-family=Watch",
				   device_url_encode(p->arena, p->person->identifier))));
}

enum conform_verdict
conform_judge_discovery_flood(struct conform_play *p)
{
	const char *query = arena_printf(p->arena, "user-identifier=%s&model-family=%s",
	    device_url_encode(p->arena, p->person->identifier), p->d.family->name);

	for (int i = 0; i < FLOOD; i++) {
		const struct conform_exchange *x = ask(p, "probe-flood", query);

		if (!x->answered ||
		    (x->answer.status != 429 && x->answer.status != 503 && x->answer.status != found(p)->answer.status))
			return conform_deviates(p, "request %d: %s", i + 1, conform_status_text(p, x));
	}
	return CONFORM_PASSED;
}

enum conform_verdict
conform_judge_discovery_in_time(struct conform_play *p)
{
	const struct conform_exchange *x = found(p);

	if (x == NULL)
		return CONFORM_NOT_REACHED;
	if (x->took_ms > p->how->patience_ms)
		return conform_deviates(p, "%lld ms", (long long)x->took_ms);
	return CONFORM_PASSED;
}
