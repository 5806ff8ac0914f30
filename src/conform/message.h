/* Messages to the MDM server that the checks send by themselves, as the device of the play would. */
#ifndef CONFORM_MESSAGE_H
#define CONFORM_MESSAGE_H

#include "conform/check.h"

/* A check-in message of the device channel; `pairs` are keys and texts, NULL-terminated (NULL: none). */
struct bytes conform_message(struct conform_play *p, const char *type, const char *const *pairs);

/* As the device would send it: with its token where it sends one, and its proof. */
struct conform_put conform_proper(struct conform_play *p, enum device_door door, struct bytes body);

/* Both at once; `event` is the exchange's name in the recording. NULL: not sent. */
const struct conform_exchange *
conform_checkin(struct conform_play *p, const char *event, const char *type, const char *const *pairs);

/* Idle on the channel that carries a token, with another one, or (NULL) none. */
const struct conform_exchange *conform_idle_with(struct conform_play *p, const char *event, const char *token);

/* A Mac without a user channel never sends a token at all. */
bool conform_sends_token(const struct conform_play *p);

#endif
