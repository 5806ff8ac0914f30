/* What the parts of a run share; for them alone: run.c (time), net.c (connections), session.c (what a
 * device says next). */
#ifndef FLEET_ENGINE_H
#define FLEET_ENGINE_H

#include "fleet/answer.h"
#include "fleet/run.h"

#define FLEET_IN_ROOM 4096 /* octets to begin with */
#define FLEET_STALLED_MAX 64 /* connections at a time, beside the others */

struct fleet_session { /* one device's turn */
	struct fleet_session *next; /* in a queue */
	uint64_t device;
	int64_t woken_us; /* when it was to begin */
	int64_t due_us; /* when it may go on */
	int64_t sent_us, intended_us; /* of the request under way */
	enum fleet_scenario kind;
	enum fleet_message message; /* what is said */
	enum fleet_message resume; /* what is said again after a renewal */
	enum fleet_message after; /* what a TokenUpdate with a new token went before */
	unsigned tries; /* in a row without an answer */
	bool begun; /* its first request was sent */
	bool expired; /* the next request carries the expired token */
	bool renewed; /* its token was renewed in this turn */
	bool lose, again; /* faults of the request under way */
	bool echo; /* this one is the duplicate */
	bool leads; /* this TokenUpdate goes before `after` */
	char uuid[64]; /* of the command */
	char answered[64]; /* of the command before it */
};

enum fleet_conn_state { FLEET_CONN_CLOSED, FLEET_CONN_OPENING, FLEET_CONN_SHAKING, FLEET_CONN_IDLE, FLEET_CONN_BUSY };

struct fleet_conn {
	struct fleet_conn *next; /* in a list of idle ones */
	struct fleet_session *session; /* whose request is under way */
	struct http_tls_stream *tls;
	int fd;
	enum fleet_conn_state state;
	bool wants_write, stalled;
	int64_t since_us; /* in this state */
	char *in;
	size_t in_n, in_room, out_n, out_sent;
	char out[FLEET_REQUEST_MAX];
};

struct fleet_engine {
	const struct fleet_plan *plan;
	struct fleet_result *result;
	struct fleet_wire *wire;
	struct fleet_signatures *signatures;
	struct http_tls_client *tls;
	struct fleet_sample sample;
	uint8_t *busy; /* a bit for each device */
	uint64_t next_device, random;
	int epoll;
	struct fleet_conn *conns; /* plan->connections of them, and some for stalled ones */
	int n_conns, n_open, n_stalled;
	struct fleet_conn *idle, *closed;
	struct fleet_session *ready, **ready_end; /* waiting for a connection */
	struct fleet_session **later; /* heap by due_us */
	size_t n_later, later_room;
	struct fleet_session *spare;
	uint64_t alive; /* sessions */
	uint64_t answers; /* all that came */
	int64_t now_us;
	bool measuring, ending;
	struct fleet_hist second;
	uint64_t visited; /* devices that got a session */
};

/* ---- net.c ---- */
enum rc fleet_net_begin(struct fleet_engine *g, struct err *e);
void fleet_net_end(struct fleet_engine *g);
void fleet_net_open(struct fleet_engine *g, struct fleet_conn *c); /* for c->session */
void fleet_net_send(struct fleet_engine *g, struct fleet_conn *c); /* c->out_n octets of c->out */
void fleet_net_close(struct fleet_engine *g, struct fleet_conn *c);
void fleet_net_wait(struct fleet_engine *g, int64_t until_us); /* events until then */
void fleet_net_expire(struct fleet_engine *g); /* connections that wait too long */

/* ---- session.c ---- */
void fleet_session_begin(struct fleet_engine *g, struct fleet_session *s); /* what it says first */
void fleet_session_say(struct fleet_engine *g, struct fleet_conn *c); /* c is idle and has a session */
void fleet_session_answer(struct fleet_engine *g, struct fleet_conn *c, const struct fleet_answer *a);
void fleet_session_shaken(struct fleet_engine *g, struct fleet_conn *c); /* all that was wanted */
void fleet_session_lost(struct fleet_engine *g, struct fleet_conn *c, enum fleet_error why);

/* ---- run.c ---- */
void fleet_engine_ready(struct fleet_engine *g, struct fleet_session *s); /* wants a connection */
void fleet_engine_later(struct fleet_engine *g, struct fleet_session *s, int64_t at_us);
void fleet_engine_over(struct fleet_engine *g, struct fleet_session *s); /* done; another may begin */
void fleet_engine_free_conn(struct fleet_engine *g, struct fleet_conn *c); /* idle: takes who waits */
void fleet_engine_error(struct fleet_engine *g, enum fleet_error why);
void fleet_engine_ledger(struct fleet_engine *g, const char *what, uint64_t device, const char *which);
bool fleet_engine_chance(struct fleet_engine *g, enum fleet_fault f);

#endif
