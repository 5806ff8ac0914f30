/* What the device tells: one short line for a person, details below it for an engineer; or one JSON
 * object a line. No secrets: the callers mask them (device_url_masked). */
#ifndef DEVICE_STORY_H
#define DEVICE_STORY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

enum story_mode { STORY_HUMAN, STORY_QUIET, STORY_JSON };

struct story {
	enum story_mode mode;
	FILE *out;
	bool dim; /* details in a fainter colour: the output is a terminal */
	const char *stage; /* where we are: "discovery", "sign-in", ... */
	const char *event; /* of the last step, told or not; static text */
	json_t *pending; /* JSON: the event being told */
};

void story_init(struct story *s, enum story_mode mode, FILE *out);
void story_end(struct story *s); /* tell what is pending; safe to call again */

/* The part of the way that begins; `stage` is for machines, the title for people. Static text. */
void story_stage(struct story *s, const char *stage, const char *title);

/* One thing that happened. `event` is for machines: "http", "checked", "volume-created". */
void story_step(struct story *s, const char *event, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A detail of the last step. Control characters are replaced: values may come from a peer. */
void story_detail(struct story *s, const char *key, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
