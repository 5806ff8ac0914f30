#include "crypto/hash.h"
#include "fmt/json.h"
#include "licence/door.h"
#include "licence/service.h"
#include "store/store.h"

#include <string.h>

#define BODY_MAX 65536

/* Whether it comes from Apple is known by what Apple was told to bring along. */
static bool
comes_from_apple(struct call *c, const struct http_request *r)
{
	static const char scheme[] = "Bearer ";
	const char *said = http_header(r, "Authorization"), *token, *notice_token;

	if (said == NULL || strncmp(said, scheme, sizeof scheme - 1) != 0 ||
	    licence_secrets(c, r->segment[0], &token, &notice_token) != RC_OK)
		return false;
	return crypto_equal(said + sizeof scheme - 1, notice_token);
}

/* What came of an event is asked of Apple (event.c): a notification says only that it is time to. It may come before
 * the answer that named the event, so it makes the row. */
static enum rc
note(struct call *c, const char *organization_id, const json_t *j)
{
	static const char event[] = "INSERT INTO licence_event (organization_id, id, ask_at) VALUES (?1, ?2, ?3)"
				    " ON CONFLICT (organization_id, id) DO UPDATE SET ask_at = ?3";
	static const char recount[] = "UPDATE licence_service SET counted_at = NULL WHERE organization_id = ?1";
	const char *id = json_get_text(json_object_get(j, "notification"), "eventId"),
		   *type = json_get_text(j, "notificationType");

	if (id != NULL)
		return store_run(c, event, DB_ARGS(db_text(organization_id), db_text(id), db_int(c->now)), NULL);
	if (type != NULL && strcmp(type, "ASSET_COUNT") == 0)
		return store_run(c, recount, DB_ARGS(db_text(organization_id)), NULL);
	return RC_OK;
}

static void
post_notification(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	json_t *j;
	enum rc rc = RC_UNAUTHENTICATED;

	(void)room;
	if (comes_from_apple(c, r) && (rc = json_parse(c->arena, r->body, &j, &c->err)) == RC_OK)
		rc = note(c, r->segment[0], j);
	if (rc != RC_OK)
		http_fail(out, rc);
	else
		http_answer(out, 200, NULL, (struct bytes){ 0 });
}

const struct http_route licence_routes[] = {
	{ "POST", "/apple/apps-and-books/{}", HTTP_QUICK, BODY_MAX, 0, post_notification },
	{ 0 },
};
