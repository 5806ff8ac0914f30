/* The timeline of an attempt, as a colleague would tell it. */
#include <string.h>
#include <time.h>

#include "postern/cli.h"

static const char *
mode_words(const char *mode)
{
	static const char *const words[][2] = {
		{ "byod", "the person's own device (User Enrollment)" },
		{ "adde", "the organization's device (Device Enrollment)" },
	};

	for (size_t i = 0; i < 2; i++) {
		if (mode != NULL && strcmp(words[i][0], mode) == 0)
			return words[i][1];
	}
	return "not decided";
}

static void
line(struct cli *k, const char *label, const char *text)
{
	if (text != NULL && *text != '\0')
		printf("%s%-10s%s %s\n", paint_on(k->color_out, PAINT_BOLD), label, paint_off(k->color_out, PAINT_BOLD),
		    text);
}

static const char *
text(struct cli *k, const json_t *o, const char *key)
{
	return cell_text(k, o, key, COL_TEXT);
}

static void
header(struct cli *k, const json_t *t)
{
	const char *kind = json_get_text(t, "kind"), *user = text(k, t, "user"), *as = text(k, t, "signed_in_as");
	const char *device = text(k, t, "product"), *os = text(k, t, "os_version");

	line(k, "Attempt",
	    arena_printf(k->a, "%s (%s), %s", text(k, t, "id"), text(k, t, "help_code"),
		kind != NULL && strcmp(kind, "reauth") == 0 ? "to sign in again" : "to enroll"));
	line(k, "Who",
	    arena_printf(k->a, "%s%s%s", *user != '\0' ? user : "(no identifier was given)",
		*as == '\0'             ? ", who has not signed in"
		: strcmp(as, user) != 0 ? ", signed in as "
					: ", signed in",
		*as != '\0' && strcmp(as, user) != 0 ? as : ""));
	if (*device != '\0' || *text(k, t, "model_family") != '\0')
		line(k, "Device",
		    arena_printf(k->a, "%s%s%s", *device != '\0' ? device : text(k, t, "model_family"),
			*os != '\0' ? " with " : "", os));
	line(k, "Mode", mode_words(json_get_text(t, "mode")));
	line(k, "Method", text(k, t, "method"));
	line(k, "From", text(k, t, "network"));
	line(k, "State", text(k, t, "state"));
	line(k, "Started", cell_text(k, t, "started_at", COL_TIME));
}

static enum paint
outcome_paint(const char *outcome)
{
	if (outcome == NULL || strcmp(outcome, "ok") == 0)
		return PAINT_GOOD;
	return PAINT_BAD;
}

static void
step(struct cli *k, const json_t *v, const char **day)
{
	const char *at = cell_text(k, v, "at", COL_TIME), *details = text(k, v, "details");
	const char *sentence = text(k, v, "sentence"), *outcome = json_get_text(v, "outcome");
	enum paint p = outcome_paint(outcome);
	const char *today = arena_strndup(k->a, at, strcspn(at, " "));

	if (*day == NULL || strcmp(*day, today) != 0)
		printf("%s\n", today);
	*day = today;
	printf("  %s  %-11s %s%-7s%s %s%s%s%s\n", at + strcspn(at, " ") + (strchr(at, ' ') != NULL),
	    text(k, v, "stage"), paint_on(k->color_out, p), outcome != NULL ? outcome : "?", paint_off(k->color_out, p),
	    *sentence != '\0' ? sentence : text(k, v, "code"), *details != '\0' ? " (" : "", details,
	    *details != '\0' ? ")" : "");
}

/* What the person was shown where the catalogue has no sentence for it. */
static const char *
seen(const char *stage)
{
	static const struct {
		const char *stage, *words;
	} rows[] = {
		{ "command", "nothing: commands are between the server and the device" },
		{ "token", "nothing, until the device asks to sign in again" },
		{ "ongoing", "nothing, until the device asks to sign in again" },
		{ "end", "nothing" },
	};

	for (size_t i = 0; stage != NULL && i < sizeof rows / sizeof rows[0]; i++) {
		if (strcmp(rows[i].stage, stage) == 0)
			return rows[i].words;
	}
	return "the device's own general message";
}

/* The last step is old news where the person signed in again after it. */
static bool
signed_in_since(const json_t *t, const json_t *last)
{
	const char *state = json_get_text(json_object_get(t, "enrollment_is"), "state");
	const json_t *again = json_object_get(t, "sign_in_again");

	return state != NULL && strcmp(state, "enrolled") == 0 &&
	       json_get_int(again, "updated_at", 0) >= json_get_int(last, "at", 0) && json_is_object(again);
}

/* Where it stopped: what the person saw, what it was, what to do next. */
static void
ending(struct cli *k, const json_t *t, const json_t *last)
{
	const char *outcome = json_get_text(last, "outcome"), *person = text(k, last, "person");

	if (outcome == NULL || strcmp(outcome, "ok") == 0) {
		line(k, "To do", text(k, last, "todo"));
		return;
	}
	if (signed_in_since(t, last)) {
		line(k, "Since then", "the person signed in again, and the enrollment goes on");
		return;
	}
	line(k, "Seen", *person != '\0' ? arena_printf(k->a, "\"%s\"", person) : seen(json_get_text(last, "stage")));
	line(k, "Cause",
	    arena_printf(k->a, "%s%s%s%s [%s]", text(k, last, "sentence"),
		*text(k, last, "details") != '\0' ? " (" : "", text(k, last, "details"),
		*text(k, last, "details") != '\0' ? ")" : "", text(k, last, "code")));
	line(k, "To do", *text(k, last, "todo") != '\0' ? text(k, last, "todo") : "nothing on this side");
}

static void
relations(struct cli *k, const json_t *t)
{
	const json_t *e = json_object_get(t, "enrollment_is");

	if (json_is_object(e))
		line(k, "Enrolled",
		    arena_printf(k->a, "as %s, %s now (postern enrollment show %s)", text(k, e, "id"),
			text(k, e, "state"), text(k, e, "id")));
	if (json_is_object(json_object_get(t, "sign_in_again")))
		line(k, "Later",
		    arena_printf(k->a, "the person was asked to sign in again: postern attempt show %s",
			cell_text(k, t, "sign_in_again.id", COL_TEXT)));
	if (*text(k, t, "first_attempt") != '\0')
		line(k, "Before",
		    arena_printf(k->a, "it was enrolled by postern attempt show %s", text(k, t, "first_attempt")));
}

void
print_attempt(struct cli *k, const json_t *answer)
{
	const json_t *timeline = json_object_get(answer, "timeline");
	const char *day = NULL;
	const json_t *v = NULL;
	size_t i;

	header(k, answer);
	printf("\n");
	json_array_foreach(timeline, i, v)
	{
		step(k, v, &day);
	}
	if (json_array_size(timeline) == 0)
		printf("  No step was written.\n");
	printf("\n");
	if (json_array_size(timeline) > 0)
		ending(k, answer, json_array_get(timeline, json_array_size(timeline) - 1));
	relations(k, answer);
}
