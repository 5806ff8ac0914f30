#include "admin/routes.h"

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
	admin_put_time(j, "created_at", o->created_at);
	return j;
}

enum rc
admin_organization_list(struct admin_call *x)
{
	struct organization *all;
	json_t *items = admin_items(x);
	enum rc rc;
	int n;

	if ((rc = organization_list(x->c, &all, &n)) != RC_OK)
		return rc;
	for (int i = 0; i < n; i++)
		json_array_append_new(items, organization_json(&all[i]));
	return RC_OK;
}
