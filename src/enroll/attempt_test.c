/* Attempts: the sealed string, the caps, the timeline. */
#include "enroll/attempt.h"

#include "crypto/hash.h"
#include "enroll/testing.h"

static struct attempt
try_of(const char *id, const char *address)
{
	return (struct attempt){ .id = id,
		.organization_id = "bag",
		.kind = "enroll",
		.user_identifier = "eliza@betterbag.com",
		.address = address };
}

static void
sealed(struct scene *sc)
{
	struct call c = scene_call(sc);
	struct attempt_seal in = { SCENE_NOW, "eliza@betterbag.com", "iPad", "0123456789abcdef" }, out;
	const char *text, *again;
	char longest[ATTEMPT_IDENTIFIER_MAX + 1], *edited;

	ok(attempt_seal(&c, &in, &text) == RC_OK && attempt_unseal(&c, text, &out) == RC_OK, "what is sealed opens");
	is_str(out.user_identifier, in.user_identifier, "with the identifier");
	is_str(out.model_family, "iPad", "the family");
	is_str(out.rule_id, in.rule_id, "and the rule");
	ok(out.at == SCENE_NOW, "and the time");
	ok(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == strlen(text),
	    "S-11: it fits into a path as it is");
	attempt_seal(&c, &in, &again);
	ok(strcmp(text, again) != 0, "two tries of one person are two");
	edited = arena_strdup(c.arena, text);
	edited[strlen(edited) / 2] ^= 1;
	ok(attempt_unseal(&c, edited, &out) == RC_BAD_INPUT, "an edited one does not open");
	ok(attempt_unseal(&c, "", &out) == RC_BAD_INPUT && attempt_unseal(&c, "?", &out) == RC_BAD_INPUT,
	    "neither does nonsense");
	memset(longest, 'a', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	in.user_identifier = longest;
	ok(attempt_seal(&c, &in, &text) == RC_OK && strlen(text) <= ATTEMPT_SEALED_MAX,
	    "the longest identifier seals into 400 octets");
	in.user_identifier = arena_printf(c.arena, "%sa", longest);
	ok(attempt_seal(&c, &in, &again) == RC_TOO_LARGE, "a longer one is refused");
	c.now += ATTEMPT_LIFE_S + 1;
	ok(attempt_unseal(&c, text, &out) == RC_FORBIDDEN, "a day later it starts nothing");
	testing_free(&c);
}

static void
timeline(struct scene *sc)
{
	struct call c = scene_call(sc);
	struct attempt t = try_of("try-1", "203.0.113.77"), row;
	struct event *events;
	int n;

	ok(attempt_open(&c, &t) == RC_OK && attempt_open(&c, &t) == RC_OK,
	    "a try is opened once, however often it asks");
	ok(attempt_event(&c, t.id, EV_challenged, "apple-oauth2") == RC_OK, "a step is written");
	ok(attempt_event(&c, t.id, EV_signin_wrong_password, NULL) == RC_OK, "a refusal is a step too");
	ok(attempt_events(&c, t.id, &events, &n) == RC_OK && n == 2, "both are there");
	is_str(events[0].code, "challenged", "in order");
	is_str(events[0].details, "apple-oauth2", "with what this time adds");
	is_str(events[1].outcome, "refused", "and their outcome");
	ok(attempt_latest(&c, "eliza@betterbag.com", &row) == RC_OK, "a person's last try is found");
	is_str(row.address, "203.0.113.0/24", "of an address only the network is kept");
	is_str(row.code, "signin-wrong-password", "and says where it stands");
	for (int i = 0; i < 3; i++)
		attempt_event(&c, t.id, EV_bearer_expired, NULL);
	ok(attempt_events(&c, t.id, &events, &n) == RC_OK && n == 3,
	    "a device that is refused in the same way again and again is one event");
	for (int i = 0; i < 2 * sc->conf.events_per_attempt; i++)
		attempt_event(&c, t.id, EV_signin_wrong_password, NULL);
	ok(attempt_get(&c, t.id, &row) == RC_OK && row.events == sc->conf.events_per_attempt,
	    "refusals stop at the cap of events per attempt");
	ok(attempt_event(&c, t.id, EV_enrolled, NULL) == RC_OK && attempt_get(&c, t.id, &row) == RC_OK &&
		row.events == sc->conf.events_per_attempt + 1,
	    "and don't push out the step that counts");
	testing_free(&c);
}

static void
codes(struct scene *sc)
{
	static const char *const heard[] = { "7K3M-9QP0", "7k3m9qp0", " 7k3m 9qpO", "7K3M-9QP-o" };
	static const char *const other[] = { "", "7K3M-9QP", "7K3M-9QP00", "7K3M-9QP1", "7K3M%9QP0",
		"7k3m9qp0abcdefgh" };
	struct call c = scene_call(sc);
	struct attempt t = try_of("7k3m9qp0abcdefgh", "203.0.113.5"), row;
	const char *id;

	is_str(attempt_code(c.arena, t.id), "7K3M-9QP0", "the code to read aloud is in two groups");
	attempt_open(&c, &t);
	for (size_t i = 0; i < sizeof heard / sizeof heard[0]; i++)
		ok(attempt_by_code(&c, heard[i], &row) == RC_OK && strcmp(row.id, t.id) == 0, "%s is heard", heard[i]);
	for (size_t i = 0; i < sizeof other / sizeof other[0]; i++)
		ok(attempt_by_code(&c, other[i], &row) == RC_NOT_FOUND, "\"%s\" is not", other[i]);
	t = try_of("ilo2345678abcdef", "203.0.113.5"); /* of before: another alphabet */
	attempt_open(&c, &t);
	ok(attempt_by_code(&c, "ILO2-3456", &row) == RC_OK, "an id of another alphabet has a code, too");
	for (int i = 0; i < 100; i++) {
		id = attempt_id(c.arena, crypto_token(c.arena));
		if (strpbrk(attempt_code(c.arena, id), "ILOU") != NULL)
			break;
	}
	ok(strpbrk(attempt_code(c.arena, id), "ILOU") == NULL, "a code has none of I, L, O and U");
	testing_free(&c);
}

static void
caps(struct scene *sc)
{
	struct call c = scene_call(sc);
	struct attempt t;
	enum rc rc = RC_OK;
	int i;

	sc->conf.attempts_per_address = 5;
	for (i = 0; i < 10 && rc == RC_OK; i++) {
		t = try_of(arena_printf(c.arena, "cap-%d", i), arena_printf(c.arena, "198.51.100.%d", i));
		rc = attempt_open(&c, &t);
	}
	ok(rc == RC_TOO_LARGE && i == 6, "a network gets so many tries without a sign-in an hour");
	t = try_of("cap-other", "192.0.2.1");
	ok(attempt_open(&c, &t) == RC_OK, "which does not keep out another network");
	ok(attempt_signed_in(&c, "cap-0", sc->eliza.id) == RC_OK, "somebody signs in");
	t = try_of("cap-more", "198.51.100.200");
	ok(attempt_open(&c, &t) == RC_OK, "and no longer counts");
	t = try_of("cap-v6a", "2001:db8:1:2:3::4");
	ok(attempt_open(&c, &t) == RC_OK && attempt_get(&c, t.id, &t) == RC_OK, "IPv6 is counted");
	is_str(t.address, "2001:db8:1:2::/64", "by /64");
	c.now += 3601;
	t = try_of("cap-later", "198.51.100.1");
	ok(attempt_open(&c, &t) == RC_OK, "an hour later the count is over");
	testing_free(&c);
}

int
main(void)
{
	struct scene s;

	scene_open(&s);
	sealed(&s);
	timeline(&s);
	codes(&s);
	caps(&s);
	scene_close(&s);
	return done();
}
