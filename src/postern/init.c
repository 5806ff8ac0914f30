/* `init`: an installation out of nothing, without a server. It is made as backup/folder.h says. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "account/organization.h"
#include "audit/audit.h"
#include "backup/files.h"
#include "backup/folder.h"
#include "base/clock.h"
#include "ca/ca.h"
#include "config/config.h"
#include "crypto/hash.h"
#include "fmt/uri.h"
#include "keys/keys.h"
#include "postern/cli.h"
#include "postern/init.h"
#include "store/store.h"

/* ---- the parts ---- */

static enum rc
make_conf(const struct init *in)
{
	const char *keys[9] = { "url", in->url };
	struct buf b;
	int n = 2;
	enum rc rc;

	if (in->store != NULL) {
		keys[n++] = "store";
		keys[n++] = in->store;
	}
	if (in->lab) {
		keys[n++] = "lab";
		keys[n++] = "yes";
	}
	keys[n] = NULL;
	buf_init(&b, 1u << 20);
	conf_write_default(&b, keys);
	rc = file_make(in->a, in->dir, CONF_FILE, buf_bytes(&b), in->e);
	buf_free(&b);
	return rc;
}

static enum rc
make_organization(const struct init *in, struct call *c)
{
	struct organization o = { .name = in->organization, .lab = in->lab, .device_ca_mode = "warn" }, *there;
	int n = 0;
	enum rc rc;

	if ((rc = organization_list(c, &there, &n)) != RC_OK)
		return rc;
	if (n > 0)
		return fail(
		    &c->err, RC_CONFLICT, "the database has organizations already: it belongs to another installation");
	o.id = organization_slug(in->a, o.name);
	if (o.lab)
		o.topic = arena_printf(in->a, "com.apple.mgmt.External.%s", crypto_uuid(in->a));
	while (in->domains[n] != NULL)
		n++;
	return organization_add(c, &o, in->domains, n);
}

static bool
is_sqlite(const struct conf *conf)
{
	return strncmp(conf->store, "sqlite:", 7) == 0;
}

static enum rc
store_conf(const struct init *in, struct conf *conf)
{
	conf_defaults(in->a, in->dir, conf);
	return in->store != NULL ? conf_set(in->a, conf, "store", in->store, "--store", in->e) : RC_OK;
}

static enum rc
make_store(const struct init *in)
{
	struct call c = { .arena = in->a, .now = in->now };
	struct conf conf;
	const char *path;
	bool was_there;
	int from, to;
	enum rc rc;

	if ((rc = store_conf(in, &conf)) != RC_OK)
		return rc;
	path = is_sqlite(&conf) ? arena_strndup(in->a, conf.store + 7, strcspn(conf.store + 7, "?")) : NULL;
	was_there = path == NULL || access(path, F_OK) == 0;
	if ((rc = store_open(conf.store, true, &c.store, in->e)) != RC_OK)
		return rc;
	c.conf = &conf;
	if ((rc = store_migrate(c.store, &from, &to, in->e)) == RC_OK && (rc = make_organization(in, &c)) != RC_OK)
		*in->e = c.err;
	store_close(c.store);
	/* A database outside DIR is not in the staging folder: it goes with a failed init all the same. */
	for (int i = 0; rc != RC_OK && !was_there && i < 4; i++)
		unlink(arena_printf(in->a, "%s%s", path, (const char *const[]){ "", "-wal", "-shm", ".lock" }[i]));
	return rc;
}

/* What make_store left on a server, so that the next init finds no other installation there. */
static void
unmake_store(const struct init *in)
{
	struct call c = { .arena = in->a, .now = in->now };
	struct conf conf;
	struct err ignored;

	if (store_conf(in, &conf) != RC_OK || is_sqlite(&conf) ||
	    store_open(conf.store, false, &c.store, &ignored) != RC_OK)
		return;
	c.conf = &conf;
	(void)organization_remove(&c, organization_slug(in->a, in->organization));
	store_close(c.store);
}

static enum rc
make_keys(const struct init *in)
{
	struct keys *keys = NULL;
	enum rc rc;

	if ((rc = keys_open(in->dir, &keys, in->e)) != RC_OK)
		return rc;
	if ((rc = keys_make_secret(keys, "seal", in->e)) == RC_OK)
		rc = ca_make(keys, in->a, organization_slug(in->a, in->organization), in->organization, in->now, in->e);
	keys_close(keys);
	return rc;
}

static enum rc
make_all(const struct init *in)
{
	enum rc rc;

	if ((rc = make_keys(in)) == RC_OK && (rc = init_tls(in)) == RC_OK && (rc = init_proxy(in)) == RC_OK &&
	    (rc = make_conf(in)) == RC_OK)
		rc = make_store(in);
	return rc;
}

/* The first row of the audit: who made all this. */
static enum rc
record(const struct init *in)
{
	struct call c = { .arena = in->a, .now = in->now };
	struct audit_entry entry = { .actor = arena_printf(in->a, "uid %lld", (long long)getuid()),
		.way = "init",
		.organization_id = organization_slug(in->a, in->organization),
		.object = arena_printf(in->a, "organization %s", organization_slug(in->a, in->organization)),
		.action = "init",
		.outcome = "done" };
	struct keys *keys = NULL;
	struct conf conf;
	enum rc rc;

	if ((rc = store_conf(in, &conf)) != RC_OK || (rc = keys_open(in->dir, &keys, in->e)) != RC_OK)
		return rc;
	c.conf = &conf;
	c.keys = keys;
	if ((rc = store_open(conf.store, false, &c.store, in->e)) == RC_OK && (rc = audit_add(&c, &entry)) != RC_OK)
		*in->e = c.err;
	store_close(c.store);
	keys_close(keys);
	return rc;
}

/* ---- the command ---- */

static enum rc
read_options(struct cli *k, struct init *in)
{
	struct conf conf;
	struct uri uri;
	enum rc rc;

	conf_defaults(k->a, k->data, &conf);
	if ((rc = conf_set(k->a, &conf, "url", in->url, "--url", &k->err)) != RC_OK)
		return rc;
	if (conf.url == NULL || uri_parse(k->a, conf.url, &uri, &k->err) != RC_OK || strcmp(uri.scheme, "https") != 0 ||
	    strcmp(uri.path, "/") != 0)
		return fail(&k->err, RC_BAD_INPUT, "--url wants https://HOST[:PORT], not '%.100s'", in->url);
	in->url = conf.url;
	in->host = uri.host;
	for (const char *const *d = in->domains; *d != NULL; d++) {
		if (!uri_is_fqdn(*d))
			return fail(
			    &k->err, RC_BAD_INPUT, "--domain wants a fully qualified domain name, not '%.100s'", *d);
	}
	if (in->organization[0] == '\0' || strpbrk(in->organization, "\r\n") != NULL)
		return fail(&k->err, RC_BAD_INPUT, "--org wants a name of one line");
	return RC_OK;
}

static void
story(struct cli *k, const struct init *in)
{
	const char *d = k->data;

	printf("Made in %s:\n"
	       "  postern.conf           settings, commented\n"
	       "  %-22s the database\n"
	       "  keys/                  enrollment CA, profile signing, GetToken; seal\n"
	       "  tls/ca.pem             development TLS CA: devices must trust it\n"
	       "  tls/server.pem         certificate for %s%s\n"
	       "  proxy/, proxy-secret   examples for nginx and HAProxy in front\n\n"
	       "Organization %s (%s), domain%s",
	    d, in->store != NULL ? "(where --store says)" : "postern.db", in->host,
	    strcmp(in->host, "localhost") == 0 ? " and the domains" : ", the domains and localhost", in->organization,
	    organization_slug(k->a, in->organization), in->domains[1] != NULL ? "s" : "");
	for (const char *const *name = in->domains; *name != NULL; name++)
		printf("%s %s", name == in->domains ? "" : ",", *name);
	printf(".\n\nStill missing:\n"
	       "  The device CA pool is empty and its mode is warn: devices are let in without proof that Apple made\n"
	       "  them, and the timeline says so (postern org set --device-ca FILE --device-ca-mode require).\n");
	if (!in->lab)
		printf("  The certificate is of the development CA, which devices don't trust: put one of a public CA "
		       "in its place\n"
		       "  (tls_certificate and tls_key in postern.conf).\n"
		       "  No push certificate: no profile can be made yet (postern org set --push-certificate FILE\n"
		       "  --push-key FILE).\n");
	else
		printf("  Lab: the push topic is made up, so real devices can't be woken up.\n");
	printf("\nNext:\n"
	       "  posternd --data %s\n"
	       "  postern --data %s user add NAME@%s --password-stdin\n"
	       "  postern --data %s status\n",
	    d, d, in->domains[0], d);
}

int
cli_init(const struct argv *v, void *ctx)
{
	struct init in = { .now = clock_now() };
	struct folder folder;
	int status;
	struct cli k;
	enum rc rc;

	(void)ctx;
	cli_begin(&k, v);
	in.a = k.a;
	in.e = &k.err;
	in.data = k.data;
	in.organization = argv_text(v, "org");
	in.url = argv_text(v, "url");
	in.domains = argv_list(v, "domain");
	in.lab = argv_flag(v, "lab");
	if (in.organization == NULL)
		return cli_usage(&k, "--org NAME is missing: the organization's name");
	if (cli_store(&k, &in.store) != RC_OK) {
		status = cli_refused(&k);
		cli_end(&k);
		return status;
	}
	if (read_options(&k, &in) != RC_OK) {
		cli_refused(&k);
		return ARGV_USAGE;
	}
	umask(077);
	if ((rc = folder_take(k.a, k.data, &folder, &k.err)) == RC_OK) {
		in.dir = folder.staging;
		if ((rc = make_all(&in)) == RC_OK && (rc = folder_keep(&folder, &k.err)) != RC_OK)
			unmake_store(&in);
		folder_leave(&folder, rc != RC_OK);
		in.dir = k.data;
		if (rc == RC_OK)
			rc = record(&in);
	}
	if (rc == RC_OK)
		story(&k, &in);
	status = rc == RC_OK ? EXIT_DONE : cli_refused(&k);
	cli_end(&k);
	return status;
}
