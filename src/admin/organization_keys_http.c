#include "admin/routes.h"

#include <string.h>

#include "ca/ca.h"

/* ---- push certificate ---- */

#define CHAIN_MAX 8
#define TOPIC_PREFIX "com.apple.mgmt."

static enum rc
check_push(struct admin_call *x, const struct organization *o, const struct bytes *chain, int n, struct bytes key,
    struct x509_info *info)
{
	struct call *c = x->c;
	enum rc rc;

	if (n > CHAIN_MAX)
		return fail(&c->err, RC_TOO_LARGE, "a chain of %d certificates: %d are allowed", n, CHAIN_MAX);
	if ((rc = x509_parse(c->arena, chain[0], info, &c->err)) != RC_OK)
		return rc;
	if (!x509_matches(chain[0], key))
		return fail(&c->err, RC_BAD_INPUT,
		    "the key does not belong to the push certificate: give the key of the request that was sent to "
		    "Apple");
	if (info->uid == NULL || strncmp(info->uid, TOPIC_PREFIX, strlen(TOPIC_PREFIX)) != 0)
		return fail(&c->err, RC_BAD_INPUT,
		    "this is no MDM push certificate: its subject has no UID that begins with " TOPIC_PREFIX);
	if (info->not_after < c->now)
		return fail(&c->err, RC_BAD_INPUT, "the push certificate is expired: renew it at Apple");
	/* The topic is frozen into every enrollment (protocol 5.6): with another one they are all lost. */
	if (o->topic != NULL && !o->lab && strcmp(o->topic, info->uid) != 0)
		return fail(&c->err, RC_CONFLICT,
		    "the certificate has another topic (%.100s) than enrolled devices know (%.100s): renew the old one "
		    "at"
		    " Apple instead of making a new one",
		    info->uid, o->topic);
	return RC_OK;
}

enum rc
admin_push_certificate_put(struct admin_call *x)
{
	struct call *c = x->c;
	struct organization o;
	struct bytes *chain, key = { NULL, 0 };
	struct x509_info info = { 0 };
	const char *name;
	enum rc rc;
	int n;

	if ((rc = admin_organization(x, x->r->segment[0], &o)) != RC_OK)
		return rc;
	rc = x509_from_pem(c->arena, bytes_str(admin_text(x, "certificate")), &chain, &n, &c->err);
	if (rc != RC_OK)
		return fail_in(&c->err, rc, "push certificate");
	if ((rc = x509_key_from_pem(c->arena, bytes_str(admin_text(x, "key")), &key, &c->err)) != RC_OK)
		return fail_in(&c->err, rc, "push key");
	if ((rc = check_push(x, &o, chain, n, key, &info)) != RC_OK)
		return rc;
	name = arena_printf(c->arena, "push-%s", o.id);
	if ((rc = keys_put(x->room->keys, name, key, &c->err)) != RC_OK ||
	    (rc = keys_put_certificates(x->room->keys, name, chain, n, &c->err)) != RC_OK)
		return rc;
	if ((rc = organization_set(c, o.id, "topic", info.uid)) != RC_OK)
		return rc;
	x->out = admin_object(x);
	admin_put_text(x->out, "topic", info.uid);
	admin_put_time(x->out, "not_after", info.not_after);
	return RC_OK;
}

/* ---- the pools that devices must lead to ---- */

static enum rc
add_to_pool(struct admin_call *x, enum trust which, const char *count)
{
	struct call *c = x->c;
	struct organization o;
	struct bytes *certificates, *pool;
	enum rc rc;
	int n;

	if ((rc = admin_organization(x, x->r->segment[0], &o)) != RC_OK)
		return rc;
	if ((rc = x509_from_pem(c->arena, bytes_str(admin_text(x, "pem")), &certificates, &n, &c->err)) != RC_OK)
		return fail_in(&c->err, rc, "CA certificates");
	/* All are looked at before the first is added. */
	for (int i = 0; i < n; i++) {
		struct x509_info info;

		if ((rc = x509_parse(c->arena, certificates[i], &info, &c->err)) != RC_OK)
			return rc;
		if (!info.is_ca)
			return fail(&c->err, RC_BAD_INPUT, "%.200s is no CA certificate", info.subject);
	}
	for (int i = 0; i < n; i++) {
		if ((rc = trust_add(c, which, o.id, certificates[i])) != RC_OK)
			return rc;
	}
	x->out = admin_object(x);
	admin_put_int(x->out, "added", n);
	if ((rc = trust_pool(c, which, o.id, &pool, &n)) == RC_OK)
		admin_put_int(x->out, count, n);
	return rc;
}

static enum rc
clear_pool(struct admin_call *x, enum trust which)
{
	struct organization o;
	enum rc rc;

	if ((rc = admin_organization(x, x->r->segment[0], &o)) != RC_OK)
		return rc;
	return trust_clear(x->c, which, o.id);
}

enum rc
admin_device_ca_add(struct admin_call *x)
{
	return add_to_pool(x, TRUST_DEVICE, "device_cas");
}

enum rc
admin_device_ca_clear(struct admin_call *x)
{
	return clear_pool(x, TRUST_DEVICE);
}

enum rc
admin_attestation_ca_add(struct admin_call *x)
{
	return add_to_pool(x, TRUST_ATTESTATION, "attestation_cas");
}

enum rc
admin_attestation_ca_clear(struct admin_call *x)
{
	return clear_pool(x, TRUST_ATTESTATION);
}

/* ---- certificates of the server's own ---- */

enum rc
admin_organization_certificate(struct admin_call *x)
{
	static const char *const kinds[] = { "maid", "ca", "profile" };
	struct call *c = x->c;
	const char *kind = x->r->segment[1];
	struct organization o;
	struct bytes *certificates;
	struct x509_info info;
	enum rc rc;
	size_t i = 0;
	int n;

	while (i < sizeof kinds / sizeof kinds[0] && strcmp(kinds[i], kind) != 0)
		i++;
	if (i == sizeof kinds / sizeof kinds[0])
		return fail(
		    &c->err, RC_BAD_INPUT, "there are the certificates maid, ca and profile, but no %.40s", kind);
	if ((rc = admin_organization(x, x->r->segment[0], &o)) != RC_OK)
		return rc;
	rc = keys_certificates(
	    x->room->keys, c->arena, arena_printf(c->arena, "%s-%s", kind, o.id), &certificates, &n, &c->err);
	if (rc != RC_OK)
		return rc;
	if (n == 0)
		return fail(&c->err, RC_NOT_FOUND, "the organization %s has no %s certificate", o.id, kind);
	if ((rc = x509_parse(c->arena, certificates[0], &info, &c->err)) != RC_OK)
		return rc;
	x->out = admin_object(x);
	admin_put_text(x->out, "organization", o.id);
	admin_put_text(x->out, "subject", info.subject);
	admin_put_text(x->out, "serial", info.serial);
	admin_put_time(x->out, "not_before", info.not_before);
	admin_put_time(x->out, "not_after", info.not_after);
	admin_put_text(x->out, "pem", x509_pem(c->arena, certificates[0]));
	return RC_OK;
}

enum rc
admin_organization_certificate_renew(struct admin_call *x)
{
	struct call *c = x->c;
	struct organization o;
	enum rc rc;

	if ((rc = admin_organization(x, x->r->segment[0], &o)) != RC_OK ||
	    (rc = ca_renew(x->room->keys, c->arena, x->r->segment[1], o.id, o.name, c->now, &c->err)) != RC_OK)
		return rc;
	return admin_organization_certificate(x);
}
