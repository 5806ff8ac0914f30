/* What a phone sees from outside: every step of an enrollment that needs no password, as a device takes it, and
 * for each that fails what the phone would say, the cause, and what to write into the web server's configuration.
 *
 * Needs no server of ours and works against anybody's: it uses the network alone. It leaves what a device leaves that
 * gives up at the sign-in page: one attempt for each family. */
#ifndef CHECK_CHECK_H
#define CHECK_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

/* In the order of an enrollment. `apple` is the fallback through Apple (protocol 2.6), `esso` Enrollment SSO (4.5). */
/* clang-format off */
#define CHECK_STAGES(X) \
	X(IDENTIFIER, "identifier") X(DNS, "dns") X(TCP, "tcp") X(TLS, "tls") X(REDIRECT, "redirect") X(STATUS, "status") \
	X(DOCUMENT, "document") X(APPLE, "apple") X(ENROLLMENT, "enrollment") X(CHALLENGE, "challenge") X(ESSO, "esso") X(SIGN_IN, "sign-in") \
	X(TOKEN, "token") X(SCEP, "scep") X(PUSH, "push")
/* clang-format on */
#define CHECK_STAGE_ENUM(id, name) CHECK_##id,
enum check_stage { CHECK_STAGES(CHECK_STAGE_ENUM) CHECK_N_STAGES };

/* Later ones are worse. NOT_REACHED is no verdict: what came before it failed. NOT_ASKED: nothing calls for it. */
enum check_state { CHECK_NOT_ASKED, CHECK_NOT_REACHED, CHECK_OK, CHECK_UNKNOWN, CHECK_WARNING, CHECK_CRITICAL };

#define CHECK_FAMILIES 4 /* kinds of device that enroll by account; bit i stands for check_family(i) */
const char *check_family(int i); /* "iPhone", as in model-family */

struct check_plan {
	const char *identifier; /* as the person types it */
	unsigned families; /* bits */
	const char *server; /* whose snippets are wanted: "nginx", ...; NULL: guessed from the answers */
	const char *mdm_url; /* where snippets send devices; NULL: https://mdm.DOMAIN */
	const char *apple_url; /* the fallback; NULL: it is not asked */
	const char *scep_url; /* NULL: only that of `data` is looked at: the address stands in the profile alone */
	const char
	    *device_ca; /* folder of a test CA that signs MachineInfo (device/identity.h); NULL: a throw-away one */
	const char *data; /* the folder of a server of ours, for its push certificate and SCEP; NULL: none */
	const char *ca_file; /* trusted beside the system's CAs; NULL: none */
	const char *const *connect_to; /* curl's HOST1:PORT1:HOST2:PORT2, NULL-terminated; may be NULL */
	int timeout_s; /* of each connection and each answer */
	int64_t now;
};

struct check_note { /* what was seen at a stage */
	struct check_note *next;
	const char *text;
	unsigned families; /* bits; 0: it has nothing to do with the kind of device */
};

struct check_finding {
	struct check_finding *next;
	const struct check_cause *cause; /* check/cause.h */
	enum check_stage stage; /* where it was met */
	enum check_state severity; /* the cause's, or less where the fallback makes up for it */
	const char *about; /* host or URL */
	const char *seen; /* in a sentence */
	unsigned families;
	const char *server; /* whose snippet it is; NULL: nothing of a web server helps */
	bool guessed; /* ... nobody said so, and the answers did not either */
	const char *label, *snippet; /* where to write what */
};

struct check_report {
	struct {
		enum check_state state;
		unsigned reached; /* families, from `redirect` on */
		struct check_note *notes;
	} stage[CHECK_N_STAGES];
	struct check_finding *findings; /* in the order they were met */
	enum check_state verdict; /* the worst: CRITICAL, WARNING, UNKNOWN, OK */
};

/* Look, and fill *out with texts in `a`. Problems of the server are findings. RC_BAD_INPUT: a file of the plan can't
 * be used. Peers' texts are as they came: they may hold control characters. */
enum rc check_run(struct arena *a, const struct check_plan *plan, struct check_report *out, struct err *e);

const char *check_stage_name(enum check_stage s);
const char *check_state_name(enum check_state s);

/* "nginx", "apache", ...; NULL past the end. */
const char *check_server(int i);

#endif
