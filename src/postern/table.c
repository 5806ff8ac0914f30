#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "fmt/utf8.h"
#include "postern/cli.h"

#define GAP 2 /* spaces between columns */
#define LEAST 8 /* characters that a column keeps when the terminal is narrow */

/* ---- colours ---- */

const char *
paint_on(bool color, enum paint p)
{
	static const char *const codes[] = {
		[PAINT_NONE] = "",
		[PAINT_BOLD] = "\033[1m",
		[PAINT_GOOD] = "\033[32m",
		[PAINT_BAD] = "\033[31m",
		[PAINT_WARN] = "\033[33m",
		[PAINT_DIM] = "\033[2m",
	};

	return color ? codes[p] : "";
}

const char *
paint_off(bool color, enum paint p)
{
	return color && p != PAINT_NONE ? "\033[0m" : "";
}

/* ---- cells ---- */

/* Names come from devices and people: nothing in them may move the cursor or change the terminal. */
const char *
print_safe(struct arena *a, const char *text)
{
	struct bytes rest = bytes_str(text);
	struct buf b;

	buf_init(&b, 1u << 20);
	while (rest.n > 0) {
		size_t n = utf8_length(rest);
		bool c1 = n == 2 && rest.p[0] == 0xc2 && rest.p[1] < 0xa0;

		if (n == 0 || c1 || (n == 1 && (rest.p[0] < 0x20 || rest.p[0] == 0x7f))) {
			buf_char(&b, n == 1 && rest.p[0] == '\n' ? ' ' : '?');
			n = n == 0 ? 1 : n;
		} else {
			buf_add(&b, rest.p, n);
		}
		rest = bytes_of(rest.p + n, rest.n - n);
	}
	return buf_finish(&b, a);
}

static size_t
width_of(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

const char *
cell_time(struct cli *k, int64_t at)
{
	time_t t = (time_t)at;
	char text[32];
	struct tm tm;

	if (at == 0 || localtime_r(&t, &tm) == NULL || strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		return "";
	return arena_strdup(k->a, text);
}

static const char *
life(struct cli *k, int64_t s)
{
	static const struct {
		int64_t seconds;
		char unit;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };

	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		if (s != 0 && s % units[i].seconds == 0)
			return arena_printf(k->a, "%lld%c", (long long)(s / units[i].seconds), units[i].unit);
	}
	return "0s";
}

static const char *
joined(struct cli *k, const json_t *list)
{
	struct buf b;
	json_t *item;
	size_t i;

	buf_init(&b, 1u << 20);
	json_array_foreach(list, i, item)
	{
		buf_printf(&b, "%s%s", i > 0 ? ", " : "", json_is_string(item) ? json_string_value(item) : "?");
	}
	return buf_finish(&b, k->a);
}

static const json_t *
member(struct cli *k, const json_t *object, const char *key)
{
	const char *dot = strchr(key, '.');

	if (dot == NULL)
		return json_object_get(object, key);
	return member(k, json_object_get(object, arena_strndup(k->a, key, (size_t)(dot - key))), dot + 1);
}

const char *
print_size(struct arena *a, uint64_t octets)
{
	static const char *const units[] = { "kB", "MB", "GB", "TB" };
	double v = (double)octets / 1000;
	size_t u = 0;

	for (; v >= 1000 && u + 1 < sizeof units / sizeof units[0]; u++)
		v /= 1000;
	return arena_printf(a, "%.1f %s", v, units[u]);
}

const char *
cell_text(struct cli *k, const json_t *object, const char *key, enum column_kind kind)
{
	const json_t *v = member(k, object, key);

	if (v == NULL || json_is_null(v))
		return "";
	if (kind == COL_TIME)
		return cell_time(k, json_integer_value(v));
	if (kind == COL_SIZE)
		return print_size(k->a, (uint64_t)json_integer_value(v));
	if (kind == COL_LIFE)
		return life(k, json_integer_value(v));
	if (json_is_array(v))
		return print_safe(k->a, joined(k, v));
	if (json_is_boolean(v))
		return json_is_true(v) ? "yes" : "no";
	if (json_is_integer(v))
		return arena_printf(k->a, "%lld", (long long)json_integer_value(v));
	return json_is_string(v) ? print_safe(k->a, json_string_value(v)) : "";
}

/* ---- listings ---- */

/* Columns of the terminal; 0: standard output is none, and nothing is cut. */
static size_t
terminal_width(void)
{
	struct winsize w;

	return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 ? w.ws_col : 0;
}

/* Take from the widest column until a row fits. */
static void
fit(size_t *widths, size_t n, size_t terminal)
{
	size_t sum = 0, widest;

	for (size_t i = 0; i < n; i++)
		sum += widths[i] + (i > 0 ? GAP : 0);
	while (terminal > 0 && sum > terminal) {
		widest = 0;
		for (size_t i = 1; i < n; i++)
			widest = widths[i] > widths[widest] ? i : widest;
		if (widths[widest] <= LEAST)
			return;
		widths[widest]--;
		sum--;
	}
}

static void
put_cell(const char *text, size_t width, bool last)
{
	size_t n = width_of(text), shown = 0;

	if (n <= width) {
		printf("%s%*s", text, last ? 0 : (int)(width - n + GAP), "");
		return;
	}
	for (; *text != '\0' && shown < width; text++) {
		bool begins = ((unsigned char)*text & 0xc0) != 0x80;

		if (begins && ++shown == width)
			break;
		putchar(*text);
	}
	printf("\xe2\x80\xa6%*s", last ? 0 : GAP, "");
}

void
print_table(struct cli *k, const json_t *items, const struct column *columns, const char *empty)
{
	size_t n = 0, rows = json_array_size(items), *widths;
	const char **cells;

	if (rows == 0) {
		cli_say(k, "%s", empty != NULL ? empty : "Nothing.");
		return;
	}
	while (columns[n].title != NULL)
		n++;
	widths = arena_array(k->a, n, sizeof *widths);
	cells = arena_array(k->a, n * (rows + 1), sizeof *cells);
	for (size_t i = 0; i < n; i++) {
		cells[i] = columns[i].title;
		for (size_t r = 0; r < rows; r++)
			cells[(r + 1) * n + i] =
			    cell_text(k, json_array_get(items, r), columns[i].key, columns[i].kind);
		for (size_t r = 0; r <= rows; r++) {
			size_t w = width_of(cells[r * n + i]);

			widths[i] = w > widths[i] ? w : widths[i];
		}
	}
	fit(widths, n, terminal_width());
	for (size_t r = 0; r <= rows; r++) {
		enum paint p = r == 0 ? PAINT_BOLD : PAINT_NONE;

		fputs(paint_on(k->color_out, p), stdout);
		for (size_t i = 0; i < n; i++)
			put_cell(cells[r * n + i], widths[i], i + 1 == n);
		printf("%s\n", paint_off(k->color_out, p));
	}
}

void
print_object(struct cli *k, const json_t *object, const struct column *columns)
{
	size_t width = 0;

	for (const struct column *c = columns; c->title != NULL; c++)
		width = width_of(c->title) > width ? width_of(c->title) : width;
	for (const struct column *c = columns; c->title != NULL; c++) {
		const char *text = cell_text(k, object, c->key, c->kind);

		if (*text != '\0')
			printf("%s%-*s%s  %s\n", paint_on(k->color_out, PAINT_BOLD), (int)width, c->title,
			    paint_off(k->color_out, PAINT_BOLD), text);
	}
}

void
print_json(const json_t *value)
{
	json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
	putchar('\n');
}
