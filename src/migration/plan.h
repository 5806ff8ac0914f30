/* What becomes of each device of another server: one way for each, by the table below.
 *
 * Nothing of an enrollment can be carried over (docs/decisions/0033): its profile names the other server for good, and
 * account-driven enrollment begins with a person who signs in. So a device leaves there and enrolls here, and what can be
 * prepared is who comes when: people, each with all of their devices in one wave. Pure. */
#ifndef MIGRATION_PLAN_H
#define MIGRATION_PLAN_H

#include "migration/inventory.h"

/*  name, code, does the person act?, what is done */
#define MIGRATION_FATES(X) \
	X(FATE_BYOD, "enroll-byod", true, \
	    "the other server removes its profile; then the person signs in again, and the device enrolls as their " \
	    "own (mdm-byod)") \
	X(FATE_ENROLL, "enroll", true, \
	    "the other server removes its profile; then the person signs in, and the device enrolls as the rules say " \
	    "(mdm-adde or mdm-byod)") \
	X(FATE_UPDATE, "update-first", true, \
	    "its system has no account-driven enrollment yet: update it from the other server, then as enroll") \
	X(FATE_ASSIGNED, "assigned", true, \
	    "Apple Business assigns it to the other server, which keeps it manageable without a person: leave it " \
	    "there, or unassign it " \
	    "and then as enroll") \
	X(FATE_OTHER_KIND, "stays", false, \
	    "there is no account-driven enrollment for this kind of device: leave it at the other server") \
	X(FATE_GONE, "gone", false, "it left the other server, or never finished: nothing is to do")

enum migration_fate {
#define MIGRATION_FATE_ENUM(name, code, acts, todo) name,
	MIGRATION_FATES(MIGRATION_FATE_ENUM)
#undef MIGRATION_FATE_ENUM
	    MIGRATION_FATE_COUNT
};

const char *migration_fate_code(enum migration_fate f);
const char *migration_fate_todo(enum migration_fate f);
bool migration_fate_acts(enum migration_fate f);

enum migration_fate migration_fate(const struct inventory_device *d);

/* The device's family (enroll/os.h); NULL: not known. */
const char *migration_family(const struct inventory_device *d);

/* What of an enrollment becomes what: for people, in the order of a listing; ends with a NULL. */
struct migration_part {
	const char *what, *becomes;
};
extern const struct migration_part migration_parts[];

#endif
