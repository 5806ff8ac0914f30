#include "http/parse.h"

#include <string.h>
#include <strings.h>

/* ---- the end of the block ---- */

/* The end of one line, the octet behind its CR: 0 go on, 1 the block is over, else a status. */
static int
line_end(struct http_scan *s, char c)
{
	if (c != '\n')
		return 400; /* bare CR: RFC 9112 2.2 lets us refuse it */
	s->cr = false;
	if (s->line > 0) {
		s->begun = true;
		s->line = 0;
		return 0;
	}
	if (s->begun)
		return 1;
	/* One empty line before a request is a habit of old clients (RFC 9112 2.2). */
	return s->n > 2 ? 400 : 0;
}

int
http_scan_feed(struct http_scan *s, const char *p, size_t n, size_t *used)
{
	size_t i = 0;
	int status;

	while (i < n) {
		const char *cr = s->cr ? NULL : memchr(p + i, '\r', n - i);
		size_t run = s->cr ? 0 : cr != NULL ? (size_t)(cr - p) - i : n - i;

		if (run > 0 && (memchr(p + i, '\n', run) != NULL || memchr(p + i, '\0', run) != NULL))
			return 400; /* bare LF, NUL */
		if (run + (i + run < n) > HTTP_HEAD_MAX - s->n)
			return s->begun ? 431 : 414;
		s->n += run;
		s->line += run;
		i += run;
		if (i == n)
			break;
		s->n++; /* a CR, or what follows one */
		if (!s->cr)
			s->cr = true;
		else if ((status = line_end(s, p[i])) != 0) {
			*used = i + 1;
			return status;
		}
		i++;
	}
	*used = n;
	return 0;
}

/* ---- characters ---- */

/* RFC 9110 5.6.2: what names and methods are made of: a bit for each character from NUL on */
static bool
is_token(unsigned char c)
{
	/* !#$%&'*+-. 0-9 / A-Z ^_ / ` a-z |~ */
	static const uint32_t tokens[8] = { 0, 0x03ff6cfau, 0xc7fffffeu, 0x57ffffffu };

	return (tokens[c / 32] >> c % 32 & 1) != 0;
}

static bool
is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

static int
hex_value(unsigned char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Octets of the UTF-8 character at `s` of at least two octets, or 0. */
static size_t
utf8_len(const unsigned char *s)
{
	size_t n = s[0] >= 0xc2 && s[0] <= 0xdf   ? 2
		   : s[0] >= 0xe0 && s[0] <= 0xef ? 3
		   : s[0] >= 0xf0 && s[0] <= 0xf4 ? 4
						  : 0;

	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
	    (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

bool
http_name_ok(const char *name)
{
	const char *p = name;

	while (is_token((unsigned char)*p))
		p++;
	return p > name && *p == '\0';
}

bool
http_value_ok(const char *value, const char *end)
{
	const unsigned char *s = (const unsigned char *)value;
	uint8_t bad = 0;
	size_t n;

	for (const char *p = value; p < end; p++) { /* most are plain ASCII; without a branch, many octets at a time */
		uint8_t c = (uint8_t)*p, control = c < 0x20, tab = c == '\t', beyond = c >= 0x7f;

		bad |= (uint8_t)(beyond | (control & ~tab));
	}
	if (bad == 0)
		return true;
	while (*s != '\0') {
		if (*s >= 0x80) {
			if ((n = utf8_len(s)) == 0)
				return false;
			s += n;
		} else if (*s == 0x7f || (*s < 0x20 && *s != '\t')) {
			return false;
		} else {
			s++;
		}
	}
	return true;
}

/* ---- request line ---- */

static const char *const methods[] = { "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS" };

static int
request_line(char *line, struct http_head *out)
{
	char *target, *version, *p;

	for (p = line; is_token((unsigned char)*p); p++)
		continue;
	if (p == line || *p != ' ')
		return 400;
	*p++ = '\0';
	target = p;
	/* Octets that a target may not hold are uri_target_parse's to refuse; here only the spaces count. */
	if ((version = strchr(target, ' ')) == NULL || version == target)
		return 400;
	*version++ = '\0';
	if (strncmp(version, "HTTP/", 5) != 0 || !is_digit((unsigned char)version[5]) || version[6] != '.' ||
	    !is_digit((unsigned char)version[7]) || version[8] != '\0')
		return 400;
	if (version[5] != '1' || version[7] > '1')
		return 505;
	out->method = line;
	out->target = bytes_str(target);
	out->minor = version[7] - '0';
	if (out->target.n > HTTP_TARGET_MAX)
		return 414;
	for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
		if (strcmp(line, methods[i]) == 0)
			return 0;
	}
	return 501;
}

/* ---- fields ---- */

const char *
http_host_parse(struct arena *a, const char *value)
{
	size_t n, i;
	char *host;

	if (value[0] == '[') {
		n = strspn(value + 1, "0123456789abcdefABCDEF:.") + 1;
		if (n < 3 || value[n] != ']')
			return NULL;
		n++;
	} else {
		for (n = 0; value[n] != '\0' && value[n] != ':'; n++) {
			unsigned char c = (unsigned char)value[n];

			if (!is_digit(c) && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && c != '-' &&
			    c != '.' && c != '_')
				return NULL;
		}
	}
	if (n == 0 || n > 255)
		return NULL;
	if (value[n] != '\0' && value[n] != ':')
		return NULL;
	if (value[n] == ':') {
		size_t digits = strspn(value + n + 1, "0123456789");

		if (digits > 5 || value[n + 1 + digits] != '\0')
			return NULL;
	}
	host = arena_strndup(a, value, n);
	for (i = 0; i < n; i++) {
		if (host[i] >= 'A' && host[i] <= 'Z')
			host[i] = (char)(host[i] - 'A' + 'a');
	}
	return host;
}

struct reading {
	struct arena *a;
	struct http_head *head;
	bool length, coding; /* were there */
};

static int
on_host(struct reading *r, const char *value)
{
	return (r->head->host = http_host_parse(r->a, value)) == NULL ? 400 : 0;
}

static int
on_length(struct reading *r, const char *value)
{
	int64_t n = 0;

	r->length = true;
	if (*value == '\0')
		return 400;
	for (; *value != '\0'; value++) {
		if (!is_digit((unsigned char)*value))
			return 400;
		if (n > (INT64_MAX - 9) / 10)
			n = INT64_MAX; /* no route takes it: 413 */
		else if (n != INT64_MAX)
			n = n * 10 + (*value - '0');
	}
	r->head->length = n;
	return 0;
}

static int
on_coding(struct reading *r, const char *value)
{
	r->coding = true;
	if (strcmp(value, "chunked") != 0)
		return 400;
	r->head->chunked = true;
	return 0;
}

static int
on_connection(struct reading *r, const char *value)
{
	while (*value != '\0') {
		size_t n = strcspn(value, ","), lead = strspn(value, " \t"), end = n;

		if (lead < n) {
			while (value[end - 1] == ' ' || value[end - 1] == '\t')
				end--;
			if (end - lead == 5 && strncasecmp(value + lead, "close", 5) == 0)
				r->head->close = true;
		}
		value += n;
		if (*value == ',')
			value++;
	}
	return 0;
}

static int
on_expect(struct reading *r, const char *value)
{
	if (strcasecmp(value, "100-continue") != 0)
		return 417;
	r->head->expect = r->head->minor > 0; /* RFC 9110 10.1.1: ignored from HTTP/1.0 */
	return 0;
}

/* clang-format off */
static const struct {
	const char *name;
	bool once; /* a second one is 400 */
	int (*read)(struct reading *, const char *value);
} fields[] = {
	{ "Host",                 true,  on_host },
	{ "Content-Length",       true,  on_length },
	{ "Transfer-Encoding",    true,  on_coding },
	{ "Connection",           false, on_connection },
	{ "Expect",               true,  on_expect },
	{ "Authorization",        true,  NULL },
	{ "Client-Cert",          true,  NULL },
	{ "Mdm-Signature",        true,  NULL },
	{ "Postern-Proxy-Secret", true,  NULL },
};
/* clang-format on */
#define N_FIELDS (sizeof fields / sizeof fields[0])

/* Split "name: value" in place. */
static int
field_line(char *line, struct http_header *out)
{
	char *p, *end;

	for (p = line; is_token((unsigned char)*p); p++)
		continue;
	if (p == line || *p != ':') /* no name, a space before the colon, or a folded line */
		return 400;
	*p++ = '\0';
	p += strspn(p, " \t");
	end = p + strlen(p);
	while (end > p && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	if (!http_value_ok(p, end))
		return 400;
	out->name = line;
	out->value = p;
	return 0;
}

static int
known_field(struct reading *r, const struct http_header *h, unsigned *seen)
{
	for (unsigned i = 0; i < N_FIELDS; i++) {
		if ((h->name[0] | 0x20) != (fields[i].name[0] | 0x20) || strcasecmp(h->name, fields[i].name) != 0)
			continue;
		if (fields[i].once && (*seen & 1u << i) != 0)
			return 400;
		*seen |= 1u << i;
		return fields[i].read != NULL ? fields[i].read(r, h->value) : 0;
	}
	return 0;
}

/* Ends the line at `p` and returns the next; the scan has seen that every line ends in CR LF. */
static char *
next_line(char *p)
{
	char *end = strchr(p, '\r');

	*end = '\0';
	return end + 2;
}

int
http_head_parse(struct arena *a, char *text, size_t n, struct http_head *out)
{
	struct reading r = { .a = a, .head = out };
	unsigned seen = 0;
	char *line, *next;
	int status;

	*out = (struct http_head){ 0 };
	if (n < 4 || memcmp(text + n - 4, "\r\n\r\n", 4) != 0)
		return 400;
	text[n - 2] = '\0';
	line = text[0] == '\r' ? text + 2 : text;
	if (*line == '\0')
		return 400;
	next = next_line(line);
	if ((status = request_line(line, out)) != 0)
		return status;
	out->close = out->minor == 0;
	out->fields = arena_array(a, HTTP_FIELDS_MAX, sizeof *out->fields);
	for (line = next; *line != '\0'; line = next) {
		struct http_header *h = &out->fields[out->n_fields];

		if (out->n_fields == HTTP_FIELDS_MAX)
			return 431;
		next = next_line(line);
		if ((status = field_line(line, h)) != 0 || (status = known_field(&r, h, &seen)) != 0)
			return status;
		out->n_fields++;
	}
	if (out->host == NULL && out->minor > 0)
		return 400;
	/* RFC 9112 6.1: both lengths, or a coding in HTTP/1.0, is how requests are smuggled. */
	if (r.coding && (r.length || out->minor == 0))
		return 400;
	return 0;
}

/* ---- chunked bodies ---- */

enum { CHUNK_SIZE, CHUNK_EXT, CHUNK_DATA, CHUNK_DATA_END, CHUNK_TRAILER, CHUNK_OVER };

/* One octet of a line: 0 go on, 1 the line ended, else a status. */
static int
line_octet(struct http_chunks *c, unsigned char ch)
{
	if (c->cr) {
		c->cr = false;
		return ch == '\n' ? 1 : 400;
	}
	if (ch == '\r') {
		c->cr = true;
		return 0;
	}
	if (ch == 0x7f || (ch < 0x20 && ch != '\t'))
		return 400;
	return ++c->line > (c->state == CHUNK_TRAILER ? HTTP_TRAILER_MAX : HTTP_CHUNK_LINE_MAX) ? 400 : 0;
}

static int
size_octet(struct http_chunks *c, unsigned char ch, uint64_t max)
{
	int status = line_octet(c, ch), digit;

	if (status > 1)
		return status;
	if (status == 0 && c->state == CHUNK_SIZE && !c->cr) {
		if (ch == ';' && c->digits) {
			c->state = CHUNK_EXT; /* what follows is ignored */
		} else {
			if ((digit = hex_value(ch)) < 0 || c->line > 16)
				return 400;
			c->digits = true;
			c->left = c->left << 4 | (unsigned)digit;
		}
	}
	if (status == 1) {
		if (!c->digits)
			return 400;
		if (c->left > max || c->total > max - c->left)
			return 413;
		c->total += c->left;
		c->state = c->left == 0 ? CHUNK_TRAILER : CHUNK_DATA;
		c->line = 0;
		c->digits = false;
	}
	return 0;
}

/* Trailer fields are checked like others and dropped: nothing here needs one, and merged they could
 * forge what the header was checked for. */
static int
trailer_octet(struct http_chunks *c, unsigned char ch)
{
	int status = line_octet(c, ch);

	if (status > 1 || ++c->trailer > HTTP_TRAILER_MAX)
		return 400;
	if (status == 1) {
		bool last = c->line == 0;

		if (!last && !c->name)
			return 400;
		c->name = false;
		c->line = 0;
		return last ? 1 : 0;
	}
	if (!c->cr && !c->name) {
		if (ch == ':' && c->line > 1)
			c->name = true;
		else if (!is_token(ch))
			return 400;
	}
	return 0;
}

int
http_chunks_feed(struct http_chunks *c, const char *p, size_t n, uint64_t max, size_t *used, struct bytes *data)
{
	int status = 0;
	size_t i;

	*data = (struct bytes){ 0 };
	for (i = 0; i < n && status == 0; i++) {
		if (c->state == CHUNK_DATA) {
			size_t take = n - i < c->left ? n - i : (size_t)c->left;

			*data = bytes_of(p + i, take);
			c->left -= take;
			if (c->left == 0)
				c->state = CHUNK_DATA_END;
			*used = i + take;
			return 0;
		}
		switch (c->state) {
		case CHUNK_SIZE:
		case CHUNK_EXT:
			status = size_octet(c, (unsigned char)p[i], max);
			break;
		case CHUNK_DATA_END:
			if ((status = line_octet(c, (unsigned char)p[i])) == 1) {
				status = 0;
				c->state = CHUNK_SIZE;
			} else if (status == 0 && !c->cr) {
				status = 400; /* more data than the chunk announced */
			}
			break;
		case CHUNK_TRAILER:
			if ((status = trailer_octet(c, (unsigned char)p[i])) == 1)
				c->state = CHUNK_OVER;
			break;
		default:
			status = 400;
		}
	}
	*used = i;
	return status;
}
