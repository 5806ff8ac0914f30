#include "fmt/base64.h"
#include "fuzz.h"
#include "migration/shadow.h"

static void
release(void *s)
{
	shadow_free(s);
}

/* What another MDM server's webhook posts: events as they came, and messages of devices within one. */
FUZZ(a, in)
{
	struct shadow *s = shadow_new();
	const char *event;
	enum shadow_verdict v;

	arena_defer(a, release, s);
	v = shadow_event(s, a, in);
	MUST(v >= 0 && v < SHADOW_VERDICT_COUNT);
	event = arena_printf(
	    a, "{\"topic\":\"mdm.Authenticate\",\"checkin_event\":{\"raw_payload\":\"%s\"}}", base64_encode(a, in));
	v = shadow_event(s, a, bytes_str(event));
	MUST(v < SHADOW_VERDICT_COUNT && v != SHADOW_NO_EVENT);
	event = arena_printf(
	    a, "{\"topic\":\"mdm.Connect\",\"acknowledge_event\":{\"raw_payload\":\"%s\"}}", base64_encode(a, in));
	MUST(shadow_event(s, a, bytes_str(event)) != SHADOW_NO_EVENT);
	MUST(json_integer_value(json_object_get(shadow_report(s, a), "events")) == 3);
}
