#include "admin/routes.h"

#include "account/service.h"

static json_t *
service_json(const struct service *s)
{
	json_t *j = json_object();

	admin_put_text(j, "id", s->id);
	admin_put_text(j, "organization", s->organization_id);
	admin_put_text(j, "name", s->name);
	admin_put_text(j, "purpose", s->purpose);
	admin_put_time(j, "created_at", s->created_at);
	admin_put_text(j, "created_by", s->created_by);
	return j;
}

enum rc
admin_service_list(struct admin_call *x)
{
	json_t *items = admin_items(x);
	const char *organization_id;
	struct service *all;
	enum rc rc;
	int n;

	if ((rc = admin_organization_filter(x, &organization_id)) != RC_OK ||
	    (rc = service_list(x->c, organization_id, &all, &n)) != RC_OK)
		return rc;
	for (int i = 0; i < n; i++)
		json_array_append_new(items, service_json(&all[i]));
	return RC_OK;
}

enum rc
admin_service_add(struct admin_call *x)
{
	struct service s = {
		.name = admin_text(x, "name"), .purpose = admin_text(x, "purpose"), .created_by = x->actor->name
	};
	struct organization o;
	const char *secret;
	enum rc rc;

	if ((rc = admin_organization(x, admin_text(x, "organization"), &o)) != RC_OK)
		return rc;
	s.organization_id = o.id;
	if ((rc = service_add(x->c, &s, &secret)) != RC_OK)
		return rc;
	x->out = json_keep(x->c->arena, service_json(&s));
	admin_put_text(x->out, "secret", secret); /* here and never again */
	x->status = 201;
	return RC_OK;
}

enum rc
admin_service_remove(struct admin_call *x)
{
	return service_remove(x->c, x->r->segment[0]);
}
