/* What Apple works on, and what came of it. Room-private. */
#ifndef LICENCE_EVENT_H
#define LICENCE_EVENT_H

#include "licence/service.h"

/* In the unit that notes who waits for it. */
enum rc licence_event_add(struct call *c, const char *organization_id, const char *event_id);

/* Ask the status of those that are due, and write what came of it. */
enum rc licence_events_ask(struct call *c, struct licence_way *w, bool *did);

#endif
