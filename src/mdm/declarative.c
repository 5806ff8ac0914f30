/* Check-in message DeclarativeManagement (protocol 14, S-35): what a device asks about its declarations, and reports. */
#include <string.h>

#include "account/account.h"
#include "command/policy.h"
#include "ddm/status.h"
#include "desired/round.h"
#include "enroll/failure.h"
#include "fmt/plist.h"
#include "mdm/message.h"
#include "store/store.h"

static void
answer_json(struct mdm_message *m, struct bytes body)
{
	*m->out = (struct enroll_reply){ 200, "application/json", body };
}

static enum rc
make_set(struct call *c, const struct mdm_message *m, struct desired_set *out)
{
	struct desired_wishes *w = arena_alloc(c->arena, sizeof *w);
	enum rc rc = desired_wishes_read(c, m->who->enrollment.organization_id, w);

	return rc == RC_OK ? desired_set_make(c, w, &m->who->enrollment, m->who->user_id, out) : rc;
}

/* The round keeps the token of what the channel should have; that of the device channel came with the caller. */
static enum rc
on_tokens(struct call *c, struct mdm_message *m, const struct ddm_request *r)
{
	const struct enrollment *e = &m->who->enrollment;
	struct round_state state = { .token = e->declarations_token, .token_at = e->declarations_token_at };
	struct desired_set s;
	enum rc rc = RC_OK;

	(void)r;
	if (m->who->user_id[0] != '\0' || e->declarations_token == NULL)
		rc = round_state(c, e->id, m->who->user_id, &state);
	if (rc == RC_NOT_FOUND && (rc = make_set(c, m, &s)) == RC_OK) {
		state.token = s.token;
		state.token_at = c->now;
	}
	if (rc == RC_OK)
		answer_json(m, ddm_tokens(c->arena, state.token, state.token_at));
	return rc;
}

struct fetching {
	const struct mdm_message *m;
	struct desired_set set;
};

/* Made where it is kept, so that nothing older takes the place of what a round found meanwhile. */
static enum rc
fetched_in_unit(struct call *c, void *arg)
{
	struct fetching *f = arg;
	enum rc rc = make_set(c, f->m, &f->set);

	return rc == RC_OK ? round_fetched(c, &f->set) : rc;
}

static enum rc
on_items(struct call *c, struct mdm_message *m, const struct ddm_request *r)
{
	struct fetching f = { .m = m };
	enum rc rc = store_unit(c, fetched_in_unit, &f);

	(void)r;
	if (rc == RC_OK)
		answer_json(m, ddm_items(c->arena, f.set.declarations, f.set.n, f.set.token));
	return rc;
}

/* 404 says that the device is to drop it. */
static enum rc
on_declaration(struct call *c, struct mdm_message *m, const struct ddm_request *r)
{
	struct desired_set s;
	struct bytes text;
	enum rc rc = make_set(c, m, &s);

	if (rc == RC_OK)
		rc = desired_set_text(c, &s, r->kind, r->identifier, &text);
	if (rc == RC_OK)
		answer_json(m, text);
	else if (rc == RC_NOT_FOUND)
		*m->out = (struct enroll_reply){ .status = 404 };
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

/* What the device should have may depend on its version, and on what it knows of declarations. */
static enum rc
status_in_unit(struct call *c, void *arg)
{
	static const char version_sql[] = "UPDATE enrollment SET os_version = ?2 WHERE id = ?1 AND ended_at IS NULL"
					  " RETURNING id";
	const struct mdm_message *m = arg;
	const struct enrollment *e = &m->who->enrollment;
	struct bytes report = plist_data(c->arena, m->body, "Data");
	struct ddm_news news;
	struct db_rows r = { 0 };
	enum rc rc = ddm_status_put(c, e->id, m->who->user_id, &m->target, report, &news);

	if (rc == RC_OK && news.os_version != NULL &&
	    (e->os_version == NULL || strcmp(news.os_version, e->os_version) != 0))
		rc = store_run(c, version_sql, DB_ARGS(db_text(e->id), db_text(news.os_version)), &r);
	return rc == RC_OK && (news.capabilities || r.rows > 0) ? account_changed(c, e->account_id) : rc;
}

static enum rc
on_status(struct call *c, struct mdm_message *m, const struct ddm_request *r)
{
	enum rc rc = store_unit(c, status_in_unit, m);

	(void)r;
	if (rc == RC_OK)
		*m->out = (struct enroll_reply){ .status = 200 };
	return rc;
}

void
mdm_declarative(struct call *c, struct mdm_message *m)
{
	static enum rc (*const serve[])(struct call * c, struct mdm_message * m, const struct ddm_request *r) = {
		[DDM_TOKENS] = on_tokens,
		[DDM_DECLARATION_ITEMS] = on_items,
		[DDM_DECLARATION] = on_declaration,
		[DDM_STATUS] = on_status,
	};
	const char *endpoint = plist_text(c->arena, m->body, "Endpoint");
	struct ddm_request r;
	enum rc rc;

	if (m->who->account_disabled) { /* nothing is given until the person may again: what is there stays */
		*m->out = (struct enroll_reply){ .status = 503 };
		return;
	}
	if (endpoint == NULL)
		rc = fail(&c->err, RC_BAD_INPUT, "Endpoint is missing");
	else if ((rc = ddm_request_parse(c->arena, endpoint, &r, &c->err)) == RC_OK)
		rc = serve[r.endpoint](c, m, &r);
	if (rc == RC_BAD_INPUT || rc == RC_TOO_LARGE)
		mdm_refuse(c, m, 400, EV_message_malformed);
}
