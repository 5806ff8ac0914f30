#include "oauth/page.h"

#include <string.h>

#include "crypto/hash.h"
#include "fmt/base64.h"
#include "fmt/html.h"
#include "oauth/page_style.h"
#include "oauth/privacy.h"

struct page { /* one that is being written */
	struct arena *a;
	struct buf b;
	const struct page_look *look;
	struct text_values values;
};

const char *
page_policy(struct arena *a, const struct organization *o)
{
	return arena_printf(a, PAGE_POLICY_BLANK "; style-src 'sha256-%s'%s",
	    base64_encode(a, crypto_sha256_text(a, page_style(a, o))),
	    o != NULL && o->logo != NULL ? "; img-src 'self'" : "");
}

/* ---- what every page has ---- */

static const char *
text(struct page *p, enum text which)
{
	return text_fill(p->a, p->look->language, which, &p->values);
}

/* A text between the two halves of `around`, which are parted by a '|'. */
static void
put(struct page *p, const char *around, const char *what)
{
	size_t n = strcspn(around, "|");

	buf_add(&p->b, around, n);
	html_text(&p->b, what);
	buf_str(&p->b, around + n + 1);
}

/* The first letters of the first two words, as far as they begin with a letter or digit of ASCII or with
 * anything beyond it: "Better Bag" is BB. Three dots where there are none. */
static void
monogram(struct page *page, const char *name)
{
	char letters[2 * 4 + 1] = "";
	size_t n = 0;
	int words = 0;
	bool begins = true;

	for (const unsigned char *p = (const unsigned char *)name; *p != '\0' && words < 2; p++) {
		bool word = *p >= 0x80 || (*p >= '0' && *p <= '9') || ((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z');

		if (word && begins) {
			letters[n++] = (char)(*p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p);
			while ((p[1] & 0xc0) == 0x80 && n < sizeof letters - 1) /* the rest of the character */
				letters[n++] = (char)*++p;
			words++;
		}
		begins = !word;
	}
	letters[n] = '\0';
	put(page, "<div class=\"mark\" aria-hidden=\"true\">|</div>\n",
	    words > 0 ? letters : "\xe2\x80\xa2\xe2\x80\xa2\xe2\x80\xa2");
}

static void
mark(struct page *p)
{
	const struct organization *o = p->look->organization;

	if (o == NULL || o->logo == NULL) {
		monogram(p, o != NULL ? o->name : "");
		return;
	}
	buf_str(&p->b, "<img class=\"logo\" alt=\"\"");
	html_attribute(&p->b, "src", arena_printf(p->a, "/logo/%s/%s", o->id, o->logo));
	buf_str(&p->b, ">\n");
}

static const char *
device_name(const struct text_catalogue *language, const char *family)
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
	return language->texts[TEXT_device];
}

static void
begin(struct page *p, struct arena *a, const struct page_look *l, const char *family)
{
	*p = (struct page){ .a = a, .look = l };
	p->values.organization = l->organization != NULL ? l->organization->name : NULL;
	p->values.device = device_name(l->language, family);
	buf_init(&p->b, PAGE_MAX);
}

static void
head(struct page *p, enum text title, bool failed)
{
	struct buf *b = &p->b;

	buf_str(b, "<!DOCTYPE html>\n<html");
	html_attribute(b, "lang", p->look->language->tag);
	html_attribute(b, "dir", p->look->language->direction);
	buf_str(b, ">\n<head>\n<meta charset=\"utf-8\">\n"
		   "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1, viewport-fit=cover\">\n"
		   "<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
	if (failed) /* read first where a page is read aloud */
		put(p, "|: ", text(p, TEXT_error));
	put(p, "|</title>\n<style>", text(p, title));
	buf_str(b, page_style(p->a, p->look->organization));
	buf_str(b, "</style>\n</head>\n<body>\n<main>\n");
	mark(p);
	put(p, "<h1>|</h1>\n", text(p, title));
}

static struct bytes
finish(struct page *p)
{
	size_t n;
	char *html;

	buf_str(&p->b, "</main>\n</body>\n</html>\n");
	n = p->b.n;
	html = buf_finish(&p->b, p->a);
	return bytes_of(html, n);
}

/* ---- the form ---- */

/* What the person is about to agree to, in a sentence. */
static enum text
lead(const struct signin_attempt *at)
{
	const char *mode = at->attempt.mode;

	if (at->again)
		return TEXT_lead_again;
	if (mode != NULL && strcmp(mode, "byod") == 0)
		return TEXT_lead_byod;
	return mode != NULL && strcmp(mode, "adde") == 0 ? TEXT_lead_adde : TEXT_lead_any;
}

static void
steps(struct page *p, int current)
{
	static const enum text names[] = { TEXT_step_account, TEXT_step_signin, TEXT_step_settings };

	buf_str(&p->b, "<ol class=\"steps\"");
	html_attribute(&p->b, "aria-label", text(p, TEXT_steps));
	buf_str(&p->b, ">\n");
	for (int i = 0; i < 3; i++)
		put(p,
		    i == current  ? "<li aria-current=\"step\">|</li>\n"
		    : i < current ? "<li class=\"past\">|</li>\n"
				  : "<li>|</li>\n",
		    text(p, names[i]));
	buf_str(&p->b, "</ol>\n");
}

static void
alert(struct page *p, const char *what)
{
	buf_str(&p->b,
	    "<div class=\"alert\" role=\"alert\" id=\"alert\"><svg viewBox=\"0 0 20 20\" aria-hidden=\"true\">"
	    "<path d=\"M10 1a9 9 0 1 1 0 18 9 9 0 0 1 0-18zm0 11.6a1.15 1.15 0 1 0 0 2.3 1.15 1.15 0 0 0 0-2.3z"
	    "M10 5a1 1 0 0 0-1 1.06l.25 4.7a.75.75 0 0 0 1.5 0l.25-4.7A1 1 0 0 0 10 5z\" "
	    "fill-rule=\"evenodd\"/></svg>");
	put(p, "<span>|</span></div>\n", what);
}

static bool
named(const struct page_form *f)
{
	return f->user != NULL && f->user[0] != '\0';
}

static void
user_field(struct page *p, const struct page_form *f)
{
	put(p, "<div class=\"field\"><label for=\"username\">|</label>\n", text(p, TEXT_user_name));
	buf_str(&p->b,
	    "<input id=\"username\" name=\"username\" type=\"text\" dir=\"ltr\" autocomplete=\"username\" "
	    "inputmode=\"email\" autocapitalize=\"none\" autocorrect=\"off\" spellcheck=\"false\" maxlength=\"254\" "
	    "required");
	html_attribute(&p->b, "value", f->user);
	html_attribute(&p->b, "aria-describedby", f->alert != NULL ? "alert" : NULL);
	buf_str(&p->b, f->attempt->again ? " readonly" : named(f) ? "" : " autofocus");
	buf_str(&p->b, "></div>\n");
}

static void
password_field(struct page *p, const struct page_form *f)
{
	put(p, "<div class=\"field\"><label for=\"password\">|</label>\n", text(p, TEXT_password));
	buf_str(&p->b,
	    "<input id=\"password\" name=\"password\" type=\"password\" dir=\"ltr\" autocomplete=\"current-password\" "
	    "autocapitalize=\"none\" autocorrect=\"off\" spellcheck=\"false\" maxlength=\"1024\" required autofocus");
	html_attribute(&p->b, "aria-describedby", f->alert != NULL ? "alert" : NULL);
	buf_str(&p->b, "></div>\n");
}

/* A link, not a button of the form: browsers hold the redirects after a form to form-action. */
static void
provider_button(struct page *p, const struct page_form *f)
{
	p->values.provider = f->provider;
	buf_str(&p->b, "<p><a class=\"go\"");
	html_attribute(&p->b, "href", f->provider_url);
	put(p, ">|</a></p>\n", text(p, TEXT_continue_with));
	put(p, "<div class=\"or\">|</div>\n", text(p, TEXT_or));
}

static void
link_to(struct page *p, const char *around, const char *url, enum text what)
{
	size_t n = strcspn(around, "|");

	if (url == NULL)
		return;
	buf_add(&p->b, around, n);
	buf_str(&p->b, "<a");
	html_attribute(&p->b, "href", url);
	put(p, ">|</a>", text(p, what));
	buf_str(&p->b, around + n + 1);
}

struct bytes
page_form(struct arena *a, const struct page_look *l, const struct page_form *f)
{
	struct page p;

	begin(&p, a, l, f->attempt->attempt.model_family);
	head(&p, f->attempt->again ? TEXT_title_again : TEXT_title_signin, f->alert != NULL);
	put(&p, "<p class=\"lead\">|</p>\n", text(&p, lead(f->attempt)));
	link_to(&p, "<p class=\"more\">|</p>\n", f->privacy_url, TEXT_privacy_title);
	steps(&p, named(f) ? 1 : 0);
	if (f->alert != NULL)
		alert(&p, f->alert);
	if (f->provider != NULL)
		provider_button(&p, f);
	/* Without an action the form goes where it came from, whatever a proxy put in front of the path. */
	buf_str(&p.b, "<form method=\"post\">\n<input type=\"hidden\" name=\"form\"");
	html_attribute(&p.b, "value", f->sealed);
	buf_str(&p.b, ">\n");
	user_field(&p, f);
	if (named(f))
		password_field(&p, f);
	put(&p,
	    f->provider != NULL ? "<button class=\"second\" type=\"submit\">|</button>\n"
				: "<button class=\"go\" type=\"submit\">|</button>\n",
	    text(&p, named(f) ? TEXT_sign_in : TEXT_next));
	put(&p, "<button class=\"no\" type=\"submit\" name=\"cancel\" value=\"1\" formnovalidate>|</button>\n</form>\n",
	    text(&p, TEXT_cancel));
	put(&p, "<footer><p>|</p></footer>\n", text(&p, TEXT_only_yourself));
	return finish(&p);
}

/* ---- the last page ---- */

struct bytes
page_message(struct arena *a, const struct page_look *l, enum enroll_code code, const char *help_code)
{
	struct page p;

	begin(&p, a, l, NULL);
	head(&p, code == EV_signin_cancelled ? TEXT_title_cancelled : TEXT_title_failed, false);
	put(&p, "<p class=\"lead\" role=\"alert\">|</p>\n", text_failure(l->language, code));
	if (help_code != NULL) {
		put(&p, "<p class=\"code\"><span>|</span> ", text(&p, TEXT_help_code));
		put(&p, "<strong dir=\"ltr\">|</strong></p>\n", help_code);
	}
	put(&p, "<footer><p>|</p></footer>\n", text(&p, TEXT_close));
	return finish(&p);
}

/* ---- what an organization can and cannot see ---- */

static void
facts(struct page *p, const struct policy_target *t, enum privacy_part part)
{
	static const enum text titles[] = { [PRIVACY_CAN_SEE] = TEXT_can_see,
		[PRIVACY_CANNOT_SEE] = TEXT_cannot_see,
		[PRIVACY_CAN_DO] = TEXT_can_do,
		[PRIVACY_CANNOT_DO] = TEXT_cannot_do };
	bool can = part == PRIVACY_CAN_SEE || part == PRIVACY_CAN_DO;
	const enum text *list;
	int n = privacy_facts(p->a, t, part, &list);

	if (n == 0)
		return;
	put(p, "<h2>|</h2>\n", text(p, titles[part]));
	buf_str(&p->b, can ? "<ul class=\"facts can\">\n" : "<ul class=\"facts cannot\">\n");
	for (int i = 0; i < n; i++) {
		buf_str(&p->b, "<li><svg viewBox=\"0 0 20 20\" aria-hidden=\"true\"><path d=\"");
		buf_str(&p->b, can ? "M4 10.5l4 4 8-9" : "M5 5l10 10M15 5L5 15");
		put(p, "\"/></svg><span>|</span></li>\n", text(p, list[i]));
	}
	buf_str(&p->b, "</ul>\n");
}

struct bytes
page_privacy(struct arena *a, const struct page_look *l, const char *mode, const char *family, const char *back)
{
	struct policy_target t = policy_target_of(mode, family, NULL, false);
	bool own = t.mode == POLICY_BYOD;
	struct page p;

	begin(&p, a, l, family);
	head(&p, TEXT_privacy_title, false);
	put(&p, "<p class=\"lead\">|</p>\n", text(&p, own ? TEXT_privacy_byod : TEXT_privacy_adde));
	/* What it can't, first: that is what people ask. */
	facts(&p, &t, PRIVACY_CANNOT_SEE);
	facts(&p, &t, PRIVACY_CAN_SEE);
	facts(&p, &t, PRIVACY_CANNOT_DO);
	facts(&p, &t, PRIVACY_CAN_DO);
	put(&p, "<footer><p>|</p>\n", text(&p, own ? TEXT_privacy_end_byod : TEXT_privacy_end_adde));
	put(&p, "<p>|</p>\n", text(&p, TEXT_privacy_source));
	link_to(&p, "<p>|</p>", back, TEXT_privacy_back);
	buf_str(&p.b, "</footer>\n");
	return finish(&p);
}
