/* Attempts and their events: the timeline of one try to enroll or to sign in again.
 *
 * Discovery writes nothing: it seals what it decided into the path of BaseURL. The attempt's row is
 * made when a device comes back with a string that opens. */
#ifndef ENROLL_ATTEMPT_H
#define ENROLL_ATTEMPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/call.h"
#include "enroll/failure.h"

#define ATTEMPT_SEALED_MAX 400 /* octets of the string in the path */
#define ATTEMPT_IDENTIFIER_MAX 240 /* octets of a user identifier that discovery accepts */
#define ATTEMPT_LIFE_S (24 * 3600) /* a sealed string older than this starts nothing */

/* What discovery decided. */
struct attempt_seal {
	int64_t at;
	const char *user_identifier; /* NULL: none was given */
	const char *model_family; /* NULL: none was given */
	const char *rule_id; /* NULL: none matched by id */
};
enum rc attempt_seal(struct call *c, const struct attempt_seal *s, const char **sealed);
/* RC_BAD_INPUT: not ours or damaged. RC_FORBIDDEN: older than ATTEMPT_LIFE_S. */
enum rc attempt_unseal(struct call *c, const char *sealed, struct attempt_seal *out);
/* The row's id of a sealed string: 16 characters [0-9a-z]. */
const char *attempt_id(struct arena *a, const char *sealed);

struct attempt {
	const char *id, *organization_id, *kind, *user_identifier, *account_id, *model_family, *product, *os_version,
	    *mode, *method, *rule_id, *address, *state, *stage, *code, *enrollment_id;
	int64_t events, started_at, updated_at;
};

/* Make the row if there is none of that id (a->id, organization_id, kind must be set), and fill the
 * device's facts (product, os_version, mode, method, address) where they are given. Inside or outside a unit.
 * RC_TOO_LARGE: too many attempts without a sign-in from this address (/24, /64) or in all. */
enum rc attempt_open(struct call *c, const struct attempt *a);
enum rc attempt_get(struct call *c, const char *id, struct attempt *out);

/* The network of an address, "192.0.2.0/24" or "2001:db8::/64", so that one phone changing its IPv6 address is one, and
 * so that no more of a person's address is kept than a limit needs. NULL: not an address. */
const char *attempt_network(struct arena *a, const char *address);

/* The code that a person reads to a help desk: the first eight characters of an attempt's id, in capitals and two
 * groups: "7K3M-9QPX". `id` shorter than that: the id itself. */
const char *attempt_code(struct arena *a, const char *id);
/* The newest attempt with that code, read as it was heard: in any case, with any spaces and hyphens, O for 0 and I or L
 * for 1. RC_NOT_FOUND: none, or no code at all. */
enum rc attempt_by_code(struct call *c, const char *code, struct attempt *out);
enum rc attempt_latest(struct call *c, const char *user_identifier, struct attempt *out);
/* A page, newest first. Filters may be NULL; `code` is that of the newest event. */
struct db_page;
enum rc attempt_list(struct call *c, const char *organization_id, const char *user_identifier, const char *state,
    const char *code, const struct db_page *page, struct attempt **out, int *n);

/* The person who signed in; RC_CONFLICT never: the last sign-in counts. */
enum rc attempt_signed_in(struct call *c, const char *id, const char *account_id);
enum rc attempt_set_method(struct call *c, const char *id, const char *method);
enum rc attempt_set_state(struct call *c, const char *id, const char *state, const char *enrollment_id);

struct event {
	int64_t seq, at;
	const char *stage, *code, *outcome, *details;
};

/* Add a step; `details` (a format, may be NULL) says what this time adds to the catalogue's sentence,
 * without secrets. Works inside a unit and as one by itself. Beyond the cap per attempt (conf
 * events_per_attempt) only steps that succeed or end are kept. An attempt that is not there (id NULL) is
 * a log line only. A failed write is returned: the answer waits for its event. */
enum rc attempt_event(struct call *c, const char *id, enum enroll_code code, const char *details, ...)
    __attribute__((format(printf, 4, 5)));
/* The last step that was written. RC_NOT_FOUND: there is none. */
enum rc attempt_newest(struct call *c, const char *id, struct event *out);
/* The timeline: the events, the oldest 2,000, and the steps of the enrollment's newest 1,000 commands, which the
 * commands' own rows tell (seq 0). */
enum rc attempt_events(struct call *c, const char *id, struct event **out, int *n);

#endif
