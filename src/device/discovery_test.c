#include "device/discovery.h"

#include "base/tap.h"

int
main(void)
{
	static const struct {
		const char *identifier;
		const char *url; /* NULL: refused */
		const char *rule;
	} identifiers[] = {
		{ "ann@example.org",
		    "https://example.org/.well-known/"
		    "com.apple.remotemanagement?user-identifier=ann@example.org&model-family=iPhone",
		    "D-02: both items, in order" },
		{ "a@b@example.org",
		    "https://example.org/.well-known/"
		    "com.apple.remotemanagement?user-identifier=a@b@example.org&model-family=iPhone",
		    "D-01: the last '@' splits" },
		{ "ann+x@Example.ORG",
		    "https://example.org/.well-known/"
		    "com.apple.remotemanagement?user-identifier=ann+x@Example.ORG&model-family=iPhone",
		    "D-02: what was typed is sent as typed" },
		{ "@example.org", NULL, "D-01: an empty user is refused" },
		{ "ann@", NULL, "D-01: an empty domain is refused" },
		{ "ann", NULL, "D-01: no '@' is refused" },
		{ "ann@localhost", NULL, "D-01: a name without a dot is no FQDN" },
		{ "ann@192.0.2.1", NULL, "D-01: an address is no FQDN" },
		{ "ann@-x.example", NULL, "D-01: a label does not begin with '-'" },
	};
	static const struct {
		const char *document;
		enum rc rc;
		const char *mode, *rule;
	} documents[] = {
		{ "{\"Servers\":[{\"Version\":\"mdm-byod\",\"BaseURL\":\"https://m/e\"}]}", RC_OK, "BYOD",
		    "D-03: mdm-byod is User Enrollment" },
		{ "{\"Servers\":[{\"Version\":\"mdm-adde\",\"BaseURL\":\"https://m/e\"},{\"Version\":\"x\"}]}", RC_OK,
		    "ADDE", "D-03: the first server counts" },
		{ "{\"Servers\":[]}", RC_BAD_INPUT, NULL, "D-03: no server" },
		{ "{}", RC_BAD_INPUT, NULL, "D-03: no Servers" },
		{ "{\"Servers\":[{\"Version\":\"mdm-next\",\"BaseURL\":\"https://m/e\"}]}", RC_BAD_INPUT, NULL,
		    "D-03: an unknown Version is an error" },
		{ "{\"Servers\":[{\"Version\":\"mdm-byod\",\"BaseURL\":\"http://m/e\"}]}", RC_BAD_INPUT, NULL,
		    "D-03: BaseURL is https" },
		{ "{\"Servers\":[{\"Version\":\"mdm-byod\"}]}", RC_BAD_INPUT, NULL, "D-03: BaseURL is required" },
		{ "<html>", RC_BAD_INPUT, NULL, "D-03: not JSON" },
	};
	struct arena *a = arena_new(0);
	struct device_server server;
	struct err e;

	for (size_t i = 0; i < sizeof identifiers / sizeof *identifiers; i++) {
		const char *url = NULL;
		enum rc rc = device_discovery_url(a, identifiers[i].identifier, "iPhone", &url, &e);

		if (identifiers[i].url == NULL)
			ok(rc == RC_BAD_INPUT, "%s", identifiers[i].rule);
		else
			is_str(url, identifiers[i].url, identifiers[i].rule);
	}
	for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
		enum rc rc = device_discovery_read(a, bytes_str(documents[i].document), &server, &e);

		ok(rc == documents[i].rc && (rc != RC_OK || strcmp(server.mode, documents[i].mode) == 0), "%s",
		    documents[i].rule);
	}
	is_str(device_discovery_fallback_url(a, "https://f:1", "a@b.c", "Mac"),
	    "https://f:1/.well-known/com.apple.remotemanagement?user-identifier=a@b.c&model-family=Mac",
	    "D-04: the fallback is asked the same");
	is_str(device_discovery_fallback_url(a, "https://f/mdmBaseURL", "a@b.c", "Mac"),
	    "https://f/mdmBaseURL?user-identifier=a@b.c&model-family=Mac",
	    "D-04: a fallback may have a path of its own");
	arena_free(a);
	return done();
}
