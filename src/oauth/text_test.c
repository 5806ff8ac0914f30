/* Which language a browser gets, and that each language says everything. */
#include "oauth/text.h"

#include "base/tap.h"

static void
choosing(void)
{
	/* clang-format off */
	static const struct { const char *header, *tag; } rows[] = {
		{ NULL, "en" }, { "", "en" }, { "de", "de" }, { "DE", "de" }, { "de-CH-1996", "de" },
		{ "fr-CA, fr;q=0.9, en;q=0.8", "fr" }, { "en;q=0.8, fr;q=0.9", "fr" }, { "en;q=0.8,es", "es" },
		{ "zh-Hant, ja;q=0.1", "ja" }, { "zh", "en" }, { "*", "en" }, { "*, de;q=0.5", "de" },
		{ "de;q=0", "en" }, { "de;q=0.000, ar;q=0.001", "ar" }, { "ar ; q=0.5 , en;q=0.4", "ar" },
		{ "de;q=2, fr;q=0.2", "fr" }, { "de;q=abc, fr", "fr" }, { "de;x=1, fr;q=0.3", "fr" },
		{ "de;q=0.5555, fr;q=0.1", "fr" }, { "de;q=1.001, fr;q=0.1", "fr" },
		{ "deutsch, fr", "fr" }, { "d, fr", "fr" }, { ",,;;,, es ,", "es" }, { ";q=1", "en" }, { "-de", "en" },
		{ "de, fr", "de" }, { "fr, de", "fr" }, { "de;q=1.000,fr;q=1", "de" },
	};
	/* clang-format on */
	char longest[TEXT_ACCEPT_MAX + 2];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		ok(strcmp(text_choose(rows[i].header)->tag, rows[i].tag) == 0,
		    "Accept-Language: %s gets %s (RFC 9110 12.5.4, RFC 4647 3.4)",
		    rows[i].header != NULL ? rows[i].header : "(none)", rows[i].tag);
	memset(longest, ',', sizeof longest);
	memcpy(longest, "de", 2);
	longest[TEXT_ACCEPT_MAX] = '\0';
	ok(strcmp(text_choose(longest)->tag, "de") == 0, "the longest header is read");
	longest[TEXT_ACCEPT_MAX] = ',';
	longest[TEXT_ACCEPT_MAX + 1] = '\0';
	ok(strcmp(text_choose(longest)->tag, "en") == 0, "a longer one is not");
}

static void
completeness(struct arena *a)
{
	const struct text_values v = { "Better {device} Bag", "iPad", "Okta" };

	ok(text_catalogues_n == 6, "there are six languages");
	for (int i = 0; i < text_catalogues_n; i++) {
		const struct text_catalogue *t = &text_catalogues[i];
		int missing = 0, left = 0, failures = 0;

		for (int k = 0; k < TEXTS; k++) {
			if (t->texts[k] == NULL || t->texts[k][0] == '\0')
				missing++;
			else if (strchr(text_fill(a, t, (enum text)k, &v), '{') != NULL &&
				 strstr(text_fill(a, t, (enum text)k, &v), "Better {device} Bag") == NULL)
				left++;
		}
		for (int k = 0; k < ENROLL_CODES; k++) {
			const struct enroll_failure *f = enroll_failure((enum enroll_code)k);

			if (f->person != NULL && (f->stage == STAGE_SIGNIN || f->stage == STAGE_ENROLL))
				failures += t->failures[k] == NULL;
		}
		ok(missing == 0 && failures == 0, "%s says everything", t->tag);
		ok(left == 0, "%s has no placeholder that is not filled in", t->tag);
	}
	is_str(text_catalogues[0].failures[EV_signin_busy], enroll_failure(EV_signin_busy)->person,
	    "English is what the table of failures says");
	is_str(text_fill(a, &text_catalogues[0], TEXT_title_signin, &v), "Sign in to Better {device} Bag",
	    "what is filled in is not filled again");
	is_str(text_fill(a, text_choose("ar"), TEXT_continue_with, &v),
	    "المتابعة باستخدام \xe2\x81\xa8Okta\xe2\x81\xa9", "a name in Arabic text keeps its own direction");
	is_str(text_failure(text_choose("de"), EV_enrolled), text_failure(text_choose("de"), EV_internal),
	    "what no page shows is our trouble");
}

int
main(void)
{
	struct arena *a = arena_new(1 << 20);

	choosing();
	completeness(a);
	arena_free(a);
	return done();
}
