#include "config/config.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_type.h"
#include "fmt/scdoc.h"

#define FILE_MAX (256u << 10) /* octets */
#define DAY 86400

#define AT(member) offsetof(struct conf, member)

static const struct conf_setting settings[] = {
	/* clang-format off */
	{ "url", T_URL, AT(url), 0, 0, "",
	    "What devices call this server: https, host and, if it is not 443, port." },
	{ "mtls_url", T_URL, AT(mtls_url), 0, 0, "",
	    "What devices of organizations with identity-proof mtls call: the mTLS listener from outside. Empty: `url`." },
	{ "store", T_STORE, AT(store), 0, 0, "sqlite:postern.db",
	    "Where everything is kept: sqlite:PATH, or postgresql://user@host/database." },
	{ "admin_socket", T_PATH, AT(admin_socket), 0, 0, "admin.sock",
	    "Unix socket of the administration API. Who may open it administers the server." },
	{ "admin_listen", T_ADDRESSES, AT(admin_listen), 0, 0, "",
	    "TLS listeners of the administration API and the console, apart from those of devices: 127.0.0.1:8444, or in a network of the operators." },
	{ "admin_tls_certificate", T_PATH, AT(admin_tls_certificate), 0, 0, "",
	    "PEM chain and key of them, where they are not those of devices." },
	{ "admin_tls_key", T_PATH, AT(admin_tls_key), 0, 0, "", NULL },
	{ "listen", T_ADDRESSES, AT(listen), 0, 0, "127.0.0.1:8443",
	    "TLS listeners: ADDRESS:PORT, several separated by commas; [::]:443 for all addresses." },
	{ "listen_mtls", T_ADDRESSES, AT(listen_mtls), 0, 0, "",
	    "TLS listeners that ask the device for its certificate." },
	{ "listen_http", T_ADDRESSES, AT(listen_http), 0, 0, "",
	    "Plain HTTP for a reverse proxy on this machine." },
	{ "metrics_listen", T_ADDRESSES, AT(metrics_listen), 0, 0, "",
	    "Plain HTTP for Prometheus (/metrics) and supervisors (/healthz, /readyz): on loopback, 127.0.0.1:9464, or in a network of the operators." },
	{ "tls_certificate", T_PATH, AT(tls_certificate), 0, 0, "tls/server.pem",
	    "PEM chain and key of the TLS listeners; read again at SIGHUP." },
	{ "tls_key", T_PATH, AT(tls_key), 0, 0, "tls/server.key", NULL },
	{ "trusted_proxies", T_LIST, AT(trusted_proxies), 0, 0, "",
	    "Addresses or networks (10.0.0.0/8) whose Client-Cert, Forwarded and X-Forwarded-For count." },
	{ "push_url", T_URL, AT(push_url), 0, 0, "https://api.push.apple.com",
	    "Apple's push service." },
	{ "push_ca", T_PATH, AT(push_ca), 0, 0, "",
	    "PEM certificates to trust it by instead of the system's, for a stand-in." },
	{ "push_rate", T_INT, AT(push_rate), 1, 100000, "1000",
	    "Pushes a second of one server, at most." },
	{ "apps_and_books_url", T_URL, AT(apps_and_books_url), 0, 0, "https://vpp.itunes.apple.com/mdm",
	    "Apple's licences of apps." },
	{ "apps_and_books_ca", T_PATH, AT(apps_and_books_ca), 0, 0, "",
	    "PEM certificates to trust it by, too, for a stand-in." },
	{ "apps_and_books_poll", T_SECONDS, AT(apps_and_books_poll_s), 1, 3600, "30s",
	    "What Apple works on is asked after so often, where no notification comes; Apple asks for 30 seconds or more." },
	{ "assignment_url", T_URL, AT(assignment_url), 0, 0, "https://mdmenrollment.apple.com",
	    "Apple's Device Assignment Services." },
	{ "assignment_ca", T_PATH, AT(assignment_ca), 0, 0, "",
	    "PEM certificates to trust it by, too, for a stand-in." },
	{ "webhook_private", T_FLAG, AT(webhook_private), 0, 0, "no",
	    "Webhooks may be sent to this machine and to private networks. Without it only public addresses are connected to." },
	{ "webhook_ca", T_PATH, AT(webhook_ca), 0, 0, "",
	    "PEM certificates to trust their receivers by, too." },
	{ "webhook_days", T_INT, AT(webhook_days), 1, 30, "3",
	    "A message of a webhook is tried for so many days; then it is a dead letter (postern webhook dead-letters)." },
	{ "access_token_life", T_SECONDS, AT(access_token_life_s), 60, 30 * DAY, "1h",
	    "Lives, with a unit: s, m, h or d." },
	{ "refresh_idle", T_SECONDS, AT(refresh_idle_s), 3600, 3650 * (int64_t)DAY, "90d",
	    "A sign-in ends when it was not refreshed for so long," },
	{ "refresh_max", T_SECONDS, AT(refresh_max_s), 3600, 3650 * (int64_t)DAY, "365d",
	    "and after so long in any case." },
	{ "web_token_life", T_SECONDS, AT(web_token_life_s), 60, 3650 * (int64_t)DAY, "30d",
	    "Life of tokens from apple-as-web, which can't be refreshed." },
	{ "identity_life", T_SECONDS, AT(identity_life_s), 2, 3650 * (int64_t)DAY, "365d",
	    "Life of identity certificates. Each is renewed" },
	{ "renew_before", T_SECONDS, AT(renew_before_s), 1, 3650 * (int64_t)DAY, "60d",
	    "so long before its end (half its life at most), or up to half of that later: a wave is spread." },
	{ "history_days", T_INT, AT(history_days), 1, 3650, "90",
	    "Attempts, events, results, and enrollments that ended, are kept for so many days," },
	{ "results_per_enrollment", T_INT, AT(results_per_enrollment), 10, 1000000, "1000",
	    "and of one enrollment so many results, the newest." },
	{ "audit_keep", T_SECONDS, AT(audit_keep_s), DAY, 36500 * (int64_t)DAY, "730d",
	    "Rows of the audit (what administrators did, and whose data they read) are kept for so long." },
	{ "inactive_days", T_INT, AT(inactive_days), 1, 3650, "30",
	    "An enrollment whose device was not seen for so many days is called inactive. Nothing ends by it." },
	{ "workers", T_INT, AT(workers), 0, 512, "0",
	    "Worker threads for short requests; 0: chosen by the server." },
	{ "loops", T_INT, AT(loops), 0, 64, "0",
	    "Event loops; 0: one per core, at most 4." },
	{ "body_budget_mb", T_INT, AT(body_budget_mb), 1, 65536, "32",
	    "Memory for request bodies over all connections, in MB." },
	{ "connections", T_INT, AT(connections), 1, 1000000, "20000",
	    "Open connections of a listener, in all and from one address." },
	{ "connections_per_address", T_INT, AT(connections_per_address), 1, 1000000, "2048", NULL },
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
	{ "sandbox", T_SANDBOX, AT(sandbox), 0, 0, "on",
	    "Whether the server's processes give up what they don't need: on (as far as the kernel can), off, or require." },
	{ "lab", T_FLAG, AT(lab), 0, 0, "no",
	    "Shortcuts for trying the server out; never with real devices." },
	/* clang-format on */
};
#define N_SETTINGS (sizeof settings / sizeof settings[0])

static const struct conf_setting *
find(const char *key)
{
	for (size_t i = 0; i < N_SETTINGS; i++) {
		if (strcmp(settings[i].key, key) == 0)
			return &settings[i];
	}
	return NULL;
}

enum rc
conf_set(struct arena *a, struct conf *conf, const char *key, const char *value, const char *where, struct err *e)
{
	struct conf_setter t = { .a = a, .conf = conf, .s = find(key), .value = value, .where = where, .e = e };

	if (t.s == NULL)
		return fail(e, RC_BAD_INPUT, "%s: there is no setting '%.60s'", where, key);
	t.member = (char *)conf + t.s->at;
	return conf_setters[t.s->type](&t);
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
	const struct conf_setting *s = find(key);
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
read_file(struct arena *a, const char *path, FILE *f, const char **text, struct err *e)
{
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
	return conf_load_from(a, dir, fopen(arena_printf(a, "%s/%s", dir, CONF_FILE), "re"), out, e);
}

enum rc
conf_load_from(struct arena *a, const char *dir, FILE *file, struct conf *out, struct err *e)
{
	struct loading l = { .a = a, .conf = out, .e = e };
	int line, why = errno;
	enum rc rc;

	conf_defaults(a, dir, out);
	errno = why; /* of opening it */
	l.path = arena_printf(a, "%s/%s", dir, CONF_FILE);
	if ((rc = read_file(a, l.path, file, &l.next, e)) != RC_OK)
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

const char *const *
conf_files(struct arena *a, const struct conf *conf)
{
	const char **files = arena_array(a, N_SETTINGS + 1, sizeof *files);
	size_t n = 0;

	for (size_t i = 0; i < N_SETTINGS; i++) {
		const char *const *member = (const char *const *)(const void *)((const char *)conf + settings[i].at);

		if (settings[i].type == T_PATH && *member != NULL)
			files[n++] = *member;
	}
	return files;
}

static bool
same_texts(const char *const *a, const char *const *b)
{
	for (; *a != NULL && *b != NULL; a++, b++) {
		if (strcmp(*a, *b) != 0)
			return false;
	}
	return *a == *b;
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Beside addresses and where the store is. */
static const char *const at_start[] = { "admin_socket", "trusted_proxies", "push_rate", "workers", "loops",
	"body_budget_mb", "connections", "connections_per_address", "sandbox" };

static bool
is_at_start(const struct conf_setting *s)
{
	for (size_t i = 0; i < sizeof at_start / sizeof at_start[0]; i++) {
		if (strcmp(at_start[i], s->key) == 0)
			return true;
	}
	return s->type == T_ADDRESSES || s->type == T_STORE;
}

/* Of those that are read at the start alone. */
static bool
same(const struct conf_setting *s, const struct conf *a, const struct conf *b)
{
	const void *x = (const char *)a + s->at, *y = (const char *)b + s->at;

	switch (s->type) {
	case T_ADDRESSES:
	case T_LIST:
		return same_texts(*(const char *const *const *)x, *(const char *const *const *)y);
	case T_STORE:
	case T_PATH:
		return same_text(*(const char *const *)x, *(const char *const *)y);
	case T_INT:
		return *(const int64_t *)x == *(const int64_t *)y;
	default:
		return a->sandbox == b->sandbox;
	}
}

const char *
conf_needs_restart(struct arena *a, const struct conf *old, const struct conf *new)
{
	const char *names = NULL;

	for (size_t i = 0; i < N_SETTINGS; i++) {
		const struct conf_setting *s = &settings[i];

		if (is_at_start(s) && !same(s, old, new))
			names = names == NULL ? s->key : arena_printf(a, "%s, %s", names, s->key);
	}
	return names;
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
	    "# Relative paths start at this file's directory. SIGHUP reads the file again; the log says\n"
	    "# what waits for a restart.\n");
	for (size_t i = 0; i < N_SETTINGS; i++) {
		const struct conf_setting *s = &settings[i];
		const char *value = value_of(keys, s->key);

		if (s->help != NULL)
			buf_printf(b, "\n# %s\n", s->help);
		buf_printf(b, "%s%s =%s%s\n", value != NULL ? "" : ";", s->key,
		    *(value != NULL ? value : s->otherwise) != '\0' ? " " : "", value != NULL ? value : s->otherwise);
	}
}

/* ---- the manual page ---- */

/* "60s to 30d": a life, in the largest unit that has it whole. */
static void
write_life(struct buf *b, int64_t s)
{
	static const struct {
		int64_t seconds;
		char name;
	} units[] = { { DAY, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	size_t i = 0;

	while (s % units[i].seconds != 0)
		i++;
	buf_printf(b, "%lld%c", (long long)(s / units[i].seconds), units[i].name);
}

/* "*push_rate* = _NUMBER_ \[1000; 1 to 100000\]" */
static void
write_term(struct buf *b, const struct conf_setting *s)
{
	static const char *const values[CONF_TYPES] = { [T_TEXT] = "TEXT",
		[T_URL] = "URL",
		[T_PATH] = "FILE",
		[T_STORE] = "STORE",
		[T_LIST] = "LIST",
		[T_ADDRESSES] = "ADDRESS:PORT,...",
		[T_INT] = "NUMBER",
		[T_SECONDS] = "TIME",
		[T_FLAG] = "yes|no",
		[T_LEVEL] = "LEVEL",
		[T_FORMAT] = "FORMAT",
		[T_SANDBOX] = "WHEN" };

	buf_char(b, '*');
	scdoc_text(b, s->key, "");
	buf_str(b, "* = _");
	scdoc_text(b, values[s->type], "");
	buf_str(b, "_ \\[");
	scdoc_text(b, *s->otherwise != '\0' ? s->otherwise : "none", "");
	if (s->most != 0 && s->type == T_INT)
		buf_printf(b, "; %lld to %lld", (long long)s->least, (long long)s->most);
	if (s->most != 0 && s->type == T_SECONDS) {
		buf_str(b, "; ");
		write_life(b, s->least);
		buf_str(b, " to ");
		write_life(b, s->most);
	}
	buf_str(b, "\\]");
}

void
conf_write_manual(struct buf *b)
{
	buf_str(b, "postern.conf(5) \"postern " POSTERN_VERSION
		   "\"\n\n# NAME\n\npostern.conf - settings of *posternd*(8)\n\n");
	buf_str(b, "# SETTINGS\n\nBehind each is its default, and what a number may be.\n\n");
	for (size_t i = 0; i < N_SETTINGS; i++) {
		const char *help = settings[i].help;

		/* Those that share a sentence stand above it together. */
		write_term(b, &settings[i]);
		while (i + 1 < N_SETTINGS && settings[i + 1].help == NULL) {
			buf_str(b, "++\n");
			write_term(b, &settings[++i]);
		}
		buf_str(b, "\n\t");
		scdoc_text(b, help, "\t");
		buf_str(b, "\n\n");
	}
}
