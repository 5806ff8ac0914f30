/* People: who they are, their Managed Apple Account, their groups, and their local password. */
#ifndef ACCOUNT_ACCOUNT_H
#define ACCOUNT_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "account/policy.h"
#include "base/call.h"
#include "crypto/password.h"

struct account {
	const char *id, *organization_id;
	const char *user_identifier; /* lower case */
	const char *managed_apple_account; /* what AssignedManagedAppleID says */
	const char *display_name; /* may be NULL */
	const char *source; /* "local" */
	const char *password_hash; /* NULL: no local password */
	int64_t disabled_at; /* 0: enabled */
	int64_t created_at;
	const char *const *groups; /* NULL-terminated, sorted */
};

/* A to Z in lower case, the rest as it is: how user identifiers and domains are stored and compared. */
char *account_fold(struct arena *a, const char *text);

/* Make a person. The domain must belong to an organization; managed_apple_account NULL: the user
 * identifier. `password_hash` from password_hash(), or NULL. out->id is filled.
 * RC_CONFLICT: there is one. RC_NOT_FOUND: the domain is nobody's. */
enum rc account_add(struct call *c, struct account *a);

enum rc account_get(struct call *c, const char *id, struct account *out);
enum rc account_find(struct call *c, const char *user_identifier, struct account *out);

/* A page of people after `after` (user identifier, NULL: from the start), at most `limit`, sorted. `organization_id`
 * NULL: all. `search` NULL: all, too; else those who have for each word of it a
 * word that begins so, in user identifier, Managed Apple Account or name, in any case of A to Z. RC_BAD_INPUT, RC_TOO_LARGE:
 * too many words. */
enum rc account_list(struct call *c, const char *organization_id, const char *search, const char *after, int limit,
    struct account **out, int *n);

enum rc account_set_password(struct call *c, const char *id, const char *password_hash);
enum rc account_set_disabled(struct call *c, const char *id, bool disabled);
enum rc account_set_groups(struct call *c, const char *id, const char *const *groups);
/* Something that the person's devices get things by is different: they are looked at again (desired/round.h). */
enum rc account_changed(struct call *c, const char *id);
/* Another user identifier for the same person, whose devices and links to providers stay. managed_apple_account NULL:
 * it goes along where it was the identifier, and stays otherwise. RC_CONFLICT: somebody has that identifier.
 * RC_NOT_FOUND: its domain is not the organization's. */
enum rc
account_rename(struct call *c, const struct account *a, const char *user_identifier, const char *managed_apple_account);
enum rc account_set_name(struct call *c, const char *id, const char *display_name); /* NULL: none */
enum rc account_remove(struct call *c, const char *id); /* the caller evicts first */

/* One line of 1 to 100 octets without a comma. */
bool account_group_ok(const char *name);

/* Groups of an organization that have people or a policy, by name after `after` (NULL: from the start), at most 500. */
struct account_group {
	const char *name;
	int64_t people;
	struct policy policy;
};
#define ACCOUNT_PAGE 500
enum rc account_group_people(struct call *c, const char *organization_id, const char *name, int64_t *people);
enum rc account_group_list(
    struct call *c, const char *organization_id, const char *after, int limit, struct account_group **out, int *n);

bool account_in_group(const struct account *a, const char *group);

/* A sign-in with a local password. Costs the same whether or not there is such a person. Throttled
 * per person and per address: each failure beyond the fifth in a row doubles the wait, up to 15
 * minutes for a person and for an address (20 failures are free there).
 * RC_FORBIDDEN: wrong, unknown, disabled or without password: one answer. RC_TOO_LARGE: throttled;
 * *wait_s says how long. RC_UNAVAILABLE: the line of password checks is full. After RC_OK the try still counts as a
 * failure until account_signed_in, which is for the unit that writes what it led to. */
enum rc account_sign_in(struct call *c, struct password_gate *gate, const char *user_identifier, const char *password,
    const char *address, struct account *out, int *wait_s);
enum rc account_signed_in(struct call *c, const char *user_identifier); /* as given to account_sign_in */

#endif
