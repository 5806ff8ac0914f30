/* Grants and their tokens: what a sign-in allowed, for one enrollment, for as long as it lasts
 * (protocol 4.4, 8; RFC 6749, RFC 9700).
 *
 * Access token and refresh token of one issue share a generation. A refresh token of the newest
 * generation is good; the one before stays good until something of the newest is used, since a phone
 * may lose an answer; any other is reuse and revokes the grant. */
#ifndef ENROLL_GRANT_H
#define ENROLL_GRANT_H

#include <stdbool.h>
#include <stdint.h>

#include "account/organization.h"
#include "base/call.h"

struct grant {
	const char *id, *organization_id, *account_id, *attempt_id, *enrollment_id, *method, *client_id, *scope;
	int64_t generation, created_at, used_at, ends_at, revoked_at;
	const char *revoked_why;
	bool confirmed;
};

struct grant_tokens {
	const char *access; /* base64url, 43 characters, in the arena */
	const char *refresh; /* FAMILY.SECRET, 87 characters; NULL for apple-as-web */
	int64_t expires_in_s;
};

#define GRANT_TOKEN_MAX 128 /* octets: nothing longer is looked up */

/* Start a grant for a sign-in and issue its first tokens. When the attempt is one to sign in again, the
 * grant is bound to that enrollment at once (the caller has checked the person) and replaces its earlier
 * grant; an unbound grant of the same attempt is replaced too. Call inside a unit. g->id, enrollment_id and
 * times are filled. RC_NOT_FOUND: the enrollment that it is for has ended. */
enum rc grant_start(struct call *c, const struct organization *o, struct grant *g, struct grant_tokens *out);

/* Redeem a refresh token for the next generation.
 * RC_NOT_FOUND: unknown, expired, revoked grant, disabled person. RC_FORBIDDEN: another client's.
 * RC_CONFLICT: reuse; the grant is revoked now. (All three are invalid_grant for the peer.)
 * *g is filled whenever the token was known (g->id NULL otherwise). Is a unit by itself; also runs inside one. */
enum rc grant_refresh(
    struct call *c, const char *refresh_token, const char *client_id, struct grant *g, struct grant_tokens *out);

/* What a bearer token stands for: one read, no write. */
struct grant_bearer {
	struct grant grant;
	int64_t generation, expires_at;
	bool expired, revoked, account_disabled;
	const char *user_identifier, *managed_apple_account;
};

/* For a statement that reads more than grants (gate/row.c): the columns of a token t, its grant g and its
 * person a, their reader from `column` on, and what a token's row is found by. */
#define GRANT_COLUMNS \
	"g.id, g.organization_id, g.account_id, g.attempt_id, g.enrollment_id, g.method, g.client_id, g.scope," \
	" g.generation, g.created_at, g.used_at, g.ends_at, g.revoked_at, g.revoked_why, g.confirmed"
#define GRANT_N_COLUMNS 15
#define GRANT_BEARER_COLUMNS \
	GRANT_COLUMNS ", t.generation, t.expires_at, a.id, a.disabled_at, a.user_identifier, a.managed_apple_account"
#define GRANT_BEARER_N_COLUMNS (GRANT_N_COLUMNS + 6)
struct db_rows;
void grant_bearer_read(struct call *c, struct grant_bearer *out, const struct db_rows *r, int row, int column);
struct bytes grant_token_hash(struct call *c, const char *token);

/* RC_NOT_FOUND: unknown. RC_OK also for an expired or revoked one: look at the flags. */
enum rc grant_find(struct call *c, const char *access_token, struct grant_bearer *out);

/* What a token of either kind stands for, for who was sent it by somebody else (RFC 7009, 7662). Changes nothing:
 * a token that is looked at is not used. RC_NOT_FOUND: unknown. */
struct grant_shown {
	struct grant_bearer bearer;
	int64_t issued_at;
	bool refresh; /* else an access token */
	bool active; /* would be taken now */
};
enum rc grant_show(struct call *c, const char *token, struct grant_shown *out);

/* Is a refresh token of this generation the one to come, or the one before in its grace? */
bool grant_in_turn(const struct grant *g, int64_t generation);

/* A token of the newest generation was used for the first time (end of the grace of the one before). */
enum rc grant_confirm(struct call *c, const char *grant_id, int64_t generation);

/* Bind to an enrollment at Authenticate. RC_CONFLICT: bound to another one already. */
enum rc grant_bind(struct call *c, const char *grant_id, const char *enrollment_id);

/* Revoke one, all of a person, or all of an enrollment. Idempotent; *n (may be NULL) counts what was live. */
enum rc grant_revoke(struct call *c, const char *grant_id, const char *why);
enum rc grant_revoke_account(struct call *c, const char *account_id, const char *why, int *n);
enum rc grant_revoke_enrollment(struct call *c, const char *enrollment_id, const char *why, int *n);

/* A page, newest first. Filters may be NULL. */
struct db_page;
enum rc grant_list(struct call *c, const char *organization_id, const char *account_id, const char *enrollment_id,
    const struct db_page *page, struct grant **out, int *n);

#endif
