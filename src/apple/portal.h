/* What the portal of Apple School Manager or Apple Business knows of organizations: their verified domains, Managed
 * Apple Accounts, settings, MDM servers, and which server is the default for a kind of device.
 *
 * It is one file of the state folder, DIR/portal.json, read for each request and written as a whole, so that commands
 * change it while the services run, and all of it survives a restart. portal_begin locks it; portal_commit or portal_end
 * lets go.
 *
 *	{ "organizations": { NAME: { "domains": {D: true if verified}, "accounts": {USER@D: {"kind": KIND}},
 *				     "defaults": {FAMILY: SERVER_UUID}, and settings } },
 *	  "servers":       { SERVER_UUID: { "name", "organization", "certificate", token, registered URL } },
 *	  "discovery_query": "drop" or "keep" } */
#ifndef APPLE_PORTAL_H
#define APPLE_PORTAL_H

#include "base/arena.h"
#include "base/err.h"
#include "fmt/json.h"

#define PORTAL_LABORATORY "Laboratory" /* the organization that is there from the start */

struct portal {
	struct arena *arena;
	const char *dir;
	json_t *root;
	int *lock; /* descriptor; -1: let go */
};

/* Settings of an organization: words, the first of each list where nothing was set. */
extern const char *const portal_maid_policies[]; /* "any-device", "managed-devices", "supervised-devices" */
extern const char *const portal_on_off[]; /* "on", "off" */
extern const char *const portal_types[]; /* "org", "edu" */
extern const char *const portal_kinds[]; /* of accounts: "federated", "manual", "locked", "personal" */
extern const char *const portal_families[]; /* model-family, protocol 2.2 */
extern const char *const portal_queries[]; /* "drop", "keep" */

/* Lock and read. RC_UNAVAILABLE, RC_BAD_INPUT: the folder or file; nothing is locked. */
enum rc portal_begin(struct arena *a, const char *dir, struct portal *out, struct err *e);
/* Write what was changed, whole or not at all, and unlock. */
enum rc portal_commit(struct portal *p, struct err *e);
void portal_end(struct portal *p); /* unlock without writing; after a commit it does nothing */

/* By name; made where `make` says so. NULL: there is none. */
json_t *portal_organization(struct portal *p, const char *name, bool make);
/* The organization that has this domain verified. */
json_t *portal_organization_of(struct portal *p, const char *domain, const char **name);
/* Member object of another, made if it is missing. */
json_t *portal_part(json_t *object, const char *key);
/* A setting; `words` as above. */
const char *portal_word(const json_t *object, const char *key, const char *const *words);

/* The account of an organization with this address (no case), or NULL. */
json_t *portal_account(json_t *organization, const char *identifier);

/* A server by the value of one of its members: "name", "consumer_key"; *uuid is its server_uuid. NULL: none. */
json_t *portal_server_by(struct portal *p, const char *member, const char *value, const char **uuid);
json_t *portal_server(struct portal *p, const char *uuid);

/* A new MDM server of an organization, as the portal makes one of a certificate that was uploaded (DER). *uuid is its
 * server_uuid. RC_CONFLICT: the name is taken. */
enum rc portal_server_add(struct portal *p, const char *organization, const char *name, struct bytes certificate,
    int64_t now, const char **uuid, struct err *e);

/* Another certificate (DER) for a server that is there. */
void portal_server_certify(struct portal *p, const char *uuid, struct bytes certificate);

/* The file that is downloaded then: the token, S/MIME for the certificate's key (protocol 2.7). A token made anew ends
 * the one before. RC_BAD_INPUT: the certificate can't receive it. */
enum rc portal_server_token(struct portal *p, const char *uuid, int64_t now, struct bytes *file, struct err *e);

#endif
