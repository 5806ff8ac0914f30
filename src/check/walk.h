/* What the files of this room share: the walk of one report. For nobody else. */
#ifndef CHECK_WALK_H
#define CHECK_WALK_H

#include "check/cause.h"
#include "device/challenge.h"
#include "device/family.h"
#include "http/client.h"
#include "http/tls_probe.h"

struct walk_host { /* looked at once, whoever leads there */
	struct walk_host *next;
	const char *name;
	int port;
	bool usable; /* a phone gets as far as a request */
	const char *server; /* "nginx", ... by its answers; NULL: they don't say, or none came */
};

struct walk {
	struct arena *a;
	const struct check_plan *plan;
	struct check_report *report;
	struct http_tls_probe *probe;
	struct http_client *management; /* the device's own requests */
	struct http_client *web; /* its sign-in view, with cookies; one for each family */
	struct walk_host *hosts;
	struct err err;
	const char *domain;
	/* the kind of device that walks */
	const struct device_family *family;
	unsigned bit; /* 0: whatever is seen has nothing to do with the kind */
	bool apple; /* what is met belongs to the fallback */
	/* what was learned so far; NULL: not yet */
	const char *version, *base_url;
	struct device_challenge challenge;
};

/* A stage was come to. A fact about it, and what is wrong with `about` (a host or URL): repeated ones are told once. */
void walk_reach(struct walk *w, enum check_stage s);
void walk_note(struct walk *w, enum check_stage s, const char *format, ...) __attribute__((format(printf, 3, 4)));
void walk_find(struct walk *w, enum check_cause_id id, const char *about, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* reach.c: names, connections and TLS of an https URL's host. Findings are about the host; NULL: no usable URL. */
struct walk_host *walk_host(struct walk *w, const char *url);
/* A connected, non-blocking socket, or -1 with errno. Told is nothing. */
struct walk_address;
int walk_dial(const struct walk *w, const struct walk_address *to);

/* tls.c: says whether a phone gets through. */
bool walk_tls(struct walk *w, struct walk_host *host, const struct walk_address *to);

/* discovery.c: from a URL to w->base_url and w->version. False: a phone stops here. */
bool walk_discovery(struct walk *w, const char *url);
/* One request, not followed; `host` (NULL: nobody) remembers which web server answers. */
enum rc walk_ask(struct walk *w, struct http_client *agent, const struct http_client_request *q, struct walk_host *host,
    struct http_client_answer *out);
/* What an error document has for the person, or its code (protocol 2.5); NULL: it is none. */
const char *walk_message(struct walk *w, const struct http_client_answer *r);

/* Which cause a status is, by the first of `n` rows that has it; else `otherwise`. */
struct walk_status {
	int from, to;
	enum check_cause_id cause;
};
enum check_cause_id walk_cause_of(const struct walk_status *rows, size_t n, int status, enum check_cause_id otherwise);

/* enrollment.c: the first POST, to w->challenge. False: a phone stops here. */
bool walk_enrollment(struct walk *w);

/* esso.c: the document of Enrollment SSO, where this answer offers one. False: a phone stops here. */
bool walk_esso(struct walk *w, const struct http_client_answer *challenged);

/* signin.c: the page, and the token endpoint where there is one. */
void walk_signin(struct walk *w);

/* beyond.c: what no device sees before it is signed in. */
void walk_scep(struct walk *w);
void walk_push(struct walk *w);

/* snippet.c: what to write into which web server, for every finding. */
void walk_snippets(struct walk *w);
/* Which of check_server() an answer, or its Server field, comes from; NULL: it does not say. */
const char *walk_server_named(const char *field);
const char *walk_server_of(const struct http_client_answer *answer);

#endif
