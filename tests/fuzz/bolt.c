#include "fuzz.h"
#include "migration/bolt.h"
#include "migration/proto.h"

struct seen {
	struct arena *a;
	struct bytes file;
	size_t pairs;
};

static enum rc
pair(void *arg, struct bytes key, struct bytes value)
{
	struct seen *s = arg;
	struct proto_field f;

	MUST(key.p >= s->file.p && value.p >= key.p + key.n && value.p + value.n <= s->file.p + s->file.n);
	if (++s->pairs > 2000) /* elements may share a page's octets: a page has at most 4,096 of them */
		return RC_TOO_LARGE;
	while (proto_next(&value, &f, NULL) == RC_OK) {
		MUST(f.number > 0 && f.octets.n <= s->file.n);
		(void)proto_text(s->a, &f);
	}
	return RC_OK;
}

/* MicroMDM's database: buckets of messages of Protocol Buffers. What is handed on lies within the file. */
FUZZ(a, in)
{
	static const char *const buckets[] = { "mdm.Devices", "mdm.PushInfo", "mdm.UDIDCertAuth", "mdm.ServerConfig",
		"scep_certificates" };
	struct seen s = { a, in, 0 };
	struct bolt b;
	struct err e;

	if (bolt_open(in, &b, &e) != RC_OK)
		return;
	for (size_t i = 0; i < sizeof buckets / sizeof buckets[0]; i++)
		(void)bolt_each(&b, buckets[i], pair, &s, &e);
}
