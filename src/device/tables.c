#include "device/tables.h"

#include <ctype.h>
#include <string.h>

#include "device/family.h"

/* One line as cells; returns what follows it. */
static const char *
read_line(const char *p, struct table_row *row)
{
	row->n = 0;
	while (row->n < TABLE_COLUMNS_MAX) {
		struct table_cell *c = &row->cells[row->n++];
		bool quoted = *p == '"';

		c->p = p += quoted;
		c->n = strcspn(p, quoted ? "\"" : ",\n");
		p += c->n + quoted;
		if (*p != ',')
			break;
		p++;
	}
	return *p == '\n' ? p + 1 : p;
}

bool
table_next(const char *table, const char *first, struct table_row *row)
{
	size_t n = first != NULL ? strlen(first) : 0;

	if (row->table == NULL)
		*row = (struct table_row){ .table = table, .rest = strchr(table, '\n') + 1 };
	while (n > 0 && *row->rest != '\0' && (strncmp(row->rest, first, n) != 0 || row->rest[n] != ','))
		row->rest = strchr(row->rest, '\n') + 1; /* each line ends with one */
	if (*row->rest == '\0')
		return false;
	row->rest = read_line(row->rest, row);
	return true;
}

struct table_cell
table_cell(const struct table_row *row, const char *column)
{
	const char *head = row->table;
	size_t n = strlen(column);

	for (int i = 0; i < row->n; i++) {
		size_t span = strcspn(head, ",\n");

		if (span == n && memcmp(head, column, n) == 0)
			return row->cells[i];
		head += span + 1;
	}
	return (struct table_cell){ "", 0 };
}

bool
cell_is(struct table_cell c, const char *value)
{
	return strlen(value) == c.n && memcmp(c.p, value, c.n) == 0;
}

bool
table_is(const struct table_row *row, const char *column, const char *value)
{
	return cell_is(table_cell(row, column), value);
}

/* The next part of a cell up to `stop`. */
static bool
cell_part(struct table_cell *c, char stop, struct table_cell *part)
{
	const char *end;

	if (c->n == 0)
		return false;
	end = memchr(c->p, stop, c->n);
	*part = (struct table_cell){ c->p, end != NULL ? (size_t)(end - c->p) : c->n };
	c->p += part->n + (end != NULL);
	c->n -= part->n + (end != NULL);
	return true;
}

bool
cell_has(struct table_cell c, const char *word)
{
	struct table_cell part;

	while (cell_part(&c, ' ', &part))
		if (cell_is(part, word))
			return true;
	return false;
}

struct table_cell
cell_of(struct table_cell c, const char *name)
{
	struct table_cell part, key;

	while (cell_part(&c, ';', &part))
		if (cell_part(&part, ':', &key) && cell_is(key, name))
			return part;
	return (struct table_cell){ "", 0 };
}

unsigned
cell_version(struct table_cell c)
{
	unsigned part[3] = { 0, 0, 0 };
	int at = 0;

	if (c.n == 0 || !isdigit((unsigned char)c.p[0]))
		return 0;
	for (size_t i = 0; i < c.n && at < 3; i++) {
		if (c.p[i] == '.')
			at++;
		else
			part[at] = part[at] * 10 + (unsigned)(c.p[i] - '0');
	}
	return DEVICE_VERSION(part[0], part[1], part[2]);
}
