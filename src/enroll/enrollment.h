/* Enrollments: the relation between an organization and a device, from the profile to its end. */
#ifndef ENROLL_ENROLLMENT_H
#define ENROLL_ENROLLMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "account/organization.h"
#include "base/call.h"
#include "enroll/failure.h"

struct enrollment {
	const char *id, *organization_id, *mode, *device_id, *account_id, *attempt_id, *grant_id, *state;
	const char *family, *product, *os_version, *build_version, *device_name, *serial_number, *imei, *meid;
	const char *topic, *server_url, *check_in_url, *assigned_managed_apple_id, *identity_proof, *profile_identifier;
	int64_t access_rights; /* -1: absent */
	bool per_user_connections;
	struct bytes certificate_fp;
	const char *reauth_attempt_id;
	int64_t created_at, enrolled_at, evict_at, ended_at, last_seen_at; /* 0: not */
	const char *declarations_token; /* of the device channel (desired/round.h); NULL: none was made yet */
	int64_t declarations_token_at;
};

#define ENROLLMENT_LIVE(e) ((e)->ended_at == 0)

/* No CheckOut comes from a device that was erased, lost or put into a drawer (protocol 13). One that was not seen for
 * inactive_days is called inactive: said where enrollments are shown, stored nowhere, and the end of nothing.
 * For SQL: the rows e, with the time that enrollment_inactive_since gives in place of `since`. Their device channel
 * was not seen either, and channels are small rows: of all enrollments they are read, and no index is changed by being
 * seen. */
#define ENROLLMENT_INACTIVE_FROM(since) \
	" FROM channel h CROSS JOIN enrollment e WHERE h.user_id = '' AND COALESCE(h.last_seen_at, 0) < " since \
	" AND e.id = h.enrollment_id AND e.state IN ('enrolled', 'reauth')" \
	" AND COALESCE(e.last_seen_at, e.enrolled_at) < " since
int64_t enrollment_inactive_since(const struct call *c);
bool enrollment_inactive(const struct call *c, const struct enrollment *e);

/* For a statement that reads more than enrollments (gate/row.c): the columns of a row called e, and their
 * reader from `column` on. */
#define ENROLLMENT_COLUMNS \
	"e.id, e.organization_id, e.mode, e.device_id, e.account_id, e.attempt_id, e.grant_id, e.state, " \
	"e.family, e.product, e.os_version, e.build_version, e.device_name, e.serial_number, e.imei, e.meid, " \
	"e.topic, e.server_url, e.check_in_url, e.assigned_managed_apple_id, e.access_rights, " \
	"e.per_user_connections, e.identity_proof, e.profile_identifier, e.certificate_fp, " \
	"e.reauth_attempt_id, e.created_at, e.enrolled_at, e.evict_at, e.ended_at, e.last_seen_at, " \
	"e.declarations_token, e.declarations_token_at"
#define ENROLLMENT_N_COLUMNS 33
struct db_rows;
void enrollment_read(struct enrollment *e, const struct db_rows *r, int row, int column);

enum rc enrollment_get(struct call *c, const char *id, struct enrollment *out);
/* The live one of a device. */
enum rc
enrollment_by_device(struct call *c, const char *organization_id, const char *device_id, struct enrollment *out);
struct db_page;
/* A page, newest first. Filters may be NULL; state "live" is any live one,
 * "inactive" those that are called so. */
enum rc enrollment_list(struct call *c, const char *organization_id, const char *account_id, const char *state,
    const struct db_page *page, struct enrollment **out, int *n);

/* A row for a profile that is about to be sent, with the keys that can never change (protocol 5.6).
 * Everything up to profile_identifier is set by the caller; e->id is made here. An earlier pending row
 * of the same attempt is taken over instead, so a profile fetched twice is one enrollment. */
enum rc enrollment_prepare(struct call *c, struct enrollment *e);

/* Ends an enrollment in one unit: its queue (as results "Ended"), its sign-ins, certificates, challenges, channels and
 * kept tokens, and all that says which device it was (enroll/end.c has the table). `state` is unenrolled, evicted or
 * replaced; the event is written by the caller. Idempotent. */
enum rc enrollment_end(struct call *c, const char *id, const char *state);

/* A step of the enrollment's attempt; `details` (may be NULL) as it stands. An enrollment that is not there (id NULL) is
 * a line in the log. */
enum rc enrollment_event(struct call *c, const char *id, enum enroll_code code, const char *details);

/* Is it one device that a key was attested for and that says these of itself, as far as both are known (NULL: not)? The
 * attested UDID of a Mac is its provisioning UDID, which says nothing here (protocol 6.2). */
struct device_ids {
	const char *serial_number, *udid;
};
bool enrollment_same_device(const char *family, const struct device_ids *attested, const struct device_ids *said);

/* Which device the key of its identity was attested for (protocol 6.2). NULL: not said, as always under User Enrollment,
 * or the identity came by SCEP. */
enum rc enrollment_attested(struct call *c, const char *id, struct device_ids *out);

/* A user channel of a Mac ends: it, its queue, what it was told and said. The Mac stays. Inside a unit. */
enum rc enrollment_channel_end(struct call *c, const char *id, const char *user_id);

/* Eviction (protocol 7.4): from iOS 17, macOS 14, visionOS 1.1 on by 403 at the next request ("status"),
 * below by RemoveProfile as the only command ("profile"). *way says which. */
enum rc enrollment_evict(struct call *c, const char *id, const char **way);

/* When an identity certificate is to be renewed: renew_before of its end, spread over half of that by the enrollment's id,
 * so that those who came on one day are not renewed on one day. 0: `not_after` is not known. */
int64_t enrollment_renew_at(const struct call *c, const char *id, int64_t issued_at, int64_t not_after);

/* Forget an ended enrollment: its rows, results, certificates and tokens. Its attempts stay until they are
 * pruned by age. RC_CONFLICT: it is live; evict it first. */
enum rc enrollment_remove(struct call *c, const char *id);

/* When a device was seen, kept in memory and written in batches by enrollment_flush_seen. */
struct enrollment_seen;
struct enrollment_seen *enrollment_seen_new(void);
void enrollment_seen_free(struct enrollment_seen *s);
void enrollment_seen_note(struct enrollment_seen *s, const char *enrollment_id, const char *user_id, int64_t at);
enum rc enrollment_seen_flush(struct call *c, struct enrollment_seen *s);

/* Channels. */
struct channel {
	const char *enrollment_id, *user_id; /* "" is the device channel */
	struct bytes push_token;
	const char *push_magic, *user_short_name, *user_long_name;
	int64_t updated_at, wake_at, last_seen_at;
	int64_t pushed_at, push_tries; /* accepted by the push service; failures since */
	const char *push_refused; /* its word for a token that is good no more; NULL: it is good */
};
enum rc channel_put(struct call *c, const struct channel *ch); /* a TokenUpdate: the token is good again */
enum rc channel_list(struct call *c, const char *enrollment_id, struct channel **out, int *n);
/* Something waits for it: push (push/push.h). Not to a token that was refused, until its TokenUpdate. */
enum rc channel_wake(struct call *c, const char *enrollment_id, const char *user_id);

/* True where the OS understands 403 com.apple.unrecognized.device (protocol 7.4). */
bool enrollment_evicts_by_status(const char *family, const char *os_version);

#endif
