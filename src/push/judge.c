#include <string.h>

#include "fmt/json.h"
#include "push/push.h"

#define WORD_MAX 60 /* octets of a reason; Apple's have up to 30 */

/* The whole list of what is about one token. Other 400s are about what this server sent. */
static const char *const about_the_token[] = { "BadDeviceToken", "DeviceTokenNotForTopic", "BadTopic", "Unregistered",
	"ExpiredToken" };

static const char *
word(struct arena *a, const json_t *j)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	const char *reason = json_get_text(j, "reason");
	size_t n = reason != NULL ? strlen(reason) : 0;

	return n > 0 && n <= WORD_MAX && strspn(reason, letters) == n ? arena_strdup(a, reason) : NULL;
}

enum push_verdict
push_judge(struct arena *a, int status, struct bytes body, const char **reason, int64_t *since)
{
	json_t *j = NULL;

	*reason = NULL;
	*since = 0;
	if (status == 200)
		return PUSH_SENT;
	if (json_parse(a, body, &j, NULL) == RC_OK) {
		*reason = word(a, j);
		*since = json_get_int(j, "timestamp", 0) / 1000;
	}
	if (status == 410)
		return PUSH_TOKEN_BAD;
	for (size_t i = 0; status == 400 && *reason != NULL && i < sizeof about_the_token / sizeof about_the_token[0];
	     i++) {
		if (strcmp(about_the_token[i], *reason) == 0)
			return PUSH_TOKEN_BAD;
	}
	return status == 403 ? PUSH_TROUBLE : PUSH_LATER;
}
