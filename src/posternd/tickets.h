/* Keys of TLS session tickets, the same at every node of one database: a row for each half day, made by
 * whoever comes first, sealed, and gone after a day and a half. */
#ifndef POSTERND_TICKETS_H
#define POSTERND_TICKETS_H

#include "base/call.h"
#include "http/server.h"

#define TICKETS_LIFE_S (12 * 3600) /* of a generation */
#define TICKETS_READ_S 60 /* another node's new key is known here after so long at most */

/* Read the rows, or make what is missing. RC_UNAVAILABLE: the store; RC_BAD_INPUT: a row of another seal. */
enum rc tickets_load(struct call *c, struct http_tickets *out);

#endif
