/* The text exposition format of Prometheus, version 0.0.4. Room-private. */
#ifndef METRICS_TEXT_H
#define METRICS_TEXT_H

#include "base/buf.h"
#include "base/histogram.h"

#define TEXT_LABELS_MAX 4

struct label {
	const char *name, *value; /* value NULL: the label is left out */
};

/* One line: the family's name, `suffix` ("" or "_bucket"), labels up to one without a name, and the value. */
void text_value(struct buf *b, const char *name, const char *suffix, const struct label *labels, int64_t value);
/* The lines of a histogram, in seconds. */
void text_histogram(struct buf *b, const char *name, const struct label *labels, const struct histogram *h);

#endif
