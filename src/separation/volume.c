#include "separation/volume.h"

#include "base/disk.h"
#include "crypto/hash.h"
#include "crypto/seal.h"
#include "fmt/base64.h"

static const struct volume {
	const char *title, *prefix;
} volumes[SEPARATION_ACCOUNTS] = {
	[SEPARATION_PERSONAL] = { "person's volume", "personal" },
	[SEPARATION_MANAGED] = { "managed volume", "volume" },
};

static const char *
key_name(struct arena *a, enum separation_account whose)
{
	return arena_printf(a, "%s.key", volumes[whose].prefix);
}

static const char *
part_name(struct arena *a, enum separation_account whose, const char *part)
{
	if (part == NULL)
		return arena_printf(a, "%s.sealed", volumes[whose].prefix);
	return arena_printf(a, "%s.%s.sealed", volumes[whose].prefix, part);
}

/* No part opens as another, nor in another volume. */
static const char *
context(struct arena *a, enum separation_account whose, const char *part)
{
	return part == NULL ? volumes[whose].title : arena_printf(a, "%s: %s", volumes[whose].title, part);
}

/* All zeros is a key that was overwritten before its file could be unlinked: it is gone. */
static enum rc
read_key(struct arena *a, const char *dir, enum separation_account whose, struct bytes *key, struct err *e)
{
	static const uint8_t zeros[SEAL_KEY_SIZE];
	enum rc rc = disk_read(a, dir, key_name(a, whose), key, e);

	if (rc == RC_NOT_FOUND || (rc == RC_OK && bytes_eq(*key, bytes_of(zeros, sizeof zeros)))) {
		(void)fail(e, RC_NOT_FOUND, "there is no %s: its key does not exist", volumes[whose].title);
		return RC_NOT_FOUND;
	}
	if (rc == RC_OK && key->n != SEAL_KEY_SIZE) {
		(void)fail(e, RC_BAD_INPUT, "the key of the %s is damaged", volumes[whose].title);
		return RC_BAD_INPUT;
	}
	return rc;
}

bool
separation_volume_exists(const char *dir, enum separation_account whose)
{
	struct arena *a;
	struct bytes key;
	bool there;

	if (dir == NULL)
		return false;
	a = arena_new(0);
	there = read_key(a, dir, whose, &key, NULL) != RC_NOT_FOUND;
	arena_free(a);
	return there;
}

static bool
is_part(const char *name, enum separation_account whose)
{
	size_t n = strlen(name), before = strlen(volumes[whose].prefix), after = strlen(".sealed");

	return n >= before + after && memcmp(name, volumes[whose].prefix, before) == 0 && name[before] == '.' &&
	       strcmp(name + n - after, ".sealed") == 0;
}

enum rc
separation_volume_create(struct arena *a, const char *dir, enum separation_account whose, struct err *e)
{
	uint8_t key[SEAL_KEY_SIZE];
	const char **names;
	enum rc rc;

	if (dir == NULL)
		return RC_OK;
	if ((rc = disk_destroy(dir, key_name(a, whose), e)) != RC_OK || (rc = disk_list(a, dir, &names, e)) != RC_OK)
		return rc;
	for (; *names != NULL; names++)
		if (is_part(*names, whose) && (rc = disk_destroy(dir, *names, e)) != RC_OK)
			return rc;
	crypto_random(key, sizeof key);
	rc = disk_write(dir, key_name(a, whose), bytes_of(key, sizeof key), e);
	explicit_bzero(key, sizeof key);
	return rc;
}

enum rc
separation_volume_write(struct arena *a, const char *dir, enum separation_account whose, const char *part,
    struct bytes content, struct err *e)
{
	struct bytes key;
	enum rc rc;

	if ((rc = read_key(a, dir, whose, &key, e)) != RC_OK)
		return rc;
	return disk_write(dir, part_name(a, whose, part), seal_bytes(a, key, context(a, whose, part), content), e);
}

enum rc
separation_volume_read(struct arena *a, const char *dir, enum separation_account whose, const char *part,
    struct bytes *content, struct err *e)
{
	struct bytes key, sealed;
	enum rc rc;

	if ((rc = read_key(a, dir, whose, &key, e)) != RC_OK ||
	    (rc = disk_read(a, dir, part_name(a, whose, part), &sealed, e)) != RC_OK)
		return rc;
	if (seal_open(a, key, context(a, whose, part), sealed, content, e) != RC_OK) {
		(void)fail(e, RC_BAD_INPUT, "the %s does not open: it is damaged", volumes[whose].title);
		return RC_BAD_INPUT;
	}
	return RC_OK;
}

/* What is looked for, in one file. */
static bool
holds(struct bytes file, struct bytes what)
{
	return file.n >= what.n && memmem(file.p, file.n, what.p, what.n) != NULL;
}

enum rc
separation_volume_destroy(struct arena *a, const char *dir, enum separation_account whose, size_t *left, struct err *e)
{
	struct bytes key = { 0 }, text = { 0 }, content;
	const char **names;
	enum rc rc;

	*left = 0;
	if (dir == NULL)
		return RC_OK;
	if (read_key(a, dir, whose, &key, NULL) == RC_OK)
		text = bytes_str(base64_encode(a, key));
	if ((rc = disk_destroy(dir, key_name(a, whose), e)) != RC_OK || (rc = disk_list(a, dir, &names, e)) != RC_OK)
		return rc;
	for (; *names != NULL; names++) {
		rc = disk_read(a, dir, *names, &content, e);
		if (rc == RC_TOO_LARGE) /* none that a device writes */
			continue;
		if (rc != RC_OK)
			return rc;
		if (text.n > 0 && (holds(content, key) || holds(content, text))) {
			(void)fail(e, RC_INTERNAL, "%s holds the key of the %s, which was destroyed", *names,
			    volumes[whose].title);
			return RC_INTERNAL;
		}
		if (is_part(*names, whose))
			*left += content.n;
	}
	return RC_OK;
}
