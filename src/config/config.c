#include "config/config.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fmt/uri.h"

#define FILE_MAX (256u << 10) /* octets */
#define LIST_MAX 64 /* values in a list */
#define DAY 86400

enum type {
	T_TEXT,
	T_URL, /* https (or http, for a lab), no query, no slash at the end */
	T_PATH, /* what is not absolute starts at DIR */
	T_STORE,
	T_LIST,
	T_ADDRESSES, /* a list of ADDR:PORT */
	T_INT,
	T_SECONDS, /* a number with a unit: s, m, h, d */
	T_FLAG,
	T_LEVEL,
	T_FORMAT,
};

struct setting {
	const char *key;
	enum type type;
	size_t at; /* offset of its member in struct conf */
	int64_t least, most; /* numbers and lives; the largest value where both are 0 */
	const char *otherwise; /* default, as it would be written; "" is none */
	const char *help; /* lines of a comment */
};

#define AT(member) offsetof(struct conf, member)

static const struct setting settings[] = {
	/* clang-format off */
	{ "url", T_URL, AT(url), 0, 0, "",
	    "What devices call this server: https, host and, if it is not 443, port." },
	{ "mtls_url", T_URL, AT(mtls_url), 0, 0, "",
	    "What devices of organizations with identity-proof mtls call: the mTLS listener from outside. Empty: `url`." },
	{ "store", T_STORE, AT(store), 0, 0, "sqlite:postern.db",
	    "Where everything is kept: sqlite:PATH, or postgresql://user@host/database." },
	{ "admin_socket", T_PATH, AT(admin_socket), 0, 0, "admin.sock",
	    "Unix socket of the administration API. Who may open it administers the server." },
	{ "listen", T_ADDRESSES, AT(listen), 0, 0, "127.0.0.1:8443",
	    "TLS listeners: ADDRESS:PORT, several separated by commas; [::]:443 for all addresses." },
	{ "listen_mtls", T_ADDRESSES, AT(listen_mtls), 0, 0, "",
	    "TLS listeners that ask the device for its certificate." },
	{ "listen_http", T_ADDRESSES, AT(listen_http), 0, 0, "",
	    "Plain HTTP for a reverse proxy on this machine." },
	{ "tls_certificate", T_PATH, AT(tls_certificate), 0, 0, "tls/server.pem",
	    "PEM chain and key of the TLS listeners; read again at SIGHUP." },
	{ "tls_key", T_PATH, AT(tls_key), 0, 0, "tls/server.key", NULL },
	{ "trusted_proxies", T_LIST, AT(trusted_proxies), 0, 0, "",
	    "Addresses or networks (10.0.0.0/8) whose Client-Cert, Forwarded and X-Forwarded-For count." },
	{ "push_url", T_URL, AT(push_url), 0, 0, "https://api.push.apple.com",
	    "Apple's push service." },
	{ "access_token_life", T_SECONDS, AT(access_token_life_s), 60, 30 * DAY, "1h",
	    "Lives, with a unit: s, m, h or d." },
	{ "refresh_idle", T_SECONDS, AT(refresh_idle_s), 3600, 3650 * (int64_t)DAY, "90d",
	    "A sign-in ends when it was not refreshed for so long," },
	{ "refresh_max", T_SECONDS, AT(refresh_max_s), 3600, 3650 * (int64_t)DAY, "365d",
	    "and after so long in any case." },
	{ "web_token_life", T_SECONDS, AT(web_token_life_s), 60, 3650 * (int64_t)DAY, "30d",
	    "Life of tokens from apple-as-web, which can't be refreshed." },
	{ "history_days", T_INT, AT(history_days), 1, 3650, "90",
	    "Attempts, events and results are kept for so many days." },
	{ "workers", T_INT, AT(workers), 0, 512, "0",
	    "Worker threads for short requests; 0: chosen by the server." },
	{ "loops", T_INT, AT(loops), 0, 64, "0",
	    "Event loops; 0: one per core, at most 4." },
	{ "body_budget_mb", T_INT, AT(body_budget_mb), 1, 65536, "32",
	    "Memory for request bodies over all connections, in MB." },
	{ "connections", T_INT, AT(connections), 1, 1000000, "20000",
	    "Open connections of a listener, in all and from one address." },
	{ "connections_per_address", T_INT, AT(connections_per_address), 1, 1000000, "512", NULL },
	{ "attempts_per_address", T_INT, AT(attempts_per_address), 1, 1000000, "200",
	    "Attempts that never reached a sign-in: kept per network (/24 and /64), and in all." },
	{ "attempts_total", T_INT, AT(attempts_total), 1, 100000000, "20000", NULL },
	{ "events_per_attempt", T_INT, AT(events_per_attempt), 10, 100000, "200",
	    "Events kept of one attempt." },
	{ "password_tries", T_INT, AT(password_tries), 1, 1000, "5",
	    "Wrong passwords in a row that cost a person nothing; each one after them doubles the wait." },
	{ "log_level", T_LEVEL, AT(log_level), 0, 0, "info",
	    "Least level of log lines: debug, info, warn or error." },
	{ "log_format", T_FORMAT, AT(log_format), 0, 0, "logfmt",
	    "logfmt or json." },
	{ "lab", T_FLAG, AT(lab), 0, 0, "no",
	    "Shortcuts for trying the server out; never with real devices." },
	/* clang-format on */
};
#define N_SETTINGS (sizeof settings / sizeof settings[0])

static const struct setting *
find(const char *key)
{
	for (size_t i = 0; i < N_SETTINGS; i++) {
		if (strcmp(settings[i].key, key) == 0)
			return &settings[i];
	}
	return NULL;
}

/* ---- one function per type: text to member ---- */

struct setter {
	struct arena *a;
	struct conf *conf;
	const struct setting *s;
	const char *value, *where;
	void *member;
	struct err *e;
};

static enum rc
refuse(const struct setter *t, const char *wants)
{
	return fail(t->e, RC_BAD_INPUT, "%s: %s wants %s, not '%.100s'", t->where, t->s->key, wants, t->value);
}

static enum rc
set_text(const struct setter *t)
{
	*(const char **)t->member = *t->value != '\0' ? arena_strdup(t->a, t->value) : NULL;
	return RC_OK;
}

static enum rc
set_url(const struct setter *t)
{
	char *copy = arena_strdup(t->a, t->value);
	size_t n = strlen(copy);
	struct uri uri;

	if (n > 0 && copy[n - 1] == '/')
		copy[n - 1] = '\0';
	if (n > 0 && (uri_parse(t->a, copy, &uri, NULL) != RC_OK || uri.query != NULL || strchr(copy, '#') != NULL))
		return refuse(t, "an https URL without a query");
	*(const char **)t->member = n > 0 ? copy : NULL;
	return RC_OK;
}

static const char *
absolute(const struct setter *t, const char *path)
{
	if (*path == '/')
		return arena_strdup(t->a, path);
	return arena_printf(t->a, "%s/%s", t->conf->data, path);
}

static enum rc
set_path(const struct setter *t)
{
	*(const char **)t->member = *t->value != '\0' ? absolute(t, t->value) : NULL;
	return RC_OK;
}

static enum rc
set_store(const struct setter *t)
{
	const char **dsn = t->member;

	if (strncmp(t->value, "sqlite:", 7) == 0 && t->value[7] != '\0') {
		*dsn = t->value[7] == ':' ? arena_strdup(t->a, t->value) /* sqlite::memory: */
					  : arena_printf(t->a, "sqlite:%s", absolute(t, t->value + 7));
		return RC_OK;
	}
	if (strncmp(t->value, "postgresql://", 13) == 0 || strncmp(t->value, "postgres://", 11) == 0) {
		*dsn = arena_strdup(t->a, t->value);
		return RC_OK;
	}
	/* Not quoted: it may hold a password. */
	return fail(t->e, RC_BAD_INPUT, "%s: store wants sqlite:PATH or postgresql://...", t->where);
}

static bool
is_separator(char c)
{
	return c == ',' || c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static enum rc
set_list(const struct setter *t)
{
	const char **list = arena_array(t->a, LIST_MAX + 1, sizeof *list);
	int n = 0;

	for (const char *p = t->value; *p != '\0';) {
		const char *end = p;

		while (*end != '\0' && !is_separator(*end))
			end++;
		if (end == p) {
			p++;
			continue;
		}
		if (n == LIST_MAX)
			return refuse(t, "at most 64 values");
		list[n++] = arena_strndup(t->a, p, (size_t)(end - p));
		p = end;
	}
	*(const char *const **)t->member = list;
	return RC_OK;
}

static bool
is_address(const char *text)
{
	const char *colon = strrchr(text, ':');
	long port = 0;

	if (colon == NULL || colon == text || colon[1] == '\0')
		return false;
	for (const char *p = colon + 1; *p != '\0'; p++) {
		if (!isdigit((unsigned char)*p) || (port = port * 10 + (*p - '0')) > 65535)
			return false;
	}
	if (text[0] == '[')
		return colon[-1] == ']';
	return memchr(text, ':', (size_t)(colon - text)) == NULL;
}

static enum rc
set_addresses(const struct setter *t)
{
	enum rc rc = set_list(t);

	for (const char *const *p = *(const char *const **)t->member; rc == RC_OK && *p != NULL; p++) {
		if (!is_address(*p))
			rc = refuse(t, "ADDRESS:PORT, several separated by commas");
	}
	return rc;
}

static enum rc
set_number(const struct setter *t, const char *units)
{
	static const int64_t seconds[] = { 1, 60, 3600, DAY };
	const char *unit;
	char *end;
	long long n;

	errno = 0;
	n = strtoll(t->value, &end, 10);
	if (end == t->value || errno != 0 || !isdigit((unsigned char)t->value[0]))
		return refuse(t, *units != '\0' ? "a number with a unit (s, m, h, d)" : "a whole number");
	if (*units != '\0' && *end != '\0' && (unit = strchr(units, *end)) != NULL) {
		int64_t factor = seconds[unit - units];

		n = n > INT64_MAX / factor ? INT64_MAX : n * factor;
		end++;
	}
	if (*end != '\0')
		return refuse(t, *units != '\0' ? "a number with a unit (s, m, h, d)" : "a whole number");
	if (n < t->s->least || n > t->s->most)
		return fail(t->e, RC_BAD_INPUT, "%s: %s wants a number from %lld to %lld, not %lld", t->where,
		    t->s->key, (long long)t->s->least, (long long)t->s->most, n);
	*(int64_t *)t->member = n;
	return RC_OK;
}

static enum rc
set_int(const struct setter *t)
{
	return set_number(t, "");
}

static enum rc
set_seconds(const struct setter *t)
{
	return set_number(t, "smhd");
}

/* Position of the value in a NULL-terminated list, or -1. */
static int
position(const char *value, const char *const *names)
{
	for (int i = 0; names[i] != NULL; i++) {
		if (strcmp(names[i], value) == 0)
			return i;
	}
	return -1;
}

static enum rc
set_flag(const struct setter *t)
{
	static const char *const names[] = { "no", "yes", "false", "true", "off", "on", "0", "1", NULL };
	int i = position(t->value, names);

	if (i < 0)
		return refuse(t, "yes or no");
	*(bool *)t->member = i % 2 == 1;
	return RC_OK;
}

static enum rc
set_level(const struct setter *t)
{
	static const char *const names[] = { "debug", "info", "warn", "error", NULL }; /* as enum log_level */
	int i = position(t->value, names);

	if (i < 0)
		return refuse(t, "debug, info, warn or error");
	*(enum log_level *)t->member = (enum log_level)i;
	return RC_OK;
}

static enum rc
set_format(const struct setter *t)
{
	static const char *const names[] = { "logfmt", "json", NULL }; /* as enum log_format */
	int i = position(t->value, names);

	if (i < 0)
		return refuse(t, "logfmt or json");
	*(enum log_format *)t->member = (enum log_format)i;
	return RC_OK;
}

static enum rc (*const setters[])(const struct setter *) = {
	[T_TEXT] = set_text,
	[T_URL] = set_url,
	[T_PATH] = set_path,
	[T_STORE] = set_store,
	[T_LIST] = set_list,
	[T_ADDRESSES] = set_addresses,
	[T_INT] = set_int,
	[T_SECONDS] = set_seconds,
	[T_FLAG] = set_flag,
	[T_LEVEL] = set_level,
	[T_FORMAT] = set_format,
};

enum rc
conf_set(struct arena *a, struct conf *conf, const char *key, const char *value, const char *where, struct err *e)
{
	struct setter t = { .a = a, .conf = conf, .s = find(key), .value = value, .where = where, .e = e };

	if (t.s == NULL)
		return fail(e, RC_BAD_INPUT, "%s: there is no setting '%.60s'", where, key);
	t.member = (char *)conf + t.s->at;
	return setters[t.s->type](&t);
}

/* ---- loading ---- */

void
conf_defaults(struct arena *a, const char *dir, struct conf *out)
{
	*out = (struct conf){ .data = arena_strdup(a, dir) };
	for (size_t i = 0; i < N_SETTINGS; i++) {
		enum rc rc = conf_set(a, out, settings[i].key, settings[i].otherwise, "default", NULL);

		(void)rc; /* a default that its own type refuses is caught by the test */
	}
}

struct loading {
	struct arena *a;
	struct conf *conf;
	const char *path, *next; /* next: what is still to be read */
	int line, bad_line; /* counted here: the library doesn't tell */
	bool too_long;
	bool seen[N_SETTINGS];
	enum rc rc;
	struct err *e;
};

/* inih asks for a line of at most `size` - 1 characters. Longer ones it would take for two; white space
 * at the start it would take for a continuation, which no setting needs. */
static char *
next_line(char *to, int size, void *ctx)
{
	struct loading *l = ctx;
	size_t n = strcspn(l->next, "\n"), blank = strspn(l->next, " \t");

	if (*l->next == '\0' || l->rc != RC_OK || l->too_long)
		return NULL;
	l->line++;
	if (blank > n || l->next[blank] == '#' || l->next[blank] == ';')
		blank = n; /* comments may be as long as they like */
	l->too_long = n - blank > (size_t)size - 2;
	if (l->too_long)
		return NULL;
	memcpy(to, l->next + blank, n - blank);
	to[n - blank] = '\n';
	to[n - blank + 1] = '\0';
	l->next += n + (l->next[n] == '\n');
	return to;
}

/* inih calls this for every `key = value`. */
static int
on_pair(void *ctx, const char *section, const char *key, const char *value)
{
	struct loading *l = ctx;
	const struct setting *s = find(key);
	const char *where = arena_printf(l->a, "%s line %d", l->path, l->line);

	(void)section;
	if (s != NULL && l->seen[s - settings])
		l->rc = fail(l->e, RC_BAD_INPUT, "%s: %s is set twice", where, key);
	else
		l->rc = conf_set(l->a, l->conf, key, value, where, l->e);
	if (s != NULL)
		l->seen[s - settings] = true;
	l->bad_line = l->rc == RC_OK ? 0 : l->line;
	return l->rc == RC_OK;
}

/* The whole file, terminated, in `a`. */
static enum rc
read_file(struct arena *a, const char *path, const char **text, struct err *e)
{
	FILE *f = fopen(path, "re");
	char *p;
	size_t n;
	enum rc rc = RC_OK;

	if (f == NULL && errno == ENOENT)
		return fail(e, RC_NOT_FOUND, "there is no %s; 'postern init' makes one", path);
	if (f == NULL)
		return fail(e, RC_UNAVAILABLE, "%s: %s", path, strerror(errno));
	p = arena_alloc(a, FILE_MAX + 1);
	n = fread(p, 1, FILE_MAX + 1, f);
	if (ferror(f))
		rc = fail(e, RC_UNAVAILABLE, "%s: %s", path, strerror(errno));
	else if (n > FILE_MAX)
		rc = fail(e, RC_TOO_LARGE, "%s is larger than %u octets", path, FILE_MAX);
	else if (memchr(p, '\0', n) != NULL)
		rc = fail(e, RC_BAD_INPUT, "%s is not a text file", path);
	fclose(f);
	*text = p;
	return rc;
}

/* "POSTERN_ACCESS_TOKEN_LIFE" of "access_token_life". */
static char *
variable(struct arena *a, const char *key)
{
	char *name = arena_printf(a, "POSTERN_%s", key);

	for (char *p = name; *p != '\0'; p++)
		*p = (char)toupper((unsigned char)*p);
	return name;
}

enum rc
conf_load(struct arena *a, const char *dir, struct conf *out, struct err *e)
{
	struct loading l = { .a = a, .conf = out, .e = e };
	enum rc rc;
	int line;

	conf_defaults(a, dir, out);
	l.path = arena_printf(a, "%s/%s", dir, CONF_FILE);
	if ((rc = read_file(a, l.path, &l.next, e)) != RC_OK)
		return rc;
	line = ini_parse_stream(next_line, &l, on_pair, &l);
	if (line != 0 && line != l.bad_line)
		return fail(e, RC_BAD_INPUT, "%s line %d is neither 'key = value' nor a comment", l.path, line);
	if (l.rc != RC_OK)
		return l.rc;
	if (l.too_long)
		return fail(e, RC_BAD_INPUT, "%s line %d is longer than 190 characters", l.path, l.line);
	for (size_t i = 0; i < N_SETTINGS; i++) {
		const char *name = variable(a, settings[i].key), *value = getenv(name);

		if (value != NULL && (rc = conf_set(a, out, settings[i].key, value, name, e)) != RC_OK)
			return rc;
	}
	return RC_OK;
}

/* ---- the file that `init` writes ---- */

static const char *
value_of(const char *const *keys, const char *key)
{
	for (; keys != NULL && keys[0] != NULL; keys += 2) {
		if (strcmp(keys[0], key) == 0)
			return keys[1];
	}
	return NULL;
}

void
conf_write_default(struct buf *b, const char *const *keys)
{
	buf_str(b,
	    "# Settings of posternd. A line that begins with '#' or ';' is a comment; those below show the\n"
	    "# defaults. POSTERN_<KEY> in the environment comes before this file, the command line before both.\n"
	    "# Relative paths start at this file's directory. SIGHUP reads the file again.\n");
	for (size_t i = 0; i < N_SETTINGS; i++) {
		const struct setting *s = &settings[i];
		const char *value = value_of(keys, s->key);

		if (s->help != NULL)
			buf_printf(b, "\n# %s\n", s->help);
		buf_printf(b, "%s%s =%s%s\n", value != NULL ? "" : ";", s->key,
		    *(value != NULL ? value : s->otherwise) != '\0' ? " " : "", value != NULL ? value : s->otherwise);
	}
}
