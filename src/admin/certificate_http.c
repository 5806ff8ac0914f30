#include "admin/routes.h"

#include <string.h>

#include "ca/ca.h"
#include "fmt/base64.h"

static json_t *
certificate_json(struct admin_call *x, const struct ca_certificate *k)
{
	json_t *j = json_object();
	const char *state = k->revoked_at != 0 ? "revoked" : k->not_after < x->c->now ? "expired" : "valid";

	admin_put_text(j, "fingerprint", hex_encode(x->c->arena, k->fingerprint));
	admin_put_text(j, "serial", k->serial);
	admin_put_text(j, "organization", k->organization_id);
	admin_put_text(j, "enrollment", k->enrollment_id);
	admin_put_text(j, "state", state);
	admin_put_time(j, "issued_at", k->issued_at);
	admin_put_time(j, "not_after", k->not_after);
	admin_put_time(j, "revoked_at", k->revoked_at);
	return j;
}

enum rc
admin_certificate_list(struct admin_call *x)
{
	const char *wanted = admin_query(x, "enrollment");
	json_t *items = admin_items(x);
	struct ca_certificate *all;
	struct enrollment e;
	enum rc rc;
	int n;

	if (wanted == NULL)
		return fail(&x->c->err, RC_BAD_INPUT, "enrollment is missing");
	if ((rc = admin_enrollment(x, wanted, &e)) != RC_OK || (rc = ca_list(x->c, e.id, &all, &n)) != RC_OK)
		return rc;
	for (int i = 0; i < n; i++)
		json_array_append_new(items, certificate_json(x, &all[i]));
	return RC_OK;
}

enum rc
admin_certificate_revoke(struct admin_call *x)
{
	struct bytes fingerprint = hex_decode(x->c->arena, x->r->segment[0]);
	struct ca_certificate k;
	enum rc rc;

	if (fingerprint.n != 32)
		return fail(&x->c->err, RC_BAD_INPUT,
		    "a fingerprint is the SHA-256 of the certificate, 64 hexadecimal digits (postern ca show "
		    "--enrollment E)");
	if ((rc = ca_find(x->c, fingerprint, &k)) != RC_OK)
		return rc;
	if ((rc = ca_revoke(x->c, fingerprint)) != RC_OK || (rc = ca_find(x->c, fingerprint, &k)) != RC_OK)
		return rc;
	x->out = json_keep(x->c->arena, certificate_json(x, &k));
	return RC_OK;
}
