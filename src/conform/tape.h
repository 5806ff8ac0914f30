/* What went over the wire while a device was played: every exchange whole, in the order in which it happened. */
#ifndef CONFORM_TAPE_H
#define CONFORM_TAPE_H

#include "device/device.h"

#define CONFORM_TAPE_MAX 4096 /* exchanges of one play; further ones are not kept */

struct conform_exchange {
	enum device_agent agent;
	const char *event; /* step of the device's story that it belongs to; of ours: "probe-..." */
	const char *method, *url;
	const char *const *headers; /* "Name: value", NULL-terminated; never NULL */
	struct bytes sent;
	bool answered; /* false: `why` says in a sentence what happened instead, and the rest is empty */
	const char *why;
	struct http_client_answer answer;
	int64_t began, took_ms; /* Unix seconds */
};

struct conform_tape {
	struct arena *arena; /* copies are made in it */
	struct conform_exchange **all; /* CONFORM_TAPE_MAX places */
	int n;
	struct conform_exchange spare; /* the last one, when there was no place */
	const struct story *story; /* whose steps name the exchanges */
};

void conform_tape_init(struct conform_tape *t, struct arena *a, const struct story *story);

/* A device_witness's `tell`; ctx is the tape. */
void conform_tape_keep(void *ctx, const struct device_seen *seen);

/* The first, or last, exchange of a step; NULL: there is none. */
const struct conform_exchange *conform_tape_first(const struct conform_tape *t, const char *event);
const struct conform_exchange *conform_tape_last(const struct conform_tape *t, const char *event);

/* The first exchange of an agent, other than our probes; NULL: none. */
const struct conform_exchange *conform_tape_agent(const struct conform_tape *t, enum device_agent agent);

bool conform_is_probe(const struct conform_exchange *x);
const char *conform_header(const struct conform_exchange *x, const char *name); /* of the answer, or NULL */
int conform_headers(const struct conform_exchange *x, const char *name); /* how many of that name */
const char *conform_sent_header(const struct conform_exchange *x, const char *name); /* of the request, or NULL */
bool conform_is_type(const struct conform_exchange *x, const char *media_type);

#endif
