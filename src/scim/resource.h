/* What users and groups share: who asks, bodies read without regard to case, answers. Room-private. */
#ifndef SCIM_RESOURCE_H
#define SCIM_RESOURCE_H

#include <stdbool.h>

#include "account/service.h"
#include "fmt/json.h"
#include "http/server.h"
#include "scim/filter.h"

#define SCIM_PAGE 200 /* resources of one answer */
#define SCIM_OPERATIONS 100 /* of one PATCH */
#define SCIM_MEMBERS 1000 /* of one request */
#define SCIM_SHOWN 5000 /* members of one group in an answer; a page that has as many ends */
#define SCIM_USER "urn:ietf:params:scim:schemas:core:2.0:User"
#define SCIM_GROUP "urn:ietf:params:scim:schemas:core:2.0:Group"

struct scim_call {
	struct call *c;
	const struct http_request *r;
	struct service service; /* who asks, and for which organization */
	const char *by; /* for timelines */
	const json_t *body; /* an object; empty when nothing was sent */
	json_t *out; /* the answer; NULL: none */
	int status;
	const char *type; /* scimType of a refusal; NULL: the one of its rc */
	int members; /* in the answer so far */
};

typedef enum rc scim_handler(struct scim_call *x);

/* A member of an object, whatever the case of its name (RFC 7643 2.1). */
const json_t *scim_get(const json_t *object, const char *name);
/* Its text. RC_BAD_INPUT: it is there and no text. *out NULL: absent or null. */
enum rc scim_text(struct scim_call *x, const json_t *object, const char *name, const char **out);
/* A boolean, also as Entra ID writes them: "True", "False". *out is left alone where there is none. */
enum rc scim_flag(struct scim_call *x, const json_t *value, bool *out);

/* One operation of a PATCH, as the schemas mean it. */
enum scim_op { SCIM_ADD, SCIM_REPLACE, SCIM_REMOVE };
struct scim_change {
	enum scim_op op;
	const char *path; /* an attribute; values without a path are one change for each of their members */
	const char *chosen; /* of path[value eq "..."]; NULL: no bracket */
	const json_t *value; /* NULL with remove */
};
enum rc scim_changes(struct scim_call *x, struct scim_change **out, int *n);

/* The answer to a listing that is all there is. */
json_t *scim_list(struct scim_call *x, int total, int from, json_t *resources);
json_t *scim_meta(struct scim_call *x, const char *type, const char *id, int64_t created, int64_t changed);
/* A refusal with its scimType (RFC 7644 3.12). */
enum rc scim_refuse(struct scim_call *x, const char *type, const char *detail);

/* What a filter may ask for. */
struct scim_column {
	const char *attribute;
	const char *sql; /* what is compared; with a bracket in it, the beginning of one that the value ends */
	bool fold; /* stored in lower case */
};
/* A page of the organization's rows, by the request's filter, startIndex and count, into x->out. It may have fewer than
 * count: who asks goes on behind those (RFC 7644 3.4.2.4). */
struct db_rows;
struct scim_listing {
	const char *table, *columns, *order;
	const struct scim_column *filters; /* to a row without attribute */
	enum rc (*json)(struct scim_call *x, const struct db_rows *r, int row, json_t **out); /* kept by the arena */
};
enum rc scim_answer_list(struct scim_call *x, const struct scim_listing *l);

extern scim_handler scim_user_list, scim_user_get, scim_user_add, scim_user_put, scim_user_patch, scim_user_remove;
extern scim_handler scim_group_list, scim_group_get, scim_group_add, scim_group_put, scim_group_patch,
    scim_group_remove;
extern scim_handler scim_provider_config, scim_resource_types, scim_resource_type, scim_schemas, scim_schema;

#endif
