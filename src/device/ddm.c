#include "device/ddm.h"

#include <stdarg.h>
#include <string.h>

#include "device/esso.h"
#include "fmt/json.h"

static const char *
channel_name(enum device_channel channel)
{
	return channel == DEVICE_CHANNEL_USER ? "user" : "device";
}

static json_t *
memory(const struct device *d, enum device_channel channel)
{
	return json_object_get(json_object_get(d->en.managed, "ddm"), channel_name(channel));
}

bool
device_ddm_is_on(const struct device *d, enum device_channel channel)
{
	return memory(d, channel) != NULL;
}

struct device_ddm
device_ddm_open(struct device *d, struct arena *a, enum device_channel channel, int64_t now)
{
	return (struct device_ddm){ .d = d,
		.a = a,
		.channel = channel,
		.rules = device_rules(d, channel == DEVICE_CHANNEL_USER),
		.now = now,
		.kept = memory(d, channel) };
}

void
device_ddm_turn_on(struct device *d, enum device_channel channel)
{
	json_t *kept = memory(d, channel);

	if (kept == NULL) {
		kept = json_pack("{s:{}, s:{}, s:{}, s:[]}", "declarations", "effects", "told", "errors");
		json_object_set_new(device_managed(d, "ddm", false), channel_name(channel), kept);
		story_step(&d->story, "ddm-on", "Declarative management is on%s",
		    channel == DEVICE_CHANNEL_USER ? " for the person's channel" : "");
	}
	json_object_set_new(kept, "due", json_true());
}

void
device_on_declarative_management(struct device_command *c)
{
	struct bytes data = plist_data(c->a, c->request, "Data");
	const char *token = NULL, *known;
	json_t *root;

	if (plist_has(c->request, "Data")) {
		if (json_parse(c->a, data, &root, &c->d->err) != RC_OK) {
			device_command_refuse(c, DEVICE_ERROR_MALFORMED, "Data is no JSON: %s", c->d->err.text);
			return;
		}
		token = json_get_text(json_object_get(root, "SyncTokens"), "DeclarationsToken");
		if (token == NULL) {
			device_command_refuse(c, DEVICE_ERROR_MALFORMED, "Data holds no SyncTokens");
			return;
		}
	}
	known = json_get_text(memory(c->d, c->channel), "token");
	if (token != NULL && known != NULL && strcmp(token, known) == 0) {
		story_step(
		    &c->d->story, "ddm-known", "The declarations are the ones that are here: nothing is fetched");
		return;
	}
	device_ddm_turn_on(c->d, c->channel);
	/* With a token in hand the device need not ask for it. */
	if (token != NULL)
		json_object_set_new(memory(c->d, c->channel), "offered", json_string(token));
}

json_t *
device_ddm_reason(const char *code, json_t *details, const char *format, ...)
{
	json_t *reason = json_object(), *description;
	char text[1024];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	json_object_set_new(reason, "code", json_string(code));
	description = json_string(text); /* NULL: cut inside a character */
	json_object_set_new(reason, "description", description != NULL ? description : json_string(code));
	if (details != NULL)
		json_object_set_new(reason, "details", details);
	return reason;
}

/* What came before a failure is applied all the same; an eviction leaves nothing to apply. */
static enum rc
work(struct device_ddm *m)
{
	struct device *d = m->d;
	enum rc rc = json_is_true(json_object_get(m->kept, "due")) ? device_ddm_sync(m) : RC_OK;
	struct err why = d->err;

	if (d->self.phase != DEVICE_ENROLLED)
		return rc;
	device_ddm_judge(m);
	device_ddm_apply(m);
	device_esso_review(d);
	if (rc == RC_OK)
		return device_ddm_report(m);
	d->err = why;
	return rc;
}

enum rc
device_ddm_run(struct device *d, enum device_channel channel, int64_t now)
{
	struct arena *a = arena_new(0);
	struct device_ddm m = device_ddm_open(d, a, channel, now);
	enum rc rc = RC_OK, saved = RC_OK;
	struct err why;

	if (m.kept != NULL) {
		rc = work(&m);
		why = d->err;
		if (d->self.phase == DEVICE_ENROLLED)
			saved = device_save_enrollment(d);
		if (rc != RC_OK)
			d->err = why;
	}
	arena_free(a);
	rc = rc == RC_OK ? saved : rc;
	return rc == RC_OK ? RC_OK : fail_in(&d->err, rc, "declarative management");
}
