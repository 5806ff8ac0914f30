#include "device/html_form.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "device/challenge.h"

#define ATTRIBUTES_MAX 32
#define TEXT_MAX 8192 /* octets of an alert, title, option or text area */

struct attribute {
	const char *name, *value; /* name lower case */
};

struct scanner {
	struct arena *arena;
	const char *p, *end;
	struct html_page *page;
	struct html_form *form; /* the open one, or NULL */
	/* the tag just read */
	const char *tag;
	bool closing;
	struct attribute attribute[ATTRIBUTES_MAX];
	int n_attributes;
	/* an alert whose text is being gathered */
	const char *alert_tag;
	int alert_depth;
	struct buf alert;
	/* an open <select> */
	struct html_field *choice;
	bool choice_made;
	int noscript; /* depth */
};

/* ---- text ---- */

static void
add_utf8(struct buf *b, unsigned long c)
{
	if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		c = 0xfffd;
	if (c < 0x80) {
		buf_char(b, (char)c);
	} else if (c < 0x800) {
		buf_char(b, (char)(0xc0 | c >> 6));
		buf_char(b, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		buf_char(b, (char)(0xe0 | c >> 12));
		buf_char(b, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_char(b, (char)(0x80 | (c & 0x3f)));
	} else {
		buf_char(b, (char)(0xf0 | c >> 18));
		buf_char(b, (char)(0x80 | (c >> 12 & 0x3f)));
		buf_char(b, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_char(b, (char)(0x80 | (c & 0x3f)));
	}
}

/* The character reference at `p` ('&'): adds its character and returns its length; 0 if it is none. */
static size_t
reference(struct buf *b, const char *p, const char *end)
{
	static const struct {
		const char *name;
		unsigned long c;
	} named[] = { { "amp", '&' }, { "lt", '<' }, { "gt", '>' }, { "quot", '"' }, { "apos", '\'' },
		{ "nbsp", 0xa0 } };
	size_t n = 1;

	while (p + n < end && n < 12 && (isalnum((unsigned char)p[n]) || (n == 1 && p[n] == '#')))
		n++;
	if (p + n >= end || p[n] != ';' || n < 2)
		return 0;
	if (p[1] == '#') {
		bool hex = p[2] == 'x' || p[2] == 'X';

		add_utf8(b, strtoul(p + (hex ? 3 : 2), NULL, hex ? 16 : 10));
		return n + 1;
	}
	for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
		if (strlen(named[i].name) == n - 1 && strncmp(p + 1, named[i].name, n - 1) == 0) {
			add_utf8(b, named[i].c);
			return n + 1;
		}
	}
	return 0;
}

static void
add_decoded(struct buf *b, const char *p, const char *end)
{
	while (p < end) {
		size_t n = *p == '&' ? reference(b, p, end) : 0;

		if (n == 0)
			buf_char(b, *p++);
		else
			p += n;
	}
}

static char *
decoded(struct arena *a, const char *p, const char *end)
{
	struct buf b;

	buf_init(&b, (size_t)(end - p) * 2 + 8);
	add_decoded(&b, p, end);
	return buf_finish(&b, a);
}

/* One space for each run of white space, none at the ends. */
static char *
squeezed(struct arena *a, const char *text)
{
	char *out = arena_strdup(a, text), *w = out;

	for (const char *p = out; *p != '\0'; p++) {
		bool space = isspace((unsigned char)*p);

		if (!space)
			*w++ = *p;
		else if (w > out && w[-1] != ' ')
			*w++ = ' ';
	}
	while (w > out && w[-1] == ' ')
		w--;
	*w = '\0';
	return out;
}

/* ---- tags ---- */

static char *
lower(struct arena *a, const char *p, size_t n)
{
	char *s = arena_strndup(a, p, n);

	for (char *c = s; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	return s;
}

static const char *
attribute(const struct scanner *s, const char *name)
{
	for (int i = 0; i < s->n_attributes; i++)
		if (strcmp(s->attribute[i].name, name) == 0)
			return s->attribute[i].value;
	return NULL;
}

static const char *
attribute_or(const struct scanner *s, const char *name, const char *otherwise)
{
	const char *value = attribute(s, name);

	return value != NULL ? value : otherwise;
}

static void
skip_space(struct scanner *s)
{
	while (s->p < s->end && (isspace((unsigned char)*s->p) || *s->p == '/'))
		s->p++;
}

static void
read_attribute(struct scanner *s)
{
	const char *name = s->p, *value = "", *value_end = value;
	size_t n;

	while (s->p < s->end && !isspace((unsigned char)*s->p) && strchr("=>/", *s->p) == NULL)
		s->p++;
	n = (size_t)(s->p - name);
	while (s->p < s->end && isspace((unsigned char)*s->p))
		s->p++;
	if (s->p < s->end && *s->p == '=') {
		s->p++;
		while (s->p < s->end && isspace((unsigned char)*s->p))
			s->p++;
		if (s->p < s->end && (*s->p == '"' || *s->p == '\'')) {
			char quote = *s->p++;

			value = s->p;
			while (s->p < s->end && *s->p != quote)
				s->p++;
			value_end = s->p;
			s->p += s->p < s->end;
		} else {
			value = s->p;
			while (s->p < s->end && !isspace((unsigned char)*s->p) && *s->p != '>')
				s->p++;
			value_end = s->p;
		}
	} else if (n == 0 && s->p < s->end && *s->p != '>') {
		s->p++; /* a stray character: always move on */
	}
	if (n > 0 && s->n_attributes < ATTRIBUTES_MAX) {
		s->attribute[s->n_attributes].name = lower(s->arena, name, n);
		s->attribute[s->n_attributes++].value = decoded(s->arena, value, value_end);
	}
}

/* At '<' of a tag: read it whole. */
static void
read_tag(struct scanner *s)
{
	const char *name;

	s->p++;
	s->closing = s->p < s->end && *s->p == '/';
	s->p += s->closing;
	name = s->p;
	while (s->p < s->end && (isalnum((unsigned char)*s->p) || *s->p == '-'))
		s->p++;
	s->tag = lower(s->arena, name, (size_t)(s->p - name));
	s->n_attributes = 0;
	for (skip_space(s); s->p < s->end && *s->p != '>'; skip_space(s))
		read_attribute(s);
	s->p += s->p < s->end;
}

/* The raw text up to </tag>, which is stepped over. */
static struct bytes
raw_text(struct scanner *s, const char *tag)
{
	const char *begin = s->p;
	size_t n = strlen(tag);

	for (; s->p < s->end; s->p++) {
		if (*s->p == '<' && (size_t)(s->end - s->p) > n + 2 && s->p[1] == '/' &&
		    strncasecmp(s->p + 2, tag, n) == 0 && !isalnum((unsigned char)s->p[2 + n])) {
			const char *stop = s->p;

			while (s->p < s->end && *s->p != '>')
				s->p++;
			s->p += s->p < s->end;
			return bytes_of(begin, (size_t)(stop - begin));
		}
	}
	return bytes_of(begin, (size_t)(s->end - begin));
}

/* ---- elements ---- */

static struct html_field *
add_field(struct scanner *s, enum html_field_kind kind, const char *value)
{
	struct html_form *f = s->form;
	struct html_field *field;

	if (f == NULL || f->n == HTML_FIELDS_MAX || attribute(s, "disabled") != NULL)
		return NULL;
	field = &f->field[f->n++];
	*field = (struct html_field){ .kind = kind, .name = attribute_or(s, "name", ""), .value = value };
	field->checked = kind == HTML_OTHER || attribute(s, "checked") != NULL;
	return field;
}

static void
on_form(struct scanner *s)
{
	struct html_page *page = s->page;

	if (s->closing) {
		s->form = NULL;
		return;
	}
	if (page->n == HTML_FORMS_MAX)
		return;
	s->form = &page->form[page->n++];
	s->form->action = attribute_or(s, "action", "");
	s->form->post = strcasecmp(attribute_or(s, "method", "get"), "post") == 0;
	s->form->multipart = strcasecmp(attribute_or(s, "enctype", ""), "multipart/form-data") == 0;
	s->form->field = arena_array(s->arena, HTML_FIELDS_MAX, sizeof *s->form->field);
}

static void
on_input(struct scanner *s)
{
	static const struct {
		const char *type;
		enum html_field_kind kind;
	} kinds[] = {
		{ "password", HTML_PASSWORD },
		{ "hidden", HTML_HIDDEN },
		{ "checkbox", HTML_CHECK },
		{ "radio", HTML_CHECK },
		{ "submit", HTML_SUBMIT },
		{ "image", HTML_SUBMIT },
	};
	const char *type = attribute_or(s, "type", "text");
	enum html_field_kind kind = HTML_TEXT;

	if (s->closing || strcasecmp(type, "button") == 0 || strcasecmp(type, "reset") == 0 ||
	    strcasecmp(type, "file") == 0)
		return;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcasecmp(type, kinds[i].type) == 0)
			kind = kinds[i].kind;
	add_field(s, kind, attribute_or(s, "value", kind == HTML_CHECK ? "on" : ""));
}

static void
on_button(struct scanner *s)
{
	if (!s->closing && strcasecmp(attribute_or(s, "type", "submit"), "submit") == 0)
		add_field(s, HTML_SUBMIT, attribute_or(s, "value", ""));
}

static void
on_textarea(struct scanner *s)
{
	struct html_field *field;
	struct bytes text;

	if (s->closing)
		return;
	field = add_field(s, HTML_OTHER, "");
	text = raw_text(s, "textarea");
	if (field != NULL && text.n <= TEXT_MAX)
		field->value = decoded(s->arena, (const char *)text.p, (const char *)text.p + text.n);
}

static void
on_select(struct scanner *s)
{
	s->choice = s->closing ? NULL : add_field(s, HTML_OTHER, "");
	s->choice_made = false;
}

static void
on_option(struct scanner *s)
{
	const char *value = attribute(s, "value");
	bool selected = attribute(s, "selected") != NULL;
	const char *stop;

	if (s->closing || s->choice == NULL || (s->choice_made && !selected))
		return;
	if (value == NULL) {
		for (stop = s->p; stop < s->end && *stop != '<'; stop++)
			;
		value = squeezed(s->arena, decoded(s->arena, s->p, stop));
	}
	s->choice->value = value;
	s->choice_made = true;
}

static void
on_meta(struct scanner *s)
{
	const char *content = attribute_or(s, "content", ""), *p;

	/* Inside <noscript> it sends browsers without script away; a device's web view has script. */
	if (s->noscript > 0 || s->page->refresh != NULL ||
	    strcasecmp(attribute_or(s, "http-equiv", ""), "refresh") != 0)
		return;
	p = content + strcspn(content, ";,");
	p += strspn(p, ";, \t");
	if (strncasecmp(p, "url", 3) == 0) {
		p += 3;
		p += strspn(p, " \t");
		p += *p == '=';
		p += strspn(p, " \t'\"");
		s->page->refresh = arena_strndup(s->arena, p, strcspn(p, "'\""));
	}
}

static void
on_link(struct scanner *s)
{
	const char *href = attribute_or(s, "href", "");

	if (!s->closing && s->page->link == NULL &&
	    strncasecmp(href, DEVICE_CALLBACK_SCHEME ":", sizeof DEVICE_CALLBACK_SCHEME) == 0)
		s->page->link = href;
}

static void
on_base(struct scanner *s)
{
	if (s->page->base == NULL)
		s->page->base = attribute(s, "href");
}

static void
on_title(struct scanner *s)
{
	struct bytes text;

	if (s->closing)
		return;
	text = raw_text(s, "title");
	if (s->page->title == NULL && text.n <= TEXT_MAX)
		s->page->title =
		    squeezed(s->arena, decoded(s->arena, (const char *)text.p, (const char *)text.p + text.n));
}

static void
on_raw(struct scanner *s)
{
	if (!s->closing)
		raw_text(s, s->tag);
}

static void
on_noscript(struct scanner *s)
{
	s->noscript += s->closing ? -1 : 1;
	if (s->noscript < 0)
		s->noscript = 0;
}

static const struct {
	const char *tag;
	void (*on)(struct scanner *s);
} elements[] = {
	{ "form", on_form },
	{ "input", on_input },
	{ "button", on_button },
	{ "textarea", on_textarea },
	{ "select", on_select },
	{ "option", on_option },
	{ "meta", on_meta },
	{ "base", on_base },
	{ "title", on_title },
	{ "script", on_raw },
	{ "style", on_raw },
	{ "noscript", on_noscript },
	{ "a", on_link },
};

static void
watch_alert(struct scanner *s)
{
	if (s->alert_tag != NULL) {
		if (strcmp(s->tag, s->alert_tag) == 0)
			s->alert_depth += s->closing ? -1 : 1;
		if (s->alert_depth == 0) {
			s->page->alert = squeezed(s->arena, s->alert.p);
			if (*s->page->alert == '\0')
				s->page->alert = NULL;
			s->alert_tag = NULL;
		}
	} else if (!s->closing && s->page->alert == NULL && strcmp(s->tag, "input") != 0 &&
		   (strcasecmp(attribute_or(s, "role", ""), "alert") == 0 ||
		       strstr(attribute_or(s, "class", ""), "error") != NULL)) {
		s->alert_tag = s->tag;
		s->alert_depth = 1;
		buf_reset(&s->alert);
	}
}

static void
take_text(struct scanner *s)
{
	const char *begin = s->p;

	while (s->p < s->end && *s->p != '<')
		s->p++;
	if (s->alert_tag != NULL) {
		add_decoded(&s->alert, begin, s->p);
		buf_char(&s->alert, ' ');
	}
}

static void
take_markup(struct scanner *s)
{
	size_t left = (size_t)(s->end - s->p);

	if (left >= 4 && memcmp(s->p, "<!--", 4) == 0) {
		const char *stop = memmem(s->p + 4, left - 4, "-->", 3);

		s->p = stop != NULL ? stop + 3 : s->end;
		return;
	}
	if (left < 2 || !(isalpha((unsigned char)s->p[1]) || s->p[1] == '/')) {
		/* a declaration, or a lone '<' */
		bool declaration = left >= 2 && (s->p[1] == '!' || s->p[1] == '?');
		const char *stop = declaration ? memchr(s->p, '>', left) : NULL;

		s->p = stop != NULL ? stop + 1 : s->p + 1;
		return;
	}
	read_tag(s);
	watch_alert(s);
	for (size_t i = 0; i < sizeof elements / sizeof *elements; i++) {
		if (strcmp(s->tag, elements[i].tag) == 0) {
			elements[i].on(s);
			break;
		}
	}
}

void
html_page_scan(struct arena *a, struct bytes document, struct html_page *out)
{
	struct scanner s = { .arena = a, .page = out };

	*out = (struct html_page){ 0 };
	if (document.n == 0)
		return;
	/* A copy, so that the text is terminated for the C library's scanners. */
	s.p = arena_strndup(a, (const char *)document.p, document.n);
	s.end = s.p + strlen(s.p);
	buf_init(&s.alert, TEXT_MAX);
	while (s.p < s.end) {
		if (*s.p == '<')
			take_markup(&s);
		else
			take_text(&s);
	}
	buf_free(&s.alert);
}

bool
html_form_has(const struct html_form *form, enum html_field_kind kind)
{
	for (int i = 0; i < form->n; i++)
		if (form->field[i].kind == kind)
			return true;
	return false;
}

int
html_page_choose(const struct html_page *page)
{
	static const enum html_field_kind wanted[] = { HTML_PASSWORD, HTML_TEXT };

	for (size_t k = 0; k < sizeof wanted / sizeof *wanted; k++)
		for (int i = 0; i < page->n; i++)
			if (html_form_has(&page->form[i], wanted[k]))
				return i;
	for (int i = 0; i < page->n; i++)
		if (page->form[i].n > 0)
			return i;
	return -1;
}
