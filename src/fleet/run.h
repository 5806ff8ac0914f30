/* A run of the fleet: many devices press one server over few connections, from one thread.
 *
 * Closed loop: so many connections, each asks again once it was answered. Open loop: sessions come at a
 * rate, whatever the server does; a duration counts from the moment the session was due. */
#ifndef FLEET_RUN_H
#define FLEET_RUN_H

#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>

#include "fleet/enroll.h"
#include "fleet/hist.h"
#include "fleet/state.h"
#include "fleet/wire.h"

enum fleet_scenario {
	FLEET_SCENARIO_POLL, /* Idle, and nothing comes */
	FLEET_SCENARIO_CYCLE, /* Idle, command, answer, ... until there is none */
	FLEET_SCENARIO_CHECKIN, /* Authenticate and TokenUpdate, said again by a known device */
	FLEET_SCENARIO_HERD, /* all are woken within a second; each polls until it was served */
	FLEET_SCENARIO_REAUTH, /* an expired token, its renewal, and the poll again */
	FLEET_SCENARIO_SYNC, /* the tokens of declarative management, and nothing is new */
	FLEET_SCENARIO_MIXED, /* all of these, and whole enrollments */
	FLEET_SCENARIO_FLOOR, /* a path that nobody serves: what an answer costs before it means anything */
	FLEET_SCENARIO_HANDSHAKE, /* a full TLS handshake, and no request; any server with TLS */
	FLEET_SCENARIOS
};

enum fleet_fault {
	FLEET_FAULT_ANSWER_LOST, /* the connection ends before the answer is read; said again on another */
	FLEET_FAULT_DUPLICATE, /* the same message twice, one after the other */
	FLEET_FAULT_NOT_NOW, /* of commands */
	FLEET_FAULT_EXPIRED_TOKEN, /* where `prepare` made expired tokens */
	FLEET_FAULT_STALLED, /* half a request, then nothing until the server ends it */
	FLEET_FAULT_PUSH_TOKEN, /* a TokenUpdate with a new token comes first */
	FLEET_FAULTS
};

const char *fleet_scenario_name(enum fleet_scenario s); /* NULL past the end */
const char *fleet_fault_name(enum fleet_fault f); /* NULL past the end */

struct fleet_plan {
	const char *dir; /* of the fleet */
	struct fleet *fleet;
	struct sockaddr_storage address;
	socklen_t address_size;
	bool tls;
	const char *ca_file; /* PEM; trusted alone; NULL: the system's */
	const char *server_name; /* for SNI and the certificate */
	enum fleet_scenario scenario;
	enum fleet_proof proof;
	const char *proxy_secret;
	uint64_t count; /* devices that take part; 0: all */
	uint64_t seed; /* which of them, and when */
	int connections; /* closed loop: so many; open loop: at most */
	double rate; /* sessions a second; 0: closed loop */
	double duration_s, warmup_s;
	double fault[FLEET_FAULTS]; /* per cent */
	struct fleet_enroll *enrolling; /* where a mixed run offers enrollments; NULL: nobody enrolls */
	FILE *ledger; /* NULL: none */
	bool show; /* a line a second */
	const volatile sig_atomic_t *stop; /* not 0: end now; NULL: never */
};

enum fleet_error { /* what is no status */
	FLEET_ERROR_CONNECT, /* no connection */
	FLEET_ERROR_LOST, /* it ended before the answer */
	FLEET_ERROR_TIMEOUT, /* no answer within 60 s */
	FLEET_ERROR_MALFORMED, /* what came is no answer */
	FLEET_ERROR_CHALLENGE, /* 401 that a device can't answer by itself */
	FLEET_ERROR_BODY, /* 200, but not what belongs there */
	FLEET_ERROR_REPEATED, /* a command came again that had been acknowledged */
	FLEET_ERROR_NO_DEVICE, /* a session was due, and every device was busy */
	FLEET_ERRORS
};
const char *fleet_error_name(enum fleet_error e);

#define FLEET_SECONDS_MAX 7200 /* of the plot */

struct fleet_second { /* of the series over time */
	uint32_t requests, errors, p50_us, p99_us, max_us;
};

struct fleet_result {
	double seconds; /* measured */
	uint64_t requests, sessions, commands; /* sessions: turns that ended; commands: acknowledged */
	uint64_t bytes_in, bytes_out, connects, retries;
	uint64_t status[600]; /* answers by status */
	uint64_t error[FLEET_ERRORS], fault[FLEET_FAULTS];
	uint64_t refused_without_retry_after; /* 503 that does not say when */
	double cpu_us; /* of the generator, for each request */
	uint64_t unfinished; /* sessions that the end cut off */
	const struct fleet_enroll_result *enrollments; /* of a mixed run, when those are over; NULL: none */
	int connections; /* open at the end */
	struct fleet_hist all, by_message[FLEET_MESSAGES], corrected;
	struct fleet_hist turns; /* of a device: from when it was to begin until it was served */
	bool open_loop;
	int n_series;
	struct fleet_second series[FLEET_SECONDS_MAX];
};

/* Run it. RC_OK also where requests failed: look at the result. `out` is large: not on a stack. */
enum rc fleet_run(const struct fleet_plan *plan, struct fleet_result *out, struct err *e);

uint64_t fleet_result_errors(const struct fleet_result *r); /* all that went wrong without a fault's help */

#endif
