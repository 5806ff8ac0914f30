/* What management sees of this device, by Apple's tables: the answer to "what can my organization see?". */
#ifndef DEVICE_VISIBLE_H
#define DEVICE_VISIBLE_H

#include "device/device.h"

/* Of an enrolled device, a new reference:
 *   sees        name and value of what DeviceInformation may ask; the value is null where this device has none,
 *               an object where it has several
 *   sees-not    names of what it may not ask
 *   apps        "managed" or "all": which it can list
 *   does, does-not   commands that are obeyed, and those that are not */
json_t *device_visible(struct device *d);

#endif
