#include "enroll/enrollment.h"

#include "store/store.h"

static enum rc
remove_in_unit(struct call *c, void *arg)
{
	static const char *const rows[] = {
		"DELETE FROM oauth_token WHERE grant_id IN (SELECT id FROM oauth_grant WHERE enrollment_id = ?1)",
		"DELETE FROM oauth_grant WHERE enrollment_id = ?1",
		"DELETE FROM command WHERE enrollment_id = ?1",
		"DELETE FROM scep_challenge WHERE enrollment_id = ?1",
		"DELETE FROM certificate WHERE enrollment_id = ?1",
		"DELETE FROM channel WHERE enrollment_id = ?1",
		"DELETE FROM enrollment WHERE id = ?1",
	};
	const char *id = arg;
	struct enrollment e;
	enum rc rc;

	if ((rc = enrollment_get(c, id, &e)) != RC_OK)
		return rc;
	if (ENROLLMENT_LIVE(&e))
		return fail(&c->err, RC_CONFLICT,
		    "the enrollment is still live (%s): postern enrollment evict %s first", e.state, e.id);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if ((rc = store_run(c, rows[i], DB_ARGS(db_text(id)), NULL)) != RC_OK)
			return rc;
	}
	return RC_OK;
}

enum rc
enrollment_remove(struct call *c, const char *id)
{
	char *copy = arena_strdup(c->arena, id);

	return store_part(c, remove_in_unit, copy);
}
