#include "device/webview.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "crypto/hash.h"
#include "device/url.h"

#define FORM_MAX (256u * 1024) /* octets of one submitted form */

/* ---- forms ---- */

/* application/x-www-form-urlencoded as browsers write it (WHATWG URL 5.2). */
static void
add_urlencoded(struct buf *b, const char *text)
{
	static const char hex[] = "0123456789ABCDEF";

	for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
		if ((*p < 0x80 && isalnum(*p)) || strchr("*-._", *p) != NULL) {
			buf_char(b, (char)*p);
		} else if (*p == ' ') {
			buf_char(b, '+');
		} else {
			buf_char(b, '%');
			buf_char(b, hex[*p >> 4]);
			buf_char(b, hex[*p & 15]);
		}
	}
}

static bool
refuses(const struct html_field *f)
{
	static const char *const words[] = { "cancel", "deny", "abort", "back" };

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcasestr(f->name, words[i]) != NULL || strcasestr(f->value, words[i]) != NULL)
			return true;
	return false;
}

/* The button a person presses: the first that does not say no. NULL: Enter in a text field. */
static const struct html_field *
pressed(const struct html_form *form)
{
	for (int i = 0; i < form->n; i++)
		if (form->field[i].kind == HTML_SUBMIT && !refuses(&form->field[i]))
			return &form->field[i];
	return NULL;
}

/* What this field sends; NULL: nothing. */
static const char *
field_value(const struct html_field *f, const struct html_field *button, const struct device_person *person)
{
	switch (f->kind) {
	case HTML_TEXT:
		return *f->value != '\0' ? f->value : person->identifier;
	case HTML_PASSWORD:
		return person->password != NULL ? person->password : "";
	case HTML_CHECK:
		return f->checked ? f->value : NULL;
	case HTML_SUBMIT:
		return f == button ? f->value : NULL;
	default:
		return f->value;
	}
}

struct bytes
device_form_encode(struct arena *a, const struct html_form *form, const struct device_person *person, const char **type)
{
	const struct html_field *button = pressed(form);
	bool multipart = form->multipart && form->post;
	const char *boundary = multipart ? arena_printf(a, "----WebKitFormBoundary%.16s", crypto_token(a)) : NULL;
	struct bytes out;
	struct buf b;

	buf_init(&b, FORM_MAX);
	for (int i = 0; i < form->n; i++) {
		const struct html_field *f = &form->field[i];
		const char *value = field_value(f, button, person);

		if (*f->name == '\0' || value == NULL)
			continue;
		if (multipart) {
			buf_printf(&b, "--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n", boundary,
			    f->name, value);
			continue;
		}
		if (b.n > 0)
			buf_char(&b, '&');
		add_urlencoded(&b, f->name);
		buf_char(&b, '=');
		add_urlencoded(&b, value);
	}
	if (multipart)
		buf_printf(&b, "--%s--\r\n", boundary);
	*type = multipart ? arena_printf(a, "multipart/form-data; boundary=%s", boundary)
			  : "application/x-www-form-urlencoded";
	out = arena_copy(a, buf_bytes(&b));
	buf_free(&b);
	return out;
}

/* ---- form-action (CSP Level 3, 6.4.1) ---- */

static bool
source_matches(struct arena *a, const char *source, const char *page_url, const char *target)
{
	const char *colon, *host, *want;
	size_t n;

	if (strcasecmp(source, "'self'") == 0)
		return strcmp(device_url_origin(a, page_url), device_url_origin(a, target)) == 0;
	if (*source == '\'')
		return false;
	if (strcmp(source, "*") == 0)
		return device_url_is(target, "https") || device_url_is(target, "http");
	n = strlen(source);
	if (n > 1 && source[n - 1] == ':') /* a scheme */
		return strncasecmp(source, target, n) == 0;
	/* A host, perhaps with scheme and path; "*." matches any subdomain. */
	colon = strstr(source, "://");
	if (colon != NULL && strncasecmp(source, target, (size_t)(colon - source) + 3) != 0)
		return false;
	host = colon != NULL ? colon + 3 : source;
	want = device_url_origin(a, target);
	want = strstr(want, "://") != NULL ? strstr(want, "://") + 3 : want;
	n = strcspn(host, "/");
	if (host[0] == '*' && host[1] == '.') {
		size_t tail = n - 1, have = strlen(want);

		return have > tail && strncasecmp(want + have - tail, host + 1, tail) == 0;
	}
	return strlen(want) == n && strncasecmp(want, host, n) == 0;
}

bool
device_csp_allows_form(struct arena *a, const char *policy, const char *page_url, const char *target)
{
	char *directive, *rest, *source, *more;

	if (policy == NULL)
		return true;
	rest = arena_strdup(a, policy);
	while ((directive = strsep(&rest, ";")) != NULL) {
		more = directive;
		do {
			source = strsep(&more, " \t");
		} while (source != NULL && *source == '\0');
		if (source == NULL || strcasecmp(source, "form-action") != 0)
			continue;
		while ((source = strsep(&more, " \t")) != NULL)
			if (*source != '\0' && source_matches(a, source, page_url, target))
				return true;
		return false; /* the first form-action counts, and names not this target */
	}
	return true;
}

/* ---- an SSO extension ---- */

bool
device_extension_covers(struct arena *a, const struct device_extension *x, const char *url)
{
	const char *origin = device_url_origin(a, url), *host = strstr(origin, "://");
	size_t n;

	host = host != NULL ? host + 3 : origin;
	n = strcspn(host, ":");
	for (const char *const *u = x->urls; u != NULL && *u != NULL; u++) {
		/* Scheme and host in any case, the path as it is written. */
		size_t length = strlen(device_url_origin(a, *u));

		if (length <= strlen(*u) && strncasecmp(*u, url, length) == 0 &&
		    strncmp(*u + length, url + length, strlen(*u + length)) == 0)
			return true;
	}
	for (const char *const *h = x->hosts; h != NULL && *h != NULL; h++) {
		size_t length = strlen(*h);

		if ((length == n || (**h == '.' && length < n)) && strncasecmp(host + n - length, *h, length) == 0)
			return true;
	}
	return false;
}

/* ---- the view ---- */

struct view {
	struct device *d;
	const struct device_person *person;
	struct http_client_answer answer; /* the page that is shown */
	struct html_page page;
	const char *form_policy, *form_page; /* of the page whose form is under way; NULL outside */
	bool gave_password;
	bool taken; /* by the SSO extension */
};

static bool
is_callback(const char *url)
{
	return url != NULL && device_url_is(url, DEVICE_CALLBACK_SCHEME);
}

/* Where a 3xx leads, absolute; NULL: nowhere. */
static const char *
target(struct arena *a, const char *url, const struct http_client_answer *answer)
{
	const char *location = http_client_header(answer, "Location");

	return location != NULL && *location != '\0' ? device_url_resolve(a, url, location) : NULL;
}

struct visit { /* one navigation: the first request, then its redirects */
	const char *method, *url, *type;
	struct bytes body;
	const char *referrer; /* URL of the page that led here; NULL: typed or opened by the device */
	bool no_referrer;
};

static enum rc
fetch(struct view *v, const struct visit *n)
{
	struct arena *a = v->d->arena;
	const char *headers[8];
	struct http_client_request request = {
		.method = n->method, .url = n->url, .headers = headers, .body = n->body
	};
	int k = 0;

	headers[k++] = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
	headers[k++] = "Accept-Language: en-US,en;q=0.9";
	if (n->body.p != NULL)
		headers[k++] = arena_printf(a, "Content-Type: %s", n->type);
	/* A page that sends no referrer also hides its origin: browsers then write "null". */
	if (strcmp(n->method, "POST") == 0 && n->referrer != NULL)
		headers[k++] =
		    n->no_referrer ? "Origin: null" : arena_printf(a, "Origin: %s", device_url_origin(a, n->referrer));
	if (n->referrer != NULL && !n->no_referrer) {
		const char *origin = device_url_origin(a, n->referrer);
		bool same = strcmp(origin, device_url_origin(a, n->url)) == 0;

		headers[k++] =
		    same ? arena_printf(a, "Referer: %s", n->referrer) : arena_printf(a, "Referer: %s/", origin);
	}
	headers[k] = NULL;
	return device_exchange(v->d, a, DEVICE_AGENT_WEB, &request, &v->answer);
}

/* Navigate until a page or the callback is reached. *callback is NULL for a page. */
static enum rc
navigate(struct view *v, struct visit n, int *steps, const char **callback)
{
	struct arena *a = v->d->arena;
	struct err *e = &v->d->err;
	const char *next;
	enum rc rc;

	*callback = NULL;
	for (;;) {
		if (++*steps > WEBVIEW_STEPS_MAX)
			return fail(e, RC_BAD_INPUT, "more than %d pages and redirects", WEBVIEW_STEPS_MAX);
		if (v->form_page != NULL && !device_csp_allows_form(a, v->form_policy, v->form_page, n.url))
			return fail(e, RC_BAD_INPUT,
			    "a browser blocks this: the page's Content-Security-Policy form-action does not allow %s",
			    device_url_masked(a, n.url));
		if (is_callback(n.url)) {
			*callback = n.url;
			return RC_OK;
		}
		if (v->person->extension.there && !v->taken &&
		    device_extension_covers(a, &v->person->extension, n.url)) {
			v->taken = true;
			story_step(&v->d->story, "esso-answer", "The SSO extension takes over: nobody is asked");
		}
		if ((rc = fetch(v, &n)) != RC_OK)
			return rc;
		if (v->answer.status < 300 || v->answer.status > 399)
			return RC_OK;
		if ((next = target(a, n.url, &v->answer)) == NULL)
			return fail(e, RC_BAD_INPUT, "a redirect (%d) without Location", v->answer.status);
		if (is_callback(next) && v->answer.status != 308 && device_is_strict(v->d, DEVICE_ONLY_308))
			return fail(e, RC_BAD_INPUT, "the callback came with %d instead of 308", v->answer.status);
		n.url = next;
		if (v->answer.status == 303 || (v->answer.status < 303 && strcmp(n.method, "POST") == 0)) {
			n.method = "GET";
			n.body = (struct bytes){ 0 };
		}
	}
}

static enum rc
show(struct view *v)
{
	const char *type = v->answer.type;

	if (v->answer.status >= 400) {
		html_page_scan(v->d->arena, v->answer.body, &v->page);
		return fail(&v->d->err, RC_UNAVAILABLE, "the sign-in page answered %d%s%s", v->answer.status,
		    v->page.alert != NULL || v->page.title != NULL ? ": " : "",
		    v->page.alert != NULL   ? v->page.alert
		    : v->page.title != NULL ? v->page.title
					    : "");
	}
	if (type == NULL || (strcmp(type, "text/html") != 0 && strcmp(type, "application/xhtml+xml") != 0))
		return fail(&v->d->err, RC_BAD_INPUT, "the sign-in page is %s, which is no page to fill in",
		    type != NULL ? type : "of no media type");
	html_page_scan(v->d->arena, v->answer.body, &v->page);
	if (v->page.title != NULL)
		story_detail(&v->d->story, "page", "%s", v->page.title);
	if (v->page.alert != NULL)
		story_detail(&v->d->story, "says", "%s", v->page.alert);
	return RC_OK;
}

/* What is to be told before a form is filled in, by a person or by the extension. */
static enum rc
fill_in(struct view *v, const struct html_form *form)
{
	struct story *s = &v->d->story;
	bool by_person = !v->person->extension.there;

	if (!by_person && !v->taken)
		return fail(&v->d->err, RC_UNAUTHENTICATED,
		    "the SSO extension does not answer for %s: the person would be asked",
		    device_url_origin(v->d->arena, v->answer.url));
	if (html_form_has(form, HTML_PASSWORD)) {
		if (v->gave_password)
			return fail(&v->d->err, RC_UNAUTHENTICATED, "the sign-in page asks for the password again%s%s",
			    v->page.alert != NULL ? ": " : "", v->page.alert != NULL ? v->page.alert : "");
		v->gave_password = true;
		if (by_person)
			story_step(s, "sign-in", "Sign in as %s", v->person->identifier);
	} else if (by_person && html_form_has(form, HTML_TEXT)) {
		story_step(s, "identify", "Type %s and go on", v->person->identifier);
	} else if (by_person) {
		story_step(s, "continue", "Press the button of the page");
	}
	return RC_OK;
}

static enum rc
submit(struct view *v, const struct html_form *form, int *steps, const char **callback)
{
	struct arena *a = v->d->arena;
	const char *page = v->answer.url, *referrers = http_client_header(&v->answer, "Referrer-Policy");
	const char *base = v->page.base != NULL ? device_url_resolve(a, page, v->page.base) : page;
	const char *action = *form->action != '\0' ? device_url_resolve(a, base, form->action) : page;
	struct visit n = { .method = "GET", .url = action, .referrer = page };
	struct bytes body;
	enum rc rc;

	if ((rc = fill_in(v, form)) != RC_OK)
		return rc;
	body = device_form_encode(a, form, v->person, &n.type);
	n.no_referrer = referrers != NULL && strcasestr(referrers, "no-referrer") != NULL &&
			strcasestr(referrers, "no-referrer-when-downgrade") == NULL;
	if (form->post) {
		n.method = "POST";
		n.body = body.p != NULL ? body : bytes_str("");
	} else {
		n.url = device_url_set_query(a, action, arena_printf(a, "%.*s", (int)body.n, (const char *)body.p));
	}
	v->form_policy = http_client_header(&v->answer, "Content-Security-Policy");
	v->form_page = page;
	return navigate(v, n, steps, callback);
}

static enum rc
browse(struct view *v, const char *url, const char **callback)
{
	struct visit n = { .method = "GET", .url = url };
	int steps = 0;
	enum rc rc;

	if (!v->person->extension.there)
		story_step(&v->d->story, "open-page", "Open the sign-in page");
	rc = navigate(v, n, &steps, callback);
	while (rc == RC_OK && *callback == NULL) {
		int form;

		if ((rc = show(v)) != RC_OK)
			return rc;
		v->form_page = NULL;
		form = html_page_choose(&v->page);
		if (v->page.link != NULL) {
			*callback = v->page.link;
			return RC_OK;
		}
		if (form >= 0) {
			rc = submit(v, &v->page.form[form], &steps, callback);
		} else if (v->page.refresh != NULL) {
			n = (struct visit){ .method = "GET",
				.url = device_url_resolve(v->d->arena, v->answer.url, v->page.refresh),
				.referrer = v->answer.url };
			rc = navigate(v, n, &steps, callback);
		} else {
			rc = fail(&v->d->err, RC_BAD_INPUT, "the sign-in page has no form to fill in%s%s",
			    v->page.alert != NULL ? ": " : "", v->page.alert != NULL ? v->page.alert : "");
		}
	}
	return rc;
}

/* ---- a script in the person's place ---- */

static void
child(const char *command, const char *url, int out)
{
	char *const argv[] = { (char *)(uintptr_t)command, (char *)(uintptr_t)url, NULL };

	if (dup2(out, STDOUT_FILENO) >= 0)
		execvp(command, argv);
	_exit(127);
}

static enum rc
run_command(struct device *d, const char *url, const char *command, const char **callback)
{
	int fd[2], status = 0;
	char chunk[4096], *line, *rest;
	struct buf out;
	ssize_t n;
	pid_t pid;

	story_step(&d->story, "sign-in-command", "Hand the sign-in page to %s", command);
	story_detail(&d->story, "page", "%s", device_url_masked(d->arena, url));
	if (pipe(fd) != 0)
		return fail(&d->err, RC_UNAVAILABLE, "no pipe for %s: %s", command, strerror(errno));
	fflush(d->story.out);
	if ((pid = fork()) < 0) {
		close(fd[0]);
		close(fd[1]);
		return fail(&d->err, RC_UNAVAILABLE, "can't start %s: %s", command, strerror(errno));
	}
	if (pid == 0) {
		close(fd[0]);
		child(command, url, fd[1]);
	}
	close(fd[1]);
	buf_init(&out, 65536);
	while ((n = read(fd[0], chunk, sizeof chunk)) > 0 || (n < 0 && errno == EINTR))
		buf_add(&out, chunk, n > 0 ? (size_t)n : 0);
	close(fd[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	rest = buf_finish(&out, d->arena);
	*callback = NULL;
	while (*callback == NULL && (line = strsep(&rest, "\r\n")) != NULL)
		if (is_callback(line))
			*callback = line;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127 && *callback == NULL)
		return fail(&d->err, RC_BAD_INPUT, "%s could not be run", command);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return fail(&d->err, RC_UNAUTHENTICATED, "%s ended with status %d", command,
		    WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	if (*callback == NULL)
		return fail(&d->err, RC_BAD_INPUT, "%s printed no URL of " DEVICE_CALLBACK_SCHEME, command);
	return RC_OK;
}

enum rc
device_webview_run(struct device *d, const char *url, const struct device_person *person, const char **callback)
{
	struct view v = { .d = d, .person = person };
	enum rc rc;

	if (person->command != NULL) {
		rc = run_command(d, url, person->command, callback);
	} else {
		/* Each sign-in is an ephemeral session: no cookie of an earlier one. */
		device_agent_reset(d, DEVICE_AGENT_WEB);
		rc = browse(&v, url, callback);
		device_agent_reset(d, DEVICE_AGENT_WEB);
	}
	if (rc != RC_OK)
		return rc;
	story_step(&d->story, "callback", "The sign-in came back to the device");
	story_detail(&d->story, "callback", "%s", device_url_masked(d->arena, *callback));
	return RC_OK;
}
