/* Where Apple's notifications of Apps and Books come (protocol 11). */
#ifndef LICENCE_DOOR_H
#define LICENCE_DOOR_H

#include "http/server.h"

/* POST /apple/apps-and-books/ORG, with the token that Apple was told to bring along; needs no room. */
extern const struct http_route licence_routes[];

#endif
