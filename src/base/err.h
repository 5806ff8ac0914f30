/* What went wrong: a code that says what the caller can do, and one sentence for the operator.
 *
 * Three kinds are kept apart. The peer's fault is answered (RC_BAD_INPUT ... RC_TOO_LARGE). The
 * operator's trouble is logged and answered 503 (RC_UNAVAILABLE). Our own bug is an assert, which
 * input never reaches; RC_INTERNAL is for what a library refused without a reason we know. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum rc {
	RC_OK = 0,
	RC_BAD_INPUT, /* the peer sent something malformed */
	RC_UNAUTHENTICATED, /* the peer must say who it is (again) */
	RC_FORBIDDEN, /* known, and not allowed */
	RC_NOT_FOUND,
	RC_CONFLICT, /* a unique key is taken, or a state does not allow it */
	RC_TOO_LARGE, /* over a limit that the sentence names */
	RC_UNAVAILABLE, /* a resource is gone, full or busy: later it may work */
	RC_INTERNAL,
};

#define ERR_TEXT_MAX 512 /* bytes with the terminator; longer sentences are cut */

struct err {
	enum rc rc;
	char text[ERR_TEXT_MAX]; /* no secrets: it may be logged and stored */
};

/* Write the sentence and return `rc`, so that `return fail(...)` reads well. `e` may be NULL. */
enum rc fail(struct err *e, enum rc rc, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Prefix the sentence already in `e` with where it happened ("redeem code: ..."), return `rc`. */
enum rc fail_in(struct err *e, enum rc rc, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* "bad input", "not found", ...: for logs and tests. */
const char *rc_name(enum rc rc);

#endif
