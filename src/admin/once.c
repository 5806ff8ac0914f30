/* Requests that create, sent again with the same Idempotency-Key: answered as the first time, and done once. */
#include "admin/once.h"

#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "crypto/hash.h"

static struct bytes
digest_of(struct call *c, const struct http_request *r)
{
	struct buf b;
	struct bytes all;

	buf_init(&b, r->body.n + 16 * 1024);
	buf_printf(&b, "%s %s?%s\n", r->method, r->path, r->query != NULL ? r->query : "");
	buf_add(&b, r->body.p, r->body.n);
	all = bytes_str(buf_finish(&b, c->arena));
	return crypto_sha256(c->arena, all);
}

enum rc
admin_once_begin(struct admin_call *x, struct admin_once *o)
{
	const char *key = http_header(x->r, "Idempotency-Key");
	enum idempotency_state state;
	enum rc rc;

	*o = (struct admin_once){ .claimed = false };
	if (key == NULL || strcmp(x->r->method, "POST") != 0)
		return RC_OK;
	o->row = (struct idempotency){
		.actor = x->actor->id != NULL ? x->actor->id : x->actor->name,
		.key = key,
		.digest = digest_of(x->c, x->r),
	};
	if ((rc = idempotency_begin(x->c, &o->row, &state)) != RC_OK)
		return rc;
	o->claimed = state == IDEMPOTENCY_NEW;
	o->answered = state == IDEMPOTENCY_DONE;
	if (state == IDEMPOTENCY_OTHER) {
		x->status = 422;
		x->code = "key used";
		return fail(&x->c->err, RC_CONFLICT,
		    "this Idempotency-Key was sent with another request: take a new one for this");
	}
	if (state == IDEMPOTENCY_UNDER_WAY) {
		x->code = "under way";
		return fail(&x->c->err, RC_CONFLICT,
		    "the first request with this Idempotency-Key has not ended, or its end was lost: look whether it "
		    "was "
		    "done");
	}
	return RC_OK;
}

void
admin_once_end(struct admin_call *x, struct admin_once *o, const struct http_reply *out)
{
	enum rc rc;

	if (!o->claimed)
		return;
	o->row.status = out->status;
	o->row.answer = out->body;
	/* The server's own trouble may be over the next time, and who was not let through may have proven who they are. */
	rc =
	    out->status >= 500 || out->status == 403 ? idempotency_drop(x->c, &o->row) : idempotency_end(x->c, &o->row);
	if (rc != RC_OK)
		log_error(
		    "the answer for an Idempotency-Key is not kept", "by", x->actor->name, "error", x->c->err.text);
}
