/* Whole enrollments, as many at once as there are threads: discovery, challenge, sign-in, token, profile,
 * SCEP, check-in, each by the simulated device of src/device, which keeps nothing on the disk here.
 *
 * Keys are shared and made beforehand, so that what is measured is the server. Every device opens its own
 * connections, as its programs do: four TLS handshakes an enrollment. */
#ifndef FLEET_ENROLL_H
#define FLEET_ENROLL_H

#include <signal.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/err.h"
#include "fleet/hist.h"

#define FLEET_ENROLL_STAGES 12
#define FLEET_ENROLL_SECONDS 7200

struct fleet_enroll_plan {
	const char *const *users; /* who signs in, in turn */
	uint64_t n_users;
	const char *password; /* of all of them */
	const char *family, *os; /* NULL: iPhone; by family */
	const char *ca_dir; /* test CA of the built-in identities; made where it is missing */
	const char *connect; /* "ADDR:PORT": every connection goes there; NULL: where the names lead */
	const char *ca_file;
	const struct bytes *keys; /* RSA, PKCS#8, for identity certificates; shared */
	int n_keys, threads;
	double rate; /* enrollments a second; 0: each thread begins anew once it is done */
	double duration_s, warmup_s;
	uint64_t count; /* enrollments; 0: no end but time */
	bool offered; /* one begins when fleet_enroll_offer says so, and at no other time */
	FILE *ledger; /* NULL: none */
	bool show;
	const volatile sig_atomic_t *stop;
};

struct fleet_enroll_result {
	double seconds, cpu_us; /* the generator's, for each enrollment */
	uint64_t begun, enrolled, exchanges, connects; /* while it was measured; exchanges: requests */
	uint64_t failed, interrupted; /* in all; of them those that a server which is gone or busy explains */
	struct {
		const char *stage; /* "discovery", "sign-in", ... */
		uint64_t n;
	} at[FLEET_ENROLL_STAGES];
	char why[512]; /* of the first that failed */
	struct fleet_hist turns; /* of those that were enrolled; in an open loop since due */
};

/* RC_OK also where enrollments failed. RC_UNAVAILABLE: no test CA, no threads. `out` is large. */
enum rc fleet_enroll_run(const struct fleet_enroll_plan *plan, struct fleet_enroll_result *out, struct err *e);

/* The same beside something else: with plan->offered, until fleet_enroll_end, which waits for those under way and NULL
 * is fine for. Plan and result are read and written until then. */
struct fleet_enroll;
enum rc fleet_enroll_begin(
    const struct fleet_enroll_plan *plan, struct fleet_enroll_result *out, struct fleet_enroll **party, struct err *e);
bool fleet_enroll_offer(struct fleet_enroll *party); /* an enrollment is due; false: all threads are busy */
void fleet_enroll_end(struct fleet_enroll *party);

#endif
