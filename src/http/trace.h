/* W3C Trace Context: the traceparent that a request came with goes on to whatever is asked of others because of it, and
 * its trace id stands in the log. Where none came, one begins here. Made when it is first needed, so an idle poll pays
 * nothing. */
#ifndef HTTP_TRACE_H
#define HTTP_TRACE_H

#include "base/call.h"

/* "00-TRACE-SPAN-FLAGS": the trace that came or a new one, with a span of this call's own. Lives as long as c->arena. */
const char *http_trace(struct call *c);
/* Its trace id alone, 32 hexadecimal digits. */
const char *http_trace_id(struct call *c);

/* The same from a header's value (NULL: none came). A value that the specification does not allow is as none. */
const char *http_trace_from(struct arena *a, const char *parent);

#endif
