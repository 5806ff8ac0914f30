/* Every exchange as HAR 1.2, for whoever wants to look with a browser's tools. What would let somebody in is masked:
 * passwords, tokens, codes, challenges of SCEP, cookies. */
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "conform/check.h"
#include "crypto/cms.h"
#include "device/url.h"
#include "fmt/base64.h"
#include "fmt/json.h"
#include "fmt/uri.h"
#include "fmt/utf8.h"

#define SECRET_MIN 6 /* characters; a shorter one would mask half of everything */
#define MASK "***"

struct secrets {
	struct arena *arena;
	const char **all;
	int n, room;
};

static void
add(struct secrets *s, const char *secret)
{
	if (secret == NULL || strlen(secret) < SECRET_MIN)
		return;
	for (int i = 0; i < s->n; i++)
		if (strcmp(s->all[i], secret) == 0)
			return;
	if (s->n == s->room) {
		const char **more = arena_array(s->arena, (size_t)s->room * 2 + 64, sizeof *more);

		if (s->n > 0)
			memcpy(more, s->all, (size_t)s->n * sizeof *more);
		s->all = more;
		s->room = s->room * 2 + 64;
	}
	s->all[s->n++] = secret;
}

/* A secret, and how it looks in a query or form. */
static void
add_all(struct secrets *s, const char *secret)
{
	if (secret == NULL)
		return;
	add(s, secret);
	add(s, uri_encode(s->arena, secret));
	add(s, device_url_encode(s->arena, secret));
}

static void
add_json(struct secrets *s, struct bytes body)
{
	static const char *const names[] = { "access_token", "refresh_token", "id_token" };
	json_t *root;

	if (json_parse(s->arena, body, &root, NULL) != RC_OK)
		return;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		add_all(s, json_get_text(root, names[i]));
}

static void
add_of(struct secrets *s, const struct conform_exchange *x)
{
	static const char *const items[] = { "access-token", "code" };
	const char *bearer = conform_sent_header(x, "Authorization");
	struct device_profile profile;

	if (bearer != NULL && strncmp(bearer, "Bearer ", 7) == 0)
		add_all(s, bearer + 7);
	for (size_t i = 0; x->answer.location != NULL && i < sizeof items / sizeof *items; i++)
		add_all(s, device_url_item(s->arena, x->answer.location, items[i]));
	if (conform_is_type(x, "application/json"))
		add_json(s, x->answer.body);
	if (conform_is_type(x, "application/x-apple-aspen-config") &&
	    device_profile_read(s->arena, x->answer.body, &profile, NULL) == RC_OK)
		add_all(s, profile.scep.challenge);
}

/* Text with every secret masked. */
static const char *
masked(const struct secrets *s, const char *text)
{
	struct buf b;

	buf_init(&b, 64u * 1024 * 1024);
	while (*text != '\0') {
		size_t n = 0;

		for (int i = 0; i < s->n && n == 0; i++)
			if (*text == *s->all[i] && strncmp(text, s->all[i], strlen(s->all[i])) == 0)
				n = strlen(s->all[i]);
		if (n > 0) {
			buf_str(&b, MASK);
			text += n;
		} else {
			buf_char(&b, *text++);
		}
	}
	return buf_finish(&b, s->arena);
}

static json_t *
string(const char *text)
{
	json_t *value = json_string(text);

	return value != NULL ? value : json_string("");
}

static json_t *
pair(const struct secrets *s, const char *name, const char *value)
{
	static const char *const hidden[] = { "Authorization", "Cookie", "Set-Cookie" };

	for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
		if (strcasecmp(name, hidden[i]) == 0)
			value = MASK;
	return json_pack(
	    "{s:o, s:o}", "name", string(name), "value", string(masked(s, device_url_masked(s->arena, value))));
}

static json_t *
sent_headers(const struct secrets *s, const struct conform_exchange *x)
{
	json_t *out = json_array();

	for (const char *const *h = x->headers; *h != NULL; h++) {
		size_t n = strcspn(*h, ":");
		const char *value = (*h)[n] == ':' ? *h + n + 1 : "";

		json_array_append_new(out, pair(s, arena_strndup(s->arena, *h, n), value + strspn(value, " ")));
	}
	return out;
}

static json_t *
got_headers(const struct secrets *s, const struct conform_exchange *x)
{
	json_t *out = json_array();

	for (int i = 0; i < x->answer.n_headers; i++)
		json_array_append_new(out, pair(s, x->answer.header_names[i], x->answer.header_values[i]));
	return out;
}

static json_t *
query_of(const struct secrets *s, const char *url)
{
	const char *query = strchr(url, '?');
	struct uri_items items = { 0 };
	json_t *out = json_array();

	if (query != NULL && uri_items_parse(s->arena, bytes_str(query + 1), false, 64, &items, NULL) == RC_OK)
		for (int i = 0; i < items.n; i++)
			json_array_append_new(out, pair(s, items.item[i].name, items.item[i].value));
	return out;
}

/* A form of the sign-in: its fields' names are enough. */
static const char *
form(const struct secrets *s, struct bytes body)
{
	struct uri_items items;
	struct buf b;

	if (uri_items_parse(s->arena, body, true, 256, &items, NULL) != RC_OK)
		return MASK;
	buf_init(&b, 65536);
	for (int i = 0; i < items.n; i++)
		buf_printf(&b, "%s%s=" MASK, i > 0 ? "&" : "", uri_encode(s->arena, items.item[i].name));
	return buf_finish(&b, s->arena);
}

static bool
is_text(struct bytes b)
{
	return memchr(b.p, '\0', b.n) == NULL && utf8_valid(b);
}

/* {mimeType, text} and, for octets, how they are written. */
static json_t *
content(const struct secrets *s, const struct conform_exchange *x, struct bytes body, const char *type, bool answer)
{
	struct cms_signed message;
	json_t *out = json_pack("{s:o}", "mimeType", string(type != NULL ? type : ""));
	const char *text;

	/* What a signed profile says; its octets would hold the challenge. */
	if (answer && body.n > 0 && body.p[0] == 0x30 && conform_is_type(x, "application/x-apple-aspen-config") &&
	    cms_verify(s->arena, body, (struct bytes){ 0 }, &message, NULL) == RC_OK)
		body = message.content;
	if (!answer && x->agent == DEVICE_AGENT_WEB) {
		json_object_set_new(out, "text", string(form(s, body)));
	} else if (answer && (strstr(x->event, "GetToken") != NULL || strstr(x->event, "get-token") != NULL)) {
		json_object_set_new(out, "text", string(MASK));
	} else if (body.n > 0 && is_text(body)) {
		text = masked(s, arena_strndup(s->arena, (const char *)body.p, body.n));
		json_object_set_new(out, "text", string(text));
	} else if (body.n > 0) {
		json_object_set_new(out, "text", string(base64_encode(s->arena, body)));
		json_object_set_new(out, answer ? "encoding" : "comment", json_string("base64"));
	}
	return out;
}

static json_t *
entry(const struct secrets *s, const struct conform_exchange *x, const char *device)
{
	json_t *request = json_pack("{s:s, s:o, s:s, s:[], s:o, s:o, s:i, s:i}", "method", x->method, "url",
		   string(masked(s, device_url_masked(s->arena, x->url))), "httpVersion", "HTTP/1.1", "cookies",
		   "headers", sent_headers(s, x), "queryString", query_of(s, x->url), "headersSize", -1, "bodySize",
		   (int)x->sent.n),
	       *body, *response;

	if (x->sent.n > 0) {
		const char *type = conform_sent_header(x, "Content-Type");

		json_object_set_new(request, "postData", content(s, x, x->sent, type, false));
	}
	body = content(s, x, x->answer.body, x->answer.type, true);
	json_object_set_new(body, "size", json_integer((json_int_t)x->answer.body.n));
	response = json_pack("{s:i, s:s, s:s, s:[], s:o, s:o, s:o, s:i, s:i}", "status", x->answer.status, "statusText",
	    "", "httpVersion", "HTTP/1.1", "cookies", "headers", got_headers(s, x), "content", body, "redirectURL",
	    string(x->answer.location != NULL ? masked(s, device_url_masked(s->arena, x->answer.location)) : ""),
	    "headersSize", -1, "bodySize", (int)x->answer.body.n);
	if (!x->answered)
		json_object_set_new(response, "comment", string(x->why));
	return json_pack("{s:s, s:I, s:o, s:o, s:{}, s:{s:i, s:I, s:i}, s:o}", "startedDateTime",
	    clock_rfc3339(s->arena, x->began), "time", (json_int_t)x->took_ms, "request", request, "response", response,
	    "cache", "timings", "send", 0, "wait", (json_int_t)x->took_ms, "receive", 0, "comment",
	    string(arena_printf(s->arena, "%s: %s", device, x->event)));
}

void
conform_write_har(const struct conform_report *r, struct buf *b)
{
	struct secrets *s = arena_alloc(r->arena, sizeof *s);
	json_t *entries = json_array(), *root;
	struct bytes text;

	s->arena = r->arena;
	for (int i = 0; i < r->n_people; i++)
		add_all(s, r->people[i].password);
	for (int k = 0; k < r->n_played; k++)
		for (int i = 0; i < r->played[k].tape->n; i++)
			add_of(s, r->played[k].tape->all[i]);
	for (int k = 0; k < r->n_played; k++)
		for (int i = 0; i < r->played[k].tape->n; i++)
			json_array_append_new(entries, entry(s, r->played[k].tape->all[i], r->played[k].family));
	root = json_keep(r->arena, json_pack("{s:{s:s, s:{s:s, s:s}, s:o}}", "log", "version", "1.2", "creator", "name",
				       "postern-device", "version", POSTERN_VERSION, "entries", entries));
	text = json_text(r->arena, root, 1);
	buf_add(b, text.p, text.n);
	buf_char(b, '\n');
}
