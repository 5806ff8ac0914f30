/* Misbehaviour on demand, for every service of the stand-in: a list of rules in JSON, looked at for each request.
 *
 *	[ {"service": "apns", "every": 97, "status": 429, "body": {"reason": "TooManyRequests"}},
 *	  {"service": "apns", "subject": "<token>", "status": 410, "body": {"reason": "Unregistered", "timestamp": 1}},
 *	  {"service": "apns", "after": 10000, "then": "goaway"},
 *	  {"service": "apps-and-books", "subject": "/v2/assets/associate", "times": 2, "status": 503, "retry_after": 1} ]
 *
 * A rule counts the requests that fit its service and subject (none: all), and acts on each `every`th of them, or on
 * the one behind the `after`th, at most `times` (0: always; behind `after`, once). The first that acts is done. */
#ifndef APPLE_FAULT_H
#define APPLE_FAULT_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

#define FAULT_RULES 4096
#define FAULT_BODY 1024 /* octets of the answer's body */

enum fault_then { FAULT_GO_ON, FAULT_GOAWAY, FAULT_DROP };

struct fault {
	int status; /* 0: as if there was no fault, but for `then` */
	const char *body; /* JSON, or NULL */
	int retry_after; /* seconds; 0: not said */
	enum fault_then then; /* HTTP/2 only */
};

struct faults;

struct faults *faults_new(void);
void faults_free(struct faults *f); /* NULL is fine */

/* In place of the rules before. RC_BAD_INPUT: the sentence says which rule and why; the old ones stay. */
enum rc faults_set(struct faults *f, struct bytes json, struct err *e);

/* Whether one acts on this request; text of *out in `a`. From any thread. */
bool faults_take(struct faults *f, struct arena *a, const char *service, const char *subject, struct fault *out);

#endif
