/* Inside the room: one play, and how its exchanges are judged. */
#ifndef CONFORM_CHECK_H
#define CONFORM_CHECK_H

#include "conform/check_table.h"
#include "conform/conform.h"
#include "conform/tape.h"
#include "device/discovery.h"
#include "device/mdm.h"
#include "device/webview.h"

/* For whom a check is: bits of one kind are alternatives, of several kinds all must hold. */
#define BYOD 1u
#define ADDE 2u
#define MODES (BYOD | ADDE)
#define WEB 4u
#define OAUTH 8u
#define METHODS (WEB | OAUTH)
#define MAC 16u
#define HANDHELD 32u /* everything else */
#define FAMILIES (MAC | HANDHELD)
#define SCEP 64u
#define ACME 128u
#define IDENTITIES (SCEP | ACME)
#define ANY 0u

enum conform_severity {
	CONFORM_BREAKS, /* a device can't go on */
	CONFORM_HARMS, /* it can, and somebody is worse off: now or later */
	CONFORM_ADVISED, /* nobody notices */
};

struct conform_play {
	struct arena *arena;
	const struct conform_settings *how;
	const struct conform_person *person;
	struct device d;
	struct device_person signer; /* the person, or the script in their place */
	struct conform_tape tape;
	struct err stop; /* rc other than RC_OK: why the device went no further */
	enum conform_stage stopped_in;
	bool deviated[CONFORM_STAGES]; /* a check of this stage has found something */
	const char *why; /* of the check at work */
	const struct conform_person *other; /* another person of the same domain; NULL: none was given */
	/* what the exchanges say, read without the device; NULL or false: they did not come so far */
	bool has_server, has_challenge, has_profile;
	struct device_server server;
	struct device_challenge challenge;
	struct device_profile profile;
	struct bytes machineinfo; /* signed, as it was sent */
	const char *token; /* access token of the enrollment */
	/* it came so far, whatever came later */
	bool enrolled, checked_out;
	const char *old_refresh; /* the refresh token before the last refresh; NULL: there was none */
};

typedef enum conform_verdict conform_judge(struct conform_play *p);

struct conform_check {
	const char *id, *rule; /* "first_status", "S-08" */
	enum conform_stage stage;
	enum conform_plan plan; /* from which one on */
	enum conform_severity severity;
	unsigned only; /* whom it concerns */
	const char *source, *sentence, *device; /* where it is said; what holds; what a device does otherwise */
	conform_judge *judge; /* NULL: can't be seen from outside */
};

enum {
#define X(id, ...) CONFORM_##id,
	CONFORM_CHECKS(X)
#undef X
	    CONFORM_N_CHECKS
};
extern const struct conform_check conform_checks[CONFORM_N_CHECKS];

#define X(id, ...) conform_judge conform_judge_##id;
CONFORM_CHECKS(X)
#undef X

/* What a judge returns. The sentence says what was seen instead. */
enum conform_verdict
conform_deviates(struct conform_play *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
enum conform_verdict conform_saw(struct conform_play *p, enum conform_verdict verdict, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Read again what the tape says of server, challenge, profile and token. */
void conform_learn(struct conform_play *p);

/* Judge every check of the stages that this play came to, in order; `results` by check. */
void conform_judge_all(struct conform_play *p, const bool *wanted, struct conform_result *results);

/* ---- questions of our own ---- */

/* One exchange, named "probe-..." in the story. Never NULL. */
const struct conform_exchange *conform_ask(
    struct conform_play *p, const char *event, enum device_agent agent, const struct http_client_request *request);

const struct conform_exchange *conform_get(struct conform_play *p, const char *event, const char *url);

/* A new attempt, as a device would begin it: discovery, and the first request. p->server is what was found: an address
 * may be for one attempt only. */
enum rc conform_attempt(struct conform_play *p, const char *identifier, struct device_challenge *c);

/* An enrollment request to p->server. */
const struct conform_exchange *
conform_post(struct conform_play *p, const char *event, const char *content_type, struct bytes body, const char *token);

struct conform_put { /* a message to the MDM server */
	enum device_channel channel;
	enum device_door door;
	struct bytes body;
	const char *token; /* NULL: no bearer */
	struct bytes proven; /* what Mdm-Signature is made over; absent: no such header */
};
const struct conform_exchange *conform_mdm(struct conform_play *p, const char *event, const struct conform_put *put);

/* ---- what several checks ask ---- */

/* A complete 401: one challenge that a device can use, and no body. CONFORM_PASSED, or what is wrong with it. */
enum conform_verdict conform_is_challenge(struct conform_play *p, const struct conform_exchange *x);
enum conform_verdict conform_is_status(struct conform_play *p, const struct conform_exchange *x, int status);
enum conform_verdict conform_is_refused(struct conform_play *p, const struct conform_exchange *x);
enum conform_verdict conform_is_no_store(struct conform_play *p, const struct conform_exchange *x);
enum conform_verdict conform_is_empty(struct conform_play *p, const struct conform_exchange *x);
bool conform_is_plain_token(const char *text); /* only [A-Za-z0-9._~-] */
/* The payloads of a profile are those that the device's mode and system allow. */
enum conform_verdict conform_are_payloads_allowed(struct conform_play *p, plist_t profile);
const char *conform_status_text(struct conform_play *p, const struct conform_exchange *x); /* "403", "no answer: ..." */

/* ---- telling ---- */
bool conform_wants(const struct conform_settings *s, const struct conform_check *c);

#endif
