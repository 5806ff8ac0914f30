/* `postern-device page`: a local web page that shows the device as the person holds it, and lets them tap. */
#ifndef POSTERN_DEVICE_PAGE_H
#define POSTERN_DEVICE_PAGE_H

#include "fmt/argv.h"

extern const char page_more[];

int page_command(const struct argv *v, void *ctx);

#endif
