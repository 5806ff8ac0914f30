#include "config/config.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/tap.h"

static char dir[] = "/tmp/postern-config-test-XXXXXX";

static enum rc
load(struct arena *a, const char *text, struct conf *conf, struct err *e)
{
	const char *path = arena_printf(a, "%s/%s", dir, CONF_FILE);
	FILE *f = fopen(path, "we");

	if (f == NULL)
		return RC_UNAVAILABLE;
	fputs(text, f);
	fclose(f);
	*e = (struct err){ 0 };
	return conf_load(a, dir, conf, e);
}

static const struct {
	const char *text, *sentence; /* behind the path */
} wrong[] = {
	{ "url = https://a.example\nurll = x\n", " line 2: there is no setting 'urll'" },
	{ "\n\n  workers = many\n", " line 3: workers wants a whole number, not 'many'" },
	{ "workers = 513\n", " line 1: workers wants a number from 0 to 512, not 513" },
	{ "workers = -1\n", " line 1: workers wants a whole number, not '-1'" },
	{ "workers = 5s\n", " line 1: workers wants a whole number, not '5s'" },
	{ "workers = 99999999999999999999\n", " line 1: workers wants a whole number, not '99999999999999999999'" },
	{ "workers = 1\nworkers = 2\n", " line 2: workers is set twice" },
	{ "access_token_life = 1y\n", " line 1: access_token_life wants a number with a unit (s, m, h, d), not '1y'" },
	{ "access_token_life = 9223372036854775807d\n",
	    " line 1: access_token_life wants a number from 60 to 2592000, not 9223372036854775807" },
	{ "url = ftp://a.example\n", " line 1: url wants an https URL without a query, not 'ftp://a.example'" },
	{ "url = https://a.example/?x\n",
	    " line 1: url wants an https URL without a query, not 'https://a.example/?x'" },
	{ "store = mysql://u:secret@h/d\n", " line 1: store wants sqlite:PATH or postgresql://..." },
	{ "listen = 8443\n", " line 1: listen wants ADDRESS:PORT, several separated by commas, not '8443'" },
	{ "listen = ::1:8443\n", " line 1: listen wants ADDRESS:PORT, several separated by commas, not '::1:8443'" },
	{ "listen = a:70000\n", " line 1: listen wants ADDRESS:PORT, several separated by commas, not 'a:70000'" },
	{ "lab = maybe\n", " line 1: lab wants yes or no, not 'maybe'" },
	{ "log_level = loud\n", " line 1: log_level wants debug, info, warn or error, not 'loud'" },
	{ "log_format = xml\n", " line 1: log_format wants logfmt or json, not 'xml'" },
	{ "lab = yes\nnonsense\n", " line 2 is neither 'key = value' nor a comment" },
	{ "lab = yes\n[section\n", " line 2 is neither 'key = value' nor a comment" },
	{ "nonsense\nlab = maybe\n", " line 1 is neither 'key = value' nor a comment" },
};

static void
test_wrong(struct arena *a)
{
	struct conf conf;
	struct err e;
	char longest[400];

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		ok(load(a, wrong[i].text, &conf, &e) == RC_BAD_INPUT, "a bad setting is refused");
		is_str(e.text, arena_printf(a, "%s/%s%s", dir, CONF_FILE, wrong[i].sentence),
		    "... in a sentence with file and line");
	}
	memset(longest, 'x', sizeof longest);
	memcpy(longest, "lab = yes\nurl = https://", 24);
	longest[sizeof longest - 1] = '\0';
	ok(load(a, longest, &conf, &e) == RC_BAD_INPUT && strstr(e.text, "line 2 is longer than") != NULL,
	    "a line that the library would take for two is refused");
	memcpy(longest, "lab = yes\n# a comment ", 23);
	ok(load(a, longest, &conf, &e) == RC_OK, "a comment may be long");
	ok(conf_load(a, "/nonexistent", &conf, &e) == RC_NOT_FOUND, "without a file the server does not start");
}

static void
test_defaults(struct arena *a)
{
	struct conf conf;

	conf_defaults(a, "/data", &conf);
	is_str(conf.data, "/data", "the directory");
	is_str(conf.store, "sqlite:/data/postern.db", "the store's default is in the directory (design 3)");
	is_str(conf.listen[0], "127.0.0.1:8443", "the default listener (design 3)");
	ok(conf.listen[1] == NULL && conf.listen_mtls[0] == NULL && conf.listen_http[0] == NULL, "... is the only one");
	is_str(conf.tls_certificate, "/data/tls/server.pem", "the default certificate (design 3)");
	is_str(conf.admin_socket, "/data/admin.sock", "the admin socket (design 3)");
	ok(conf.access_token_life_s == 3600, "access tokens live for an hour (design 6)");
	ok(conf.refresh_idle_s == 90 * 86400 && conf.refresh_max_s == 365 * 86400,
	    "refresh: 90 and 365 days (design 6)");
	ok(conf.web_token_life_s == 30 * 86400, "apple-as-web tokens live for 30 days (design 6)");
	ok(conf.attempts_per_address == 200 && conf.attempts_total == 20000 && conf.events_per_attempt == 200,
	    "caps on what strangers can make the server keep (design 5)");
	ok(!conf.lab && conf.url == NULL && conf.log_level == LOG_INFO_ && conf.log_format == LOG_LOGFMT,
	    "no lab, no URL, info, logfmt");
	ok(conf.trusted_proxies[0] == NULL, "no proxy is trusted by itself");
}

static void
test_loading(struct arena *a)
{
	struct conf conf;
	struct err e;

	ok(load(a,
	       "# comment\n[server]\nurl = https://mdm.example.com:8443/\n store=sqlite:sub/x.db ; why\n"
	       "listen = [::]:443, 0.0.0.0:8443\nlisten_mtls =\ntrusted_proxies = 10.0.0.0/8 ::1\n"
	       "access_token_life = 90m\nlab = yes\nlog_format=json\ntls_key = /etc/k.pem\nworkers = 4\n",
	       &conf, &e) == RC_OK,
	    "a file is read");
	is_str(conf.url, "https://mdm.example.com:8443", "no slash ends the URL");
	ok(strcmp(conf.store, arena_printf(a, "sqlite:%s/sub/x.db", dir)) == 0,
	    "a relative path starts at the directory");
	is_str(conf.listen[1], "0.0.0.0:8443", "a list replaces the default");
	is_str(conf.trusted_proxies[1], "::1", "a list may be separated by spaces");
	ok(conf.access_token_life_s == 5400, "90m are 5400 seconds");
	ok(conf.lab && conf.log_format == LOG_JSON && conf.workers == 4, "flags, words and numbers");
	is_str(conf.tls_key, "/etc/k.pem", "an absolute path stays");

	setenv("POSTERN_LOG_LEVEL", "debug", 1);
	setenv("POSTERN_WORKERS", "7", 1);
	ok(load(a, "workers = 4\n", &conf, &e) == RC_OK && conf.workers == 7 && conf.log_level == LOG_DEBUG_,
	    "the environment comes before the file");
	setenv("POSTERN_WORKERS", "x", 1);
	ok(load(a, "", &conf, &e) == RC_BAD_INPUT, "a bad value in the environment is refused");
	is_str(e.text, "POSTERN_WORKERS: workers wants a whole number, not 'x'", "... by its name");
	unsetenv("POSTERN_WORKERS");
	unsetenv("POSTERN_LOG_LEVEL");

	ok(conf_set(a, &conf, "listen", "127.0.0.1:0", "--listen", &e) == RC_OK, "a command line sets a key");
	is_str(conf.listen[0], "127.0.0.1:0", "... as the file does");
	ok(conf_set(a, &conf, "listen", "x", "--listen", &e) == RC_BAD_INPUT, "and is checked like the file");
	ok(strncmp(e.text, "--listen: ", 10) == 0, "... by its name");
	ok(conf_set(a, &conf, "store", "sqlite::memory:", "--store", &e) == RC_OK, "a store in memory");
	is_str(conf.store, "sqlite::memory:", "... is no path");
}

static void
test_own_file(struct arena *a)
{
	const char *const keys[] = { "url", "https://mdm.example.com", "lab", "yes", NULL };
	struct conf conf, defaults;
	struct err e;
	struct buf b;

	buf_init(&b, 1 << 16);
	conf_write_default(&b, NULL);
	ok(load(a, b.p, &conf, &e) == RC_OK, "the file that init writes is read: %s", e.text);
	buf_reset(&b);
	conf_write_default(&b, keys);
	ok(load(a, b.p, &conf, &e) == RC_OK && conf.lab, "keys that init knows are set: %s", e.text);
	is_str(conf.url, "https://mdm.example.com", "... with their values");
	/* Each default, uncommented, must say what the defaults are. */
	for (char *p = b.p; *p != '\0'; p++) {
		if (*p == ';' && (p == b.p || p[-1] == '\n'))
			*p = ' ';
	}
	conf_defaults(a, dir, &defaults);
	ok(load(a, b.p, &conf, &e) == RC_OK, "every default passes its own type: %s", e.text);
	is_str(conf.store, defaults.store, "a shown default is the default");
	ok(conf.refresh_max_s == defaults.refresh_max_s && conf.history_days == defaults.history_days,
	    "... and so are the others");
	buf_free(&b);
}

static void
test_manual(void)
{
	struct buf b;

	buf_init(&b, 1 << 16);
	conf_write_manual(&b);
	ok(strncmp(b.p, "postern.conf(5) \"postern " POSTERN_VERSION "\"\n\n# NAME", 20) == 0,
	    "the manual page is one for scdoc");
	ok(strstr(b.p, "\n*push\\_rate* = _NUMBER_ \\[1000; 1 to 100000\\]\n\tPushes") != NULL,
	    "it has default and range");
	ok(strstr(b.p, "\n*refresh\\_idle* = _TIME_ \\[90d; 1h to 3650d\\]\n") != NULL,
	    "... those of a life with their unit");
	ok(strstr(b.p, "\n*tls\\_certificate* = _FILE_ \\[tls/server\\.pem\\]++\n*tls\\_key* =") != NULL,
	    "settings that share a sentence stand above it together");
	buf_free(&b);
}

static void
needs_restart(struct arena *a)
{
	struct conf old, new;
	const char *names;

	conf_defaults(a, "/d", &old);
	conf_defaults(a, "/d", &new);
	ok(conf_needs_restart(a, &old, &new) == NULL, "the same settings wait for nothing");
	conf_set(a, &new, "log_level", "debug", "test", NULL);
	conf_set(a, &new, "push_ca", "ca.pem", "test", NULL);
	ok(conf_needs_restart(a, &old, &new) == NULL, "nor does what a reload takes over");
	conf_set(a, &new, "admin_listen", "127.0.0.1:8444", "test", NULL);
	conf_set(a, &new, "workers", "7", "test", NULL);
	conf_set(a, &new, "sandbox", "off", "test", NULL);
	conf_set(a, &new, "store", "sqlite:other.db", "test", NULL);
	names = conf_needs_restart(a, &old, &new);
	ok(names != NULL && strcmp(names, "store, admin_listen, workers, sandbox") == 0,
	    "listeners, threads, sandbox and store wait for a restart: %s", names);
}

int
main(void)
{
	struct arena *a = arena_new(0);

	if (mkdtemp(dir) == NULL)
		return 1;
	test_defaults(a);
	test_wrong(a);
	test_loading(a);
	test_own_file(a);
	test_manual();
	needs_restart(a);
	remove(arena_printf(a, "%s/%s", dir, CONF_FILE));
	rmdir(dir);
	arena_free(a);
	return done();
}
