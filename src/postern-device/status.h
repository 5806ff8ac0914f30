/* What a device knows of itself, for a person or a program. */
#ifndef POSTERN_DEVICE_STATUS_H
#define POSTERN_DEVICE_STATUS_H

#include <stdbool.h>

#include "device/device.h"

void status_print(struct device *d, bool as_json);
void visible_print(struct device *d, bool as_json); /* of an enrolled device: device/visible.h */

#endif
