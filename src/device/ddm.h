/* Declarative management as a device does it (protocol 14): a command turns it on, then the device fetches what
 * changed, applies it, and tells how it went. Each channel has its own.
 *
 * What is kept of a channel lies in the managed volume and goes with it. */
#ifndef DEVICE_DDM_H
#define DEVICE_DDM_H

#include "device/command.h"

#define DEVICE_DDM_FULL_EVERY 86400 /* seconds between full reports */
#define DEVICE_DDM_TOKEN_MAX 256 /* octets of a DeclarationsToken */
#define DEVICE_DDM_NAME_MAX 64 /* octets of Identifier and ServerToken */

struct device_ddm { /* one channel's, while it is worked on */
	struct device *d;
	struct arena *a; /* for this time */
	enum device_channel channel;
	struct device_schema rules;
	int64_t now; /* by the device's clock */
	/* The channel's memory:
	 * due, offered: a sync is due, and the DeclarationsToken that the command gave for it;
	 * token: what the declarations below belong to;
	 * declarations: by Identifier {kind, ServerToken, document, status}, in the order in which they came;
	 * effects: by Identifier {Type, ServerToken, thing}, what was done about a declaration;
	 * told, errors, full_at: what the server confirmed of each status item, what it was told of items without
	 * value, and when it was last told all. */
	json_t *kept;
};

/* The command. With SyncTokens that are known already nothing is fetched. */
void device_on_declarative_management(struct device_command *c);

bool device_ddm_is_on(const struct device *d, enum device_channel channel);

/* On from now on, with a sync that is due: what Enrollment SSO by declarations brings (protocol 4.5). */
void device_ddm_turn_on(struct device *d, enum device_channel channel);

/* Whatever is due on a channel: fetch, apply, report. Does nothing where it was not turned on. What the server did
 * not take is due again. Errors are those of device_mdm_put, and RC_BAD_INPUT for an answer that is none. */
enum rc device_ddm_run(struct device *d, enum device_channel channel, int64_t now);

/* ---- its parts ---- */

/* Look at a channel's memory; NULL in kept: it is off. */
struct device_ddm device_ddm_open(struct device *d, struct arena *a, enum device_channel channel, int64_t now);

/* Keep a declaration as it came; `kind` is the list that had it, or NULL: what its Type says. RC_BAD_INPUT: it is none, or not the one that was asked for. */
enum rc device_ddm_keep(struct device_ddm *m, const char *kind, const char *identifier, json_t *document);

/* One request of this channel. `data` absent: none. RC_NOT_FOUND after an eviction only: a 404 is RC_UNAVAILABLE with
 * the status in *answer. */
enum rc
device_ddm_ask(struct device_ddm *m, const char *endpoint, struct bytes data, struct http_client_answer *answer);

enum rc device_ddm_sync(struct device_ddm *m);

/* Judge each declaration by Apple's tables and by what activates it: `status` of each, as it is reported. Pure. */
void device_ddm_judge(struct device_ddm *m);

/* Of which list a type of declaration is: "activations", "assets", "configurations", "management"; or NULL. */
const char *device_ddm_kind(const char *type);

bool device_ddm_is_active(const json_t *declaration); /* by its status */

/* The identifiers of assets anywhere in the payload of a configuration, as keys of `into`. */
void device_ddm_assets(const json_t *payload, json_t *into);

/* A sentence for `reasons`; the details may be NULL, and are taken over. */
json_t *
device_ddm_reason(const char *code, json_t *details, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* What stands against a declaration: not active, and invalid or unknown. The reason is taken over. */
void device_ddm_fail(json_t *declaration, bool invalid, json_t *reason);

/* Bring about what is active, and undo what is not any more. */
void device_ddm_apply(struct device_ddm *m);

enum rc device_ddm_report(struct device_ddm *m);

#endif
