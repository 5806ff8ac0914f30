#include "metrics/text.h"

#include <stdio.h>

/* Backslash, quote and line feed are all that the format knows to escape. */
static void
escaped(struct buf *b, const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == '\n')
			buf_str(b, "\\n");
		else if (*s == '"' || *s == '\\')
			buf_printf(b, "\\%c", *s);
		else
			buf_char(b, *s);
	}
}

static void
begin(struct buf *b, const char *name, const char *suffix, const struct label *labels, const char *le)
{
	const char *between = "{";

	buf_printf(b, "%s%s", name, suffix);
	for (; labels != NULL && labels->name != NULL; labels++) {
		if (labels->value == NULL)
			continue;
		buf_printf(b, "%s%s=\"", between, labels->name);
		escaped(b, labels->value);
		buf_char(b, '"');
		between = ",";
	}
	if (le != NULL)
		buf_printf(b, "%sle=\"%s\"}", between, le);
	else if (*between == ',')
		buf_char(b, '}');
	buf_char(b, ' ');
}

void
text_value(struct buf *b, const char *name, const char *suffix, const struct label *labels, int64_t value)
{
	begin(b, name, suffix, labels, NULL);
	buf_printf(b, "%lld\n", (long long)value);
}

void
text_histogram(struct buf *b, const char *name, const struct label *labels, const struct histogram *h)
{
	int64_t n = 0;
	char le[24];

	for (int i = 0; i < HISTOGRAM_CLASSES; i++) {
		if (i < HISTOGRAM_CLASSES - 1)
			snprintf(le, sizeof le, "%g", histogram_bounds_us[i] / 1e6);
		else
			snprintf(le, sizeof le, "+Inf");
		n += counted(&h->count[i]);
		begin(b, name, "_bucket", labels, le);
		buf_printf(b, "%lld\n", (long long)n);
	}
	begin(b, name, "_sum", labels, NULL);
	buf_printf(b, "%.6f\n", (double)counted(&h->sum_us) / 1e6);
	text_value(b, name, "_count", labels, n);
}
