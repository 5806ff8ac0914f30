/* What may pass between managed and personal (protocol 11, 12). Pure. */
#ifndef SEPARATION_FLOW_H
#define SEPARATION_FLOW_H

#include "separation/volume.h"

/* What the installed profiles say: keys of com.apple.applicationaccess, and WebDomains of com.apple.domains. */
struct separation_rules {
	bool allowOpenFromManagedToUnmanaged, allowOpenFromUnmanagedToManaged, requireManagedPasteboard,
	    forceAirDropUnmanaged, allowUnmanagedToReadManagedContacts, allowManagedToWriteUnmanagedContacts,
	    allowManagedAppsCloudSync;
	const char *const *web_domains; /* NULL-terminated */
};

/* Apple's defaults: nothing is installed. */
struct separation_rules separation_rules_none(void);

/* One key of one payload. Of several payloads the strictest counts (`seen`: this key was in one before). False: no such
 * key is known here. */
bool separation_rules_take(struct separation_rules *r, const char *key, bool value, bool *seen);

/* The keys above, in order; NULL past the end. */
const char *separation_rules_key(int i);
bool separation_rules_value(const struct separation_rules *r, int i);

enum separation_way {
	SEPARATION_OPEN_IN, /* documents, accounts of an app, iCloud Drive of the person */
	SEPARATION_PASTE,
	SEPARATION_AIRDROP, /* to somebody else's device */
	SEPARATION_READ_CONTACTS, /* an app reads contacts of an account */
	SEPARATION_WRITE_CONTACTS, /* an app writes contacts to an account */
	SEPARATION_DRIVE, /* one end is the organization's iCloud Drive */
};

/* NULL: it may pass. Else what forbids it, in words that end a sentence: a key as above, or what it is about. */
const char *separation_flow_forbidden(const struct separation_rules *r, enum separation_way way,
    enum separation_account from, enum separation_account to);

/* Is a document from this URL the organization's? Patterns as Apple's page Domains has them: "example.com" without its
 * subdomains, "*.example.com" for those alone, with a path "example.com/sub" for all below it; a leading "www." does not
 * count; without a port those of http and https. */
bool separation_web_is_managed(struct arena *a, const struct separation_rules *r, const char *url);

/* Sign in with Apple: an app of the organization takes the Managed Apple Account, others the person's. On a web page
 * inside a managed app the person's is offered, and they may choose the managed one; anywhere else there is nothing to
 * choose. RC_FORBIDDEN: it was chosen. `choice` NULL: nobody chose. */
enum rc separation_signin_account(enum separation_account app, bool web, const enum separation_account *choice,
    enum separation_account *out, struct err *e);

#endif
