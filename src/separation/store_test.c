#include "separation/store.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/disk.h"
#include "base/tap.h"
#include "fmt/base64.h"
#include "fmt/json.h"
#include "separation/backup.h"

static struct separation_place
place(const char *content, enum separation_account account, bool apart, const char *owner)
{
	return (struct separation_place){
		.content = separation_content_find(content), .account = account, .apart = apart, .owner = owner
	};
}

static bool
is(struct arena *a, const char *dir, struct separation_place at, const char *name, const char *text)
{
	struct bytes got;
	struct err e;

	return separation_store_get(a, dir, &at, name, &got, &e) == RC_OK && bytes_eq(got, bytes_str(text));
}

static bool
anywhere(struct arena *a, const char *dir, struct bytes what)
{
	struct bytes content;
	const char **names;
	bool found = false;

	disk_list(a, dir, &names, NULL);
	for (; *names != NULL; names++)
		if (disk_read(a, dir, *names, &content, NULL) == RC_OK)
			found |= memmem(content.p, content.n, what.p, what.n) != NULL;
	return found;
}

static void
kept(struct arena *a, const char *dir)
{
	struct separation_place work = place("notes", SEPARATION_MANAGED, true, ""),
				own = place("notes", SEPARATION_PERSONAL, false, ""),
				mixed = place("reminders", SEPARATION_MANAGED, false, ""),
				other = place("containers", SEPARATION_MANAGED, true, "com.example.other");
	struct bytes raw, part;
	struct err e;

	ok(separation_store_put(a, dir, &work, "n", bytes_str("of work"), &e) == RC_NOT_FOUND,
	    "DS-05: without an enrollment there is no place for what is managed");
	ok(separation_volume_create(a, dir, SEPARATION_MANAGED, &e) == RC_OK &&
		separation_store_put(a, dir, &work, "n", bytes_str("of work"), &e) == RC_OK &&
		separation_store_put(a, dir, &own, "n", bytes_str("my own"), &e) == RC_OK &&
		separation_store_put(a, dir, &mixed, "r", bytes_str("of work, not apart"), &e) == RC_OK &&
		separation_store_put(a, dir, &other, "d", bytes_str("a document"), &e) == RC_OK,
	    "DS-17: both accounts keep their own");
	ok(is(a, dir, work, "n", "of work") && is(a, dir, own, "n", "my own"),
	    "DS-17: the same name in both is two texts, side by side");
	ok(!anywhere(a, dir, bytes_str("of work")) && !anywhere(a, dir, bytes_str("my own")),
	    "DS-05: on the disk both are ciphertext");
	disk_read(a, dir, "volume.notes.sealed", &raw, &e);
	disk_write(dir, "personal.notes.sealed", raw, &e);
	ok(separation_volume_read(a, dir, SEPARATION_PERSONAL, "notes", &part, &e) == RC_BAD_INPUT,
	    "DS-05: what is managed does not open with the person's key");
	disk_write(dir, "volume.mail.sealed", raw, &e);
	ok(separation_volume_read(a, dir, SEPARATION_MANAGED, "mail", &part, &e) == RC_BAD_INPUT,
	    "nor as another part of its own volume");
	disk_destroy(dir, "volume.mail.sealed", &e);
	disk_destroy(dir, "personal.notes.sealed", &e);
	separation_store_put(a, dir, &own, "n", bytes_str("my own"), &e);
	separation_store_put(a, dir, &work, "gone", bytes_str("x"), &e);
	ok(separation_store_remove(a, dir, &work, "gone", &e) == RC_OK && !is(a, dir, work, "gone", "x") &&
		separation_store_remove(a, dir, &work, "gone", &e) == RC_NOT_FOUND,
	    "what was removed is gone");
}

static void
limits(struct arena *a, const char *dir)
{
	struct separation_place own = place("notes", SEPARATION_PERSONAL, false, "");
	char *name = arena_alloc(a, SEPARATION_NAME_MAX + 2), *text = arena_alloc(a, SEPARATION_TEXT_MAX + 1);
	struct err e;

	memset(name, 'a', SEPARATION_NAME_MAX + 1);
	memset(text, 'a', SEPARATION_TEXT_MAX + 1);
	ok(separation_store_put(a, dir, &own, name, bytes_str("x"), &e) == RC_TOO_LARGE &&
		separation_store_put(a, dir, &own, "t", bytes_of(text, SEPARATION_TEXT_MAX + 1), &e) == RC_TOO_LARGE,
	    "names and texts have their limits");
	ok(separation_store_put(a, dir, &own, "", bytes_str("x"), &e) == RC_BAD_INPUT &&
		separation_store_put(a, dir, &own, "t", bytes_of("\xff", 1), &e) == RC_BAD_INPUT &&
		separation_store_put(a, dir, &own, "t", bytes_of("a\0b", 3), &e) == RC_BAD_INPUT &&
		separation_store_put(a, dir, &own, "\xff", bytes_str("x"), &e) == RC_BAD_INPUT,
	    "and are UTF-8");
	ok(separation_store_put(a, dir, &own, "empty", (struct bytes){ 0 }, &e) == RC_OK &&
		is(a, dir, own, "empty", ""),
	    "an empty text is one");
}

static void
backed_up(struct arena *a, const char *dir)
{
	json_t *contents, *wrong;
	struct bytes text;
	struct err e;

	ok(separation_backup_make(a, dir, &contents, &e) == RC_OK, "a backup is made");
	text = json_text(a, contents, 0);
	ok(strstr((const char *)text.p, "my own") != NULL && strstr((const char *)text.p, "of work") == NULL &&
		strstr((const char *)text.p, "a document") == NULL,
	    "DS-06: a backup has what is the person's, and of the managed account nothing, apart or not");
	json_parse(a, bytes_str("{\"photos\": {}}"), &wrong, &e);
	ok(separation_backup_check(wrong, &e) == RC_BAD_INPUT, "a backup with other contents is none");
	json_parse(a, bytes_str("{\"notes\": {\"\": {\"n\": 7}}}"), &wrong, &e);
	ok(separation_backup_check(wrong, &e) == RC_BAD_INPUT && separation_backup_check(contents, &e) == RC_OK,
	    "nor one with other things than texts");
	ok(separation_backup_restore(a, dir, contents, &e) == RC_OK &&
		is(a, dir, place("notes", SEPARATION_PERSONAL, false, ""), "n", "my own") &&
		!is(a, dir, place("reminders", SEPARATION_MANAGED, false, ""), "r", "of work, not apart"),
	    "DS-06: what comes back is the person's");
}

static void
ended(struct arena *a, const char *dir)
{
	static const uint8_t zeros[32];
	struct separation_place mixed = place("reminders", SEPARATION_MANAGED, false, "");
	struct bytes key, raw, old, part;
	size_t left;
	struct err e;

	separation_store_put(a, dir, &mixed, "r", bytes_str("of work, not apart"), &e);
	disk_read(a, dir, "volume.key", &key, &e);
	key = arena_copy(a, key);
	disk_read(a, dir, "volume.notes.sealed", &raw, &e);
	disk_write(dir, "note", bytes_str(base64_encode(a, key)), &e);
	ok(separation_store_end(a, dir, &left, &e) == RC_INTERNAL && strstr(e.text, "note ") != NULL,
	    "DS-05: a copy of the key anywhere on the disk is found, and said");
	disk_destroy(dir, "note", &e);
	disk_write(dir, "volume.key", key, &e);
	disk_write(dir, ".personal.mail.sealed.new", raw, &e);
	ok(separation_store_end(a, dir, &left, &e) == RC_OK && left >= raw.n && !anywhere(a, dir, key),
	    "DS-05: at the end the key is destroyed, and no file has it");
	ok(!is(a, dir, mixed, "r", "of work, not apart") &&
		is(a, dir, place("notes", SEPARATION_PERSONAL, false, ""), "n", "my own"),
	    "DS-22: what was not apart is removed with its account, and the person's stays");
	ok(disk_read(a, dir, ".personal.mail.sealed.new", &part, &e) == RC_NOT_FOUND,
	    "DS-22: nor is a write left that was cut short before");
	ok(separation_store_end(a, dir, &left, &e) == RC_OK, "an end that is repeated is fine");
	old = raw;
	disk_write(dir, "volume.key", bytes_of(zeros, sizeof zeros), &e);
	ok(!separation_volume_exists(dir, SEPARATION_MANAGED) &&
		separation_volume_read(a, dir, SEPARATION_MANAGED, "notes", &raw, &e) == RC_NOT_FOUND,
	    "DS-22: a key that was overwritten, and not yet unlinked, is gone");
	ok(separation_volume_create(a, dir, SEPARATION_MANAGED, &e) == RC_OK &&
		disk_read(a, dir, "volume.notes.sealed", &raw, &e) == RC_NOT_FOUND,
	    "DS-05: a new enrollment has a new key, and nothing of the old");
	disk_write(dir, "volume.notes.sealed", old, &e);
	ok(separation_volume_read(a, dir, SEPARATION_MANAGED, "notes", &raw, &e) == RC_BAD_INPUT,
	    "DS-05: which does not open what the old one sealed");
}

int
main(void)
{
	char dir[] = "/tmp/separation-XXXXXX";
	struct arena *a = arena_new(0);
	const char **names;

	if (mkdtemp(dir) == NULL)
		return 1;
	kept(a, dir);
	limits(a, dir);
	backed_up(a, dir);
	ended(a, dir);
	for (disk_list(a, dir, &names, NULL); *names != NULL; names++)
		unlink(arena_printf(a, "%s/%s", dir, *names));
	rmdir(dir);
	arena_free(a);
	return done();
}
