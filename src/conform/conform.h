/* A conformance test of any server of account-driven enrollment: a simulated device of each family lives through all
 * stages, and whatever the server answered, to it and to some questions more, is judged by a table of checks.
 *
 * Nothing of the server is needed but a user identifier and the password, or a program for its sign-in pages. */
#ifndef CONFORM_CONFORM_H
#define CONFORM_CONFORM_H

#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum conform_plan { /* each has what stands before it */
	CONFORM_QUICK, /* one life of each device, and questions that leave no trace */
	CONFORM_FULL, /* refusals, repetition, a second enrollment */
	CONFORM_DESTRUCTIVE, /* forged and replayed messages, wrong passwords, many requests */
};

enum conform_stage {
	CONFORM_DISCOVERY,
	CONFORM_CHALLENGE,
	CONFORM_SIGNIN,
	CONFORM_PROFILE,
	CONFORM_IDENTITY,
	CONFORM_CHECKIN,
	CONFORM_MANAGED,
	CONFORM_ONGOING,
	CONFORM_END,
	CONFORM_STAGES
};
extern const char *const conform_stage_names[CONFORM_STAGES + 1]; /* NULL-terminated, as are the two below */
extern const char *const conform_plan_names[];
extern const char *const conform_mode_names[]; /* "byod", "adde" */

struct conform_person {
	const char *identifier, *password; /* password NULL with a command */
};

struct conform_settings {
	const struct conform_person *people;
	int n_people;
	const char *command; /* program that signs in; NULL: the simulated person does */
	const char *family, *os; /* NULL: all; each its own */
	const char *mode; /* "byod" or "adde": only devices that discovery sends there; NULL: all */
	enum conform_plan plan;
	enum conform_stage until; /* the last stage that is played */
	const char *const *only; /* rules or checks, NULL-terminated; empty: all */
	const char *ca_file, *device_ca; /* device_ca: folder of the CA that signs built-in identities */
	const char *const *connect_to;
	struct bytes identity_key; /* of the identities to come (PKCS#8); absent: one is made */
	int patience_ms; /* an answer that takes longer is a deviation */
	FILE *progress; /* NULL: nobody wants to know */
};

enum conform_verdict { /* by weight: what is said of several devices together is the greatest */
	CONFORM_NOT_APPLICABLE,
	CONFORM_PASSED,
	CONFORM_NOT_REACHED,
	CONFORM_ADVICE, /* not as it should be; no device minds */
	CONFORM_DEVIATION,
};
extern const char *const conform_verdict_names[];

struct conform_result {
	enum conform_verdict verdict;
	const char *why; /* what was seen; NULL: nothing to tell */
};

struct conform_played { /* one device and one person */
	const char *family, *os, *identifier;
	const char *mode, *method; /* "BYOD", "apple-oauth2"; NULL: it did not come so far */
	bool skipped; /* discovery sends it to another mode than the one wanted */
	bool complete; /* all that was wanted could be played */
	enum conform_stage stopped_in; /* where it ended, if it is not complete */
	const char *stopped; /* and why; NULL: nothing stopped it */
	struct conform_result *results; /* by check */
	const struct conform_tape *tape;
};

struct conform_report {
	struct arena *arena;
	enum conform_plan plan;
	enum conform_stage until;
	struct conform_played *played;
	int n_played;
	bool *wanted; /* by check: this plan judges it */
	const struct conform_person *people; /* whose passwords are in nothing that is written */
	int n_people;
};

/* Play. RC_BAD_INPUT: `only` names no check, a CA can't be read. What a server does wrong is in the report. */
enum rc conform_run(struct arena *a, const struct conform_settings *s, struct conform_report *out, struct err *e);

/* Of all devices together. */
struct conform_result conform_verdict_of(const struct conform_report *r, int check);

/* No deviation, and everything wanted was played by at least one device. */
bool conform_is_good(const struct conform_report *r);

/* The families, modes and methods that were played to the end, and those that were not: "iPhone, Mac; not ...". */
struct conform_coverage {
	const char *families, *modes, *methods, *missing; /* missing "": nothing */
};
struct conform_coverage conform_coverage_of(const struct conform_report *r);

/* ---- the report ---- */

void conform_write_text(const struct conform_report *r, struct buf *b, bool colour, bool all);
void conform_write_tap(const struct conform_report *r, struct buf *b);
void conform_write_junit(const struct conform_report *r, struct buf *b);
void conform_write_json(const struct conform_report *r, struct buf *b);
void conform_write_html(const struct conform_report *r, struct buf *b);
void conform_write_har(const struct conform_report *r, struct buf *b); /* HAR 1.2, secrets masked */
void conform_write_table(struct buf *b); /* every check as a row of Markdown */

#endif
