/* The catalogue of what can be wrong: one row each, in check/cause_table.h. */
#ifndef CHECK_CAUSE_H
#define CHECK_CAUSE_H

#include "check/cause_table.h"
#include "check/check.h"

#define CHECK_CAUSE_ENUM(id, code, stage, severity, phone, cause, todo, snippet) CAUSE_##id,
enum check_cause_id { CHECK_CAUSES(CHECK_CAUSE_ENUM) CHECK_N_CAUSES };

enum check_snippet { /* what a snippet does to the web server */
	CHECK_SNIPPET_NONE,
	CHECK_SNIPPET_TYPE, /* the document that is there becomes application/json */
	CHECK_SNIPPET_DOCUMENT, /* serves the document */
	CHECK_SNIPPET_REDIRECT, /* sends devices to the MDM server, with their query */
	CHECK_SNIPPET_TLS, /* versions, suites, Extended Master Secret */
	CHECK_SNIPPET_CHAIN, /* certificate with intermediates */
	CHECK_SNIPPET_PROXY, /* lets the enrollment request through to the MDM server */
	CHECK_N_SNIPPETS,
};

struct check_cause {
	const char *code; /* stable: monitoring and tests read it */
	enum check_stage stage;
	enum check_state severity;
	const char *phone; /* what the person sees; NULL: nothing, the phone goes on */
	const char *cause, *todo;
	enum check_snippet snippet; /* that mends it */
};
const struct check_cause *check_cause(enum check_cause_id id);

#endif
