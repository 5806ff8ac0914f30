#include "separation/flow.h"

#include "base/tap.h"

enum { P = SEPARATION_PERSONAL, M = SEPARATION_MANAGED };

static const char *
why(const struct separation_rules *r, enum separation_way way, int from, int to)
{
	return separation_flow_forbidden(r, way, (enum separation_account)from, (enum separation_account)to);
}

static struct separation_rules
with(const char *key, bool value)
{
	struct separation_rules r = separation_rules_none();
	bool seen = false;

	ok(separation_rules_take(&r, key, value, &seen) && seen, "the rule %s is known", key);
	return r;
}

static void
passes(void)
{
	struct separation_rules none = separation_rules_none(), r = with("allowOpenFromManagedToUnmanaged", false);
	bool seen = false;

	ok(!why(&none, SEPARATION_OPEN_IN, M, P) && !why(&none, SEPARATION_OPEN_IN, P, M) &&
		!why(&none, SEPARATION_PASTE, M, P) && !why(&none, SEPARATION_AIRDROP, M, P),
	    "DS-18: without restrictions everything passes, as Apple's defaults have it");
	ok(why(&r, SEPARATION_OPEN_IN, M, P) && !why(&r, SEPARATION_OPEN_IN, P, M) &&
		!why(&r, SEPARATION_OPEN_IN, M, M) && !why(&r, SEPARATION_OPEN_IN, P, P),
	    "DS-18: allowOpenFromManagedToUnmanaged false keeps managed documents among what is managed");
	ok(!why(&r, SEPARATION_PASTE, M, P), "DS-19: the pasteboard is free unless requireManagedPasteboard says so");
	ok(!why(&r, SEPARATION_AIRDROP, M, P),
	    "DS-20: AirDrop is no unmanaged place unless forceAirDropUnmanaged says so");
	separation_rules_take(&r, "requireManagedPasteboard", true, &seen);
	ok(why(&r, SEPARATION_PASTE, M, P) && !why(&r, SEPARATION_PASTE, P, M) && !why(&r, SEPARATION_PASTE, M, M),
	    "DS-19: with requireManagedPasteboard it follows the two rules of managed open-in");
	seen = false;
	separation_rules_take(&r, "forceAirDropUnmanaged", true, &seen);
	ok(why(&r, SEPARATION_AIRDROP, M, P) && !why(&r, SEPARATION_AIRDROP, P, P),
	    "DS-20: with forceAirDropUnmanaged managed documents don't leave by AirDrop, the person's do");
	ok(why(&r, SEPARATION_READ_CONTACTS, M, P) && why(&r, SEPARATION_WRITE_CONTACTS, M, P) &&
		!why(&r, SEPARATION_READ_CONTACTS, P, M) && !why(&r, SEPARATION_READ_CONTACTS, M, M),
	    "DS-21: where nothing may leave, contacts don't either");
	seen = false;
	separation_rules_take(&r, "allowUnmanagedToReadManagedContacts", true, &seen);
	ok(!why(&r, SEPARATION_READ_CONTACTS, M, P) && why(&r, SEPARATION_WRITE_CONTACTS, M, P),
	    "DS-21: allowUnmanagedToReadManagedContacts lets the person's apps read them");
	seen = false;
	separation_rules_take(&r, "allowManagedToWriteUnmanagedContacts", true, &seen);
	ok(!why(&r, SEPARATION_WRITE_CONTACTS, M, P),
	    "DS-21: allowManagedToWriteUnmanagedContacts lets managed apps write to the person's");
	r = with("allowOpenFromUnmanagedToManaged", false);
	ok(!why(&r, SEPARATION_OPEN_IN, M, P) && why(&r, SEPARATION_OPEN_IN, P, M),
	    "DS-18: allowOpenFromUnmanagedToManaged false keeps the person's documents out of managed apps");
	ok(!why(&none, SEPARATION_DRIVE, M, M) && why(&none, SEPARATION_DRIVE, M, P) &&
		why(&none, SEPARATION_DRIVE, P, M),
	    "DS-14: the organization's iCloud Drive is for what is managed, whatever the rules");
}

static void
several(void)
{
	struct separation_rules r = separation_rules_none();
	bool seen = false;

	separation_rules_take(&r, "allowOpenFromManagedToUnmanaged", false, &seen);
	separation_rules_take(&r, "allowOpenFromManagedToUnmanaged", true, &seen);
	ok(!r.allowOpenFromManagedToUnmanaged, "DS-18: of two profiles the stricter counts, false for what is allowed");
	seen = false;
	separation_rules_take(&r, "requireManagedPasteboard", false, &seen);
	separation_rules_take(&r, "requireManagedPasteboard", true, &seen);
	separation_rules_take(&r, "requireManagedPasteboard", false, &seen);
	ok(r.requireManagedPasteboard, "DS-19: and true for what is required");
	ok(!separation_rules_take(&r, "allowCamera", false, &seen), "other restrictions are no rule of this");
}

static void
domains(struct arena *a)
{
	static const struct {
		const char *pattern, *url;
		bool managed;
	} rows[] = {
		{ "example.com", "https://example.com/a/b", true },
		{ "example.com", "http://example.com/", true },
		{ "example.com", "https://www.example.com/", true },
		{ "www.example.com", "https://example.com/", true },
		{ "example.com", "https://site.example.com/", false },
		{ "foo.example.com", "https://foo.example.com/x", true },
		{ "foo.example.com", "https://example.com/x", false },
		{ "foo.example.com", "https://bar.example.com/x", false },
		{ "*.example.com", "https://foo.example.com/x", true },
		{ "*.example.com", "https://example.com/x", false },
		{ "*.example.com", "https://badexample.com/x", false },
		{ "example.com/sub", "https://example.com/sub", true },
		{ "example.com/sub/", "https://example.com/sub/x", true },
		{ "example.com/sub", "https://example.com/subway", false },
		{ "example.com/sub", "https://example.com/", false },
		{ "*.example.com/sub", "https://foo.example.com/sub/x", true },
		{ "*.example.com/sub", "https://foo.example.com/x", false },
		{ "example.com", "https://example.com:8443/", false },
		{ "example.com:8443", "https://example.com:8443/", true },
		{ "example.com:8443", "https://example.com/", false },
		{ "example.com", "https://example.com.evil.net/", false },
		{ "https://example.com/sub", "https://example.com/sub", true },
		{ "", "https://example.com/", false },
		{ "example.com", "not a url", false },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct separation_rules r = separation_rules_none();

		r.web_domains = (const char *const[]){ rows[i].pattern, NULL };
		ok(separation_web_is_managed(a, &r, rows[i].url) == rows[i].managed, "DS-14: WebDomains %s, %s: %s",
		    rows[i].pattern, rows[i].url, rows[i].managed ? "managed" : "not");
	}
}

static void
sign_in(void)
{
	const enum separation_account managed = SEPARATION_MANAGED, personal = SEPARATION_PERSONAL;
	enum separation_account got;
	struct err e;

	ok(separation_signin_account(managed, false, NULL, &got, &e) == RC_OK && got == managed,
	    "DS-15: a managed app signs in with the Managed Apple Account");
	ok(separation_signin_account(personal, false, NULL, &got, &e) == RC_OK && got == personal,
	    "DS-15: any other app signs in with the personal one");
	ok(separation_signin_account(managed, false, &personal, &got, &e) == RC_FORBIDDEN &&
		separation_signin_account(personal, false, &managed, &got, &e) == RC_FORBIDDEN &&
		separation_signin_account(personal, true, &managed, &got, &e) == RC_FORBIDDEN,
	    "DS-15: there is nothing to choose");
	ok(separation_signin_account(managed, true, &managed, &got, &e) == RC_OK && got == managed &&
		separation_signin_account(managed, true, NULL, &got, &e) == RC_OK && got == personal,
	    "DS-15: but on a web page inside a managed app the person may choose the Managed Apple Account");
}

int
main(void)
{
	struct arena *a = arena_new(0);

	passes();
	several();
	domains(a);
	sign_in();
	arena_free(a);
	return done();
}
