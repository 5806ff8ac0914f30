#include "postern-device/fleet_enroll.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/x509.h"
#include "base/disk.h"
#include "fleet/report.h"
#include "fleet/state.h"
#include "postern-device/password.h"

#define KEYS 4 /* made where the fleet has none of RSA */
#define PEOPLE_MAX 10000 /* of a fleet; they take turns */
#define REPORT_MAX 65536

/* The people of --user, else those of the fleet. */
static enum rc
find_people(const struct argv *v, const struct fleet *f, struct fleet_enroll_plan *p, struct err *e)
{
	const struct fleet_head *h = f->head;
	uint64_t n = h != NULL && h->count < PEOPLE_MAX ? h->count : PEOPLE_MAX;
	const char **users;

	p->users = argv_list(v, "user");
	while (p->users[p->n_users] != NULL)
		p->n_users++;
	if (p->n_users > 0)
		return RC_OK;
	if (h == NULL || !h->has_password)
		return fail(e, RC_BAD_INPUT,
		    "nobody can sign in: name people with --user, or prepare a fleet with --password-stdin");
	users = arena_array(v->arena, n, sizeof *users);
	for (uint64_t i = 0; i < n; i++)
		users[i] = arena_printf(v->arena, "fleet-%08x-%llu@%s", h->tag, (unsigned long long)i, h->domain);
	p->users = users;
	p->n_users = n;
	return RC_OK;
}

static enum rc
find_keys(const struct argv *v, const struct fleet *f, struct fleet_enroll_plan *p, struct err *e)
{
	bool shared = f->head != NULL && strcmp(f->head->key_kind, "rsa") == 0;
	struct bytes *keys;
	enum rc rc = RC_OK;

	p->n_keys = shared ? (int)f->head->keys : KEYS;
	keys = arena_array(v->arena, (size_t)p->n_keys, sizeof *keys);
	for (int i = 0; rc == RC_OK && i < p->n_keys; i++) {
		if (shared)
			keys[i] = fleet_key(f, (uint32_t)i);
		else
			rc = x509_key_new(v->arena, X509_RSA_2048, &keys[i], e);
	}
	p->keys = keys;
	return rc;
}

enum rc
fleet_enroll_plan_read(const struct argv *v, const struct fleet *f, struct fleet_enroll_plan *p, struct err *e)
{
	const char *ca = argv_text(v, "device-ca");
	enum rc rc;

	p->ca_dir = ca != NULL ? ca : arena_printf(v->arena, "%s/device-ca", argv_text(v, "state"));
	p->connect = argv_text(v, "connect");
	p->ca_file = argv_text(v, "cacert");
	p->threads = (int)argv_int(v, "connections", 8);
	p->count = (uint64_t)argv_int(v, "count", 0);
	p->rate = (double)argv_int(v, "rate", 0);
	p->duration_s = (double)argv_int(v, "duration", 10);
	p->warmup_s = (double)argv_int(v, "warmup", 0);
	p->show = isatty(STDERR_FILENO) != 0;
	if (f->head != NULL) {
		p->family = f->head->family;
		p->os = f->head->os_version;
	}
	if (!argv_flag(v, "password-stdin"))
		return fail(e, RC_BAD_INPUT, "enrolling needs the people's password: --password-stdin");
	if ((rc = find_people(v, f, p, e)) != RC_OK || (rc = find_keys(v, f, p, e)) != RC_OK ||
	    (rc = password_read_stdin(v->arena, &p->password, e)) != RC_OK)
		return rc;
	/* Reading the system's pool of CAs takes longer than a handshake, and each connection would. */
	if (p->ca_file != NULL && setenv("SSL_CERT_FILE", "/dev/null", 1) != 0)
		return fail(e, RC_UNAVAILABLE, "%s", strerror(errno));
	return disk_dir_make(argv_text(v, "state"), e);
}

static enum rc
open_ledger(const struct argv *v, struct fleet_enroll_plan *p, struct err *e)
{
	const char *ledger = argv_text(v, "ledger");

	if (ledger != NULL && (p->ledger = fopen(ledger, "ae")) == NULL)
		return fail(e, RC_UNAVAILABLE, "%s: %s", ledger, strerror(errno));
	return RC_OK;
}

int
fleet_enroll_run_command(const struct argv *v, const volatile sig_atomic_t *stop)
{
	struct fleet_enroll_result *r = arena_alloc(v->arena, sizeof *r);
	struct fleet_enroll_plan p = { .stop = stop };
	struct fleet fleet = { .fd = -1 };
	struct err e = { 0 };
	struct buf b;
	enum rc rc = fleet_look(argv_text(v, "state"), &fleet, &e);

	/* Another vendor's server has no prepared fleet. */
	if (rc == RC_OK || (rc == RC_NOT_FOUND && argv_list(v, "user")[0] != NULL))
		rc = fleet_enroll_plan_read(v, &fleet, &p, &e);
	if (rc == RC_OK)
		rc = open_ledger(v, &p, &e);
	if (rc == RC_OK)
		rc = fleet_enroll_run(&p, r, &e);
	buf_init(&b, REPORT_MAX);
	if (rc == RC_OK && argv_flag(v, "json"))
		fleet_report_enroll_json(&b, &p, r);
	else if (rc == RC_OK)
		fleet_report_enroll_table(&b, &p, r);
	fwrite(b.p, 1, b.n, stdout);
	buf_free(&b);
	fleet_close(&fleet);
	if (p.ledger != NULL && fclose(p.ledger) != 0 && rc == RC_OK)
		rc = fail(&e, RC_UNAVAILABLE, "the ledger could not be written");
	if (rc != RC_OK)
		fprintf(stderr, "postern-device: fleet run: %s\n", e.text);
	return rc == RC_OK ? 0 : rc == RC_BAD_INPUT ? ARGV_USAGE : 1;
}
