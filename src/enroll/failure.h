/* The catalogue of everything that happens to an attempt: each step that succeeds and each way in
 * which one can be refused or fail. One table is read by the timeline, by the pages that people see
 * and by the 403 documents, so that all of them say the same. */
#ifndef ENROLL_FAILURE_H
#define ENROLL_FAILURE_H

enum enroll_stage {
	STAGE_DISCOVERY,
	STAGE_ENROLL,
	STAGE_SIGNIN,
	STAGE_TOKEN,
	STAGE_PROFILE,
	STAGE_CERTIFICATE,
	STAGE_CHECKIN,
	STAGE_COMMAND,
	STAGE_ONGOING,
	STAGE_END
};

enum enroll_outcome { OUTCOME_OK, OUTCOME_REFUSED, OUTCOME_FAILED };

/* X(code, text, stage, outcome, person, operator, todo): `person` is what the person saw or may be shown
 * (NULL: nothing), `operator` what happened, `todo` what to do (NULL: nothing). */
#include "enroll/failure_table.h"

enum enroll_code {
#define X(code, text, stage, outcome, person, operator_, todo) EV_##code,
	ENROLL_FAILURES(X)
#undef X
	    ENROLL_CODES
};

struct enroll_failure {
	const char *code; /* "signin-wrong-password": as stored */
	enum enroll_stage stage;
	enum enroll_outcome outcome;
	const char *person, *operator_, *todo;
};

const struct enroll_failure *enroll_failure(enum enroll_code code);
/* By stored text; NULL: written by a newer version. */
const struct enroll_failure *enroll_failure_find(const char *code);
const char *enroll_stage_name(enum enroll_stage s); /* "discovery", ... */
const char *enroll_outcome_name(enum enroll_outcome o); /* "ok", "refused", "failed" */

#endif
