#include "admin/signin_page.h"

#include "base/buf.h"
#include "crypto/hash.h"
#include "fmt/base64.h"
#include "fmt/html.h"
#include "oauth/page_style.h"

#define PAGE_MAX (128 * 1024) /* octets */

const char *
signin_page_policy(struct arena *a)
{
	return arena_printf(a,
	    "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; style-src 'sha256-%s'",
	    base64_encode(a, crypto_sha256_text(a, page_style(a, NULL))));
}

/* A text between the two halves of `around`, which are parted by a '|'. */
static void
put(struct buf *b, const char *around, const char *what)
{
	size_t n = strcspn(around, "|");

	buf_add(b, around, n);
	html_text(b, what);
	buf_str(b, around + n + 1);
}

static void
begin(struct buf *b, struct arena *a, const char *title, const char *alert, const char *refresh)
{
	buf_init(b, PAGE_MAX);
	buf_str(b, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		   "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		   "<meta name=\"color-scheme\" content=\"light dark\">\n");
	if (refresh != NULL)
		put(b, "<meta http-equiv=\"refresh\" content=\"0;url=|\">\n", refresh);
	put(b, alert != NULL ? "<title>Error: | – Postern</title>\n<style>" : "<title>| – Postern</title>\n<style>",
	    title);
	buf_str(b, page_style(a, NULL));
	put(b, "</style>\n</head>\n<body>\n<main>\n<div class=\"mark\" aria-hidden=\"true\">P</div>\n<h1>|</h1>\n",
	    title);
	if (alert != NULL)
		put(b, "<div class=\"alert\" role=\"alert\" id=\"alert\"><span>|</span></div>\n", alert);
}

static struct bytes
finish(struct buf *b, struct arena *a)
{
	char *html;
	size_t n;

	buf_str(b, "</main>\n</body>\n</html>\n");
	n = b->n;
	html = buf_finish(b, a);
	return bytes_of(html, n);
}

/* `more`: attributes of ours. */
static void
field(struct buf *b, const char *id, const char *label, const char *more, const char *value, const char *alert)
{
	buf_printf(b, "<div class=\"field\"><label for=\"%s\">%s</label>\n<input id=\"%s\" name=\"%s\" %s", id, label,
	    id, id, more);
	html_attribute(b, "value", value);
	html_attribute(b, "aria-describedby", alert != NULL ? "alert" : NULL);
	buf_str(b, " autocapitalize=\"none\" autocorrect=\"off\" spellcheck=\"false\" required></div>\n");
}

static void
link_to(struct buf *b, const char *class, const char *url, const char *text)
{
	buf_str(b, "<a");
	html_attribute(b, "class", class);
	html_attribute(b, "href", url);
	put(b, ">|</a>", text);
}

static void
start_again(struct buf *b)
{
	buf_str(b, "<footer><p>");
	link_to(b, NULL, "/console/sign-in?to=/console/", "Start again");
	buf_str(b, "</p></footer>\n");
}

struct bytes
signin_page_name(struct arena *a, const char *name, const struct signin_offer *offers, const char *alert)
{
	struct buf b;

	begin(&b, a, "Sign in", alert, NULL);
	buf_str(&b, "<p class=\"lead\">To administer this server.</p>\n");
	for (const struct signin_offer *o = offers; o->id != NULL; o++) {
		buf_str(&b, "<p>");
		link_to(&b, "go", arena_printf(a, "/console/sign-in/provider/%s", o->id),
		    arena_printf(a, "Continue with %s", o->name));
		buf_str(&b, "</p>\n");
	}
	if (offers->id != NULL)
		buf_str(&b, "<div class=\"or\">or</div>\n");
	buf_str(&b, "<form method=\"post\" action=\"/console/sign-in\">\n");
	field(&b, "username", "User name",
	    "type=\"text\" autocomplete=\"username\" inputmode=\"email\" maxlength=\"254\" autofocus", name, alert);
	field(&b, "password", "Password", "type=\"password\" autocomplete=\"current-password\" maxlength=\"1024\"",
	    NULL, alert);
	buf_printf(&b, "<button class=\"%s\" type=\"submit\">Sign in</button>\n</form>\n",
	    offers->id != NULL ? "second" : "go");
	return finish(&b, a);
}

static void
code_form(struct buf *b, const char *label, const char *more, const char *button, const char *alert)
{
	buf_str(b, "<form method=\"post\" action=\"/console/sign-in\">\n");
	field(b, "code", label, more, NULL, alert);
	put(b, "<button class=\"go\" type=\"submit\">|</button>\n</form>\n", button);
}

struct bytes
signin_page_second(struct arena *a, const char *name, const char *alert)
{
	struct buf b;

	begin(&b, a, "Second step", alert, NULL);
	put(&b,
	    "<p class=\"lead\">Signing in as <strong>|</strong>: type the six digits that your authenticator app "
	    "shows, "
	    "or one of your recovery codes.</p>\n",
	    name);
	code_form(&b, "Code",
	    "type=\"text\" autocomplete=\"one-time-code\" inputmode=\"text\" maxlength=\"40\" autofocus", "Sign in",
	    alert);
	start_again(&b);
	return finish(&b, a);
}

struct bytes
signin_page_enrol(struct arena *a, const char *name, const char *secret, const char *uri, const char *alert)
{
	struct buf b;

	begin(&b, a, "Set up a second step", alert, NULL);
	put(&b,
	    "<p class=\"lead\">A password alone signs nobody in here. Add <strong>|</strong> to an authenticator app, "
	    "then type the six digits that it shows.</p>\n",
	    name);
	put(&b, "<div class=\"code\"><span>Key for typing</span> <strong>|</strong></div>\n", secret);
	buf_str(&b, "<p class=\"more\">");
	link_to(&b, NULL, uri, "Open in an app on this device");
	buf_str(&b, "</p>\n");
	code_form(&b, "Code",
	    "type=\"text\" autocomplete=\"one-time-code\" inputmode=\"numeric\" maxlength=\"12\" autofocus", "Continue",
	    alert);
	start_again(&b);
	return finish(&b, a);
}

struct bytes
signin_page_codes(struct arena *a, const char *const *codes, const char *to)
{
	struct buf b;

	begin(&b, a, "Keep these codes", NULL, NULL);
	buf_str(&b, "<p class=\"lead\">Each of them signs you in once when the second step is lost. They are not shown "
		    "again.</p>\n<ul class=\"facts\">\n");
	for (int i = 0; codes[i] != NULL; i++)
		put(&b, "<li><code>|</code></li>\n", codes[i]);
	buf_str(&b, "</ul>\n<p>");
	link_to(&b, "go", to, "Continue");
	buf_str(&b, "</p>\n");
	return finish(&b, a);
}

struct bytes
signin_page_message(
    struct arena *a, const char *title, const char *sentence, const char *to, const char *link, bool to_now)
{
	struct buf b;

	begin(&b, a, title, NULL, to_now ? to : NULL);
	put(&b, "<p class=\"lead\" role=\"status\">|</p>\n<p>", sentence);
	link_to(&b, "go", to, link);
	buf_str(&b, "</p>\n");
	return finish(&b, a);
}
