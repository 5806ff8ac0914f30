/* Messages: written in the unit of what they tell of. */
#include <string.h>

#include "base/clock.h"
#include "crypto/hash.h"
#include "http/trace.h"
#include "store/store.h"
#include "webhook/webhook.h"

static const char *const names[] = {
#define X(name, type, when, data) type,
	WEBHOOK_EVENTS(X)
#undef X
};

const char *
webhook_type_name(enum webhook_type t)
{
	return names[t];
}

/* Is `name` one of the words of `list`? */
static bool
listed(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = list; (p = strstr(p, name)) != NULL; p += n) {
		if ((p == list || p[-1] == ' ') && (p[n] == '\0' || p[n] == ' '))
			return true;
	}
	return false;
}

enum rc
webhook_listeners(struct call *c, enum webhook_type type, struct webhook_listener **out, int *n)
{
	struct db_rows r;
	enum rc rc = store_run(c, "SELECT id, organization_id, events FROM webhook", DB_NONE, &r);

	*n = 0;
	if (rc != RC_OK || r.rows == 0)
		return rc;
	*out = arena_array(c->arena, (size_t)r.rows, sizeof **out);
	for (int i = 0; i < r.rows; i++) {
		const char *events = db_get_text(&r, i, 2);

		if (events[0] == '\0' || listed(events, names[type]))
			(*out)[(*n)++] = (struct webhook_listener){ db_get_text(&r, i, 0), db_get_text(&r, i, 1) };
	}
	return RC_OK;
}

bool
webhook_hears(const struct webhook_listener *l, const char *organization_id)
{
	return l->organization_id == NULL ||
	       (organization_id != NULL && strcmp(l->organization_id, organization_id) == 0);
}

static const char *
body_of(struct call *c, const struct webhook_message *m)
{
	json_t *j = json_keep(c->arena, json_pack("{s:s, s:s, s:o}", "type", names[m->type], "timestamp",
					    clock_rfc3339(c->arena, c->now), "data", m->data));
	struct bytes text = json_text(c->arena, j, 0);

	return arena_strndup(c->arena, (const char *)text.p, text.n);
}

enum rc
webhook_tell(struct call *c, const struct webhook_listener *to, int n, const struct webhook_message *m)
{
	/* The number within the subject: units that tell of one subject change its rows, so they are one after another. */
	static const char sql[] =
	    "INSERT INTO webhook_delivery (id, webhook_id, subject, seq, type, body, trace, created_at, due_at, tries)"
	    " VALUES (?1, ?2, ?3, 1 + COALESCE((SELECT MAX(seq) FROM webhook_delivery WHERE webhook_id = ?2 AND"
	    " subject = ?3), 0), ?4, ?5, ?6, ?7, ?7, 0)";
	const char *body = body_of(c, m);
	enum rc rc = RC_OK;

	for (int i = 0; i < n && rc == RC_OK; i++) {
		if (!webhook_hears(&to[i], m->organization_id))
			continue;
		rc = store_run(c, sql,
		    DB_ARGS(db_text(arena_printf(c->arena, "msg_%s", crypto_id(c->arena))), db_text(to[i].id),
			db_text(m->subject), db_text(names[m->type]), db_text(body), db_text(http_trace(c)),
			db_int(c->now)),
		    NULL);
	}
	return rc;
}
