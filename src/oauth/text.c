#include "oauth/text.h"

#include <string.h>
#include <strings.h>

#include "base/buf.h"

#define FILLED_MAX 4096

/* ---- which language ---- */

/* The quality of a range in thousandths: 1000 where none is said, -1 where what is said is none (RFC 9110 12.4.2). */
static int
quality(const char *p, const char *end)
{
	int q = 0, digits = 0;

	p += strspn(p, " \t");
	if (p >= end)
		return 1000;
	if (*p++ != ';')
		return -1;
	p += strspn(p, " \t");
	if (end - p < 3 || (*p != 'q' && *p != 'Q') || p[1] != '=' || (p[2] != '0' && p[2] != '1'))
		return -1;
	q = (p[2] - '0') * 1000;
	p += 3;
	if (p < end && *p == '.') {
		for (int unit = 100; ++p < end && *p >= '0' && *p <= '9' && digits < 3; unit /= 10, digits++)
			q += (*p - '0') * unit;
	}
	p += strspn(p, " \t");
	return p >= end && q <= 1000 ? q : -1;
}

/* A range is made shorter from its end until it is a language of ours (RFC 4647 3.4). All of ours are a language alone,
 * so that is its first subtag. */
static const struct text_catalogue *
lookup(const char *range, size_t n)
{
	size_t first = strcspn(range, "-");

	if (first > n)
		first = n;
	for (int i = 0; i < text_catalogues_n; i++) {
		const char *tag = text_catalogues[i].tag;

		if (strlen(tag) == first && strncasecmp(tag, range, first) == 0)
			return &text_catalogues[i];
	}
	return NULL;
}

const struct text_catalogue *
text_choose(const char *accept_language)
{
	const struct text_catalogue *best = &text_catalogues[0], *found;
	int most = 0;

	if (accept_language == NULL || strlen(accept_language) > TEXT_ACCEPT_MAX)
		return best;
	for (const char *p = accept_language; *p != '\0';) {
		const char *end;
		size_t n;
		int q;

		p += strspn(p, " \t,");
		n = strcspn(p, " \t;,");
		end = p + strcspn(p, ",");
		q = quality(p + n, end);
		/* Of equal ones the first. */
		if (q > most && (found = lookup(p, n)) != NULL) {
			best = found;
			most = q;
		}
		p = end;
	}
	return best;
}

/* ---- what it says ---- */

static const char *
value_of(const struct text_values *v, const char *name, size_t n)
{
	const struct {
		const char *name, *value;
	} known[] = {
		{ "organization", v->organization },
		{ "device", v->device },
		{ "provider", v->provider },
	};

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (strlen(known[i].name) == n && memcmp(known[i].name, name, n) == 0)
			return known[i].value != NULL ? known[i].value : "";
	}
	return "";
}

const char *
text_fill(struct arena *a, const struct text_catalogue *t, enum text which, const struct text_values *v)
{
	/* A name in another script than the sentence's keeps its own direction (first strong isolate). */
	bool isolate = strcmp(t->direction, "rtl") == 0;
	struct buf b;

	buf_init(&b, FILLED_MAX);
	for (const char *p = t->texts[which]; *p != '\0';) {
		size_t plain = strcspn(p, "{"), n;

		buf_add(&b, p, plain);
		p += plain;
		if (*p == '\0')
			break;
		n = strcspn(p + 1, "}");
		buf_str(&b, isolate ? "\xe2\x81\xa8" : "");
		buf_str(&b, value_of(v, p + 1, n));
		buf_str(&b, isolate ? "\xe2\x81\xa9" : "");
		p += 1 + n + (p[1 + n] == '}');
	}
	return buf_finish(&b, a);
}

const char *
text_failure(const struct text_catalogue *t, enum enroll_code code)
{
	const char *text = t->failures[code];

	return text != NULL ? text : t->failures[EV_internal];
}
