/* Webhooks: who is told what happens, and what could not be told. */
#include "admin/routes.h"
#include "webhook/webhook.h"

static json_t *
webhook_json(const struct webhook *w)
{
	json_t *j = json_object();

	admin_put_text(j, "id", w->id);
	admin_put_text(j, "organization", w->organization_id);
	admin_put_text(j, "url", w->url);
	admin_put_text(j, "events", w->events[0] != '\0' ? w->events : "all");
	admin_put_time(j, "created_at", w->created_at);
	admin_put_text(j, "created_by", w->created_by);
	admin_put_time(j, "delivered_at", w->delivered_at);
	admin_put_int(j, "failures", w->failures);
	admin_put_time(j, "rests_until", w->rests_until);
	admin_put_text(j, "trouble", w->trouble);
	return j;
}

enum rc
admin_webhook_list(struct admin_call *x)
{
	json_t *items = admin_items(x);
	const char *organization_id;
	struct webhook *all;
	enum rc rc;
	int n;

	if ((rc = admin_organization_filter(x, &organization_id)) != RC_OK ||
	    (rc = webhook_list(x->c, organization_id, &all, &n)) != RC_OK)
		return rc;
	for (int i = 0; i < n; i++) {
		json_t *j = webhook_json(&all[i]);

		admin_put_int(j, "waiting", all[i].waiting);
		admin_put_int(j, "dead", all[i].dead);
		json_array_append_new(items, j);
	}
	return RC_OK;
}

enum rc
admin_webhook_add(struct admin_call *x)
{
	struct webhook w = { .url = admin_text(x, "url"), .created_by = x->actor->name };
	const char *named = admin_text(x, "organization"), *secret;
	struct organization o;
	enum rc rc;
	int n;

	/* Without one, of all that the actor reaches. */
	w.organization_id = x->actor->organization_id;
	if (named != NULL) {
		if ((rc = admin_organization(x, named, &o)) != RC_OK)
			return rc;
		w.organization_id = o.id;
	}
	rc = webhook_add(x->c, &w, admin_list(x, "events", &n), admin_text(x, "secret"), &secret);
	if (rc != RC_OK)
		return rc;
	x->out = json_keep(x->c->arena, webhook_json(&w));
	admin_put_text(x->out, "secret", secret); /* here and never again */
	x->status = 201;
	return RC_OK;
}

enum rc
admin_webhook_remove(struct admin_call *x)
{
	return webhook_remove(x->c, x->r->segment[0]);
}

enum rc
admin_webhook_test(struct admin_call *x)
{
	int status;
	enum rc rc = webhook_test(x->c, x->r->segment[0], &status);

	if (rc != RC_OK)
		return rc;
	x->out = admin_object(x);
	admin_put_int(x->out, "status", status);
	return RC_OK;
}

enum rc
admin_webhook_dead_letters(struct admin_call *x)
{
	json_t *items = admin_items(x);
	struct webhook_dead *all;
	struct db_page page;
	enum rc rc;
	int n;

	if ((rc = admin_page(x, &page)) != RC_OK ||
	    (rc = webhook_dead_letters(x->c, x->r->segment[0], &page, &all, &n)) != RC_OK)
		return rc;
	if (n == page.limit)
		admin_page_next(x, all[n - 1].dead_at, all[n - 1].id);
	for (int i = 0; i < n; i++) {
		json_t *j = json_object();

		admin_put_text(j, "id", all[i].id);
		admin_put_text(j, "type", all[i].type);
		admin_put_text(j, "body", all[i].body);
		admin_put_text(j, "trouble", all[i].trouble);
		admin_put_time(j, "created_at", all[i].created_at);
		admin_put_time(j, "dead_at", all[i].dead_at);
		admin_put_int(j, "tries", all[i].tries);
		json_array_append_new(items, j);
	}
	return RC_OK;
}

enum rc
admin_webhook_replay(struct admin_call *x)
{
	enum rc rc;
	int n;

	if ((rc = webhook_replay(x->c, x->r->segment[0], admin_text(x, "message"), &n)) != RC_OK)
		return rc;
	x->out = admin_object(x);
	admin_put_int(x->out, "messages", n);
	return RC_OK;
}
