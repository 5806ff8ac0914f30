#include "admin/routes.h"

#include <string.h>

#include "account/logo.h"
#include "ca/ca.h"
#include "config/config.h"
#include "crypto/hash.h"
#include "enroll/rule.h"
#include "fmt/base64.h"
#include "store/store.h"

static json_t *
organization_json(const struct organization *o)
{
	json_t *j = json_object();

	admin_put_text(j, "id", o->id);
	admin_put_text(j, "name", o->name);
	admin_put_flag(j, "lab", o->lab);
	admin_put_text(j, "topic", o->topic);
	admin_put_text(j, "server_uuid", o->server_uuid);
	admin_put_text(j, "identity_proof", o->identity_proof);
	admin_put_text(j, "device_ca_mode", o->device_ca_mode);
	admin_put_flag(j, "device_ca_ignore_times", o->device_ca_ignore_times);
	admin_put_int(j, "access_rights", o->access_rights);
	admin_put_int(j, "access_token_life_s", o->access_token_life_s);
	admin_put_int(j, "refresh_idle_s", o->refresh_idle_s);
	admin_put_int(j, "refresh_max_s", o->refresh_max_s);
	admin_put_int(j, "web_token_life_s", o->web_token_life_s);
	admin_put_int(j, "spread_percent", o->spread);
	admin_put_text(j, "colour", o->colour);
	admin_put_text(j, "logo", o->logo);
	admin_put_time(j, "created_at", o->created_at);
	return j;
}

static enum rc
domains_json(struct admin_call *x, const char *organization_id, json_t **out)
{
	struct domain *d;
	enum rc rc;
	int n;

	if ((rc = domain_list(x->c, organization_id, &d, &n)) != RC_OK)
		return rc;
	*out = json_array();
	for (int i = 0; i < n; i++)
		json_array_append_new(*out, json_string(d[i].name));
	return RC_OK;
}

enum rc
admin_organization_list(struct admin_call *x)
{
	struct organization *all;
	json_t *items = admin_items(x);
	json_t *domains;
	enum rc rc;
	int n;

	if ((rc = organization_list(x->c, &all, &n)) != RC_OK)
		return rc;
	for (int i = 0; i < n; i++) {
		json_t *j;

		if (!admin_reaches(x, all[i].id))
			continue;
		j = organization_json(&all[i]);
		json_array_append_new(items, j);
		if ((rc = domains_json(x, all[i].id, &domains)) != RC_OK)
			return rc;
		admin_put(j, "domains", domains);
	}
	return RC_OK;
}

/* ---- one ---- */

static void
put_certificate(struct admin_call *x, json_t *j, const char *key, const char *name)
{
	struct bytes *certificates;
	struct x509_info info;
	struct err ignored;
	json_t *o;
	int n;

	if (keys_certificates(x->room->keys, x->c->arena, name, &certificates, &n, &ignored) != RC_OK || n == 0 ||
	    x509_parse(x->c->arena, certificates[0], &info, &ignored) != RC_OK) {
		admin_put(j, key, json_null());
		return;
	}
	o = json_object();
	admin_put_text(o, "subject", info.subject);
	admin_put_text(o, "serial", info.serial);
	admin_put_time(o, "not_after", info.not_after);
	admin_put(j, key, o);
}

/* Days before the end of a push certificate from which `status` speaks of it. */
#define PUSH_DAYS 60

static enum rc
push_trouble(struct admin_call *x, const struct organization *o, json_t *out)
{
	static const char sql[] = "SELECT push_trouble FROM organization WHERE id = ?1 AND push_trouble IS NOT NULL";
	struct db_rows r;
	enum rc rc = store_run(x->c, sql, DB_ARGS(db_text(o->id)), &r);

	if (rc == RC_OK && r.rows > 0)
		json_array_append_new(out, json_sprintf("devices are not woken: %s", db_get_text(&r, 0, 0)));
	return rc;
}

static enum rc
push_warning(struct admin_call *x, const struct organization *o, json_t *out)
{
	struct bytes *certificates;
	struct x509_info info;
	struct err ignored;
	int64_t days;
	int n;

	if (keys_certificates(x->room->keys, x->c->arena, arena_printf(x->c->arena, "push-%s", o->id), &certificates,
		&n, &ignored) != RC_OK ||
	    n == 0 || x509_parse(x->c->arena, certificates[0], &info, &ignored) != RC_OK) {
		if (!o->lab)
			json_array_append_new(
			    out, json_string("no push certificate: devices can't be woken up (postern org set"
					     " --push-certificate FILE --push-key FILE)"));
		return RC_OK;
	}
	days = (info.not_after - x->c->now) / 86400;
	if (info.not_after < x->c->now)
		json_array_append_new(
		    out, json_string("the push certificate is expired: renew it, with the same topic, at Apple"));
	else if (days < PUSH_DAYS)
		json_array_append_new(
		    out, json_sprintf("the push certificate ends in %d days: renew it, with the same topic, at Apple",
			     (int)days));
	return RC_OK;
}

static enum rc
attestation_warning(struct admin_call *x, const struct organization *o, json_t *out)
{
	struct bytes *pool;
	struct rule *rules;
	bool wanted = false;
	enum rc rc;
	int n_roots, n;

	if ((rc = trust_pool(x->c, TRUST_ATTESTATION, o->id, &pool, &n_roots)) != RC_OK || n_roots > 0 ||
	    (rc = rule_list(x->c, o->id, &rules, &n)) != RC_OK)
		return rc;
	for (int i = 0; i < n; i++)
		wanted = wanted || (rules[i].identity != NULL && strcmp(rules[i].identity, "acme") == 0);
	if (wanted)
		json_array_append_new(out,
		    json_string("a rule asks for attested identities, and the attestation CA pool is empty: its devices"
				" are refused (postern org set --attestation-ca FILE)"));
	return RC_OK;
}

enum rc
admin_organization_warnings(struct admin_call *x, const struct organization *o, json_t *out)
{
	struct bytes *pool;
	struct domain *d;
	enum rc rc;
	int n;

	if (o->topic == NULL)
		json_array_append_new(
		    out, json_string("no topic: no profile can be made (postern org set --push-certificate FILE"
				     " --push-key FILE, or --lab to try it out)"));
	if ((rc = push_warning(x, o, out)) != RC_OK || (rc = push_trouble(x, o, out)) != RC_OK ||
	    (rc = admin_licence_warnings(x, o->id, out)) != RC_OK ||
	    (rc = admin_assignment_warnings(x, o, out)) != RC_OK ||
	    (rc = trust_pool(x->c, TRUST_DEVICE, o->id, &pool, &n)) != RC_OK)
		return rc;
	if (n == 0 && strcmp(o->device_ca_mode, "require") == 0)
		json_array_append_new(out,
		    json_string("the device CA pool is empty and its mode is require: no device is let in (postern org"
				" set --device-ca FILE, or --device-ca-mode warn)"));
	else if (n == 0 && strcmp(o->device_ca_mode, "warn") == 0)
		json_array_append_new(out,
		    json_string("the device CA pool is empty and its mode is warn: devices are let in without proof"
				" that Apple made them (postern org set --device-ca FILE --device-ca-mode require)"));
	if ((rc = attestation_warning(x, o, out)) != RC_OK)
		return rc;
	if (strcmp(o->identity_proof, "mtls") == 0 && x->c->conf->mtls_url == NULL)
		json_array_append_new(out,
		    json_string("identity-proof is mtls, but mtls_url is not set: profiles name the listener that asks"
				" for no certificate (mtls_url in postern.conf, and posternd --listen-mtls)"));
	if (o->server_uuid == NULL)
		json_array_append_new(
		    out, json_string("no server UUID: GetToken can't be answered (postern apple setup, or postern org"
				     " set --server-uuid UUID)"));
	if ((rc = domain_list(x->c, o->id, &d, &n)) == RC_OK && n == 0)
		json_array_append_new(out, json_string("no domain: nobody can enroll (postern domain add DOMAIN)"));
	return rc;
}

enum rc
admin_organization_get(struct admin_call *x)
{
	struct arena *a = x->c->arena;
	json_t *domains, *warnings;
	struct organization o;
	struct bytes *pool;
	enum rc rc;
	int n;

	if ((rc = admin_organization(x, x->r->segment[0], &o)) != RC_OK)
		return rc;
	x->out = json_keep(a, organization_json(&o));
	if ((rc = domains_json(x, o.id, &domains)) != RC_OK)
		return rc;
	admin_put(x->out, "domains", domains);
	if ((rc = trust_pool(x->c, TRUST_DEVICE, o.id, &pool, &n)) != RC_OK)
		return rc;
	admin_put_int(x->out, "device_cas", n);
	if ((rc = trust_pool(x->c, TRUST_ATTESTATION, o.id, &pool, &n)) != RC_OK)
		return rc;
	admin_put_int(x->out, "attestation_cas", n);
	put_certificate(x, x->out, "push_certificate", arena_printf(a, "push-%s", o.id));
	put_certificate(x, x->out, "ca_certificate", arena_printf(a, "ca-%s", o.id));
	admin_put(x->out, "warnings", warnings = json_array());
	return admin_organization_warnings(x, &o, warnings);
}

/* ---- making and removing ---- */

static const char *const key_prefixes[] = { "ca", "profile", "maid", "push" };

static void
remove_keys(struct admin_call *x, const char *organization_id)
{
	struct err ignored;

	for (size_t i = 0; i < sizeof key_prefixes / sizeof key_prefixes[0]; i++)
		keys_remove(
		    x->room->keys, arena_printf(x->c->arena, "%s-%s", key_prefixes[i], organization_id), &ignored);
}

static char *
lab_topic(struct arena *a)
{
	return arena_printf(a, "com.apple.mgmt.External.%s", crypto_uuid(a));
}

enum rc
admin_organization_add(struct admin_call *x)
{
	struct call *c = x->c;
	struct organization o = { .name = admin_text(x, "name"), .lab = admin_flag(x, "lab", false) }, other;
	const char *const *domains;
	json_t *j;
	enum rc rc;
	int n;

	domains = admin_list(x, "domains", &n);
	o.id = admin_text(x, "id") != NULL ? admin_text(x, "id") : organization_slug(c->arena, o.name);
	o.topic = o.lab ? lab_topic(c->arena) : NULL;
	o.device_ca_mode = "warn";
	/* Asked before keys are made, so that a clash leaves none behind; the row decides a race. */
	if ((rc = organization_get(c, o.id, &other)) == RC_OK)
		return fail(&c->err, RC_CONFLICT, "there is an organization %s already: give another --id", o.id);
	if (rc != RC_NOT_FOUND)
		return rc;
	if ((rc = ca_make(x->room->keys, c->arena, o.id, o.name, c->now, &c->err)) != RC_OK)
		return rc;
	if ((rc = organization_add(c, &o, domains, n)) != RC_OK) {
		if (rc != RC_UNAVAILABLE)
			remove_keys(x, o.id);
		return rc;
	}
	if ((rc = organization_get(c, o.id, &o)) != RC_OK)
		return rc;
	x->out = json_keep(c->arena, organization_json(&o));
	x->status = 201;
	if ((rc = domains_json(x, o.id, &j)) == RC_OK)
		admin_put(x->out, "domains", j);
	return rc;
}

enum rc
admin_organization_remove(struct admin_call *x)
{
	struct organization o;
	enum rc rc;

	/* The only one must be named too: it is gone after that. */
	if ((rc = organization_get(x->c, x->r->segment[0], &o)) != RC_OK)
		return rc;
	if ((rc = organization_remove(x->c, o.id)) == RC_OK)
		remove_keys(x, o.id);
	return rc;
}

/* ---- settings ---- */

struct settings {
	struct admin_call *x;
	struct organization *o;
};

static enum rc
set_in_unit(struct call *c, void *arg)
{
	const struct settings *s = arg;
	json_t *given = json_object_get(s->x->body, "settings"), *v;
	const char *key;
	enum rc rc = RC_OK;

	json_object_foreach(given, key, v)
	{
		const char *value = json_string_value(v);

		if (value == NULL)
			rc = fail(&c->err, RC_BAD_INPUT, "%.60s must be a text", key);
		else
			rc = organization_set(c, s->o->id, key, admin_seconds(c->arena, value));
		/* Each is shown by a row of its own: all of them, or none. */
		if (rc != RC_OK) {
			store_discard(c);
			return rc;
		}
		if (strcmp(key, "lab") == 0 && s->o->topic == NULL && json_object_get(given, "topic") == NULL)
			rc = organization_set(c, s->o->id, "topic", lab_topic(c->arena));
	}
	return rc;
}

enum rc
admin_organization_set(struct admin_call *x)
{
	struct organization o;
	struct settings s = { x, &o };
	json_t *warnings;
	enum rc rc;

	if ((rc = admin_organization(x, x->r->segment[0], &o)) != RC_OK)
		return rc;
	if ((rc = store_unit(x->c, set_in_unit, &s)) != RC_OK || (rc = organization_get(x->c, o.id, &o)) != RC_OK)
		return rc;
	x->out = json_keep(x->c->arena, organization_json(&o));
	admin_put(x->out, "warnings", warnings = json_array());
	return admin_organization_warnings(x, &o, warnings);
}

/* ---- the logo ---- */

enum rc
admin_logo_put(struct admin_call *x)
{
	struct call *c = x->c;
	struct bytes content = base64_decode(c->arena, bytes_str(admin_text(x, "content")), false);
	struct organization o;
	struct logo logo;
	enum rc rc;

	if (content.p == NULL)
		return fail(&c->err, RC_BAD_INPUT, "content is not base64");
	if ((rc = admin_organization(x, x->r->segment[0], &o)) != RC_OK ||
	    (rc = logo_set(c, o.id, content, &logo)) != RC_OK)
		return rc;
	x->out = admin_object(x);
	admin_put_text(x->out, "logo", logo.digest);
	admin_put_text(x->out, "type", logo.type);
	admin_put_int(x->out, "octets", (int64_t)content.n);
	return RC_OK;
}

enum rc
admin_logo_clear(struct admin_call *x)
{
	struct organization o;
	enum rc rc = admin_organization(x, x->r->segment[0], &o);

	return rc == RC_OK ? logo_clear(x->c, o.id) : rc;
}

/* ---- domains ---- */

enum rc
admin_domain_list(struct admin_call *x)
{
	json_t *items = admin_items(x);
	const char *organization_id;
	struct domain *d;
	enum rc rc;
	int n;

	if ((rc = admin_organization_filter(x, &organization_id)) != RC_OK ||
	    (rc = domain_list(x->c, organization_id, &d, &n)) != RC_OK)
		return rc;
	for (int i = 0; i < n; i++) {
		json_t *j = json_object();

		json_array_append_new(items, j);
		admin_put_text(j, "domain", d[i].name);
		admin_put_text(j, "organization", d[i].organization_id);
		admin_put_time(j, "added_at", d[i].added_at);
	}
	return RC_OK;
}

enum rc
admin_domain_add(struct admin_call *x)
{
	struct organization o;
	enum rc rc;

	if ((rc = admin_organization(x, x->r->segment[0], &o)) != RC_OK ||
	    (rc = domain_add(x->c, o.id, admin_text(x, "domain"))) != RC_OK)
		return rc;
	x->out = admin_object(x);
	x->status = 201;
	admin_put_text(x->out, "domain", admin_text(x, "domain"));
	admin_put_text(x->out, "organization", o.id);
	return RC_OK;
}

enum rc
admin_domain_remove(struct admin_call *x)
{
	struct organization o;
	enum rc rc;

	if ((rc = admin_organization(x, x->r->segment[0], &o)) != RC_OK)
		return rc;
	return domain_remove(x->c, o.id, x->r->segment[1]);
}
