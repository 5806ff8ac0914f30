/* What devices report by declarative management: kept per channel, merged or replaced (protocol 14, S-35). */
#ifndef DDM_STATUS_H
#define DDM_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/call.h"
#include "command/policy.h"
#include "fmt/json.h"

#define DDM_STATUS_MAX 2000 /* items and elements kept of one channel; more are left out, and said in the log */
#define DDM_VALUE_MAX 65536 /* octets of one of them */

/* One report. What the mode refuses is dropped before anything is written, and under BYOD whatever could tell the
 * device or its owner (S-10). In a unit of its own, or as a part of one. RC_BAD_INPUT: it is no StatusReport;
 * nothing changed. */
struct ddm_news { /* of a report: what else it changes */
	const char *os_version; /* as the device says now; NULL: it does not */
	bool capabilities; /* it said what it knows of declarations */
};
enum rc ddm_status_put(struct call *c, const char *enrollment_id, const char *user_id, const struct policy_target *t,
    struct bytes report, struct ddm_news *news);

struct ddm_report { /* what is said of one declaration */
	const char *identifier, *server_token, *valid, *reason;
	bool active;
};
enum rc ddm_status_declarations(
    struct call *c, const char *enrollment_id, const char *user_id, struct ddm_report **out, int *n);

struct ddm_item { /* element "" where it is no array's */
	const char *item, *element, *value; /* value: JSON */
	int64_t updated_at;
};
/* Of this status item; NULL: of all. */
enum rc ddm_status_items(
    struct call *c, const char *enrollment_id, const char *user_id, const char *item, struct ddm_item **out, int *n);

/* First of the reasons of an item: its code, and what it says besides; NULL: there is none. */
const char *ddm_status_reason(struct call *c, const json_t *reasons);

#endif
