#include "device/story.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_ 4096

void
story_init(struct story *s, enum story_mode mode, FILE *out)
{
	const char *plain = getenv("NO_COLOR");

	*s = (struct story){ .mode = mode, .out = out, .stage = "start", .event = "" };
	s->dim = mode == STORY_HUMAN && isatty(fileno(out)) && (plain == NULL || *plain == '\0');
}

void
story_end(struct story *s)
{
	char *text;

	if (s->pending == NULL)
		return;
	if ((text = json_dumps(s->pending, JSON_COMPACT)) != NULL)
		fprintf(s->out, "%s\n", text);
	free(text);
	json_decref(s->pending);
	s->pending = NULL;
	fflush(s->out);
}

/* A peer's text must not write to the terminal, nor break a line. */
static void
plain(char *text)
{
	for (unsigned char *p = (unsigned char *)text; *p != '\0'; p++)
		if (*p < 0x20 || *p == 0x7f)
			*p = ' ';
}

static void
put(json_t *object, const char *key, const char *text)
{
	json_t *value = json_string(text); /* NULL when it is not UTF-8 */

	json_object_set_new(object, key, value != NULL ? value : json_string("(not text)"));
}

void
story_stage(struct story *s, const char *stage, const char *title)
{
	story_end(s);
	s->stage = stage;
	if (s->mode == STORY_HUMAN)
		fprintf(s->out, "%s%s%s\n", s->dim ? "\033[1m" : "", title, s->dim ? "\033[0m" : "");
}

void
story_step(struct story *s, const char *event, const char *format, ...)
{
	char text[LINE_MAX_];
	va_list ap;

	s->event = event;
	if (s->mode == STORY_QUIET)
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	plain(text);
	story_end(s);
	if (s->mode == STORY_HUMAN) {
		fprintf(s->out, "  %s\n", text);
		fflush(s->out);
		return;
	}
	s->pending = json_object();
	put(s->pending, "stage", s->stage);
	put(s->pending, "event", event);
	put(s->pending, "text", text);
}

void
story_detail(struct story *s, const char *key, const char *format, ...)
{
	char text[LINE_MAX_];
	va_list ap;

	if (s->mode == STORY_QUIET)
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	plain(text);
	if (s->mode == STORY_HUMAN) {
		fprintf(s->out, "%s      %-12s %s%s\n", s->dim ? "\033[2m" : "", key, text, s->dim ? "\033[0m" : "");
		fflush(s->out);
	} else if (s->pending != NULL) {
		put(s->pending, key, text);
	}
}
