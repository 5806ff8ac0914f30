#include "admin/routes.h"

#include <string.h>

#include "config/config.h"
#include "enroll/challenge.h"
#include "esso/esso.h"

/* Which of its two documents a path means. */
static enum rc
find(struct admin_call *x, struct organization *o, enum esso_kind *kind)
{
	const char *name = x->r->segment[1];
	enum rc rc = admin_organization(x, x->r->segment[0], o);

	if (rc != RC_OK)
		return rc;
	for (*kind = ESSO_STANDARD; *kind <= ESSO_DEVELOPER; (*kind)++) {
		if (strcmp(esso_kind_name(*kind), name) == 0)
			return RC_OK;
	}
	return fail(&x->c->err, RC_NOT_FOUND, "there are the documents standard and developer, but no %.40s", name);
}

static void
describe(struct admin_call *x, const struct organization *o, enum esso_kind kind)
{
	x->out = admin_object(x);
	admin_put_text(x->out, "organization", o->id);
	admin_put_text(x->out, "kind", esso_kind_name(kind));
	admin_put_text(x->out, "url", challenge_esso_url(x->c->arena, x->c->conf->url, o->id, kind == ESSO_DEVELOPER));
}

enum rc
admin_esso_get(struct admin_call *x)
{
	struct esso_document document;
	struct organization o;
	enum esso_kind kind;
	enum rc rc;

	if ((rc = find(x, &o, &kind)) != RC_OK || (rc = esso_get(x->c, o.id, kind, &document)) != RC_OK)
		return rc;
	describe(x, &o, kind);
	admin_put_time(x->out, "set_at", document.set_at);
	admin_put(x->out, "document", json_stringn((const char *)document.text.p, document.text.n));
	return RC_OK;
}

enum rc
admin_esso_set(struct admin_call *x)
{
	struct organization o;
	enum esso_kind kind;
	enum rc rc;

	if ((rc = find(x, &o, &kind)) != RC_OK ||
	    (rc = esso_set(x->c, o.id, kind, bytes_str(admin_text(x, "document")))) != RC_OK)
		return rc;
	describe(x, &o, kind);
	return RC_OK;
}

enum rc
admin_esso_remove(struct admin_call *x)
{
	struct organization o;
	enum esso_kind kind;
	enum rc rc = find(x, &o, &kind);

	return rc == RC_OK ? esso_remove(x->c, o.id, kind) : rc;
}
