/* What to write into the configuration of a web server. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "check/walk.h"
#include "device/url.h"
#include "fmt/json.h"
#include "fmt/uri.h"

#include "check/snippet_table.h"

#define N_SERVERS ((int)(sizeof snippets / sizeof snippets[0]))
#define SNIPPET_MAX 65536

const char *
check_server(int i)
{
	return i < N_SERVERS ? snippets[i].server : NULL;
}

const char *
walk_server_named(const char *field)
{
	static const struct {
		const char *prefix, *server;
	} rows[] = {
		{ "cloudflare", "cloudflare" },
		{ "AmazonS3", "cloudfront" },
		{ "CloudFront", "cloudfront" },
		{ "nginx", "nginx" },
		{ "openresty", "nginx" },
		{ "Apache", "apache" },
		{ "Caddy", "caddy" },
		{ "Microsoft-", "iis" },
	};

	for (size_t i = 0; field != NULL && i < sizeof rows / sizeof rows[0]; i++) {
		if (strncasecmp(field, rows[i].prefix, strlen(rows[i].prefix)) == 0)
			return rows[i].server;
	}
	return NULL;
}

const char *
walk_server_of(const struct http_client_answer *answer)
{
	if (http_client_header(answer, "CF-RAY") != NULL)
		return "cloudflare";
	if (http_client_header(answer, "X-Amz-Cf-Id") != NULL)
		return "cloudfront";
	return walk_server_named(http_client_header(answer, "Server"));
}

/* ---- the values ---- */

struct values {
	const char *host, *target, *document, *path, *upstream;
};

/* What is printed here is pasted into configurations and shells, so of a peer's URL only what means nothing there. */
static bool
is_plain(const char *text)
{
	static const char others[] = "-._~:/?=%&+@,";

	for (const char *p = text; *p != '\0'; p++) {
		if (!isalnum((unsigned char)*p) && strchr(others, *p) == NULL)
			return false;
	}
	return true;
}

static const char *
host_of(struct walk *w, const char *about)
{
	struct uri u;
	const char *host = uri_parse(w->a, about, &u, NULL) == RC_OK ? u.host : about;

	return is_plain(host) ? host : w->domain;
}

/* https, and no dot after the host name: what BaseURL should have been. */
static const char *
mended(struct walk *w, const char *url)
{
	struct uri u;
	size_t n;

	if (url == NULL || !is_plain(url) || uri_parse(w->a, url, &u, NULL) != RC_OK)
		return NULL;
	n = strlen(u.host);
	return arena_printf(w->a, "https://%.*s%s%s%s%s", (int)(n - (u.host[n - 1] == '.')), u.host,
	    u.port == 443 || u.port == 80 ? "" : arena_printf(w->a, ":%d", u.port), u.path, u.query != NULL ? "?" : "",
	    u.query != NULL ? u.query : "");
}

static const char *
document_of(struct walk *w, const char *base_url)
{
	json_t *root = json_keep(w->a, json_pack("{s:[{s:s, s:s}]}", "Servers", "Version",
					   w->version != NULL ? w->version : "mdm-byod", "BaseURL", base_url));

	return root != NULL ? (const char *)json_text(w->a, root, 0).p : "";
}

static struct values
values_of(struct walk *w, const struct check_finding *f)
{
	const char *mdm = w->plan->mdm_url != NULL ? w->plan->mdm_url : arena_printf(w->a, "https://mdm.%s", w->domain);
	const char *base = mended(w, w->base_url);
	struct uri u;
	struct values v = {
		.host = host_of(w, f->about),
		.target = device_url_resolve(w->a, mdm, WELL_KNOWN),
		.document = base != NULL ? document_of(w, base) : NULL,
		.path = "/",
		.upstream = w->plan->mdm_url != NULL ? w->plan->mdm_url : "https://127.0.0.1:8443",
	};

	if (base != NULL && uri_parse(w->a, base, &u, NULL) == RC_OK)
		v.path = arena_strndup(w->a, u.path, strcspn(u.path + 1, "/") + 1 + (strchr(u.path + 1, '/') != NULL));
	return v;
}

static const char *
filled(struct walk *w, const char *text, const struct values *v)
{
	const struct {
		const char *name, *value;
	} rows[] = { { "@host@", v->host }, { "@target@", v->target }, { "@document@", v->document },
		{ "@path@", v->path }, { "@bare-path@", v->path + 1 }, { "@upstream@", v->upstream } };
	struct buf b;

	buf_init(&b, SNIPPET_MAX);
	while (*text != '\0') {
		size_t i = 0, n = sizeof rows / sizeof rows[0];

		while (i < n && strncmp(text, rows[i].name, strlen(rows[i].name)) != 0)
			i++;
		if (i < n && rows[i].value != NULL) {
			buf_str(&b, rows[i].value);
			text += strlen(rows[i].name);
		} else {
			buf_char(&b, *text++);
		}
	}
	return buf_finish(&b, w->a);
}

/* ---- which ---- */

static const char *
server_of(const struct walk *w, const char *host)
{
	for (const struct walk_host *h = w->hosts; h != NULL; h = h->next) {
		if (strcmp(h->name, host) == 0 && h->server != NULL)
			return h->server;
	}
	return NULL;
}

static void
one(struct walk *w, struct check_finding *f)
{
	struct values v = values_of(w, f);
	const char *said = server_of(w, v.host);
	enum check_snippet kind = f->cause->snippet;
	int i = 0;

	if (kind == CHECK_SNIPPET_DOCUMENT && v.document == NULL)
		kind = CHECK_SNIPPET_REDIRECT; /* what it should hold is not known from here */
	if (kind == CHECK_SNIPPET_NONE)
		return;
	f->guessed = w->plan->server == NULL && said == NULL;
	f->server = w->plan->server != NULL ? w->plan->server : said != NULL ? said : "nginx";
	while (i < N_SERVERS - 1 && strcmp(snippets[i].server, f->server) != 0)
		i++;
	f->label = filled(w, snippets[i].label, &v);
	f->snippet = filled(w, snippets[i].text[kind], &v);
}

void
walk_snippets(struct walk *w)
{
	for (struct check_finding *f = w->report->findings; f != NULL; f = f->next)
		one(w, f);
}
