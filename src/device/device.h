/* One simulated device in the middle of something: its memory, its way to the network, its story.
 * Made by the program for one command; the other headers of this room work on it. */
#ifndef DEVICE_DEVICE_H
#define DEVICE_DEVICE_H

#include "base/arena.h"
#include "base/err.h"
#include "device/enroll_profile.h"
#include "device/family.h"
#include "device/feature.h"
#include "device/quirk.h"
#include "device/schema.h"
#include "device/state.h"
#include "device/story.h"
#include "http/client.h"

enum device_agent { /* who of the device's programs speaks; each has its own connections */
	DEVICE_AGENT_MANAGEMENT, /* discovery, enrollment, tokens: "DeviceManagementClient/1.0", https only */
	DEVICE_AGENT_WEB, /* the sign-in view: Safari, with cookies */
	DEVICE_AGENT_SCEP, /* may use plain http (protocol 6.1) */
	DEVICE_AGENT_APPLE, /* the sign-in to the Managed Apple Account, https only */
	DEVICE_AGENT_MDM, /* "MDM/1.0"; with the identity as TLS client certificate where asked */
	DEVICE_AGENTS,
};

struct device_seen { /* one exchange, as long as the call lasts */
	enum device_agent agent;
	const struct http_client_request *request;
	const struct http_client_answer *answer; /* NULL: none came, and `why` says it in a sentence */
	const char *why;
	int64_t began, took_ms; /* Unix seconds */
};

struct device_witness { /* who looks on beside the story; tell NULL: nobody */
	void (*tell)(void *ctx, const struct device_seen *seen);
	void *ctx;
};

struct device {
	struct arena *arena; /* for what lasts as long as the command */
	struct err err;
	struct story story;
	struct device_witness witness; /* of every exchange */
	const char *dir; /* state directory; NULL: nothing is kept, for one of many */
	const struct device_family *family;
	struct device_self self;
	uint32_t strict; /* of self.strict (quirk.h) */
	struct device_enrollment en; /* meaningful while the managed volume exists */
	struct device_profile profile; /* en.profile, read; the root is NULL while there is none */
	struct http_client *agent[DEVICE_AGENTS]; /* opened when first used */
	const char *acme_fault; /* what goes wrong with the ACME request, once (acme_client.h); NULL: nothing */
	struct bytes identity_key; /* of the identity to come (PKCS#8), shared by many; absent: each makes its own */
	unsigned exchanges, connects; /* requests so far, and connections made for them */
	/* what person and App Store do about apps now: bundle identifiers, NULL-terminated; may be NULL */
	const char *const *refused_apps, *const *unlicensed_apps, *const *installed_apps, *const *removed_apps;
	int answered; /* status of the last answer; 0: none came to the last request */
	int identity_fd; /* memory file with the identity for TLS; -1: none */
};

/* Prepare `d` for a state directory; nothing is read yet. */
void device_init(struct device *d, struct arena *a, const char *dir, enum story_mode mode, FILE *out);
void device_close(struct device *d);

/* Load device.json, and the enrollment if there is one (phase says so). */
enum rc device_load(struct device *d);
enum rc device_save(struct device *d); /* device.json */
enum rc device_save_enrollment(struct device *d); /* the managed volume; scratch memory is given back */

/* RC_CONFLICT with a sentence for a person unless the device is enrolled. */
enum rc device_need_enrolled(struct device *d);

/* One exchange, told in the story as method, URL and status (secrets masked). Memory from `a`. The
 * error names the URL. */
enum rc device_exchange(struct device *d, struct arena *a, enum device_agent agent,
    const struct http_client_request *request, struct http_client_answer *answer);

/* Forget connections (and cookies) of an agent. */
void device_agent_reset(struct device *d, enum device_agent agent);

/* End the enrollment on this side (protocol 12): destroy the managed volume, prove it, remember why. */
enum rc device_forget(struct device *d, const char *because);

bool device_is_byod(const struct device *d); /* of the enrollment */
/* Its hardware. A version that none of the family came with or runs has the first model, so there always is one. */
const struct device_model *device_model(const struct device *d);
bool device_is_strict(const struct device *d, enum device_quirk q);
bool device_can(const struct device *d, enum device_feature f); /* in its system's version */

/* Whose rules of Apple's schema count for a channel of this enrollment. */
struct device_schema device_rules(const struct device *d, bool user_channel);

#endif
