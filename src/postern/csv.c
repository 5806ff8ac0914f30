#include "postern/csv.h"

#include <string.h>

/* One field. RC_BAD_INPUT: a quote that does not end, or text behind it. */
static enum rc
read_field(struct csv *c, const char **out, struct err *e)
{
	struct buf b;
	bool quoted = c->p < c->end && *c->p == '"';

	buf_init(&b, 64 * 1024);
	if (quoted)
		c->p++;
	while (c->p < c->end) {
		if (quoted && *c->p == '"') {
			c->p++;
			if (c->p == c->end || *c->p != '"') {
				quoted = false;
				break;
			}
		} else if (!quoted && (*c->p == ',' || *c->p == '\n' || *c->p == '\r')) {
			break;
		}
		c->next_line += *c->p == '\n';
		buf_char(&b, *c->p++);
	}
	*out = buf_finish(&b, c->a);
	if (quoted)
		return fail(e, RC_BAD_INPUT, "a quote does not end");
	if (c->p < c->end && *c->p != ',' && *c->p != '\n' && *c->p != '\r')
		return fail(e, RC_BAD_INPUT, "there is text behind a closing quote");
	return RC_OK;
}

enum rc
csv_record(struct csv *c, const char *fields[CSV_COLUMNS_MAX], int *n, struct err *e)
{
	enum rc rc = RC_OK;

	*n = 0;
	c->line = c->next_line;
	while (c->p < c->end && rc == RC_OK) {
		const char *field;

		if (*n == 0 && (*c->p == '\n' || *c->p == '\r'))
			break;
		rc = read_field(c, &field, e);
		if (rc == RC_OK && *n == CSV_COLUMNS_MAX)
			rc = fail(e, RC_BAD_INPUT, "more than %d columns", CSV_COLUMNS_MAX);
		if (rc == RC_OK)
			fields[(*n)++] = field;
		if (c->p == c->end || *c->p != ',')
			break;
		c->p++;
		if (c->p == c->end && *n < CSV_COLUMNS_MAX)
			fields[(*n)++] = "";
	}
	while (c->p < c->end && *c->p != '\n')
		c->p++;
	if (c->p < c->end)
		c->p++;
	c->next_line++;
	return rc;
}

enum rc
csv_open(struct cli *k, const char *path, struct csv *out)
{
	struct bytes file;
	enum rc rc = cli_file(k, path, &file);

	if (rc != RC_OK)
		return rc;
	if (file.n >= 3 && memcmp(file.p, "\xef\xbb\xbf", 3) == 0)
		file = bytes_of(file.p + 3, file.n - 3);
	if (memchr(file.p, '\0', file.n) != NULL)
		return fail(&k->err, RC_BAD_INPUT, "the file is not text");
	*out = (struct csv){ .a = k->a, .next_line = 1, .p = (const char *)file.p };
	out->end = out->p + file.n;
	return RC_OK;
}

char *
csv_fold(struct arena *a, const char *text)
{
	char *s = arena_strdup(a, text);

	for (char *p = s; *p != '\0'; p++) {
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	}
	return s;
}
