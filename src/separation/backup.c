#include "separation/backup.h"

#include "fmt/json.h"

enum rc
separation_backup_make(struct arena *a, const char *dir, json_t **out, struct err *e)
{
	const struct separation_content *c;
	json_t *owners;
	enum rc rc;

	*out = json_keep(a, json_object());
	for (int i = 0; (c = separation_content_at(i)) != NULL; i++) {
		rc = separation_store_list(a, dir, c, SEPARATION_PERSONAL, false, &owners, e);
		if (rc != RC_OK)
			return rc;
		if (json_object_size(owners) > 0)
			json_object_set(*out, c->name, owners);
	}
	return RC_OK;
}

/* {owner: {name: text}} */
static bool
is_owners(const json_t *owners)
{
	const char *owner, *name;
	json_t *texts, *text;

	json_object_foreach((json_t *)owners, owner, texts)
	{
		if (!json_is_object(texts))
			return false;
		json_object_foreach(texts, name, text)
		{
			if (!json_is_string(text) || json_string_length(text) > SEPARATION_TEXT_MAX)
				return false;
		}
	}
	return json_is_object(owners);
}

enum rc
separation_backup_check(const json_t *contents, struct err *e)
{
	const char *name;
	json_t *owners;

	json_object_foreach((json_t *)contents, name, owners)
	{
		if (separation_content_find(name) == NULL || !is_owners(owners)) {
			(void)fail(e, RC_BAD_INPUT, "%s is no content of a backup", name);
			return RC_BAD_INPUT;
		}
	}
	return RC_OK;
}

enum rc
separation_backup_restore(struct arena *a, const char *dir, const json_t *contents, struct err *e)
{
	enum rc rc = separation_volume_create(a, dir, SEPARATION_PERSONAL, e);
	const char *name;
	json_t *owners;

	json_object_foreach((json_t *)contents, name, owners)
	{
		if (rc == RC_OK)
			rc = separation_store_replace(
			    a, dir, separation_content_find(name), SEPARATION_PERSONAL, false, owners, e);
	}
	return rc;
}
