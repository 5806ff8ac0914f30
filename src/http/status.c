#include "http/reply.h"

/* clang-format off */
static const struct {
	int status;
	const char *reason, *text; /* text: the whole body of an answer by http_fail */
} statuses[] = {
	{ 100, "Continue",                        NULL },
	{ 200, "OK",                              NULL },
	{ 201, "Created",                         NULL },
	{ 202, "Accepted",                        NULL },
	{ 204, "No Content",                      NULL },
	{ 301, "Moved Permanently",               NULL },
	{ 302, "Found",                           NULL },
	{ 303, "See Other",                       NULL },
	{ 304, "Not Modified",                    NULL },
	{ 307, "Temporary Redirect",              NULL },
	{ 308, "Permanent Redirect",              NULL },
	{ 400, "Bad Request",                     "The request is malformed.\n" },
	{ 401, "Unauthorized",                    "Sign in first.\n" },
	{ 403, "Forbidden",                       "This is not allowed.\n" },
	{ 404, "Not Found",                       "There is nothing here.\n" },
	{ 405, "Method Not Allowed",              "This method is not allowed here.\n" },
	{ 408, "Request Timeout",                 "The request took too long to arrive.\n" },
	{ 409, "Conflict",                        "This conflicts with what is already there.\n" },
	{ 410, "Gone",                            "This is gone.\n" },
	{ 411, "Length Required",                 "A length is required.\n" },
	{ 412, "Precondition Failed",             "A precondition failed.\n" },
	{ 413, "Content Too Large",               "The request is too large.\n" },
	{ 414, "URI Too Long",                    "The address is too long.\n" },
	{ 415, "Unsupported Media Type",          "This media type is not supported.\n" },
	{ 417, "Expectation Failed",              "This expectation can not be met.\n" },
	{ 422, "Unprocessable Content",           "The content can not be processed.\n" },
	{ 429, "Too Many Requests",               "Too many requests; try again later.\n" },
	{ 431, "Request Header Fields Too Large", "The header is too large.\n" },
	{ 500, "Internal Server Error",           "Something went wrong here.\n" },
	{ 501, "Not Implemented",                 "This method is not known.\n" },
	{ 502, "Bad Gateway",                     "Another server answered badly.\n" },
	{ 503, "Service Unavailable",             "The server is busy; try again shortly.\n" },
	{ 504, "Gateway Timeout",                 "Another server did not answer.\n" },
	{ 505, "HTTP Version Not Supported",      "This version of HTTP is not spoken here.\n" },
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
