/* What a device says next: the states of protocol 7.3 and 8.1, without the device. */
#include <string.h>

#include "fleet/engine.h"
#include "fleet/signature.h"

#define RETRY_US 50000 /* after a lost connection; doubles */
#define RETRY_MAX_US 2000000
#define BUSY_US 1000000 /* after a 503 that does not say when */

enum go { GO_ON, GO_LATER, GO_OVER };

void
fleet_session_begin(struct fleet_engine *g, struct fleet_session *s)
{
	struct fleet_record *r = fleet_at(g->plan->fleet, s->device);

	if (s->kind == FLEET_SCENARIO_FLOOR) {
		s->message = FLEET_NOTHING;
		return;
	}
	s->message = s->kind == FLEET_SCENARIO_CHECKIN ? FLEET_AUTHENTICATE
		     : s->kind == FLEET_SCENARIO_SYNC  ? FLEET_SYNC
						       : FLEET_IDLE;
	s->expired = s->kind == FLEET_SCENARIO_REAUTH || fleet_engine_chance(g, FLEET_FAULT_EXPIRED_TOKEN);
	if (fleet_engine_chance(g, FLEET_FAULT_PUSH_TOKEN)) {
		r->push_version++;
		s->after = s->message;
		s->leads = true;
		s->message = FLEET_TOKEN_UPDATE;
	}
}

/* ---- saying ---- */

/* Half of the request on a connection that then falls silent; the device comes back on another. */
static bool
stall(struct fleet_engine *g, struct fleet_conn *c)
{
	struct fleet_session *s = c->session;

	if (g->n_stalled >= FLEET_STALLED_MAX || !fleet_engine_chance(g, FLEET_FAULT_STALLED))
		return false;
	g->n_stalled++;
	c->stalled = true;
	c->session = NULL;
	c->out_n /= 2;
	fleet_net_send(g, c);
	fleet_engine_ready(g, s);
	return true;
}

static bool
is_answer(enum fleet_message m)
{
	return m == FLEET_ACKNOWLEDGED || m == FLEET_NOT_NOW;
}

/* Whether sessions begin at times of their own, whatever the server does. */
static bool
is_due(const struct fleet_engine *g)
{
	return g->plan->rate > 0 || g->plan->scenario == FLEET_SCENARIO_HERD;
}

void
fleet_session_say(struct fleet_engine *g, struct fleet_conn *c)
{
	struct fleet_session *s = c->session;
	const struct fleet *f = g->plan->fleet;
	struct fleet_request r = { .message = s->message, .device = s->device, .uuid = s->uuid };
	char expired[FLEET_TOKEN];

	r.access = fleet_at(f, s->device)->access;
	if (s->expired) {
		fleet_token(expired, f->head->secret, FLEET_EXPIRED, s->device);
		r.access = expired;
	}
	if (g->plan->proof == FLEET_PROOF_SIGNATURE && s->message < FLEET_RENEWAL)
		r.signature = fleet_signature_get(g->signatures, s->message, s->device, s->uuid);
	c->out_n = fleet_wire_request(g->wire, &r, c->out);
	c->in_n = 0;
	if (!s->echo && stall(g, c))
		return;
	s->lose = !s->echo && fleet_engine_chance(g, FLEET_FAULT_ANSWER_LOST);
	s->again = !s->echo && !s->lose && fleet_engine_chance(g, FLEET_FAULT_DUPLICATE);
	s->sent_us = g->now_us;
	s->intended_us = !s->begun && is_due(g) ? s->woken_us : g->now_us;
	s->begun = true;
	fleet_net_send(g, c);
}

/* ---- hearing ---- */

/* The person's part of protocol 8.1 is not played: a device whose refresh token is refused stays behind. */
static enum go
after_renewal(struct fleet_engine *g, struct fleet_session *s, const struct fleet_answer *a)
{
	struct fleet_record *r = fleet_at(g->plan->fleet, s->device);
	struct bytes access = fleet_answer_json_text(a->body, "access_token");
	struct bytes refresh = fleet_answer_json_text(a->body, "refresh_token");

	if (a->status != 200) {
		if (a->status == 400)
			r->flags |= FLEET_NEEDS_SIGNIN;
		return GO_OVER;
	}
	if (access.n == 0 || refresh.n == 0 || access.n >= sizeof r->access || refresh.n >= sizeof r->refresh) {
		fleet_engine_error(g, FLEET_ERROR_BODY);
		return GO_OVER;
	}
	memset(r->access, 0, sizeof r->access);
	memset(r->refresh, 0, sizeof r->refresh);
	memcpy(r->access, access.p, access.n);
	memcpy(r->refresh, refresh.p, refresh.n);
	r->refreshed++;
	fleet_engine_ledger(g, "renewed", s->device, NULL);
	s->message = s->resume;
	return GO_ON;
}

static enum go
after_challenge(struct fleet_engine *g, struct fleet_session *s, const struct fleet_answer *a)
{
	bool renews = fleet_answer_parameter(a->challenge, "token-url").p != NULL && !s->renewed;

	if (!renews) {
		fleet_engine_error(g, FLEET_ERROR_CHALLENGE);
		return GO_OVER;
	}
	s->renewed = true;
	s->expired = false;
	s->resume = s->message;
	s->message = FLEET_RENEWAL;
	return GO_ON;
}

/* A command came: acknowledged in most cases, as a device does after its work. */
static enum go
take_command(struct fleet_engine *g, struct fleet_session *s, const struct fleet_answer *a)
{
	struct bytes uuid = fleet_answer_plist_text(a->body, "CommandUUID");

	if (uuid.n == 0 || uuid.n >= sizeof s->uuid) {
		fleet_engine_error(g, FLEET_ERROR_BODY);
		return GO_OVER;
	}
	memcpy(s->uuid, uuid.p, uuid.n);
	s->uuid[uuid.n] = '\0';
	fleet_engine_ledger(g, "delivered", s->device, s->uuid);
	if (strcmp(s->uuid, s->answered) == 0) {
		fleet_engine_error(g, FLEET_ERROR_REPEATED);
		return GO_OVER;
	}
	if (s->kind == FLEET_SCENARIO_POLL) { /* its queue was to be empty */
		fleet_engine_error(g, FLEET_ERROR_BODY);
		return GO_OVER;
	}
	s->message = fleet_engine_chance(g, FLEET_FAULT_NOT_NOW) ? FLEET_NOT_NOW : FLEET_ACKNOWLEDGED;
	return GO_ON;
}

/* The server has it: from here on it may not be lost. */
static void
note(struct fleet_engine *g, const struct fleet_session *s)
{
	char magic[FLEET_MAGIC];
	const char *which = is_answer(s->message) ? s->uuid : NULL;

	if (s->message == FLEET_TOKEN_UPDATE) {
		fleet_push_magic(
		    magic, g->plan->fleet->head->tag, s->device, fleet_at(g->plan->fleet, s->device)->push_version);
		which = magic;
	}
	fleet_engine_ledger(g, fleet_message_name(s->message), s->device, which);
}

static enum go
after_message(struct fleet_engine *g, struct fleet_session *s, const struct fleet_answer *a)
{
	note(g, s);
	if (is_answer(s->message)) {
		if (g->measuring && s->message == FLEET_ACKNOWLEDGED)
			g->result->commands++;
		memcpy(s->answered, s->uuid, sizeof s->answered);
	}
	if (s->message == FLEET_AUTHENTICATE || s->message == FLEET_TOKEN_UPDATE) {
		if (a->body.n != 0)
			fleet_engine_error(g, FLEET_ERROR_BODY);
		if (s->message == FLEET_AUTHENTICATE) {
			s->message = FLEET_TOKEN_UPDATE;
			return GO_ON;
		}
		if (!s->leads)
			return GO_OVER;
		s->leads = false;
		s->message = s->after;
		return GO_ON;
	}
	if (s->message == FLEET_SYNC) {
		if (fleet_answer_json_text(a->body, "DeclarationsToken").n == 0)
			fleet_engine_error(g, FLEET_ERROR_BODY);
		return GO_OVER;
	}
	return a->body.n == 0 ? GO_OVER : take_command(g, s, a);
}

static enum go
next_step(struct fleet_engine *g, struct fleet_session *s, const struct fleet_answer *a)
{
	if (a->status == 503) {
		if (a->retry_after_s < 0)
			g->result->refused_without_retry_after++;
		g->result->retries++;
		s->due_us = g->now_us + (a->retry_after_s >= 0 ? a->retry_after_s * INT64_C(1000000) : BUSY_US);
		return GO_LATER;
	}
	if (s->message == FLEET_NOTHING)
		return GO_OVER;
	if (s->message == FLEET_RENEWAL)
		return after_renewal(g, s, a);
	if (a->status == 401)
		return after_challenge(g, s, a);
	return a->status == 200 ? after_message(g, s, a) : GO_OVER;
}

static void
count(struct fleet_engine *g, const struct fleet_session *s, const struct fleet_answer *a)
{
	struct fleet_result *r = g->result;
	uint64_t us = (uint64_t)(g->now_us - s->intended_us);

	fleet_hist_add(&g->second, us);
	if (s->message == FLEET_NOTHING && a->status == 404)
		r->status[200] += g->measuring; /* as good as an answer gets there */
	else if (a->status < 600 && (g->measuring || a->status != 200))
		r->status[a->status]++;
	if (!g->measuring)
		return;
	r->requests++;
	fleet_hist_add(&r->all, us);
	fleet_hist_add(&r->by_message[s->message], us);
}

void
fleet_session_answer(struct fleet_engine *g, struct fleet_conn *c, const struct fleet_answer *a)
{
	struct fleet_session *s = c->session;
	bool close = a->close || s->lose;
	enum go go = GO_ON;

	g->answers++;
	count(g, s, a);
	s->tries = 0;
	if (s->again && a->status == 200 && s->message != FLEET_RENEWAL) {
		/* The same words once more; the answer to those is what counts. */
		note(g, s);
		s->again = false;
		s->echo = true;
	} else if (!s->lose) {
		s->echo = false;
		go = next_step(g, s, a);
	}
	c->session = NULL;
	c->in_n = 0;
	if (close)
		fleet_net_close(g, c);
	if (go == GO_ON) {
		if (close) {
			fleet_engine_ready(g, s);
			return;
		}
		c->session = s;
		fleet_session_say(g, c);
		return;
	}
	if (go == GO_LATER)
		fleet_engine_later(g, s, s->due_us);
	else
		fleet_engine_over(g, s);
	if (!close)
		fleet_engine_free_conn(g, c);
}

void
fleet_session_shaken(struct fleet_engine *g, struct fleet_conn *c)
{
	struct fleet_session *s = c->session;
	uint64_t us = (uint64_t)(g->now_us - (is_due(g) ? s->woken_us : s->sent_us));

	g->answers++;
	fleet_hist_add(&g->second, us);
	if (g->measuring) {
		g->result->requests++;
		fleet_hist_add(&g->result->all, us);
	}
	c->session = NULL;
	fleet_net_close(g, c);
	fleet_engine_over(g, s);
}

void
fleet_session_lost(struct fleet_engine *g, struct fleet_conn *c, enum fleet_error why)
{
	struct fleet_session *s = c->session;
	int64_t wait = RETRY_US << (s != NULL && s->tries < 6 ? s->tries : 6);

	c->session = NULL;
	fleet_net_close(g, c);
	if (s == NULL)
		return;
	fleet_engine_error(g, why);
	s->tries++;
	fleet_engine_later(g, s, g->now_us + (wait < RETRY_MAX_US ? wait : RETRY_MAX_US));
}
