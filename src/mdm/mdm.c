#include "mdm/mdm.h"

#include <string.h>

#include "base/log.h"
#include "enroll/attempt.h"
#include "fmt/json.h"
#include "fmt/plist.h"
#include "mdm/message.h"

void
mdm_refuse(struct call *c, struct mdm_message *m, int status, enum enroll_code code)
{
	const char *details = c->err.text[0] != '\0' ? arena_strdup(c->arena, c->err.text) : NULL;
	json_t *o;
	enum rc rc;

	rc = attempt_event(c, m->who->enrollment.attempt_id, code, details != NULL ? "%s" : NULL, details);
	if (rc != RC_OK)
		return; /* no status: the door answers that later may work */
	o = json_keep(c->arena, json_pack("{s:s+}", "code", "postern.", enroll_failure(code)->code));
	*m->out = (struct enroll_reply){ status, "application/json", json_text(c->arena, o, 0) };
}

void
mdm_serve(struct call *c, const struct enroll_caller *who, plist_t message, struct enroll_reply *out, void *room)
{
	const struct mdm_room *r = room;
	const struct enrollment *e = &who->enrollment;
	struct mdm_message m = { .who = who, .body = message, .out = out, .room = r };
	const char *type = plist_text(c->arena, message, "MessageType");

	m.target = policy_target_of(e->mode, e->family, e->os_version, who->user_id[0] != '\0');
	c->err.rc = RC_OK;
	c->err.text[0] = '\0';
	if (type != NULL)
		mdm_checkin(c, &m, type);
	else
		mdm_answer(c, &m);
	if (out->status == 200 && r->seen != NULL)
		enrollment_seen_note(r->seen, e->id, who->user_id, c->now);
}
