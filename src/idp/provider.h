/* Identity providers of organizations: what is known of each, and what its kind brings along (OpenID Connect
 * Core 1.0; the pages of Google and of Microsoft for theirs). */
#ifndef IDP_PROVIDER_H
#define IDP_PROVIDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/call.h"

#define PROVIDERS_MAX 100 /* of one organization */
#define PROVIDER_SECRET_MAX 1024 /* octets */

struct provider {
	const char *id, *organization_id;
	const char *kind; /* a preset's name */
	const char *name; /* what people know it by */
	const char *domain; /* NULL: any of the organization's */
	const char *issuer, *client_id;
	const char *client_auth; /* "client_secret_basic", "client_secret_post", "private_key_jwt", "none" */
	struct bytes client_secret; /* sealed; with "private_key_jwt" a key, PEM; absent with "none" */
	const char *tenant; /* what the preset's tenant claim must say; NULL: not asked */
	const char *scope;
	const char *user_claim; /* the user identifier */
	const char *apple_account; /* "{local}@appleid.example.com"; NULL: the user identifier */
	const char *groups_claim; /* NULL: groups are kept here */
	const char *again; /* signing in again: "login" asks the person, "session" takes what the provider has open */
	const char *group_needed; /* people must be in it; NULL: none is asked for */
	const char *key_id; /* kid of private_key_jwt; NULL: the client has one key there */
	const char *directory; /* asked for groups that a token has no room for; NULL, "none": nobody is */
	int64_t interval_s; /* the provider is asked so often whether it still stands by a sign-in */
	int64_t grace_s; /* and may fail to answer for so long */
	int64_t longest_s; /* without a full sign-in; 0: any time */
	int64_t spread; /* per cent of interval_s that questions are spread over; see provider_narrow */
	bool creates; /* people are made when they first sign in */
	bool redirects; /* people are sent there at once; otherwise the page has a button */
	struct bytes ca; /* PEM, trusted beside the system's; absent: none */
	int64_t created_at;
};

/* What a kind of provider brings along, and what can be noticed of it. */
struct provider_preset {
	const char *kind, *name;
	const char *issuer; /* {tenant} stands for the tenant; NULL: must be given */
	const char *scope, *user_claim, *groups_claim;
	const char *user_else; /* where a token lacks user_claim, this one */
	const char *id_claim; /* and else this one, as the name in provider.domain; NULL: there is none */
	const char *directory, *directory_path; /* its server and the question there; NULL: there is none */
	const char *tenant_claim; /* "hd", "tid"; NULL: none */
	bool tenant_needed;
	bool tells_auth_time; /* honours max_age */
	const char *email_verified; /* a claim that must be true for user_claim to count; NULL: none */
	const char *more; /* further items of the authorization request: "&access_type=offline" */
	const char *notices; /* what ends a sign-in, and how soon: a sentence for the administrator */
};
const struct provider_preset *provider_preset(const char *kind); /* NULL: no such kind */
const struct provider_preset *provider_preset_at(int i); /* NULL: past the last */

/* Make one: what is NULL is the preset's. `secret` is sealed here; NULL: none. p->id is filled; the redirect URI to
 * register is provider_redirect_uri(). RC_BAD_INPUT: a field that can't be, named. RC_CONFLICT: there is one of that
 * organization and domain. RC_TOO_LARGE: PROVIDERS_MAX. */
enum rc provider_add(struct call *c, struct provider *p, const char *secret, bool lab);
/* Change one as it stands in *p: anything but what makes it another provider, at which its people would be other
 * subjects (kind, issuer, tenant, client id, domain). `secret` NULL: the one it has. Likewise. */
enum rc provider_change(struct call *c, struct provider *p, const char *secret, bool lab);
enum rc provider_get(struct call *c, const char *id, struct provider *out);
enum rc provider_list(struct call *c, const char *organization_id, struct provider **out, int *n);
/* Sign-ins through it go on until they end by themselves; nobody is removed. */
enum rc provider_remove(struct call *c, const char *id);

/* Who signs people of this identifier in: the provider of its domain, else the organization's without a domain.
 * `identifier` NULL: the latter. RC_NOT_FOUND: nobody but us. */
enum rc provider_for(struct call *c, const char *organization_id, const char *identifier, struct provider *out);

/* The claims that stand in for user_claim, for a person: "upn, oid@DOMAIN". NULL: none does. */
const char *provider_user_else(struct arena *a, const struct provider *p);

/* What holds for one person, whose groups may ask for more: grace_s, longest_s and spread. One or two reads. */
enum rc provider_narrow(struct call *c, struct provider *p, const char *account_id);

/* The client secret; NULL where there is none. RC_BAD_INPUT: sealed with another key. */
enum rc provider_secret(struct call *c, const struct provider *p, const char **secret);

/* Where providers send people back to: one address for all. */
#define PROVIDER_CALLBACK "/signin/provider"
char *provider_redirect_uri(const struct call *c);

#endif
