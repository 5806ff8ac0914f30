/* The state of a whole fleet: one file of fixed records, mapped into memory, so that a hundred thousand
 * devices are ready at once and what changes (tokens, push tokens) is kept as it changes.
 *
 * DIR/fleet.state holds a head, the shared keys, one certificate for each key to serve as the pattern, and a
 * record per device. A device's certificate is its key's pattern with another serial number, name and
 * signature, all of the same length. The file holds private keys and tokens: 0600. Its numbers are in this
 * machine's order: it is not for sending elsewhere. */
#ifndef FLEET_STATE_H
#define FLEET_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"
#include "fleet/id.h"

#define FLEET_CERTIFICATE_MAX 2048 /* octets */
#define FLEET_KEY_MAX 2048 /* octets of PKCS#8 */
#define FLEET_KEYS_MAX 4096
#define FLEET_COUNT_MAX 100000000

struct fleet_head {
	char magic[8];
	uint32_t version, head_size;
	uint64_t count, prepared_at;
	uint32_t complete; /* 1: every row is in the store */
	uint32_t tag;
	uint8_t secret[FLEET_SECRET];
	/* what the devices were told */
	char seed[64], organization[64], domain[256], url[256], command_path[128], checkin_path[128], topic[256];
	char family[32], product[32], os_version[16], build[16], client_id[64];
	char sign[8], key_kind[8]; /* "ca", "pool"; "rsa", "p256" */
	uint32_t commands; /* queued for each device */
	uint32_t has_expired; /* 1: each has an expired access token too */
	uint32_t has_password; /* 1: its people can sign in */
	/* the certificates' shape, in octets */
	uint32_t keys, certificate_size, serial_at, name_at, tbs_at, tbs_size, signature_at, signature_size;
	uint32_t record_size;
	uint64_t keys_at, patterns_at, records_at, file_size;
};

/* What of a device can't be computed from its number. */
struct fleet_record {
	uint32_t key; /* which of the shared ones */
	uint32_t push_version; /* of its newest TokenUpdate */
	uint32_t refreshed; /* how often its token was renewed */
	uint32_t flags; /* FLEET_ bits below */
	char access[128], refresh[128]; /* its tokens now */
	uint8_t signature[]; /* of its certificate: head.signature_size octets */
};
#define FLEET_NEEDS_SIGNIN 1u /* its refresh token was refused: only a person can go on */

struct fleet {
	struct fleet_head *head;
	uint8_t *map;
	size_t size;
	int fd;
};

/* What a certificate looks like before it has a serial number, a name and a signature of its own. */
struct fleet_shape {
	struct bytes pattern; /* the certificate of the first key */
	const char *name; /* text in its subject that the device's takes the place of; as long as a UUID */
};

/* Measure a pattern: fills the shape members of *head. RC_BAD_INPUT: it has no 16-octet serial number,
 * or no such name. */
enum rc fleet_shape_read(const struct fleet_shape *s, struct fleet_head *head, struct err *e);

/* Make DIR (0700) and the file for head->count devices; head's sizes and places are completed here.
 * RC_CONFLICT: there is one. RC_UNAVAILABLE: no room, or no right. */
enum rc fleet_make(const char *dir, const struct fleet_head *head, struct fleet *out, struct err *e);

/* RC_NOT_FOUND: no fleet there. RC_BAD_INPUT: not a fleet of this version, or one whose `prepare` did not
 * end. RC_CONFLICT: another run has it. */
enum rc fleet_open(const char *dir, struct fleet *out, struct err *e);
/* To read only, also beside a run. The errors are those of fleet_open, but for the last. */
enum rc fleet_look(const char *dir, struct fleet *out, struct err *e);
void fleet_close(struct fleet *f); /* zeroed is fine */
enum rc fleet_flush(struct fleet *f, struct err *e); /* to the disk */

void fleet_put_key(struct fleet *f, uint32_t i, struct bytes key, struct bytes pattern);
struct bytes fleet_key(const struct fleet *f, uint32_t i); /* PKCS#8 */
struct bytes fleet_pattern(const struct fleet *f, uint32_t i);
struct fleet_record *fleet_at(const struct fleet *f, uint64_t n);

/* The certificate of a device: head.certificate_size octets. */
void fleet_certificate(const struct fleet *f, uint64_t n, uint8_t *to);

/* The tokens that a device begins with. */
void fleet_put_tokens(const struct fleet *f, uint64_t n);

#endif
