/* One command of the program: its device, loaded and locked. Prints. */
#ifndef POSTERN_DEVICE_RUN_H
#define POSTERN_DEVICE_RUN_H

#include "device/device.h"
#include "fmt/argv.h"

/* Options of every command that has a device. */
/* clang-format off */
#define RUN_STATE ARGV_TEXT("state", "DIR", "Directory of this device", .required = true, .env = "POSTERN_DEVICE_STATE")
#define RUN_HOW_TO_TELL \
	ARGV_FLAG("json", "One JSON object for each step"), \
	ARGV_FLAG("quiet", "Tell nothing but errors")
/* clang-format on */

struct run { /* made by run_begin and ended by run_end, whatever came of it */
	struct device d;
	struct arena *arena;
	int lock;
};

/* `make`: the directory may be new. RC_NOT_FOUND: it holds no device. */
enum rc run_begin(struct run *r, const struct argv *v, bool make);

/* The exit status, after a sentence on standard error; `name_stage`: where the story stopped. */
int run_end(struct run *r, enum rc rc, bool name_stage);

/* Say what went wrong. Returns the exit status. */
int run_complain(const char *stage, const struct err *e);

#endif
