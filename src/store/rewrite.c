#include "store/rewrite.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* ---- what is not code ---- */

/* Past a quoted run that begins at `p`; a doubled quote stays inside. NULL: it never ends. */
static const char *
after_quoted(const char *p)
{
	char quote = *p++;

	for (;; p++) {
		if (*p == '\0')
			return NULL;
		if (*p == quote && *++p != quote)
			return p;
	}
}

/* Past a comment in C's form; PostgreSQL's nest. */
static const char *
after_block(const char *p)
{
	int depth = 0;

	do {
		if (*p == '\0')
			return NULL;
		if (p[0] == '/' && p[1] == '*') {
			depth++;
			p += 2;
		} else if (p[0] == '*' && p[1] == '/') {
			depth--;
			p += 2;
		} else
			p++;
	} while (depth > 0);
	return p;
}

/* Past the literal, quoted name or comment at `p`; `p` itself where there is none; NULL: never ends. */
static const char *
after_opaque(const char *p)
{
	if (*p == '\'' || *p == '"')
		return after_quoted(p);
	if (p[0] == '-' && p[1] == '-')
		return p + strcspn(p, "\n");
	if (p[0] == '/' && p[1] == '*')
		return after_block(p);
	return p;
}

static bool
in_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static size_t
word_length(const char *p)
{
	size_t n = 0;

	while (in_word(p[n]))
		n++;
	return n;
}

static bool
is_word(const char *p, size_t n, const char *word)
{
	return strlen(word) == n && strncasecmp(p, word, n) == 0;
}

/* ---- placeholders ---- */

/* The number after '?'; 0: none, or too high. */
static int
number_at(const char *p)
{
	int n = 0;

	for (; isdigit((unsigned char)*p) && n <= REWRITE_PARAMS_MAX; p++)
		n = n * 10 + (*p - '0');
	return n <= REWRITE_PARAMS_MAX ? n : 0;
}

/* What a word says about the statement; `first`: it begins it. */
static void
note_word(const char *p, size_t n, bool first, struct rewrite_about *about)
{
	static const char *const queries[] = { "SELECT", "VALUES", "SHOW", "WITH", "EXPLAIN" };
	static const char *const changes[] = { "INSERT", "UPDATE", "DELETE" };

	if (first) {
		about->writes = true;
		for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
			if (is_word(p, n, queries[i]))
				about->writes = false;
		}
		return;
	}
	for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		if (is_word(p, n, changes[i]))
			about->writes = true;
	}
}

enum rc
rewrite_placeholders(char *sql, struct rewrite_about *about, struct err *e)
{
	bool first = true;
	const char *after;
	int number;

	*about = (struct rewrite_about){ 0 };
	for (char *p = sql; *p != '\0';) {
		if ((after = after_opaque(p)) == NULL)
			return fail(e, RC_INTERNAL, "a statement has a quote or comment that never ends");
		if (after != p) {
			p = sql + (after - sql);
		} else if (in_word(*p)) {
			size_t n = word_length(p);

			note_word(p, n, first, about);
			first = false;
			p += n;
		} else if (*p == '?') {
			if ((number = number_at(p + 1)) == 0)
				return fail(e, RC_INTERNAL,
				    "a statement has a placeholder without a number from 1 to %d", REWRITE_PARAMS_MAX);
			*p++ = '$';
			about->params = number > about->params ? number : about->params;
		} else
			p++;
	}
	return RC_OK;
}

/* ---- scripts ---- */

/* Past the rest of the statement, which goes to `out`. */
static const char *
copy_statement(const char *p, struct buf *out)
{
	const char *after;
	bool cast = false; /* the word before was AS: CAST(x AS TEXT) takes no collation */

	while (*p != '\0' && *p != ';') {
		after = after_opaque(p);
		if (after == NULL)
			after = p + strlen(p); /* the engine says what is wrong with it */
		if (after != p) {
			buf_add(out, p, (size_t)(after - p));
		} else if (in_word(*p)) {
			size_t n = word_length(p);

			after = p + n;
			buf_add(out, p, n);
			if (is_word(p, n, "TEXT") && !cast)
				buf_str(out, " COLLATE \"C\"");
			cast = is_word(p, n, "AS");
		} else {
			after = p + 1;
			buf_char(out, *p);
		}
		p = after;
	}
	return *p == ';' ? p + 1 : p;
}

static const char *
after_blank(const char *p)
{
	const char *after;

	for (;; p = after) {
		p += strspn(p, " \t\r\n;");
		if ((p[0] != '-' || p[1] != '-') && (p[0] != '/' || p[1] != '*'))
			return p;
		if ((after = after_opaque(p)) == NULL)
			return p;
	}
}

bool
rewrite_next(const char **sql, struct buf *out)
{
	const char *p = after_blank(*sql);

	buf_reset(out);
	if (*p == '\0') {
		*sql = p;
		return false;
	}
	*sql = copy_statement(p, out);
	return true;
}
