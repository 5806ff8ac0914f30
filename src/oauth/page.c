#include "oauth/page.h"

#include <string.h>

#include "crypto/hash.h"
#include "enroll/challenge.h"
#include "fmt/base64.h"
#include "fmt/html.h"

#define PAGE_MAX (32 * 1024)

/* Measured for contrast: text 4.5:1 at least on its ground, borders of fields 3:1 (WCAG 2.2 AA). */
static const char style[] =
    ":root{color-scheme:light dark;--ground:#f2f2f7;--card:#fff;--text:#1d1d1f;--quiet:#5f5f66;--line:#85858c;"
    "--accent:#0066cc;--on-accent:#fff;--link:#0062c4;--bad:#b3261e;--bad-ground:#fdecea;--mark:#6e6e78}"
    "@media(prefers-color-scheme:dark){:root{--ground:#000;--card:#1c1c1e;--text:#f5f5f7;--quiet:#a1a1a8;"
    "--line:#77777e;--accent:#0a6fdb;--on-accent:#fff;--link:#4aa3ff;--bad:#ff9d96;--bad-ground:#3a1715;"
    "--mark:#5f5f68}}"
    "*{box-sizing:border-box}"
    "html{-webkit-text-size-adjust:100%;text-size-adjust:100%}"
    "body{margin:0;min-height:100vh;min-height:100svh;display:flex;flex-direction:column;background:var(--ground);"
    "color:var(--text);font:400 17px/1.42 system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',sans-serif;"
    "-webkit-font-smoothing:antialiased;overflow-wrap:break-word}"
    "main{width:100%;max-width:26.5rem;margin:0 auto;padding:2.25rem 1.25rem 1.75rem}"
    ".mark{width:4rem;height:4rem;margin:0 auto 1rem;border-radius:1.05rem;display:flex;align-items:center;"
    "justify-content:center;background:var(--mark);color:#fff;font-weight:600;font-size:1.5rem;line-height:1;"
    "letter-spacing:.02em}"
    "h1{margin:0 0 .5rem;font-size:1.65rem;line-height:1.2;font-weight:700;letter-spacing:-.012em;text-align:center;"
    "text-wrap:balance}"
    ".lead{margin:0 auto 1.5rem;text-align:center;color:var(--quiet);max-width:23rem;text-wrap:pretty}"
    ".alert{display:flex;gap:.6rem;margin:0 0 1rem;padding:.75rem .9rem;border-radius:.75rem;"
    "background:var(--bad-ground);color:var(--bad);font-size:.94rem;line-height:1.4}"
    ".alert svg{flex:none;width:1.2rem;height:1.2rem;margin-top:.08rem;fill:currentColor}"
    ".field{margin:0 0 .8rem}"
    "label{display:block;margin:0 0 .3rem .1rem;font-size:.88rem;font-weight:500;color:var(--text)}"
    "input{display:block;width:100%;min-height:3rem;padding:.6rem .85rem;border:1px solid var(--line);"
    "border-radius:.75rem;background:var(--card);color:var(--text);font:inherit;appearance:none;-webkit-appearance:"
    "none}"
    "input[readonly]{background:transparent;border-style:dashed;color:var(--quiet)}"
    "input:focus-visible,button:focus-visible{outline:3px solid var(--link);outline-offset:2px}"
    "button{display:block;width:100%;min-height:3rem;padding:.6rem 1rem;border:0;border-radius:.75rem;font:inherit;"
    "font-weight:600;cursor:pointer}"
    ".go{margin-top:1.4rem;background:var(--accent);color:var(--on-accent)}"
    ".go:hover{filter:brightness(.93)}"
    ".no{margin-top:.35rem;background:transparent;color:var(--link);font-weight:400}"
    ".no:hover{text-decoration:underline}"
    "footer{margin-top:1.1rem;padding-top:1rem;text-align:center;font-size:.82rem;line-height:1.4;color:var(--quiet)}"
    "footer p{margin:0 auto;max-width:22rem}"
    "@media(max-width:22em){main{padding-top:1.5rem}h1{font-size:1.45rem}.mark{width:3.5rem;height:3.5rem}}"
    "@media(min-width:34em) and (min-height:40em){main{margin:auto;padding:2.5rem 2.5rem 1.75rem;max-width:29rem;"
    "background:var(--card);border-radius:1.25rem;box-shadow:0 1px 2px rgba(0,0,0,.06),0 12px 40px rgba(0,0,0,.08)}"
    "body{padding:1.5rem}}"
    "@media(forced-colors:active){button,input,.mark,.alert{border:1px solid}}";

const char *
page_policy(struct arena *a)
{
	return arena_printf(a,
	    "default-src 'none'; style-src 'sha256-%s'; form-action 'self' " CHALLENGE_SCHEME
	    ":; frame-ancestors 'none'; base-uri 'none'",
	    base64_encode(a, crypto_sha256_text(a, style)));
}

/* The first letters of the first two words, as far as they begin with a letter or digit of ASCII or with
 * anything beyond it: "Better Bag" is BB. Three dots where there are none. */
static void
monogram(struct buf *b, const char *name)
{
	char text[2 * 4 + 1] = "";
	size_t n = 0;
	int letters = 0;
	bool begins = true;

	for (const unsigned char *p = (const unsigned char *)name; *p != '\0' && letters < 2; p++) {
		bool word = *p >= 0x80 || (*p >= '0' && *p <= '9') || ((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z');

		if (word && begins) {
			text[n++] = (char)(*p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p);
			while ((p[1] & 0xc0) == 0x80 && n < sizeof text - 1) /* the rest of the character */
				text[n++] = (char)*++p;
			letters++;
		}
		begins = !word;
	}
	text[n] = '\0';
	buf_str(b, "<div class=\"mark\" aria-hidden=\"true\">");
	html_text(b, letters > 0 ? text : "\xe2\x80\xa2\xe2\x80\xa2\xe2\x80\xa2");
	buf_str(b, "</div>\n");
}

static void
head(struct buf *b, const char *organization, const char *title, bool failed)
{
	buf_str(b, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		   "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1, viewport-fit=cover\">\n"
		   "<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
	buf_str(b, failed ? "Error: " : ""); /* read first where a page is read aloud */
	html_text(b, title);
	buf_str(b, "</title>\n<style>");
	buf_str(b, style);
	buf_str(b, "</style>\n</head>\n<body>\n<main>\n");
	monogram(b, organization != NULL ? organization : "");
	buf_str(b, "<h1>");
	html_text(b, title);
	buf_str(b, "</h1>\n");
}

static struct bytes
finish(struct buf *b, struct arena *a, const char *footer)
{
	size_t n;
	char *text;

	if (footer != NULL) {
		buf_str(b, "<footer><p>");
		html_text(b, footer);
		buf_str(b, "</p></footer>\n");
	}
	buf_str(b, "</main>\n</body>\n</html>\n");
	n = b->n;
	text = buf_finish(b, a);
	return bytes_of(text, n);
}

/* ---- the form ---- */

static const char *
device_name(const char *family)
{
	static const char *const names[][2] = {
		{ "iPhone", "iPhone" },
		{ "iPad", "iPad" },
		{ "Mac", "Mac" },
		{ "RealityDevice", "Apple Vision Pro" },
	};

	for (size_t i = 0; family != NULL && i < sizeof names / sizeof names[0]; i++) {
		if (strcmp(names[i][0], family) == 0)
			return names[i][1];
	}
	return "device";
}

/* What the person is about to agree to, in a sentence. */
static const char *
lead(struct arena *a, const struct signin_attempt *at)
{
	const char *device = device_name(at->attempt.model_family), *name = at->organization.name;
	const char *mode = at->attempt.mode;

	if (at->again)
		return arena_printf(a, "Then your work or school apps and data on this %s can be used again.", device);
	if (mode != NULL && strcmp(mode, "byod") == 0)
		return arena_printf(a,
		    "Use your work or school account. %s will manage its own apps and data on this %s, and "
		    "won\xe2\x80\x99t "
		    "see your personal ones.",
		    name, device);
	if (mode != NULL && strcmp(mode, "adde") == 0)
		return arena_printf(a, "Use your work or school account. %s will manage this %s.", name, device);
	return arena_printf(a, "Use your work or school account to let %s manage this %s.", name, device);
}

static void
alert(struct buf *b, const char *text)
{
	buf_str(b, "<div class=\"alert\" role=\"alert\" id=\"alert\"><svg viewBox=\"0 0 20 20\" aria-hidden=\"true\">"
		   "<path d=\"M10 1a9 9 0 1 1 0 18 9 9 0 0 1 0-18zm0 11.6a1.15 1.15 0 1 0 0 2.3 1.15 1.15 0 0 0 0-2.3z"
		   "M10 5a1 1 0 0 0-1 1.06l.25 4.7a.75.75 0 0 0 1.5 0l.25-4.7A1 1 0 0 0 10 5z\" "
		   "fill-rule=\"evenodd\"/></svg><span>");
	html_text(b, text);
	buf_str(b, "</span></div>\n");
}

static void
fields(struct buf *b, const struct page_form *p)
{
	const char *described = p->alert != NULL ? "alert" : NULL;
	bool named = p->user != NULL && p->user[0] != '\0';

	buf_str(b,
	    "<div class=\"field\"><label for=\"username\">User name</label>\n"
	    "<input id=\"username\" name=\"username\" type=\"text\" autocomplete=\"username\" inputmode=\"email\" "
	    "autocapitalize=\"none\" autocorrect=\"off\" spellcheck=\"false\" maxlength=\"254\" required");
	html_attribute(b, "value", p->user);
	html_attribute(b, "aria-describedby", described);
	buf_str(b, p->attempt->again ? " readonly" : named ? "" : " autofocus");
	buf_str(b, "></div>\n<div class=\"field\"><label for=\"password\">Password</label>\n"
		   "<input id=\"password\" name=\"password\" type=\"password\" autocomplete=\"current-password\" "
		   "autocapitalize=\"none\" autocorrect=\"off\" spellcheck=\"false\" maxlength=\"1024\" required");
	html_attribute(b, "aria-describedby", described);
	buf_str(b, named ? " autofocus></div>\n" : "></div>\n");
}

/* A link, not a button of the form: browsers hold the redirects after a form to form-action. */
static void
provider_button(struct buf *b, struct arena *a, const struct page_form *p)
{
	buf_str(b, "<p><a class=\"other\"");
	html_attribute(b, "href", p->provider_url);
	buf_str(b, ">");
	html_text(b, arena_printf(a, "Continue with %s", p->provider));
	buf_str(b, "</a></p>\n");
}

struct bytes
page_form(struct arena *a, const struct page_form *p)
{
	const char *name = p->attempt->organization.name;
	const char *title = arena_printf(a, p->attempt->again ? "Sign in again to %s" : "Sign in to %s", name);
	struct buf b;

	buf_init(&b, PAGE_MAX);
	head(&b, name, title, p->alert != NULL);
	buf_str(&b, "<p class=\"lead\">");
	html_text(&b, lead(a, p->attempt));
	/* Without an action the form goes where it came from, whatever a proxy put in front of the path. */
	buf_str(&b, "</p>\n<form method=\"post\">\n");
	if (p->alert != NULL)
		alert(&b, p->alert);
	buf_str(&b, "<input type=\"hidden\" name=\"form\"");
	html_attribute(&b, "value", p->sealed);
	buf_str(&b, ">\n");
	fields(&b, p);
	if (p->provider != NULL)
		provider_button(&b, a, p);
	buf_str(&b, "<button class=\"go\" type=\"submit\">Sign In</button>\n"
		    "<button class=\"no\" type=\"submit\" name=\"cancel\" value=\"1\" formnovalidate>Cancel</button>\n"
		    "</form>\n");
	return finish(&b, a, "Go on only if you started this yourself, in Settings on your own device.");
}

struct bytes
page_message(struct arena *a, const char *organization, const char *title, const char *text)
{
	struct buf b;

	buf_init(&b, PAGE_MAX);
	head(&b, organization, title, false);
	buf_str(&b, "<p class=\"lead\" role=\"alert\">");
	html_text(&b, text);
	buf_str(&b, "</p>\n");
	return finish(&b, a, NULL);
}
