/* Answers as servers send them, whole and in pieces, and what is no answer. */
#include "fleet/answer.h"

#include <stdlib.h>

#include "base/tap.h"

static enum fleet_reading
reading(const char *text, size_t n, bool ended, struct fleet_answer *a, char **kept)
{
	*kept = malloc(n + 1);
	if (*kept == NULL)
		abort();
	memcpy(*kept, text, n);
	return fleet_answer_read(*kept, n, ended, a);
}

static void
reads(const char *text, int status, const char *body, const char *what)
{
	struct fleet_answer a;
	size_t n = strlen(text), early = 0;
	char *p;

	for (size_t i = 0; i < n; i++) {
		enum fleet_reading r = reading(text, i, false, &a, &p);

		early += r != FLEET_ANSWER_MORE;
		free(p);
	}
	ok(early == 0, "%s: each part of it is not all of it (RFC 9112 8)", what);
	ok(reading(text, n, false, &a, &p) == FLEET_ANSWER_DONE && a.status == status && a.n == n &&
		bytes_eq(a.body, bytes_str(body)),
	    "%s: read as %d with %zu octets", what, status, strlen(body));
	free(p);
}

static void
refuses(const char *text, const char *what)
{
	struct fleet_answer a;
	char *p;

	ok(reading(text, strlen(text), false, &a, &p) == FLEET_ANSWER_BAD, "%s is no answer", what);
	free(p);
}

static void
reads_fields(void)
{
	static const char text[] =
	    "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nconnection: Close\r\nRetry-After: 7\r\n"
	    "WWW-Authenticate: Bearer method=\"apple-oauth2\", token-url=\"https://h/oauth2/token\"\r\n\r\n";
	struct fleet_answer a;
	char *p;

	ok(reading(text, sizeof text - 1, false, &a, &p) == FLEET_ANSWER_DONE, "an answer with fields");
	ok(a.close, "Connection: close is heard, whatever its case");
	ok(a.retry_after_s == 7, "Retry-After is a number of seconds");
	ok(bytes_eq(fleet_answer_parameter(a.challenge, "token-url"), bytes_str("https://h/oauth2/token")),
	    "a parameter of the challenge");
	ok(fleet_answer_parameter(a.challenge, "url-token").p == NULL, "one that is not there is absent");
	ok(fleet_answer_parameter(bytes_of(NULL, 0), "token-url").p == NULL &&
		fleet_answer_plist_text(bytes_of(NULL, 0), "CommandUUID").p == NULL &&
		fleet_answer_json_text(bytes_of(NULL, 0), "access_token").p == NULL,
	    "nor is anything in what the answer did not have");
	free(p);
	ok(reading("HTTP/1.1 200 OK\r\n\r\nabc", 22, false, &a, &p) == FLEET_ANSWER_MORE,
	    "without a length the body goes on");
	free(p);
	ok(reading("HTTP/1.1 200 OK\r\n\r\nabc", 22, true, &a, &p) == FLEET_ANSWER_DONE && a.body.n == 3 && a.close,
	    "until the peer closes");
	free(p);
}

static void
reads_documents(void)
{
	struct bytes plist =
	    bytes_str("<dict><key>Command</key><dict><key>RequestType</key>\n\t<string>DeviceInformation"
		      "</string></dict><key>CommandUUID</key>\n\t<string>1-2</string></dict>");
	struct bytes json = bytes_str("{\"token_type\":\"Bearer\", \"access_token\" : \"abc\",\"expires_in\":3600}");

	ok(bytes_eq(fleet_answer_plist_text(plist, "CommandUUID"), bytes_str("1-2")), "a text of a property list");
	ok(fleet_answer_plist_text(plist, "Command").p == NULL, "a dictionary is no text");
	ok(fleet_answer_plist_text(bytes_str("<key>A</key>"), "A").p == NULL, "a key without a value");
	ok(bytes_eq(fleet_answer_json_text(json, "access_token"), bytes_str("abc")), "a text of a JSON object");
	ok(fleet_answer_json_text(json, "expires_in").p == NULL, "a number is no text");
	ok(fleet_answer_json_text(json, "token").p == NULL, "part of a key is not the key");
}

int
main(void)
{
	reads("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "", "an empty answer");
	reads("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", "an answer with a length");
	reads("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n7;x=y\r\n, there\r\n0\r\n\r\n", 200,
	    "hello, there", "an answer in chunks");
	reads("HTTP/1.1 204 No Content\r\n\r\n", 204, "", "an answer that has no body");
	refuses("SMTP/1.1 200 OK\r\n\r\n", "another protocol");
	refuses("HTTP/1.1 2x0 OK\r\n\r\n", "a status with a letter");
	refuses("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "a negative length");
	refuses("HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n", "a length past the limit");
	refuses("HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "a field without a colon");
	refuses("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "a chunk without a size");
	refuses("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", "a chunk longer than it says");
	reads_fields();
	reads_documents();
	return done();
}
