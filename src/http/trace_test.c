#include "http/trace.h"

#include <string.h>

#include "base/tap.h"
#include "http/server.h"

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"

static const struct {
	const char *parent, *flags; /* flags NULL: it is as none */
	const char *rule;
} cases[] = {
	/* clang-format off */
	{ "00-" TRACE "-" SPAN "-01", "01", "a trace goes on, with its flags" },
	{ "00-" TRACE "-" SPAN "-00", "00", "also one that is not sampled" },
	{ "cc-" TRACE "-" SPAN "-01-what-the-future-will-be-like", "01", "a later version is read as far as it is known" },
	{ "cc-" TRACE "-" SPAN "-01", "01", "with nothing behind it, too" },
	{ NULL, NULL, "no header" },
	{ "", NULL, "an empty one" },
	{ "ff-" TRACE "-" SPAN "-01", NULL, "version ff" },
	{ "00-" TRACE "-" SPAN "-01-more", NULL, "more than version 00 has" },
	{ "cc-" TRACE "-" SPAN "-01.more", NULL, "more of a later version without a hyphen" },
	{ "00-00000000000000000000000000000000-" SPAN "-01", NULL, "a trace id of zeros" },
	{ "00-" TRACE "-0000000000000000-01", NULL, "a span id of zeros" },
	{ "00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01", NULL, "capitals" },
	{ "00-" TRACE "-" SPAN "-0", NULL, "one that is too short" },
	{ "00-" TRACE "_" SPAN "-01", NULL, "other separators" },
	{ "0x-" TRACE "-" SPAN "-01", NULL, "a version that is no number" },
	/* clang-format on */
};

int
main(void)
{
	struct arena *a = arena_new(0);
	const struct http_header header = { "TraceParent", "00-" TRACE "-" SPAN "-01" };
	const struct http_request r = { .headers = &header, .n_headers = 1 };
	struct call c = { .arena = a, .request = &r }, none = { .arena = a };

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *got = http_trace_from(a, cases[i].parent);
		bool same = strncmp(got + 3, TRACE, 32) == 0;

		ok(strlen(got) == 55 && strncmp(got, "00-", 3) == 0 && strstr(got, SPAN) == NULL &&
			same == (cases[i].flags != NULL) &&
			strcmp(got + 53, cases[i].flags != NULL ? cases[i].flags : "00") == 0,
		    "%s: %s (W3C Trace Context 3.2)", cases[i].rule,
		    cases[i].flags != NULL ? "the trace with a span of our own" : "a trace begins here");
	}
	is_str(http_trace_id(&c), TRACE, "a call has the trace of its request");
	ok(http_trace(&c) == http_trace(&c), "and one span");
	ok(strcmp(http_trace(&none), http_trace(&c)) != 0, "a call without a request has a trace of its own");
	arena_free(a);
	return done();
}
