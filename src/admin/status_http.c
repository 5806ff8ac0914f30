#include "admin/routes.h"
#include "store/store.h"

enum rc
admin_status_get(struct admin_call *x)
{
	struct call *c = x->c;
	int version = 0;
	enum rc rc = store_version(c->store, &version, &c->err);

	if (rc != RC_OK)
		return rc;
	x->out = admin_object(x);
	admin_put_text(x->out, "version", POSTERN_VERSION);
	admin_put_int(x->out, "store_version", version);
	admin_put_time(x->out, "started_at", x->room->started_at);
	admin_put_int(x->out, "uptime_s", x->room->started_at != 0 ? c->now - x->room->started_at : 0);
	return RC_OK;
}
