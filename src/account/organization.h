/* Organizations (tenants), their domains, and the pools that identities of their devices chain to. */
#ifndef ACCOUNT_ORGANIZATION_H
#define ACCOUNT_ORGANIZATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/call.h"

struct organization {
	const char *id; /* [a-z0-9-]{1,40}, in paths and key names */
	const char *name;
	bool lab;
	const char *topic; /* NULL: no profile can be made yet */
	const char *server_uuid; /* NULL: GetToken can't be answered yet */
	const char *identity_proof; /* "signature", "mtls", "proxy" */
	const char *device_ca_mode; /* "require", "warn", "off" */
	bool device_ca_ignore_times;
	int64_t access_rights; /* ADDE profiles */
	/* token lives in seconds, the configuration's where the organization has none of its own */
	int64_t access_token_life_s, refresh_idle_s, refresh_max_s, web_token_life_s;
	int64_t spread; /* per cent of a life that renewals are spread over, downwards */
	int64_t created_at;
	const char *colour; /* "#0a5" or "#00aa55": buttons of its pages; NULL: ours */
	const char *logo; /* digest of its logo (account/logo.h); NULL: it has none */
};

/* "Better Bag" to "better-bag": the id that organization_add gives. */
char *organization_slug(struct arena *a, const char *name);

/* Make an organization, its domains and its visible last rules (iPhone, iPad, RealityDevice to byod;
 * Mac to adde; Watch, AppleTV refused; no family to byod), in one unit. Keys are made by the caller before.
 * RC_CONFLICT: id or a domain is taken. RC_BAD_INPUT: no name, a domain that is not an FQDN. */
enum rc organization_add(struct call *c, const struct organization *o, const char *const *domains, int n_domains);

/* RC_NOT_FOUND: none of that id. */
enum rc organization_get(struct call *c, const char *id, struct organization *out);
enum rc organization_by_domain(struct call *c, const char *domain, struct organization *out);
enum rc organization_list(struct call *c, struct organization **out, int *n);

/* Change what is not NULL / not negative. One key at a time, as `org set` does:
 * name, topic, server-uuid, identity-proof, device-ca-mode, device-ca-ignore-times, access-rights, lab,
 * access-token-life, refresh-idle, refresh-max, web-token-life, spread, colour. RC_BAD_INPUT names what is allowed. */
enum rc organization_set(struct call *c, const char *id, const char *key, const char *value);

/* RC_CONFLICT: it still has live enrollments. */
enum rc organization_remove(struct call *c, const char *id);

enum rc domain_add(struct call *c, const char *organization_id, const char *domain);
enum rc domain_remove(struct call *c, const char *organization_id, const char *domain);
struct domain {
	const char *name, *organization_id;
	int64_t added_at;
};
enum rc domain_list(struct call *c, const char *organization_id /* NULL: all */, struct domain **out, int *n);

/* What built-in identities must chain to, and what attestations of keys must (protocol 3.2, 6.2). Adding the same
 * certificate again changes nothing. RC_BAD_INPUT: it is no CA's. */
enum trust { TRUST_DEVICE, TRUST_ATTESTATION };
enum rc trust_add(struct call *c, enum trust which, const char *organization_id, struct bytes certificate);
enum rc trust_clear(struct call *c, enum trust which, const char *organization_id);
enum rc trust_pool(struct call *c, enum trust which, const char *organization_id, struct bytes **certificates, int *n);

#endif
