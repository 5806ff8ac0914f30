#include "http/reply.h"

/* A problem document (RFC 9457) says the same; its code is rc_name's word where an rc has that status. */
#define REFUSAL(status, reason, text, code) \
	{ status, reason, text "\n", \
		"{\"type\":\"about:blank\",\"title\":\"" reason "\",\"status\":" #status ",\"detail\":\"" text \
		"\",\"code\":\"" code "\"}" },

/* clang-format off */
static const struct {
	int status;
	const char *reason, *text; /* text: the whole body of an answer by http_fail */
	const char *problem;
} statuses[] = {
	{ 100, "Continue", NULL, NULL },
	{ 200, "OK", NULL, NULL },
	{ 201, "Created", NULL, NULL },
	{ 202, "Accepted", NULL, NULL },
	{ 204, "No Content", NULL, NULL },
	{ 301, "Moved Permanently", NULL, NULL },
	{ 302, "Found", NULL, NULL },
	{ 303, "See Other", NULL, NULL },
	{ 304, "Not Modified", NULL, NULL },
	{ 307, "Temporary Redirect", NULL, NULL },
	{ 308, "Permanent Redirect", NULL, NULL },
	REFUSAL(400, "Bad Request", "The request is malformed.", "bad input")
	REFUSAL(401, "Unauthorized", "Sign in first.", "unauthenticated")
	REFUSAL(403, "Forbidden", "This is not allowed.", "forbidden")
	REFUSAL(404, "Not Found", "There is nothing here.", "not found")
	REFUSAL(405, "Method Not Allowed", "This method is not allowed here.", "method not allowed")
	REFUSAL(408, "Request Timeout", "The request took too long to arrive.", "request timeout")
	REFUSAL(409, "Conflict", "This conflicts with what is already there.", "conflict")
	REFUSAL(410, "Gone", "This is gone.", "gone")
	REFUSAL(411, "Length Required", "A length is required.", "length required")
	REFUSAL(412, "Precondition Failed", "A precondition failed.", "precondition failed")
	REFUSAL(413, "Content Too Large", "The request is too large.", "too large")
	REFUSAL(414, "URI Too Long", "The address is too long.", "uri too long")
	REFUSAL(415, "Unsupported Media Type", "This media type is not supported.", "unsupported media type")
	REFUSAL(417, "Expectation Failed", "This expectation can not be met.", "expectation failed")
	REFUSAL(422, "Unprocessable Content", "The content can not be processed.", "unprocessable content")
	REFUSAL(429, "Too Many Requests", "Too many requests; try again later.", "too many requests")
	REFUSAL(431, "Request Header Fields Too Large", "The header is too large.", "request header fields too large")
	REFUSAL(500, "Internal Server Error", "Something went wrong here.", "internal error")
	REFUSAL(501, "Not Implemented", "This method is not known.", "not implemented")
	REFUSAL(502, "Bad Gateway", "Another server answered badly.", "bad gateway")
	REFUSAL(503, "Service Unavailable", "The server is busy; try again shortly.", "unavailable")
	REFUSAL(504, "Gateway Timeout", "Another server did not answer.", "gateway timeout")
	REFUSAL(505, "HTTP Version Not Supported", "This version of HTTP is not spoken here.", "http version not supported")
};

static const int rc_status[] = {
	[RC_OK] = 200,
	[RC_BAD_INPUT] = 400,
	[RC_UNAUTHENTICATED] = 401,
	[RC_FORBIDDEN] = 403,
	[RC_NOT_FOUND] = 404,
	[RC_CONFLICT] = 409,
	[RC_TOO_LARGE] = 413,
	[RC_UNAVAILABLE] = 503,
	[RC_INTERNAL] = 500,
};
/* clang-format on */

int
http_status(enum rc rc)
{
	return (unsigned)rc < sizeof rc_status / sizeof rc_status[0] ? rc_status[rc] : 500;
}

const char *
http_status_reason(int status)
{
	for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
		if (statuses[i].status == status)
			return statuses[i].reason;
	}
	return "Other";
}

const char *
http_status_text(int status)
{
	for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
		if (statuses[i].status == status && statuses[i].text != NULL)
			return statuses[i].text;
	}
	return "";
}

const char *
http_status_problem(int status)
{
	for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
		if (statuses[i].status == status && statuses[i].problem != NULL)
			return statuses[i].problem;
	}
	return "{}";
}
