/* What every handler of this room shares: the body as checked JSON, the actor, the answer.
 *
 * A row of ADMIN_ROUTES names the fields that a body may have; admin_serve refuses all others before it
 * calls, so a handler reads what is there and nothing else. Room-private. */
#ifndef ADMIN_REPLY_H
#define ADMIN_REPLY_H

#include <stdbool.h>

#include "account/organization.h"
#include "admin/admin.h"
#include "administrator/actor.h"
#include "enroll/enrollment.h"
#include "fmt/json.h"
#include "store/store.h"

struct admin_call {
	struct call *c;
	const struct http_request *r;
	const struct admin_room *room;
	const json_t *body; /* an object, empty when nothing was sent */
	const struct actor *actor; /* who asks */
	json_t *out; /* the answer, an object; NULL: {} */
	int status; /* 200 unless the handler says otherwise; of a refusal, from 400 on: in place of its rc's */
	bool paged; /* the handler asked which page is wanted */
	const char *code; /* of a refusal: in place of rc_name; NULL: that */
};

typedef enum rc admin_handler(struct admin_call *x);

#define ADMIN_WHOLE 0x100 /* among the roles: for who reaches all organizations */

enum admin_what { /* a request is, for the audit and for who asks */
	ADMIN_SEES, /* reads nobody's data: makes no row in the audit */
	ADMIN_PERSON, /* reads a person's: makes one */
	ADMIN_CHANGES, /* makes two */
	ADMIN_GRAVE, /* and can't be undone, or gives power: who signed in has to have proven it lately (session.h) */
};

struct admin_route { /* a row of ADMIN_ROUTES, as far as the server does not need it */
	const char *method, *path; /* below /api/v1 */
	const char *name; /* the handler's, "user_list" */
	unsigned roles; /* bits of enum actor_role, and ADMIN_WHOLE */
	enum admin_what what;
	const char *fields; /* of the body */
	admin_handler *handler;
};

/* Who sent a request, by which way. RC_UNAUTHENTICATED: nobody that is known. */
enum rc admin_actor(struct call *c, const struct http_request *r, struct actor *out);

extern const struct admin_route admin_rows[]; /* in the order of admin_routes; ends with a row without path */
const struct admin_route *admin_reader(const char *path, size_t n); /* the row that reads what is there; NULL: none */

/* Serve one request. `fields` lists what the body may have, separated by spaces: "!name" must be there;
 * behind a colon stands the type: s text (the default), i integer, b boolean, a array of texts, o object.
 * Text and its array elements are not empty unless the type is 'e' (text that may be empty). */
void admin_serve(
    struct call *c, const struct http_request *r, struct http_reply *out, void *room, const struct admin_route *row);

/* Asked before a row that is ADMIN_GRAVE; for handlers of which only some requests are. RC_FORBIDDEN with the code "not
 * proven": a session whose person was not asked lately. */
enum rc admin_proven(struct admin_call *x);

/* owner.c: RC_NOT_FOUND, with a sentence that does not tell whether it exists, where something that the path, the
 * query or the body names belongs to an organization that the actor does not reach. What there is not at all is
 * left to the handler. */
enum rc admin_owner_check(struct admin_call *x, const struct admin_route *row);

/* condition.c: If-Match. RC_CONFLICT, as 412: what the change is meant for is not what the sender has seen. */
enum rc admin_condition_check(struct admin_call *x, const struct admin_route *row);
/* Call the handler of a change, with the same comparison in the unit of work that makes it. */
enum rc admin_condition_held(struct admin_call *x, const struct admin_route *row);
/* Whether the row has an ETag to give, or takes If-Match. */
bool admin_condition_applies(const struct admin_route *row);
/* The ETag of the answer; NULL: it has none. */
const char *admin_condition_tag(const struct admin_call *x, const struct admin_route *row);

/* Does the actor reach that organization? NULL: nobody's, which only those of the whole server reach. */
bool admin_reaches(const struct admin_call *x, const char *organization_id);

/* record.c: call the handler, unless `rc` says that what came before refuses, with its rows in the audit. */
enum rc admin_recorded(struct admin_call *x, const struct admin_route *row, enum rc rc);

/* Fields of the body; NULL, `otherwise` or an empty list where absent. */
const char *admin_text(const struct admin_call *x, const char *name);
int64_t admin_int(const struct admin_call *x, const char *name, int64_t otherwise);
bool admin_flag(const struct admin_call *x, const char *name, bool otherwise);
bool admin_has(const struct admin_call *x, const char *name);
const char *const *admin_list(const struct admin_call *x, const char *name, int *n); /* NULL-terminated */

/* An item of the query; NULL where absent. */
const char *admin_query(const struct admin_call *x, const char *name);
/* A number in the query. RC_BAD_INPUT: it is none, or negative. */
enum rc admin_query_int(struct admin_call *x, const char *name, int64_t otherwise, int64_t *out);

/* "90", "5s", "15m", "1h", "30d" as seconds; the text itself where it is nothing of the kind, for whoever takes it
 * to refuse. */
const char *admin_seconds(struct arena *a, const char *text);

/* The organization of that id, or of that name; NULL and "_" mean the only one. RC_BAD_INPUT: there are several. */
enum rc admin_organization(struct admin_call *x, const char *id, struct organization *out);
/* The one meant by a query or body that may name an organization. NULL in *id: all. */
enum rc admin_organization_filter(struct admin_call *x, const char **id);
/* Likewise, of what always belongs to an organization: where there is only one, that one instead of NULL, for an index
 * finds its rows. */
enum rc admin_organization_owner(struct admin_call *x, const char **id);

/* An enrollment by its id or by a beginning of it that no other has. */
enum rc admin_enrollment(struct admin_call *x, const char *id, struct enrollment *out);

/* Members of an answer; NULL, absent and zero times become null. All take the object and never fail. */
void admin_put_text(json_t *o, const char *key, const char *value);
void admin_put_int(json_t *o, const char *key, int64_t value);
void admin_put_flag(json_t *o, const char *key, bool value);
void admin_put_time(json_t *o, const char *key, int64_t value); /* Unix seconds; 0: null */
void admin_put(json_t *o, const char *key, json_t *value); /* takes it over */

/* A new object or array that ends with the call. */
json_t *admin_object(struct admin_call *x);
/* Sets the answer to {"items": [...], "next": next} and returns the array. */
json_t *admin_items(struct admin_call *x);

/* page.c. Which page of a listing by time is asked for: `cursor` (the "next" of the page before it) or `before` (a time), and
 * `limit`. RC_BAD_INPUT: they are none. */
enum rc admin_page(struct admin_call *x, struct db_page *out);
/* `cursor`, or `after`, of a listing by name: the "next" of the page before it; NULL: from the start. */
const char *admin_after(const struct admin_call *x);
/* Says "next": the page goes on after that row. */
void admin_page_next(struct admin_call *x, int64_t time, const char *id);
/* `limit` of a query, DB_PAGE_MAX where it is absent. */
enum rc admin_limit(struct admin_call *x, int *out);
/* Cuts the page that is asked for out of a listing whose handler did not ask. RC_BAD_INPUT: no such page. */
enum rc admin_cut(struct admin_call *x, const struct admin_route *row);

/* openapi.c: is the answer a listing? */
bool admin_lists(const struct admin_route *row);

#endif
