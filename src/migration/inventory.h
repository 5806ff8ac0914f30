/* What another MDM server knows of its devices, as far as somebody who moves to this one needs it. Read from the server's
 * own store by nanomdm.c and micromdm.c; what each device's way is says plan.h.
 *
 * Secrets stay where they are: push tokens, PushMagic, unlock and bootstrap tokens and private keys are not read, only
 * that they are there. */
#ifndef MIGRATION_INVENTORY_H
#define MIGRATION_INVENTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

#define INVENTORY_DEVICES_MAX 1000000

struct inventory_device {
	const char *id; /* UDID, or EnrollmentID under User Enrollment */
	bool user_enrollment; /* of a person's own device: id is an EnrollmentID, and the device has no other name */
	const char *serial_number, *product, *os_version, *build_version; /* NULL: not said */
	const char *topic;
	bool authenticated, enrolled; /* Authenticate came; TokenUpdate came, and no CheckOut since */
	bool can_be_pushed; /* token and PushMagic are there */
	bool has_unlock_token, has_bootstrap_token;
	bool assigned; /* in Apple Business or Apple School Manager, by what the other server knows */
	int user_channels;
	struct bytes certificate_sha256; /* of its identity; absent: not known */
	int64_t certificate_until, seen_at; /* 0: not known */
};

struct inventory_push { /* a push certificate of the other server */
	const char *topic;
	int64_t until;
	bool has_key;
};

struct inventory {
	const char *server; /* "NanoMDM", "MicroMDM" */
	struct inventory_device *devices; /* sorted by id */
	int n, size;
	struct inventory_push *push;
	int n_push;
	int unreadable; /* records that were passed over */
	const char *unreadable_why; /* the first one's reason */
};

/* `source`: the folder of NanoMDM's file storage, or postgresql://... of its database.
 * RC_NOT_FOUND, RC_UNAVAILABLE: it can't be opened. RC_BAD_INPUT: it is none of NanoMDM's. */
enum rc nanomdm_read(struct arena *a, const char *source, struct inventory *out, struct err *e);

/* `path`: MicroMDM's database (micromdm.db), of a server that is stopped, or a copy. RC_CONFLICT: it is running. */
enum rc micromdm_read(struct arena *a, const char *path, struct inventory *out, struct err *e);

/* ---- for the readers ---- */

/* A new device at the end; RC_TOO_LARGE: there are too many. */
enum rc inventory_add(struct arena *a, struct inventory *v, struct inventory_device **out, struct err *e);
void inventory_sort(struct inventory *v);
struct inventory_device *inventory_find(const struct inventory *v, const char *id); /* sorted; NULL: none */
void inventory_skip(struct arena *a, struct inventory *v, const struct err *why);

/* Text that a store holds: UTF-8, printable, 1 to 255 octets; otherwise NULL. */
const char *inventory_text(struct arena *a, struct bytes text);

/* What an Authenticate says of the device, and a TokenUpdate of its channel. RC_BAD_INPUT: no such message. */
enum rc inventory_authenticate(struct arena *a, struct bytes message, struct inventory_device *d, struct err *e);
enum rc inventory_token_update(struct arena *a, struct bytes message, struct inventory_device *d, struct err *e);

/* A push certificate (PEM): its topic is the UID of its subject. */
enum rc inventory_add_push(struct arena *a, struct inventory *v, struct bytes pem, bool has_key, struct err *e);

#endif
