/* Licences of apps for people (Apple's Apps and Books management API v2; protocol 11).
 *
 * Somebody wants one, or wants it no more: a row says so. A thread beside requests brings Apple to it (licences_look):
 * it tells Apple of the person by their Managed Apple Account, has the app associated with them, waits until Apple says
 * that it is done, and gives back what is no longer wanted or whose person has no live enrollment. Licences are people's,
 * not devices': a device under User Enrollment has no serial number. */
#ifndef LICENCE_LICENCE_H
#define LICENCE_LICENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/call.h"

/* ---- who wants what; each a part of the caller's unit ---- */

/* The account is to have a licence for the app with that iTunesStoreID ("361309726"). Wanting it again changes nothing. */
enum rc licence_want(struct call *c, const char *organization_id, const char *account_id, const char *adam_id);

/* No more. One that is not wanted is nothing to give back. */
enum rc licence_release(struct call *c, const char *account_id, const char *adam_id);

/* Nor any other. */
enum rc licence_release_all(struct call *c, const char *account_id);

enum licence_is {
	LICENCE_NONE, /* not wanted */
	LICENCE_COMING, /* asked for; no answer yet */
	LICENCE_HELD, /* the app can be installed */
	LICENCE_SHORT, /* all are given away; looked at again when one is free */
	LICENCE_FAILED, /* Apple refused, and is asked again later */
	LICENCE_GOING, /* on its way back */
};
struct licence_state {
	enum licence_is is;
	const char *reason; /* a sentence for the administrator; NULL: there is nothing to say */
};
enum rc licence_state(struct call *c, const char *account_id, const char *adam_id, struct licence_state *out);
const char *licence_is_name(enum licence_is is); /* "held" */

/* ---- the organization's account with Apple ---- */

struct licence_service {
	const char *organization_id;
	const char *location; /* orgName of the token */
	int64_t expires_at; /* 0: not said */
	const char *trouble; /* why nothing goes on; NULL: all is well */
	int64_t counted_at; /* when the numbers below were last read; 0: not yet */
};

/* Keep the token (sToken) as it is downloaded from Apple: base64 of JSON. RC_BAD_INPUT: it is none, or expired. */
enum rc licence_token_set(struct call *c, const char *organization_id, const char *token);
/* What people hold stays theirs at Apple. RC_NOT_FOUND: there is no token. */
enum rc licence_token_remove(struct call *c, const char *organization_id);
/* RC_NOT_FOUND: there is no token. */
enum rc licence_service_get(struct call *c, const char *organization_id, struct licence_service *out);

struct licence_asset {
	const char *adam_id;
	int64_t total, assigned, available; /* as Apple counts; 0 where it was not asked yet */
	int64_t wanted, held, lacking; /* as people want them here; lacking: wanted, and none is left */
};
enum rc licence_assets(struct call *c, const char *organization_id, struct licence_asset **out, int *n);

struct licence {
	const char *account_id, *user_identifier, *adam_id; /* user_identifier NULL: the person is gone */
	struct licence_state state;
	int64_t updated_at;
};
/* By app and account, at most `limit`. `user` NULL: everybody. `after`: of the last row of the page before; NULL: from the
 * start. */
enum rc licence_list(struct call *c, const char *organization_id, const char *user, const struct licence *after,
    int limit, struct licence **out, int *n);

/* ---- the thread ---- */

struct licences;
struct licences *licences_new(void);
void licences_free(struct licences *l); /* NULL is fine */

/* What is due for one organization. *more: there may be more at once. RC_UNAVAILABLE: the store. A service that does
 * not answer is no error. For one thread. */
enum rc licences_look(struct licences *l, struct call *c, bool *more);

#endif
