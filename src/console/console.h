/* The administrator's pages: one document, its style and its modules, served from the program itself.
 *
 * They are the same for everybody and say nothing of anybody; all that is shown comes through the administration API,
 * which asks who is there. Nothing is loaded from elsewhere and nothing runs that is not a file of this server
 * (Content Security Policy Level 3). A file's path has the version of all of them, so it is never asked for twice. */
#ifndef CONSOLE_CONSOLE_H
#define CONSOLE_CONSOLE_H

#include "http/server.h"

extern const struct http_route console_routes[]; /* no room */

#endif
