#include "separation/volume.h"

#include <unistd.h>

#include "crypto/hash.h"
#include "crypto/seal.h"
#include "base/disk.h"

#define KEY_NAME "volume.key"
#define DATA_NAME "volume.sealed"
#define CONTEXT "managed volume"

bool
separation_volume_exists(const char *dir)
{
	struct arena *a;
	bool there;

	if (dir == NULL)
		return false;
	a = arena_new(0);
	there = access(arena_printf(a, "%s/" KEY_NAME, dir), F_OK) == 0;
	arena_free(a);
	return there;
}

enum rc
separation_volume_create(struct arena *a, const char *dir, struct err *e)
{
	uint8_t key[SEAL_KEY_SIZE];
	enum rc rc;

	(void)a;
	if (dir == NULL)
		return RC_OK;
	if ((rc = disk_destroy(dir, KEY_NAME, e)) != RC_OK || (rc = disk_destroy(dir, DATA_NAME, e)) != RC_OK)
		return rc;
	crypto_random(key, sizeof key);
	rc = disk_write(dir, KEY_NAME, bytes_of(key, sizeof key), e);
	explicit_bzero(key, sizeof key);
	return rc;
}

static enum rc
read_key(struct arena *a, const char *dir, struct bytes *key, struct err *e)
{
	enum rc rc = disk_read(a, dir, KEY_NAME, key, e);

	if (rc == RC_NOT_FOUND)
		return fail(e, rc, "there is no managed volume: its key does not exist");
	if (rc == RC_OK && key->n != SEAL_KEY_SIZE)
		return fail(e, RC_BAD_INPUT, "the key of the managed volume is damaged");
	return rc;
}

enum rc
separation_volume_write(struct arena *a, const char *dir, struct bytes content, struct err *e)
{
	struct bytes key;
	enum rc rc;

	if ((rc = read_key(a, dir, &key, e)) != RC_OK)
		return rc;
	return disk_write(dir, DATA_NAME, seal_bytes(a, key, CONTEXT, content), e);
}

enum rc
separation_volume_read(struct arena *a, const char *dir, struct bytes *content, struct err *e)
{
	struct bytes key, sealed;
	enum rc rc;

	if ((rc = read_key(a, dir, &key, e)) != RC_OK || (rc = disk_read(a, dir, DATA_NAME, &sealed, e)) != RC_OK)
		return rc;
	if (seal_open(a, key, CONTEXT, sealed, content, e) != RC_OK)
		return fail(e, RC_BAD_INPUT, "the managed volume does not open: it is damaged");
	return RC_OK;
}

enum rc
separation_volume_destroy(struct arena *a, const char *dir, size_t *left, struct err *e)
{
	struct bytes content, sealed;
	enum rc rc;

	*left = 0;
	if (dir == NULL)
		return RC_OK;
	if ((rc = disk_destroy(dir, KEY_NAME, e)) != RC_OK)
		return rc;
	if (separation_volume_read(a, dir, &content, NULL) == RC_OK)
		return fail(e, RC_INTERNAL, "the managed volume still opens after its key was destroyed");
	if (disk_read(a, dir, DATA_NAME, &sealed, NULL) == RC_OK)
		*left = sealed.n;
	return RC_OK;
}
