/* The server's settings: DIR/postern.conf, then the environment (POSTERN_<KEY>), then the command line.
 *
 * One table (config.c) has key, type, default and help of each; file, environment and the commented file
 * that `init` writes all read it. A struct conf does not change once it is loaded: reloading makes a new
 * one. Sections of the file are only headings for people; a key means the same under any. */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/sandbox.h"

#define CONF_FILE "postern.conf"

struct conf {
	/* where */
	const char *data; /* DIR: not a key, the argument of conf_load */
	const char *url; /* "https://mdm.example.com": what devices call; no slash at the end */
	const char *mtls_url; /* as url, for the mTLS listener; NULL: the same */
	const char *store; /* "sqlite:PATH" or "postgresql://..." */
	/* listeners: NULL-terminated lists of ADDR:PORT; an empty list: no such listener */
	const char *const *listen, *const *listen_mtls, *const *listen_http;
	const char *const *metrics_listen; /* plain HTTP for Prometheus and supervisors */
	const char *const *admin_listen; /* TLS, for the administration API */
	const char *admin_tls_certificate, *admin_tls_key; /* PEM files; NULL: the ones of devices */
	const char *admin_socket; /* path */
	const char *tls_certificate, *tls_key; /* PEM files */
	const char *const *trusted_proxies; /* addresses or CIDR; NULL-terminated */
	const char *push_url; /* APNs, "https://api.push.apple.com" */
	const char *push_ca; /* NULL: the system's */
	int64_t push_rate; /* a second */
	const char *apps_and_books_url; /* "https://vpp.itunes.apple.com/mdm" */
	const char *apps_and_books_ca; /* NULL: the system's alone */
	int64_t apps_and_books_poll_s;
	const char *assignment_url; /* "https://mdmenrollment.apple.com" */
	const char *assignment_ca; /* NULL: the system's alone */
	bool webhook_private; /* receivers may have addresses that are not public */
	const char *webhook_ca; /* NULL: the system's alone */
	int64_t webhook_days; /* a message is tried for so long */
	/* lives, in seconds */
	int64_t access_token_life_s, refresh_idle_s, refresh_max_s, web_token_life_s;
	int64_t identity_life_s, renew_before_s; /* identity certificates */
	int64_t history_days; /* attempts, events, results and ended enrollments older than that are pruned */
	int64_t audit_keep_s; /* rows of the audit */
	int64_t inactive_days; /* a device that was not seen for so long is called inactive */
	int64_t results_per_enrollment; /* newest answers that are kept of one */
	/* limits */
	int64_t workers, loops; /* 0: chosen by the server */
	int64_t body_budget_mb; /* of request bodies over all connections of a process */
	int64_t connections, connections_per_address;
	int64_t attempts_per_address, attempts_total, events_per_attempt;
	int64_t password_tries; /* wrong passwords in a row before a person waits */
	/* log */
	enum log_level log_level;
	enum log_format log_format;
	enum sandbox_mode sandbox; /* read at the start, not at SIGHUP */
	bool lab; /* shortcuts for trying it out; never with real devices */
};

/* Read DIR/postern.conf and the environment over the defaults. Paths that are not absolute start at DIR.
 * A missing file is an error. RC_BAD_INPUT: an unknown key or a bad value; the sentence names file and
 * line. RC_NOT_FOUND: there is no such file. RC_UNAVAILABLE: it can't be read. Strings live in `a`. */
enum rc conf_load(struct arena *a, const char *dir, struct conf *out, struct err *e);

/* The same from `file`, that file opened by who may. It is closed. */
enum rc conf_load_from(struct arena *a, const char *dir, FILE *file, struct conf *out, struct err *e);

/* The files that settings name, ended by NULL. */
const char *const *conf_files(struct arena *a, const struct conf *conf);

/* The settings in which `new` differs from `old` and that a running server does not take over, separated by commas; NULL:
 * there are none. */
const char *conf_needs_restart(struct arena *a, const struct conf *old, const struct conf *new);

/* The defaults alone, with the environment ignored: for `init` and tests. */
void conf_defaults(struct arena *a, const char *dir, struct conf *out);

/* Set one key, as a command line or a test does; `where` begins the sentence ("--listen"). A list is
 * replaced as a whole: values are separated by commas or spaces. */
enum rc
conf_set(struct arena *a, struct conf *conf, const char *key, const char *value, const char *where, struct err *e);

/* The commented file: every key with its help and default; those of `keys` (pairs of key and value, ended
 * by NULL) are set, the others are commented out. */
void conf_write_default(struct buf *b, const char *const *keys);

/* The same as the manual page postern.conf(5), for scdoc. */
void conf_write_manual(struct buf *b);

#endif
