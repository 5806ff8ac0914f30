/* `check`: a device's first steps, from outside: what it would be told, and what is wrong with it. */
#include <string.h>
#include <stdarg.h>

#include "fmt/uri.h"
#include "postern/cli.h"

#define WELL_KNOWN "/.well-known/com.apple.remotemanagement"
#define REDIRECTS_MAX 5

struct check {
	struct cli *k;
	struct http_client *http;
	const char *user, *domain, *family, *url;
	struct http_client_answer answer;
	json_t *document, *results; /* results: for --json */
	const char *base_url, *version;
	int failed;
	bool ended; /* the answer is good, but there is nothing more to ask: a refusal or another server */
};

/* One line: what was looked at, how it is, and what to do about it. */
static bool said(struct check *c, bool good, const char *what, const char *todo, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

static bool
said(struct check *c, bool good, const char *what, const char *todo, const char *format, ...)
{
	struct cli *k = c->k;
	enum paint p = good ? PAINT_GOOD : PAINT_BAD;
	const char *text;
	va_list ap;

	va_start(ap, format);
	text = print_safe(k->a, arena_vprintf(k->a, format, ap));
	va_end(ap);
	c->failed += !good;
	json_array_append_new(c->results,
	    json_pack("{s:s, s:b, s:s, s:s*}", "check", what, "ok", good, "found", text, "todo", good ? NULL : todo));
	if (k->json)
		return good;
	printf("%s%-6s%s  %-12s %s\n", paint_on(k->color_out, p), good ? "ok" : "failed", paint_off(k->color_out, p),
	    what, text);
	if (!good && todo != NULL)
		printf("%*s-> %s\n", 21, "", todo);
	return good;
}

static enum rc
get(struct check *c, const char *url)
{
	struct http_client_request q = { .method = "GET", .url = url, .max_body = 64 * 1024 };

	return http_client_send(c->http, c->k->a, &q, &c->answer, &c->k->err);
}

/* ---- the steps: each says whether the next one makes sense ---- */

static bool
check_identifier(struct check *c)
{
	const char *name;
	enum rc rc = uri_identifier_split(c->k->a, c->user, &name, &c->domain, &c->k->err);

	if (rc != RC_OK)
		return said(
		    c, false, "identifier", "type the whole address: name@organization.com", "%s", c->k->err.text);
	c->url = arena_printf(c->k->a, "https://%s" WELL_KNOWN "?user-identifier=%s&model-family=%s", c->domain,
	    uri_encode(c->k->a, c->user), uri_encode(c->k->a, c->family));
	return said(c, true, "identifier", NULL, "%s, so the device asks https://%s" WELL_KNOWN, c->user, c->domain);
}

static bool
check_connection(struct check *c)
{
	if (get(c, c->url) != RC_OK)
		return said(c, false, "TLS",
		    "the domain's name must lead to the server (or to a web server that redirects there), with a"
		    " certificate for it that devices trust; --cacert FILE trusts a development CA, --connect-to asks"
		    " another address",
		    "%s", c->k->err.text);
	return said(c, true, "TLS", NULL, "connected, and the certificate is good for %s", c->domain);
}

/* Where redirects lead, one by one: the device does not carry its query along (protocol 2.2). */
static bool
check_redirects(struct check *c)
{
	for (int i = 0; i < REDIRECTS_MAX && c->answer.location != NULL; i++) {
		const char *to = c->answer.location;

		if (strncmp(to, "https://", 8) != 0)
			return said(c, false, "redirect", "redirect to an https URL only", "to %s", to);
		said(c, true, "redirect", NULL, "%d to %s", c->answer.status, to);
		if (strstr(to, "user-identifier=") == NULL)
			said(c, false, "redirect", "re-attach user-identifier and model-family to Location",
			    "the query was not carried along: rules on persons can't match");
		if (get(c, to) != RC_OK)
			return said(c, false, "redirect", "the target must answer", "%s", c->k->err.text);
	}
	return c->answer.location == NULL ||
	       said(c, false, "redirect", "shorten the chain", "more than %d redirects", REDIRECTS_MAX);
}

static bool
check_status(struct check *c)
{
	struct bytes body = c->answer.body;
	const char *message = NULL;
	struct err ignored;
	json_t *j;

	if (c->answer.status == 200)
		return said(c, true, "status", NULL, "200");
	if (c->answer.status == 403 && json_parse(c->k->a, body, &j, &ignored) == RC_OK) {
		message = json_get_text(j, "message");
		c->ended = true;
		return said(c, false, "status",
		    "postern rule explain says which rule, and why; postern domain list, whether the"
		    " domain is known",
		    "403: the device is refused%s%s", message != NULL ? ", and shows: " : "",
		    message != NULL ? message : "");
	}
	return said(c, false, "status",
	    "something else than postern answers for this path: look at the web server in front", "%d instead of 200",
	    c->answer.status);
}

static bool
check_document(struct check *c)
{
	const char *type = c->answer.type != NULL ? c->answer.type : "no media type";
	json_t *servers, *first;

	said(c, strcmp(type, "application/json") == 0, "media type", "serve it as application/json", "%s", type);
	if (json_parse(c->k->a, c->answer.body, &c->document, &c->k->err) != RC_OK)
		return said(c, false, "document", "look at the web server in front", "%s", c->k->err.text);
	servers = json_object_get(c->document, "Servers");
	first = json_array_get(servers, 0);
	c->version = json_get_text(first, "Version");
	c->base_url = json_get_text(first, "BaseURL");
	if (c->version == NULL || c->base_url == NULL)
		return said(c, false, "Servers", "Servers must have one item with Version and BaseURL", "incomplete");
	if (strcmp(c->version, "mdm-byod") != 0 && strcmp(c->version, "mdm-adde") != 0)
		return said(c, false, "Version", "it must be mdm-byod or mdm-adde", "%s", c->version);
	said(c, true, "Version", NULL, "%s", c->version);
	return said(
	    c, strncmp(c->base_url, "https://", 8) == 0, "BaseURL", "it must be an https URL", "%s", c->base_url);
}

/* Asked with the wrong method: a server that is there refuses it, and no attempt is begun. */
static bool
check_base_url(struct check *c)
{
	if (get(c, c->base_url) != RC_OK)
		return said(c, false, "enrollment",
		    "url in postern.conf must be what devices can reach, with a good certificate", "%s",
		    c->k->err.text);
	return said(c, c->answer.status == 405, "enrollment",
	    "BaseURL must lead to posternd: look at url in postern.conf and the proxy in front",
	    "BaseURL answers (%d to a question that no device asks%s)", c->answer.status,
	    c->answer.status == 405 ? ", as it should" : "; 405 was expected");
}

/* ---- the command ---- */

static bool (*const steps[])(struct check *c) = { check_identifier, check_connection, check_redirects, check_status,
	check_document, check_base_url };

int
cli_check(const struct argv *v, void *ctx)
{
	struct http_client_settings s = {
		.user_agent = "postern-check/" POSTERN_VERSION, .https_only = true, .timeout_ms = 20000
	};
	struct check c = { 0 };
	struct cli k;
	int status;

	(void)ctx;
	cli_begin(&k, v);
	c.k = &k;
	c.user = argv_argument(v, 0);
	c.family = argv_text(v, "model-family") != NULL ? argv_text(v, "model-family") : "iPhone";
	c.results = json_keep(k.a, json_array());
	s.ca_file = argv_text(v, "cacert");
	s.connect_to = argv_list(v, "connect-to");
	if (http_client_open(&s, &c.http, &k.err) != RC_OK)
		return cli_refused(&k);
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		if (!steps[i](&c))
			break;
	}
	if (k.json)
		print_json(json_keep(k.a, json_pack("{s:O}", "items", c.results)));
	status = c.failed == 0 ? EXIT_DONE : EXIT_REFUSED;
	if (status == EXIT_DONE)
		cli_say(&k, "A device of this kind can begin to enroll.");
	else
		cli_say(&k, "postern: %s can't enroll: see the failed line%s above", c.user, c.failed > 1 ? "s" : "");
	http_client_close(c.http);
	cli_end(&k);
	return status;
}
