/* `postern-device fleet prepare`: the rows of many enrolled devices in a server's store, and the state of
 * those devices beside it. */
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "account/organization.h"
#include "base/clock.h"
#include "crypto/hash.h"
#include "crypto/password.h"
#include "crypto/signer.h"
#include "crypto/x509.h"
#include "device/family.h"
#include "enroll/challenge.h"
#include "fleet/progress.h"
#include "fleet/state.h"
#include "keys/keys.h"
#include "postern-device/fleet.h"
#include "postern-device/fleet_rows.h"
#include "postern-device/fleet_server.h"
#include "postern-device/password.h"
#include "store/store.h"

#define UNIT 10000 /* devices whose rows are written at once */
#define NAME "00000000-0000-4000-8000-000000000000" /* in the patterns, where the device's comes */
#define LIFE_S (365 * 86400)
#define BACKDATE_S 3600
#define ECDSA_OCTETS 71 /* the length that half of all P-256 signatures have; others are made again */
#define COMMAND_ROWS_UNIT 20000

static const char *const families[] = { "iPhone", "iPad", "RealityDevice", NULL };
static const char *const signs[] = { "pool", "ca", NULL };
static const char *const kinds[] = { "rsa", "p256", NULL };

/* clang-format off */
const struct argv_option fleet_prepare_options[] = {
	ARGV_TEXT("data", "DIR", "Folder of the server, made by `postern init`", .env = "POSTERN_DATA", .fallback = "/var/lib/postern"),
	FLEET_STATE_OPTION,
	ARGV_INT("count", "N", "How many devices (default: 1000)", .min = 1, .max = FLEET_COUNT_MAX),
	ARGV_TEXT("seed", "TEXT", "Decides the names of rows; each fleet of a store has its own", .fallback = "fleet"),
	ARGV_TEXT("org", "ID", "Organization (where the server has several)"),
	ARGV_TEXT("family", "FAMILY", "Kind of device", .fallback = "iPhone", .choices = families),
	ARGV_TEXT("os", "VERSION", "Version of its system (default: by family)"),
	ARGV_INT("commands", "K", "Queue K DeviceInformation commands for each", .min = 0, .max = FLEET_COMMANDS_MAX),
	ARGV_TEXT("listen-url", "URL", "What the devices call (default: `url` of postern.conf)"),
	ARGV_TEXT("sign", "WHO", "Signs the certificates: `pool` is a throw-away P-256 CA, `ca` the organization's own (0.7 ms each)", .fallback = "pool", .choices = signs),
	ARGV_TEXT("key-kind", "KIND", "Kind of the shared keys", .fallback = "rsa", .choices = kinds),
	ARGV_INT("keys", "N", "How many keys the devices share (default: 16)", .min = 1, .max = FLEET_KEYS_MAX),
	ARGV_INT("token-life", "SECONDS", "Life of the prepared access tokens (default: 30 days)", .min = 60, .max = 315360000),
	ARGV_FLAG("expired-tokens", "Give each device an expired access token too (for reauth, and the fault expired-token)"),
	ARGV_FLAG("password-stdin", "The first line of standard input is the password of all its people (for the scenario enroll)"),
	ARGV_FLAG("json", "Print what was made as one JSON object"),
	ARGV_END
};
const char fleet_prepare_more[] =
    "Nothing is enrolled: the rows that an enrollment leaves behind are written directly, while no posternd has\n"
    "the SQLite store (or into a PostgreSQL store). Made up are identifiers, push tokens and the one event of each\n"
    "timeline. Keys are real and shared; tokens are real; certificates are real, signed by --sign.";
/* clang-format on */

struct prepare {
	const struct argv *v;
	struct arena *a;
	struct fleet_server server;
	struct call c; /* its arena is replaced for every unit */
	struct organization organization;
	struct fleet fleet;
	struct bytes *raw_keys;
	struct bytes ca_certificate, ca_key; /* of the pool */
	struct crypto_signer *signer; /* of the pool; NULL: the organization's CA signs */
	const char *password_hash;
	uint64_t written;
};

static volatile sig_atomic_t interrupted;

static void
on_interrupt(int sig)
{
	(void)sig;
	interrupted = 1;
}

/* ---- the server's side ---- */

static enum rc
find_organization(struct prepare *p)
{
	const char *wanted = argv_text(p->v, "org");
	struct organization *all;
	enum rc rc;
	int n;

	if (wanted != NULL)
		return organization_get(&p->c, wanted, &p->organization);
	if ((rc = organization_list(&p->c, &all, &n)) != RC_OK)
		return rc;
	if (n != 1)
		return fail(&p->c.err, RC_BAD_INPUT, "the server has %d organizations: name one with --org", n);
	p->organization = all[0];
	return RC_OK;
}

static enum rc
open_server(struct prepare *p)
{
	enum rc rc = fleet_server_open(&p->server, p->a, argv_text(p->v, "data"), true);

	p->c = p->server.call;
	if (rc != RC_OK || (rc = find_organization(p)) != RC_OK)
		return rc;
	if (p->organization.topic == NULL)
		return fail(&p->c.err, RC_BAD_INPUT,
		    "the organization has no push certificate, so nothing can be enrolled: see postern org set, or "
		    "--lab");
	return RC_OK;
}

/* ---- keys and patterns ---- */

static enum rc
make_pool_ca(struct prepare *p)
{
	struct x509_template t = { .subject = { .cn = "Fleet pool", .o = "postern-device fleet" },
		.not_before = p->c.now - BACKDATE_S,
		.not_after = p->c.now + 2 * (int64_t)LIFE_S,
		.is_ca = true,
		.key_usage = X509_USE_CERT_SIGN };
	struct bytes spki;
	enum rc rc;

	if ((rc = x509_key_new(p->a, X509_P256, &p->ca_key, &p->c.err)) != RC_OK ||
	    (rc = x509_key_public(p->a, p->ca_key, &spki, &p->c.err)) != RC_OK ||
	    (rc = x509_issue(p->a, &t, spki, bytes_of(NULL, 0), p->ca_key, &p->ca_certificate, &p->c.err)) != RC_OK)
		return rc;
	return crypto_signer_open(p->ca_key, &p->signer, &p->c.err);
}

static enum rc
issue_pattern(struct prepare *p, struct bytes spki, struct bytes *certificate)
{
	struct x509_template t = { .subject = { .cn = NAME, .o = p->organization.name },
		.not_before = p->c.now - BACKDATE_S,
		.not_after = p->c.now + LIFE_S,
		.key_usage = X509_USE_SIGN | X509_USE_ENCIPHER,
		.ext_usage = X509_EXT_CLIENT };

	if (p->signer != NULL)
		return x509_issue(p->a, &t, spki, p->ca_certificate, p->ca_key, certificate, &p->c.err);
	return keys_issue(
	    p->c.keys, p->a, arena_printf(p->a, "ca-%s", p->organization.id), &t, spki, certificate, &p->c.err);
}

/* A pattern of the length that all have: an ECDSA signature has one of several. */
static enum rc
make_pattern(struct prepare *p, struct fleet_head *h, struct bytes spki, struct bytes *pattern)
{
	enum rc rc;

	for (int i = 0; i < 100; i++) {
		struct fleet_shape shape = { .name = NAME };

		if ((rc = issue_pattern(p, spki, pattern)) != RC_OK)
			return rc;
		shape.pattern = *pattern;
		if ((rc = fleet_shape_read(&shape, h, &p->c.err)) != RC_OK)
			return rc;
		if (p->signer == NULL || h->signature_size == ECDSA_OCTETS)
			return RC_OK;
	}
	return fail(&p->c.err, RC_INTERNAL, "no signature of %d octets came", ECDSA_OCTETS);
}

struct pool { /* of shared keys */
	struct bytes *keys, *patterns;
};

static enum rc
make_keys(struct prepare *p, struct fleet_head *h, struct pool *pool)
{
	bool rsa = strcmp(h->key_kind, "rsa") == 0;
	struct fleet_progress bar;
	uint32_t size = 0;
	enum rc rc = RC_OK;

	pool->keys = arena_array(p->a, h->keys, sizeof *pool->keys);
	pool->patterns = arena_array(p->a, h->keys, sizeof *pool->patterns);
	p->raw_keys = arena_array(p->a, h->keys, sizeof *p->raw_keys);
	fleet_progress_begin(&bar, "keys", h->keys);
	for (uint32_t i = 0; rc == RC_OK && i < h->keys && !interrupted; i++) {
		struct bytes spki;

		fleet_progress_at(&bar, i);
		if ((rc = x509_key_new(p->a, rsa ? X509_RSA_2048 : X509_P256, &pool->keys[i], &p->c.err)) == RC_OK &&
		    (rc = x509_key_public(p->a, pool->keys[i], &spki, &p->c.err)) == RC_OK &&
		    (rc = x509_raw_key(p->a, spki, &p->raw_keys[i], &p->c.err)) == RC_OK)
			rc = make_pattern(p, h, spki, &pool->patterns[i]);
		if (rc == RC_OK && i > 0 && h->certificate_size != size)
			rc = fail(&p->c.err, RC_INTERNAL, "certificates of two lengths");
		size = h->certificate_size;
	}
	fleet_progress_end(&bar);
	return rc;
}

/* ---- the fleet's file ---- */

#define SET(member, text) snprintf(h->member, sizeof h->member, "%s", (text))

static enum rc
describe(struct prepare *p, struct fleet_head *h)
{
	const struct device_family *family = device_family_find(argv_text(p->v, "family"));
	const char *os = argv_text(p->v, "os"), *url = argv_text(p->v, "listen-url");
	const char *org = p->organization.id;
	struct domain *domains;
	enum rc rc;
	int n;

	if ((rc = domain_list(&p->c, org, &domains, &n)) != RC_OK)
		return rc;
	if (n == 0)
		return fail(&p->c.err, RC_BAD_INPUT, "the organization has no domain");
	if (os != NULL && device_version(os) == 0)
		return fail(&p->c.err, RC_BAD_INPUT, "--os %s is no version", os);
	os = os != NULL ? os : family->default_os;
	*h = (struct fleet_head){ .count = (uint64_t)argv_int(p->v, "count", 1000),
		.prepared_at = (uint64_t)p->c.now,
		.tag = fleet_tag(argv_text(p->v, "seed")),
		.commands = (uint32_t)argv_int(p->v, "commands", 0),
		.has_expired = argv_flag(p->v, "expired-tokens"),
		.has_password = argv_flag(p->v, "password-stdin"),
		.keys = (uint32_t)argv_int(p->v, "keys", 16) };
	if (h->keys > h->count)
		h->keys = (uint32_t)h->count;
	crypto_random(h->secret, sizeof h->secret);
	SET(seed, argv_text(p->v, "seed"));
	SET(organization, org);
	SET(domain, domains[0].name);
	SET(url, url != NULL ? url : p->server.conf.url);
	SET(command_path, arena_printf(p->a, "/mdm/%s/command", org));
	SET(checkin_path, arena_printf(p->a, "/mdm/%s/checkin", org));
	SET(topic, p->organization.topic);
	SET(family, family->name);
	SET(product, device_model_find(family, UINT_MAX, NULL)->product);
	SET(os_version, os);
	SET(build, device_build(p->a, family, os));
	SET(client_id, CHALLENGE_CLIENT_ID);
	SET(sign, argv_text(p->v, "sign"));
	SET(key_kind, argv_text(p->v, "key-kind"));
	return RC_OK;
}

static enum rc
make_fleet(struct prepare *p)
{
	struct fleet_head h = { 0 };
	struct pool pool;
	enum rc rc;

	if ((rc = describe(p, &h)) != RC_OK)
		return rc;
	if (strcmp(h.sign, "pool") == 0 && (rc = make_pool_ca(p)) != RC_OK)
		return rc;
	if ((rc = make_keys(p, &h, &pool)) != RC_OK)
		return rc;
	if (interrupted)
		return fail(&p->c.err, RC_UNAVAILABLE, "interrupted: nothing was written");
	if ((rc = fleet_make(argv_text(p->v, "state"), &h, &p->fleet, &p->c.err)) != RC_OK)
		return rc;
	for (uint32_t i = 0; i < h.keys; i++)
		fleet_put_key(&p->fleet, i, pool.keys[i], pool.patterns[i]);
	return RC_OK;
}

/* ---- devices ---- */

static enum rc
sign_by_ca(struct prepare *p, struct bytes tbs, struct fleet_record *r)
{
	struct bytes signature;
	enum rc rc;

	rc = keys_sign(
	    p->c.keys, p->c.arena, arena_printf(p->c.arena, "ca-%s", p->organization.id), tbs, &signature, &p->c.err);
	if (rc != RC_OK)
		return rc;
	if (signature.n != p->fleet.head->signature_size)
		return fail(&p->c.err, RC_INTERNAL, "a signature of another length");
	memcpy(r->signature, signature.p, signature.n);
	return RC_OK;
}

static enum rc
sign_by_pool(struct prepare *p, struct bytes tbs, struct fleet_record *r)
{
	uint8_t to[CRYPTO_SIGNATURE_MAX];
	enum rc rc;
	size_t n;

	do {
		if ((rc = crypto_signer_sign(p->signer, tbs, to, &n, &p->c.err)) != RC_OK)
			return rc;
	} while (n != p->fleet.head->signature_size);
	memcpy(r->signature, to, n);
	return RC_OK;
}

static enum rc
make_devices(struct prepare *p, uint64_t from, uint64_t to)
{
	const struct fleet_head *h = p->fleet.head;
	uint8_t der[FLEET_CERTIFICATE_MAX];
	enum rc rc = RC_OK;

	for (uint64_t n = from; rc == RC_OK && n < to; n++) {
		struct fleet_record *r = fleet_at(&p->fleet, n);
		struct bytes tbs = bytes_of(der + h->tbs_at, h->tbs_size);

		r->key = (uint32_t)(n % h->keys);
		fleet_put_tokens(&p->fleet, n);
		fleet_certificate(&p->fleet, n, der);
		rc = p->signer != NULL ? sign_by_pool(p, tbs, r) : sign_by_ca(p, tbs, r);
	}
	return rc;
}

static uint64_t
unit_size(const struct fleet_head *h)
{
	uint64_t fit = h->commands > 0 ? COMMAND_ROWS_UNIT / h->commands : UNIT;

	return fit > UNIT ? UNIT : fit > 0 ? fit : 1;
}

static enum rc
write_all(struct prepare *p)
{
	const struct fleet_head *h = p->fleet.head;
	struct fleet_rows rows = { .fleet = &p->fleet,
		.organization = &p->organization,
		.password_hash = p->password_hash,
		.token_life_s = argv_int(p->v, "token-life", 30 * 86400),
		.raw_keys = p->raw_keys,
		.placeholders = fleet_server_is_sqlite(&p->server) ? 0 : FLEET_PLACEHOLDERS };
	struct arena *kept = p->c.arena;
	struct fleet_progress bar;
	enum rc rc = RC_OK;

	fleet_progress_begin(&bar, "devices", h->count);
	while (rc == RC_OK && rows.to < h->count && !interrupted) {
		rows.from = rows.to;
		rows.to += unit_size(h);
		rows.to = rows.to < h->count ? rows.to : h->count;
		p->c.arena = arena_new(0);
		/* Signing stays outside of the unit, which may run twice. */
		if ((rc = make_devices(p, rows.from, rows.to)) == RC_OK)
			rc = store_unit(&p->c, fleet_rows_write, &rows);
		arena_free(p->c.arena);
		p->c.arena = kept;
		if (rc == RC_OK)
			p->written = rows.to;
		fleet_progress_at(&bar, p->written);
	}
	fleet_progress_end(&bar);
	if (rc == RC_CONFLICT)
		return fail(
		    &p->c.err, rc, "the store has a fleet of the seed '%s' already: name another --seed", h->seed);
	if (rc == RC_OK && interrupted)
		return fail(&p->c.err, RC_UNAVAILABLE,
		    "interrupted: %llu of %llu devices are in the store, which this fleet can't use; begin again with "
		    "another"
		    " --seed and --state",
		    (unsigned long long)p->written, (unsigned long long)h->count);
	return rc;
}

static enum rc
prepare_all(struct prepare *p)
{
	const char *password;
	char *hash;
	enum rc rc;

	if ((rc = open_server(p)) != RC_OK)
		return rc;
	if (argv_flag(p->v, "password-stdin")) {
		if ((rc = password_read_stdin(p->a, &password, &p->c.err)) != RC_OK ||
		    (rc = password_hash(NULL, p->a, password, &hash, &p->c.err)) != RC_OK)
			return rc;
		p->password_hash = hash;
	}
	if ((rc = make_fleet(p)) != RC_OK || (rc = write_all(p)) != RC_OK ||
	    (rc = store_checkpoint(p->c.store, &p->c.err)) != RC_OK)
		return rc;
	p->fleet.head->complete = 1;
	return fleet_flush(&p->fleet, &p->c.err);
}

/* ---- telling ---- */

static void
tell(const struct prepare *p, int64_t ms)
{
	const struct fleet_head *h = p->fleet.head;
	unsigned long long count = h->count, us = count > 0 ? (unsigned long long)ms * 1000 / count : 0;

	if (argv_flag(p->v, "json")) {
		printf("{\"devices\":%llu,\"enrolled\":0,\"rows_written_directly\":true,\"commands_per_device\":%u,"
		       "\"keys\":%u,\"key_kind\":\"%s\",\"certificates_signed_by\":\"%s\",\"state_mb\":%llu,"
		       "\"seconds\":%.1f,\"us_per_device\":%llu}\n",
		    count, h->commands, h->keys, h->key_kind, h->sign, (unsigned long long)(h->file_size >> 20),
		    (double)ms / 1000, us);
		return;
	}
	printf("%llu devices of %s (%s, %s %s), %u commands each, in %.1f s (%llu us a device)\n", count,
	    h->organization, h->product, h->family, h->os_version, h->commands, (double)ms / 1000, us);
	printf("  enrolled for real   none: the rows were written directly\n"
	       "  real                tokens; %u %s keys, shared; certificates, signed by %s\n"
	       "  made up             identifiers, people%s, push tokens, one event for each timeline, a token life of "
	       "%lld s%s\n"
	       "  state               %s/fleet.state, %llu MB\n",
	    h->keys, strcmp(h->key_kind, "rsa") == 0 ? "RSA-2048" : "P-256",
	    strcmp(h->sign, "ca") == 0 ? "the organization's CA" : "a throw-away CA that the server does not know",
	    h->has_password ? " (one password for all)" : " (no password)",
	    (long long)argv_int(p->v, "token-life", 30 * 86400),
	    h->has_expired ? ", a second token that is expired" : "", argv_text(p->v, "state"),
	    (unsigned long long)(h->file_size >> 20));
}

int
fleet_prepare_command(const struct argv *v, void *ctx)
{
	struct prepare p = { .v = v, .a = v->arena, .fleet = { .fd = -1 } };
	struct sigaction quiet = { .sa_handler = on_interrupt };
	int64_t began = clock_mono_ms();
	enum rc rc;

	(void)ctx;
	sigaction(SIGINT, &quiet, NULL);
	rc = prepare_all(&p);
	if (rc == RC_OK)
		tell(&p, clock_mono_ms() - began);
	else
		fprintf(stderr, "postern-device: fleet prepare: %s\n", p.c.err.text);
	fleet_close(&p.fleet);
	crypto_signer_close(p.signer);
	fleet_server_close(&p.server);
	return rc == RC_OK ? 0 : 1;
}
