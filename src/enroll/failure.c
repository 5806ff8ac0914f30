#include "enroll/failure.h"

#include <stddef.h>
#include <string.h>

static const struct enroll_failure failures[] = {
#define X(code, text, stage, outcome, person, operator_, todo) { text, stage, outcome, person, operator_, todo },
	ENROLL_FAILURES(X)
#undef X
};

static const char *const stages[] = { "discovery", "enroll", "sign-in", "token", "profile", "certificate", "check-in",
	"command", "ongoing", "end" };
static const char *const outcomes[] = { "ok", "refused", "failed" };

const struct enroll_failure *
enroll_failure(enum enroll_code code)
{
	return &failures[code];
}

const struct enroll_failure *
enroll_failure_find(const char *code)
{
	for (size_t i = 0; i < ENROLL_CODES; i++) {
		if (strcmp(failures[i].code, code) == 0)
			return &failures[i];
	}
	return NULL;
}

const char *
enroll_stage_name(enum enroll_stage s)
{
	return stages[s];
}

const char *
enroll_outcome_name(enum enroll_outcome o)
{
	return outcomes[o];
}
