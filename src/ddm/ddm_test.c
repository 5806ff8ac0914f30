/* Declarative management on the wire: endpoints, tokens, items; and what is kept of status reports. */
#include "ddm/ddm.h"

#include "ddm/status.h"
#include "enroll/testing.h"

static void
endpoints(struct arena *a)
{
	static const struct {
		const char *text;
		enum rc rc;
		enum ddm_endpoint endpoint;
		enum ddm_kind kind;
		const char *identifier;
	} rows[] = {
		{ "tokens", RC_OK, DDM_TOKENS, 0, NULL },
		{ "declaration-items", RC_OK, DDM_DECLARATION_ITEMS, 0, NULL },
		{ "status", RC_OK, DDM_STATUS, 0, NULL },
		{ "declaration/configuration/com.example.a", RC_OK, DDM_DECLARATION, DDM_CONFIGURATION,
		    "com.example.a" },
		{ "declaration/activation/a/b/c", RC_OK, DDM_DECLARATION, DDM_ACTIVATION, "a/b/c" },
		{ "declaration/asset/", RC_OK, DDM_DECLARATION, DDM_ASSET, "" },
		{ "declaration/configurations/a", RC_BAD_INPUT, 0, 0, NULL },
		{ "declaration/configuration", RC_BAD_INPUT, 0, 0, NULL },
		{ "declaration", RC_BAD_INPUT, 0, 0, NULL },
		{ "Tokens", RC_BAD_INPUT, 0, 0, NULL },
		{ "", RC_BAD_INPUT, 0, 0, NULL },
	};
	struct ddm_request r;
	struct err e;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		enum rc rc = ddm_request_parse(a, rows[i].text, &r, &e);

		ok(rc == rows[i].rc && (rc != RC_OK || (r.endpoint == rows[i].endpoint && r.kind == rows[i].kind &&
							   (rows[i].identifier == NULL ||
							       strcmp(r.identifier, rows[i].identifier) == 0))),
		    "S-35: the endpoint \"%s\" is split at its first two slashes, or refused", rows[i].text);
	}
}

static void
tokens(struct arena *a)
{
	struct ddm_declaration one[] = { { DDM_CONFIGURATION, "b", "1" }, { DDM_ACTIVATION, "a", "1" } };
	struct ddm_declaration same[] = { { DDM_ACTIVATION, "a", "1" }, { DDM_CONFIGURATION, "b", "1" } };
	struct ddm_declaration other[] = { { DDM_ACTIVATION, "a", "1" }, { DDM_CONFIGURATION, "b", "2" } };
	struct ddm_declaration joined[] = { { DDM_ACTIVATION, "a", "1\nb" } };
	char *token = ddm_declarations_token(a, one, 2);

	is_str(ddm_declarations_token(a, same, 2), token, "S-35: the order of a set makes no other token");
	ok(strcmp(ddm_declarations_token(a, other, 2), token) != 0, "S-35: a changed ServerToken does");
	ok(strcmp(ddm_declarations_token(a, same, 1), token) != 0, "S-35: so does one that is missing");
	ok(strcmp(ddm_declarations_token(a, same, 1), ddm_declarations_token(a, joined, 1)) != 0,
	    "S-35: and no text counts as two");
	ok(strlen(token) <= 64, "14: a token is short enough");
	is_str((const char *)ddm_items(a, NULL, 0, "t").p,
	    "{\"Declarations\":{\"Activations\":[],\"Assets\":[],\"Configurations\":[],\"Management\":[]},"
	    "\"DeclarationsToken\":\"t\"}",
	    "14: all four lists are there, empty ones too");
	is_str((const char *)ddm_tokens(a, "t", 0).p,
	    "{\"SyncTokens\":{\"DeclarationsToken\":\"t\",\"Timestamp\":\"1970-01-01T00:00:00Z\"}}", "14: the tokens");
}

/* ---- status reports ---- */

static struct policy_target byod, adde;
static struct ddm_news news;

static bool
report(struct call *c, const struct policy_target *t, const char *text)
{
	return ddm_status_put(c, "E1", "", t, bytes_str(text), &news) == RC_OK;
}

/* The value kept of an item, "" where there is none. */
static const char *
kept(struct call *c, const char *item, const char *element)
{
	struct ddm_item *items = NULL;
	int n;

	if (ddm_status_items(c, "E1", "", item, &items, &n) != RC_OK)
		return "error";
	for (int i = 0; i < n; i++) {
		if (strcmp(items[i].element, element) == 0)
			return items[i].value;
	}
	return "";
}

static void
statuses(struct scene *s)
{
	static const char *const nonsense[] = { "", "[]", "{\"StatusItems\":[]}" };
	struct call c = scene_call(s);
	struct ddm_report *said = NULL;
	struct ddm_item *items = NULL;
	int n;

	ok(report(&c, &byod, "{\"StatusItems\":{\"device\":{\"operating-system\":{\"version\":\"18.2\"}}}}"),
	    "a report");
	is_str(kept(&c, "device.operating-system.version", ""), "\"18.2\"", "S-35: nested names are one item's");
	is_str(news.os_version, "18.2", "and the version that it tells is told on");
	ok(report(&c, &byod, "{\"StatusItems\":{\"device\":{\"model\":{\"family\":\"iPhone\"}}}}"), "another");
	is_str(kept(&c, "device.operating-system.version", ""), "\"18.2\"", "S-35: what is not in a report stays");
	ok(report(&c, &byod,
	       "{\"StatusItems\":{\"app\":{\"managed\":{\"list\":[{\"identifier\":\"a\",\"state\":\"installing\"},"
	       "{\"identifier\":\"b\",\"state\":\"managed\"}]}}}}") &&
		report(&c, &byod,
		    "{\"StatusItems\":{\"app\":{\"managed\":{\"list\":[{\"identifier\":\"a\",\"_removed\":true}]}}}}"),
	    "a list, and a change of it");
	ok(strcmp(kept(&c, "app.managed.list", "a"), "") == 0 &&
		strstr(kept(&c, "app.managed.list", "b"), "managed") != NULL,
	    "S-35: an element that is _removed goes, the others stay");
	ok(report(&c, &byod,
	       "{\"StatusItems\":{\"device\":{\"identifier\":{\"serial-number\":\"C02\",\"udid\":\"0000\"},"
	       "\"power\":{\"battery-health\":\"normal\"}},\"no\":{\"such\":\"item\"}}}") &&
		ddm_status_items(&c, "E1", "", NULL, &items, &n) == RC_OK && n == 3,
	    "S-10: what User Enrollment does not report is not kept, nor what nobody knows");
	ok(report(&c, &byod,
	       "{\"StatusItems\":{\"app\":{\"managed\":{\"list\":[{\"identifier\":\"c\",\"SerialNumber\":"
	       "\"C02XYZ1234\","
	       "\"name\":\"of C02XYZ1234\",\"state\":\"managed\"}]}}}}"),
	    "a list that tells more than it should");
	ok(strstr(kept(&c, "app.managed.list", "c"), "C02XYZ") == NULL &&
		strstr(kept(&c, "app.managed.list", "c"), "managed") != NULL,
	    "S-10: an identifier inside a value is not kept, nor a text that repeats it");
	ok(report(&c, &byod,
	       "{\"StatusItems\":{\"app\":{\"managed\":{\"list\":[{\"identifier\":\"c\",\"_removed\":true}]}}}}"),
	    "and goes");
	ok(report(&c, &adde, "{\"StatusItems\":{\"device\":{\"identifier\":{\"serial-number\":\"C02\"}}}}"), "of ADDE");
	is_str(kept(&c, "device.identifier.serial-number", ""), "\"C02\"",
	    "10: Device Enrollment may tell its serial number");
	ok(report(&c, &byod,
	       "{\"StatusItems\":{\"management\":{\"declarations\":{\"configurations\":[{\"identifier\":\"x\","
	       "\"active\":false,"
	       "\"valid\":\"invalid\",\"server-token\":\"t\",\"reasons\":[{\"code\":\"Error.X\",\"description\":"
	       "\"why\"}]}]}}}}") &&
		ddm_status_declarations(&c, "E1", "", &said, &n) == RC_OK && n == 1,
	    "a report on declarations");
	ok(!said[0].active && strcmp(said[0].valid, "invalid") == 0 && strcmp(said[0].server_token, "t") == 0,
	    "S-35: with what stands against one");
	is_str(said[0].reason, "Error.X: why", "S-35: in words");
	ok(report(&c, &byod, "{\"FullReport\":true,\"StatusItems\":{\"device\":{\"model\":{\"family\":\"iPad\"}}}}") &&
		ddm_status_items(&c, "E1", "", NULL, &items, &n) == RC_OK && n == 1 &&
		ddm_status_declarations(&c, "E1", "", &said, &n) == RC_OK && n == 0,
	    "S-35: a full report replaces all");
	for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
		ok(ddm_status_put(&c, "E1", "", &byod, bytes_str(nonsense[i]), &news) == RC_BAD_INPUT,
		    "nonsense %zu is no report", i + 1);
	}
	is_str(kept(&c, "device.model.family", ""), "\"iPad\"", "and changes nothing");
	testing_free(&c);
}

/* More elements than are kept. */
static void
bounds(struct scene *s)
{
	struct call c = scene_call(s);
	json_t *root = json_keep(c.arena, json_object()), *list = json_array();
	struct ddm_item *items = NULL;
	int n;

	for (int i = 0; i < DDM_STATUS_MAX + 50; i++)
		json_array_append_new(list, json_pack("{s:s}", "identifier", arena_printf(c.arena, "%d", i)));
	json_object_set_new(root, "StatusItems", json_pack("{s:{s:{s:o}}}", "app", "managed", "list", list));
	ok(ddm_status_put(&c, "E1", "", &byod, json_text(c.arena, root, 0), &news) == RC_OK &&
		report(&c, &byod, "{\"StatusItems\":{\"app\":{\"managed\":{\"list\":[{\"identifier\":\"new\"}]}}}}") &&
		ddm_status_items(&c, "E1", "", "app.managed.list", &items, &n) == RC_OK && n <= DDM_STATUS_MAX,
	    "a report that is too large is kept up to the limit");
	testing_free(&c);
}

int
main(void)
{
	struct scene s;
	struct arena *a = arena_new(0);

	byod = policy_target_of("byod", "iPhone", "18.2", false);
	adde = policy_target_of("adde", "iPhone", "18.2", false);
	endpoints(a);
	tokens(a);
	scene_open(&s);
	statuses(&s);
	bounds(&s);
	scene_close(&s);
	arena_free(a);
	return done();
}
