/* What the stand-ins saw, for a person: one page, without a script. */
#include "apple/apple.h"
#include "fmt/html.h"

#define PAGE_MAX (256 * 1024)
#define PAGE_ROWS 20 /* of each service; the ledger has more */

static const char head[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
    "<meta name=\"viewport\" content=\"width=device-width\"><title>postern-apple</title>"
    "<style>:root{color-scheme:light dark}body{font:1rem/1.5 system-ui;max-width:70rem;margin:2rem auto;padding:0 1rem}"
    "h2{font-size:1.1rem;margin:2rem 0 0}div{overflow-x:auto}table{border-collapse:collapse}"
    "th,td{text-align:left;vertical-align:top;padding:.1rem 1.5rem .1rem 0}th{font-weight:normal}"
    "thead th{font-weight:bold}td.n{text-align:right}caption{text-align:left;padding-top:1rem}</style></head>"
    "<body><main><h1>Stand-ins for Apple's services</h1>\n";

static void
put_counts(struct buf *b, const char *caption, json_t *o)
{
	const char *key;
	json_t *value;

	buf_printf(b, "<table><caption>%s</caption>\n", caption);
	json_object_foreach(o, key, value)
	{
		if (!json_is_integer(value))
			continue;
		buf_str(b, "<tr><th scope=\"row\">");
		html_text(b, key);
		buf_printf(b, "</th><td class=\"n\">%lld</td></tr>\n", (long long)json_integer_value(value));
	}
	buf_str(b, "</table>\n");
}

static void
put_rows(struct buf *b, json_t *rows)
{
	static const char *const columns[][2] = { { "at", "When" }, { "subject", "Who" }, { "what", "What" },
		{ "outcome", "Outcome" }, { "sentence", "Why" } };
	json_t *row;
	size_t i;

	buf_str(b, "<div tabindex=\"0\" role=\"region\" aria-label=\"The last requests\"><table><caption>The last "
		   "requests</caption><thead><tr>");
	for (size_t k = 0; k < sizeof columns / sizeof columns[0]; k++)
		buf_printf(b, "<th scope=\"col\">%s</th>", columns[k][1]);
	buf_str(b, "</tr></thead>\n");
	json_array_foreach(rows, i, row)
	{
		buf_str(b, "<tr>");
		for (size_t k = 0; k < sizeof columns / sizeof columns[0]; k++) {
			buf_str(b, "<td>");
			html_text(b, json_get_text(row, columns[k][0]));
			buf_str(b, "</td>");
		}
		buf_str(b, "</tr>\n");
	}
	buf_str(b, "</table></div>\n");
}

static void
put_diary(struct buf *b, struct call *c, struct diary *d, const char *name, const char *title)
{
	json_t *seen = diary_json(d, c->arena, PAGE_ROWS), *rows = json_object_get(seen, "rows");

	buf_printf(b, "<h2>%s</h2>\n", title);
	if (json_array_size(rows) == 0) {
		buf_str(b, "<p>Nobody has asked yet.</p>\n");
		return;
	}
	put_counts(b, "Requests by outcome", json_object_get(seen, "outcomes"));
	put_rows(b, rows);
	buf_printf(b, "<p><a href=\"/ledger/%s\">More, as JSON</a></p>\n", name);
}

void
apple_page(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	static const char *const titles[] = { [APPLE_ASSIGNMENT] = "Device Assignment Services",
		[APPLE_DISCOVERY] = "Discovery fallback",
		[APPLE_SIGN_IN] = "Managed Apple Account sign-in" };
	const struct apple *apple = room;
	json_t *apns = apns_totals(apple->apns, c->arena);
	struct buf b;

	(void)r;
	buf_init(&b, PAGE_MAX);
	buf_str(&b, head);
	for (int i = 0; i < APPLE_DIARIES; i++)
		put_diary(&b, c, apple->diary[i], apple_diary_names[i], titles[i]);
	buf_str(&b, "<h2>Push service</h2>\n");
	put_counts(&b, "Pushes", apns);
	put_counts(&b, "Pushes by status", json_object_get(apns, "statuses"));
	buf_str(&b, "<p>As JSON: <a href=\"/ledger\">sums</a>, <a href=\"/ledger/apns\">each token</a></p>\n"
		    "<h2>Apps and Books</h2>\n");
	put_counts(&b, "Requests by path", json_object_get(books_ledger(apple->books, c->arena), "requests"));
	buf_str(&b, "<p><a href=\"/ledger/apps-and-books\">Who holds what, as JSON</a></p>\n</main></body></html>\n");
	http_answer(out, 200, "text/html; charset=utf-8", bytes_str(buf_finish(&b, c->arena)));
	http_set(out, "Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'");
}
