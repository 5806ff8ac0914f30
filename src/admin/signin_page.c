#include "admin/signin_page.h"

#include <time.h>

#include "base/buf.h"
#include "crypto/hash.h"
#include "fmt/base64.h"
#include "fmt/html.h"
#include "fmt/qr.h"
#include "oauth/page_style.h"

#define PAGE_MAX (128 * 1024) /* octets */
#define OWN "/console/sign-in/own"

const char *
signin_page_policy(struct arena *a)
{
	return arena_printf(a,
	    "default-src 'none'; script-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none';"
	    " style-src 'sha256-%s'",
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
foot(struct buf *b, const char *url, const char *text)
{
	buf_str(b, "<footer><p>");
	link_to(b, NULL, url, text);
	buf_str(b, "</p></footer>\n");
}

static void
start_again(struct buf *b)
{
	foot(b, "/console/sign-in?to=/console/", "Start again");
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

/* What WebAuthn answers is put into the form, which goes the way of all forms. */
const char signin_page_script[] =
    "'use strict';\n"
    "const form = document.getElementById('key');\n"
    "const octets = (text) => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => "
    "c.charCodeAt(0));\n"
    "const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))\n"
    "  .replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');\n"
    "form?.addEventListener('submit', async (event) => {\n"
    "  event.preventDefault();\n"
    "  const { challenge, rp, user, userName, ids, create } = form.dataset;\n"
    "  const known = ids.split(' ').filter(Boolean).map((id) => ({ type: 'public-key', id: octets(id) }));\n"
    "  const both = { challenge: octets(challenge), timeout: 120000 };\n"
    "  try {\n"
    "    const made = create\n"
    "      ? await navigator.credentials.create({ publicKey: { ...both, rp: { id: rp, name: 'Postern' }, attestation: "
    "'none',\n"
    "        user: { id: new TextEncoder().encode(user), name: userName, displayName: userName },\n"
    "        pubKeyCredParams: [-7, -257].map((alg) => ({ type: 'public-key', alg })), excludeCredentials: known,\n"
    "        authenticatorSelection: { residentKey: 'discouraged', userVerification: 'preferred' } } })\n"
    "      : await navigator.credentials.get({ publicKey: { ...both, rpId: rp, allowCredentials: known,\n"
    "        userVerification: 'preferred' } });\n"
    "    const { clientDataJSON, attestationObject, authenticatorData, signature } = made.response;\n"
    "    form.elements.credential.value = JSON.stringify({ id: text(made.rawId), client: text(clientDataJSON),\n"
    "      data: text(attestationObject ?? authenticatorData), ...(signature && { signature: text(signature) }) });\n"
    "    form.submit();\n"
    "  } catch (error) {\n"
    "    document.getElementById('key-said').textContent = `The key did not answer: ${error.message}`;\n"
    "  }\n"
    "});\n";

static void
key_form(struct buf *b, struct arena *a, const struct signin_key *k, bool create, const char *button)
{
	const char *ids = "";

	for (int i = 0; k->ids[i] != NULL; i++)
		ids = arena_printf(a, "%s %s", ids, k->ids[i]);
	buf_str(b, "<form method=\"post\" action=\"/console/sign-in\" id=\"key\"");
	html_attribute(b, "data-challenge", k->challenge);
	html_attribute(b, "data-rp", k->rp_id);
	html_attribute(b, "data-user", k->user_id);
	html_attribute(b, "data-user-name", k->user_name);
	html_attribute(b, "data-ids", ids);
	html_attribute(b, "data-create", create ? "1" : NULL);
	put(b,
	    ">\n<input type=\"hidden\" name=\"credential\">\n<button class=\"go\" type=\"submit\">|</button>\n"
	    "<p class=\"more\" role=\"status\" id=\"key-said\"></p>\n</form>\n"
	    "<script src=\"/console/sign-in/key.js\" defer></script>\n",
	    button);
}

static void
code_form(struct buf *b, const char *more, const char *class, const char *button, const char *alert)
{
	buf_str(b, "<form method=\"post\" action=\"/console/sign-in\">\n");
	field(b, "code", "Code", more, NULL, alert);
	buf_printf(b, "<button class=\"%s\" type=\"submit\">%s</button>\n</form>\n", class, button);
}

struct bytes
signin_page_second(struct arena *a, const struct signin_key *k, bool app, const char *back, const char *alert)
{
	bool keys = k->ids[0] != NULL;
	struct buf b;

	begin(&b, a, back != NULL ? "Prove who you are" : "Second step", alert, NULL);
	put(&b,
	    back != NULL
		? "<p class=\"lead\">You are signed in as <strong>|</strong>. What comes next can\xe2\x80\x99t be "
		  "undone, or gives power.</p>\n"
		: "<p class=\"lead\">Signing in as <strong>|</strong>.</p>\n",
	    k->user_name);
	if (keys) {
		key_form(&b, a, k, false, "Use your security key or passkey");
		buf_str(&b, "<div class=\"or\">or</div>\n");
	}
	put(&b, "<p class=\"more\">|</p>\n",
	    app ? "Type the six digits that your authenticator app shows, or one of your recovery codes."
		: "Type one of your recovery codes.");
	code_form(&b,
	    keys ? "type=\"text\" autocomplete=\"one-time-code\" maxlength=\"40\""
		 : "type=\"text\" autocomplete=\"one-time-code\" maxlength=\"40\" autofocus",
	    keys ? "second" : "go", back != NULL ? "Continue" : "Sign in", alert);
	if (back != NULL)
		foot(&b, back, "Back to the console");
	else
		start_again(&b);
	return finish(&b, a);
}

/* Dark on white whatever the page's colours: some readers know no other. */
static void
picture(struct buf *b, struct arena *a, const char *uri)
{
	struct qr q;

	if (!qr_make(a, uri, &q)) /* a long name: there is the key for typing */
		return;
	buf_printf(b,
	    "<svg width=\"208\" height=\"208\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"QR code for an "
	    "authenticator app\" shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h%dv%dH0z\"/>"
	    "<path fill=\"#000\" d=\"%s\"/></svg>\n",
	    q.size + 8, q.size + 8, q.size + 8, q.size + 8, qr_path(a, &q));
}

struct bytes
signin_page_enrol(struct arena *a, const struct signin_key *k, const char *secret, const char *uri, const char *alert)
{
	struct buf b;

	begin(&b, a, secret != NULL ? "Set up a second step" : "Add a key", alert, NULL);
	put(&b,
	    secret != NULL
		? "<p class=\"lead\">A password alone signs nobody in here. Give <strong>|</strong> a security "
		  "key or passkey, or an authenticator app.</p>\n"
		: "<p class=\"lead\">Give <strong>|</strong> one more security key or passkey.</p>\n",
	    k->user_name);
	key_form(&b, a, k, true, "Set up a security key or passkey");
	if (secret != NULL) {
		buf_str(&b, "<div class=\"or\">or</div>\n");
		buf_str(&b, "<div class=\"code\">\n");
		picture(&b, a, uri);
		put(&b, "<span>Key for an authenticator app</span> <strong>|</strong></div>\n", secret);
		buf_str(&b, "<p class=\"more\">");
		link_to(&b, NULL, uri, "Open in an app on this device");
		buf_str(&b, "</p>\n");
		code_form(&b, "type=\"text\" autocomplete=\"one-time-code\" inputmode=\"numeric\" maxlength=\"12\"",
		    "second", "Set up the app", alert);
		start_again(&b);
	} else {
		foot(&b, OWN, "Back");
	}
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

/* ---- one's own ---- */

static const char *
moment(struct arena *a, int64_t at)
{
	char *text = arena_alloc(a, 32);
	time_t t = (time_t)at;
	struct tm tm;

	gmtime_r(&t, &tm);
	return strftime(text, 32, "%Y-%m-%d %H:%M UTC", &tm) > 0 ? text : "";
}

/* A button that does one thing, to what is called `which`. */
static void
act(struct buf *b, const char *what, const char *which, const char *button)
{
	buf_str(b, "<form method=\"post\" action=\"" OWN "\"><input type=\"hidden\" name=\"do\"");
	html_attribute(b, "value", what);
	buf_str(b, "><input type=\"hidden\" name=\"which\"");
	html_attribute(b, "value", which);
	put(b, "><button class=\"second\" type=\"submit\">|</button></form>\n", button);
}

static void
own_factors(struct buf *b, struct arena *a, const struct signin_own *o)
{
	buf_str(b, "<h2>Password</h2>\n<form method=\"post\" action=\"" OWN
		   "\"><input type=\"hidden\" name=\"do\" value=\"password\">\n");
	field(b, "password", "Password now", "type=\"password\" autocomplete=\"current-password\" maxlength=\"1024\"",
	    NULL, NULL);
	field(
	    b, "new", "New password", "type=\"password\" autocomplete=\"new-password\" maxlength=\"1024\"", NULL, NULL);
	buf_str(b, "<button class=\"second\" type=\"submit\">Change it; all sessions end</button>\n</form>\n"
		   "<h2>Second factors</h2>\n<ul class=\"own\">\n");
	for (int i = 0; i < o->n_keys; i++) {
		put(b, "<li><span>Key or passkey<small>Since |</small>", moment(a, o->keys[i].created_at));
		put(b, "<small>Last used |</small></span>", moment(a, o->keys[i].used_at));
		act(b, "remove key", o->keys[i].id, "Remove this key");
		buf_str(b, "</li>\n");
	}
	if (o->app) {
		buf_str(b, "<li><span>Authenticator app</span>");
		act(b, "remove app", NULL, "Remove the app");
		buf_str(b, "</li>\n");
	}
	put(b, "<li><span>|</span>", arena_printf(a, "%d recovery codes are left", o->codes));
	act(b, "new codes", NULL, "Make new codes");
	buf_str(b, "</li>\n</ul>\n<p>");
	link_to(b, NULL, "/console/sign-in/add", o->app ? "Add a key" : "Add a key or an app");
	buf_str(b, "</p>\n");
}

struct bytes
signin_page_own(struct arena *a, const struct signin_own *o, const char *done, const char *alert)
{
	struct buf b;

	begin(&b, a, "Your sign-in", alert, NULL);
	if (done != NULL)
		put(&b, "<p class=\"more\" role=\"status\">|</p>\n", done);
	put(&b,
	    o->local ? "<p class=\"lead\">|</p>\n" : "<p class=\"lead\">| is signed in by an identity provider.</p>\n",
	    o->name);
	if (o->local)
		own_factors(&b, a, o);
	buf_str(&b, "<h2>Sessions</h2>\n<ul class=\"own\">\n");
	for (int i = 0; i < o->n_sessions; i++) {
		put(&b, o->sessions[i].this ? "<li><span>Since | (this one)" : "<li><span>Since |",
		    moment(a, o->sessions[i].began_at));
		put(&b, "<small>Last seen |</small></span></li>\n", moment(a, o->sessions[i].seen_at));
	}
	buf_str(&b, "</ul>\n");
	if (o->n_sessions > 1)
		act(&b, "end others", NULL, "End all others");
	buf_str(&b, "<p>");
	link_to(&b, NULL, "/console/", "Back to the console");
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
