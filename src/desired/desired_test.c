/* What is wished, for whom, and which way it goes. */
#include "desired/declarations.h"
#include "desired/round.h"

#include "enroll/testing.h"

static const char profile[] =
    "<plist version=\"1.0\"><dict><key>PayloadType</key><string>Configuration</string><key>PayloadVersion</key>"
    "<integer>1</integer><key>PayloadIdentifier</key><string>com.betterbag.%s</string><key>PayloadUUID</key>"
    "<string>1</string><key>PayloadContent</key><array><dict><key>PayloadType</key><string>%s</string>"
    "<key>PayloadVersion</key><integer>1</integer><key>PayloadIdentifier</key><string>x</string><key>PayloadUUID</key>"
    "<string>2</string>%s</dict></array></dict></plist>";

static struct enrollment
device(struct scene *s, struct call *c, const char *id, const char *mode, const char *family, const char *os)
{
	struct enrollment e = { .id = id,
		.organization_id = s->organization.id,
		.mode = mode,
		.account_id = s->eliza.id,
		.state = "enrolled",
		.family = family,
		.os_version = os,
		.server_url = "https://mdm.betterbag.com/mdm/bag/command",
		.attempt_id = "a" };

	ok(store_run(c,
	       "INSERT INTO enrollment (id, organization_id, mode, account_id, attempt_id, state, family, os_version, "
	       "topic,"
	       " server_url, check_in_url, assigned_managed_apple_id, per_user_connections, identity_proof,"
	       " profile_identifier, created_at, enrolled_at) VALUES (?1, ?2, ?3, ?4, 'a', 'enrolled', ?5, ?6, 't',"
	       " 'https://mdm.betterbag.com/mdm/bag/command', 'c', 'm', 0, 'signature', 'p', 1, 1)",
	       DB_ARGS(db_text(id), db_text(e.organization_id), db_text(mode), db_text(e.account_id), db_text(family),
		   db_text(os)),
	       NULL) == RC_OK,
	    "%s is enrolled", id);
	return e;
}

static struct desired_item
item(struct call *c, enum desired_kind kind, const char *name, const char *content)
{
	struct desired_item it = {
		.organization_id = "bag", .kind = kind, .name = name, .content = bytes_str(content)
	};

	if (!ok(desired_item_put(c, &it) == RC_OK, "%s is kept", content))
		printf("# %s\n", c->err.text);
	return it;
}

static struct device_group
group(struct call *c, struct device_group g)
{
	g.organization_id = "bag";
	ok(group_add(c, &g) == RC_OK, "there is the group %s", g.name);
	return g;
}

static void
groups(struct scene *s)
{
	struct call c = scene_call(s);
	struct enrollment phone = device(s, &c, "P", "byod", "iPhone", "17.5");
	struct enrollment mac = device(s, &c, "M", "adde", "Mac", "15.2");
	struct device_group all[] = {
		group(&c, (struct device_group){ .name = "all", .by_rule = true }),
		group(&c,
		    (struct device_group){
			.name = "phones", .by_rule = true, .mode = "byod", .model_family = "iPhone" }),
		group(&c, (struct device_group){ .name = "new", .by_rule = true, .os_from = "17.5", .os_below = "18" }),
		group(&c, (struct device_group){ .name = "staff", .by_rule = true, .user_group = "staff" }),
		group(&c, (struct device_group){ .name = "board", .by_rule = true, .user_group = "board" }),
		group(&c, (struct device_group){ .name = "named" }),
	};
	struct device_group odd = { .organization_id = "bag", .name = "odd", .mode = "byod" };
	bool in[6];

	ok(group_match(&c, all, 6, &phone, in) == RC_OK && in[0] && in[1] && in[2] && in[3] && !in[4] && !in[5],
	    "a phone is in the groups whose conditions it meets");
	ok(group_match(&c, all, 6, &mac, in) == RC_OK && in[0] && !in[1] && !in[2] && in[3] && !in[4] && !in[5],
	    "a Mac in others");
	ok(group_join(&c, &all[5], &mac) == RC_OK && group_match(&c, all, 6, &mac, in) == RC_OK && in[5],
	    "and in that which names it");
	ok(group_leave(&c, &all[5], &mac) == RC_OK && group_match(&c, all, 6, &mac, in) == RC_OK && !in[5],
	    "until it is taken out");
	ok(group_join(&c, &all[1], &mac) == RC_CONFLICT, "who is in by conditions is not said by name");
	ok(group_add(&c, &odd) == RC_BAD_INPUT, "a group has conditions or names");
	odd = (struct device_group){ .organization_id = "bag", .name = "old", .by_rule = true, .os_below = "eleven" };
	ok(group_add(&c, &odd) == RC_BAD_INPUT, "a version is numbers");
	ok(group_add(&c, &(struct device_group){ .organization_id = "bag", .name = "all" }) == RC_CONFLICT,
	    "names are given once");
	testing_free(&c);
}

static const struct wanted *
find(const struct wanted *all, int n, const char *name)
{
	for (int i = 0; i < n; i++) {
		if (strcmp(all[i].item->name, name) == 0)
			return &all[i];
	}
	return NULL;
}

static bool
goes(struct call *c, const struct enrollment *e, const char *user_id, const char *name, enum desired_way way)
{
	struct desired_wishes w;
	struct wanted *all;
	const struct wanted *x;
	int n;

	if (desired_wishes_read(c, "bag", &w) != RC_OK || desired_wanted(c, &w, e, user_id, &all, &n) != RC_OK)
		return false;
	x = find(all, n, name);
	return x != NULL && x->way == way && (way != DESIRED_NOT || x->why != NULL);
}

static void
ways(struct scene *s)
{
	struct call c = scene_call(s);
	struct enrollment new = device(s, &c, "N", "byod", "iPhone", "18.2"),
			  old = device(s, &c, "O", "byod", "iPhone", "16.0");
	struct enrollment mac = device(s, &c, "K", "byod", "Mac", "15.2");
	struct device_group every, phones;
	struct desired_item wifi, web, app, configured, update;

	ok(group_get(&c, "bag", "all", &every) == RC_OK && group_get(&c, "bag", "phones", &phones) == RC_OK, "groups");
	wifi = item(&c, DESIRED_PROFILE, NULL,
	    arena_printf(c.arena, profile, "wifi", "com.apple.wifi.managed",
		"<key>SSID_STR</key><string>bag</string><key>ProxyServer</key><string>p</string>"));
	web = item(&c, DESIRED_PROFILE, NULL,
	    arena_printf(c.arena, profile, "web", "com.apple.webClip.managed",
		"<key>URL</key><string>https://b.com/</string><key>Label</key><string>B</string>"));
	app = item(&c, DESIRED_APP, "mail", "{\"AppStoreID\":\"1\",\"BundleID\":\"com.example.mail\"}");
	configured = item(&c, DESIRED_APP, "set", "{\"AppStoreID\":\"2\",\"Configuration\":{\"a\":1}}");
	update = item(&c, DESIRED_DECLARATION, NULL,
	    "{\"Type\":\"com.apple.configuration.softwareupdate.settings\",\"Identifier\":\"up\",\"Payload\":{}}");
	ok(desired_assign(&c, &wifi, &every, false) == RC_OK && desired_assign(&c, &web, &every, false) == RC_OK &&
		desired_assign(&c, &app, &every, false) == RC_OK &&
		desired_assign(&c, &configured, &phones, false) == RC_OK,
	    "they are given");
	ok(desired_assign(&c, &update, &phones, false) == RC_FORBIDDEN,
	    "S-32: what no device of a group may have is not");
	ok(desired_assign(&c, &web, &every, true) == RC_BAD_INPUT, "only apps are left to the person");
	ok(goes(&c, &new, "", "com.betterbag.wifi", DESIRED_NOT),
	    "S-32: a key that the mode forbids keeps a profile back, with its rule");
	ok(goes(&c, &new, "", "com.betterbag.web", DESIRED_BY_DECLARATION), "S-35: a profile goes by declaration");
	ok(goes(&c, &new, "", "mail", DESIRED_BY_DECLARATION), "S-33: an app, too, where app.managed is known");
	ok(goes(&c, &old, "", "mail", DESIRED_BY_COMMAND), "S-33: before iOS 17.2 by InstallApplication");
	ok(goes(&c, &new, "", "set", DESIRED_BY_COMMAND), "S-33: an app that is told something, by InstallApplication");
	ok(!goes(&c, &mac, "", "com.betterbag.web", DESIRED_NOT) &&
		goes(&c, &mac, "U", "com.betterbag.web", DESIRED_BY_DECLARATION),
	    "10: what a Mac takes on its user channel alone goes there");
	ok(store_run(&c,
	       "INSERT INTO desired_state (enrollment_id, user_id, declarations_token, token_at, refused)"
	       " VALUES ('N', '', 't', 1, 1)",
	       DB_NONE, NULL) == RC_OK &&
		goes(&c, &new, "", "com.betterbag.web", DESIRED_BY_COMMAND) &&
		goes(&c, &new, "", "mail", DESIRED_BY_COMMAND),
	    "S-35: a device that refuses declarative management gets profiles and apps by command");
	testing_free(&c);
}

static void
sets(struct scene *s)
{
	struct call c = scene_call(s);
	struct enrollment e = device(s, &c, "S", "byod", "iPhone", "18.2");
	struct desired_wishes w;
	struct desired_set one, two;
	struct desired_item act;
	struct device_group every;
	struct bytes text;
	const char *url, *end;

	ok(desired_wishes_read(&c, "bag", &w) == RC_OK && desired_set_make(&c, &w, &e, "", &one) == RC_OK && one.n == 4,
	    "S-35: a profile, an app, the subscription and the activation");
	ok(desired_set_text(&c, &one, DDM_ACTIVATION, "postern.activation", &text) == RC_OK &&
		strstr((const char *)text.p, "postern.status") != NULL &&
		strstr((const char *)text.p, "postern.app.") != NULL,
	    "S-35: the activation names them");
	ok(desired_set_text(&c, &one, DDM_CONFIGURATION, "postern.activation", &text) == RC_NOT_FOUND &&
		desired_set_text(&c, &one, DDM_ACTIVATION, "gone", &text) == RC_NOT_FOUND,
	    "S-35: of another kind, or unknown, there is none");
	ok(group_get(&c, "bag", "all", &every) == RC_OK, "a group");
	act = item(&c, DESIRED_DECLARATION, NULL,
	    arena_printf(c.arena,
		"{\"Type\":\"com.apple.activation.simple\",\"Identifier\":\"own\",\"Payload\":{"
		"\"StandardConfigurations\":[\"%s\"]}}",
		one.wanted[0].identifier != NULL ? one.wanted[0].identifier : one.wanted[1].identifier));
	ok(desired_assign(&c, &act, &every, false) == RC_OK && desired_wishes_read(&c, "bag", &w) == RC_OK &&
		desired_set_make(&c, &w, &e, "", &two) == RC_OK && two.n == 5 && strcmp(one.token, two.token) != 0,
	    "S-35: one more declaration, another token");
	ok(desired_set_text(&c, &two, DDM_ACTIVATION, "postern.activation", &text) == RC_OK &&
		strstr((const char *)text.p,
		    one.wanted[0].identifier != NULL ? one.wanted[0].identifier : one.wanted[1].identifier) == NULL,
	    "S-35: what an activation of the organization's names is not named again");
	for (int i = 0; i < two.n_wanted; i++) {
		if (two.wanted[i].item->kind != DESIRED_PROFILE || two.wanted[i].way != DESIRED_BY_DECLARATION)
			continue;
		ok(desired_set_text(&c, &two, DDM_CONFIGURATION, two.wanted[i].identifier, &text) == RC_OK,
		    "a profile's declaration");
		url = strstr((const char *)text.p, "/mdm/bag/profile/");
		end = url != NULL ? strchr(url, '"') : NULL;
		ok(end != NULL && desired_profile_by_url(&c, arena_strndup(c.arena, url + 17, (size_t)(end - url - 17)),
				      (struct bytes){ 0 }, &text) == RC_OK,
		    "S-35: its ProfileURL opens");
		ok(desired_profile_by_url(&c, "AAAA", (struct bytes){ 0 }, &text) == RC_NOT_FOUND, "another does not");
	}
	testing_free(&c);
}

int
main(void)
{
	struct scene s;

	scene_open(&s);
	groups(&s);
	ways(&s);
	sets(&s);
	scene_close(&s);
	return done();
}
