/* Stage 1: from what the person typed to the enrollment URL (protocol 2). */
#ifndef DEVICE_DISCOVERY_H
#define DEVICE_DISCOVERY_H

#include "device/device.h"

struct device_server { /* the first item of Servers */
	const char *mode; /* "BYOD" or "ADDE", from Version */
	const char *base_url;
};

/* The URL that is asked for an identifier. RC_BAD_INPUT: the identifier is no user@domain. Pure. */
enum rc
device_discovery_url(struct arena *a, const char *identifier, const char *family, const char **url, struct err *e);

/* The same question to the fallback, whose URL may have a path of its own. */
const char *
device_discovery_fallback_url(struct arena *a, const char *base, const char *identifier, const char *family);

/* Read the document of a 200. RC_BAD_INPUT: not JSON, no server, an unknown Version. Pure. */
enum rc device_discovery_read(struct arena *a, struct bytes body, struct device_server *out, struct err *e);

/* Ask the domain; after any failure the fallback, once, if this OS knows it and one is configured. */
enum rc device_discover(struct device *d, const char *identifier, struct device_server *out);

#endif
