#include "separation/store.h"

#include "base/disk.h"
#include "fmt/json.h"
#include "fmt/utf8.h"

/* A part of a volume is {account: {owner: {name: text}}}. */
static const char *const accounts[SEPARATION_ACCOUNTS] = { "personal", "managed" };

static enum separation_account
volume_of(bool apart)
{
	return apart ? SEPARATION_MANAGED : SEPARATION_PERSONAL;
}

static enum rc
load(struct arena *a, const char *dir, const struct separation_content *content, bool apart, json_t **part,
    struct err *e)
{
	struct bytes text;
	enum rc rc = separation_volume_read(a, dir, volume_of(apart), content->name, &text, e);

	*part = NULL;
	if (rc == RC_OK)
		return json_parse(a, text, part, e);
	if (rc != RC_NOT_FOUND)
		return rc;
	*part = json_keep(a, json_object());
	return RC_OK;
}

static enum rc
save(
    struct arena *a, const char *dir, const struct separation_content *content, bool apart, json_t *part, struct err *e)
{
	enum rc rc;

	if (!apart && !separation_volume_exists(dir, SEPARATION_PERSONAL) &&
	    (rc = separation_volume_create(a, dir, SEPARATION_PERSONAL, e)) != RC_OK)
		return rc;
	return separation_volume_write(a, dir, volume_of(apart), content->name, json_text(a, part, 0), e);
}

/* A member that is an object; made when missing. */
static json_t *
below(json_t *object, const char *key)
{
	json_t *found = json_object_get(object, key);

	if (found == NULL) {
		found = json_object();
		json_object_set_new(object, key, found);
	}
	return found;
}

static enum rc
check_name(const char *name, struct err *e)
{
	if (name[0] == '\0' || !utf8_valid(bytes_str(name))) {
		(void)fail(e, RC_BAD_INPUT, "a name is UTF-8, and not empty");
		return RC_BAD_INPUT;
	}
	if (strlen(name) > SEPARATION_NAME_MAX) {
		(void)fail(e, RC_TOO_LARGE, "a name has at most %d octets", SEPARATION_NAME_MAX);
		return RC_TOO_LARGE;
	}
	return RC_OK;
}

enum rc
separation_store_put(struct arena *a, const char *dir, const struct separation_place *at, const char *name,
    struct bytes text, struct err *e)
{
	json_t *part;
	enum rc rc;

	if ((rc = check_name(name, e)) != RC_OK || (at->owner[0] != '\0' && (rc = check_name(at->owner, e)) != RC_OK))
		return rc;
	if (text.n > SEPARATION_TEXT_MAX)
		return fail(e, RC_TOO_LARGE, "a text has at most %u octets", SEPARATION_TEXT_MAX);
	if (!utf8_valid(text) || (text.n > 0 && memchr(text.p, '\0', text.n) != NULL))
		return fail(e, RC_BAD_INPUT, "a text is UTF-8, without NUL");
	if ((rc = load(a, dir, at->content, at->apart, &part, e)) != RC_OK)
		return rc;
	json_object_set_new(below(below(part, accounts[at->account]), at->owner), name,
	    json_stringn(text.n > 0 ? (const char *)text.p : "", text.n));
	return save(a, dir, at->content, at->apart, part, e);
}

static enum rc
find(struct arena *a, const char *dir, const struct separation_place *at, const char *name, json_t **part,
    json_t **holder, struct err *e)
{
	enum rc rc = load(a, dir, at->content, at->apart, part, e);

	*holder = NULL;
	if (rc != RC_OK)
		return rc;
	*holder = json_object_get(json_object_get(*part, accounts[at->account]), at->owner);
	if (!json_is_string(json_object_get(*holder, name))) {
		(void)fail(e, RC_NOT_FOUND, "there is no %s", name);
		return RC_NOT_FOUND;
	}
	return RC_OK;
}

enum rc
separation_store_get(struct arena *a, const char *dir, const struct separation_place *at, const char *name,
    struct bytes *text, struct err *e)
{
	json_t *part, *holder;
	enum rc rc = find(a, dir, at, name, &part, &holder, e);

	*text = (struct bytes){ 0 };
	if (rc == RC_OK)
		*text = bytes_str(json_get_text(holder, name));
	return rc;
}

enum rc
separation_store_remove(
    struct arena *a, const char *dir, const struct separation_place *at, const char *name, struct err *e)
{
	json_t *part, *holder;
	enum rc rc = find(a, dir, at, name, &part, &holder, e);

	if (rc != RC_OK)
		return rc;
	json_object_del(holder, name);
	return save(a, dir, at->content, at->apart, part, e);
}

enum rc
separation_store_list(struct arena *a, const char *dir, const struct separation_content *content,
    enum separation_account account, bool apart, json_t **out, struct err *e)
{
	json_t *part;
	enum rc rc = load(a, dir, content, apart, &part, e);

	*out = NULL;
	if (rc == RC_OK)
		*out = below(part, accounts[account]);
	return rc;
}

enum rc
separation_store_replace(struct arena *a, const char *dir, const struct separation_content *content,
    enum separation_account account, bool apart, json_t *owners, struct err *e)
{
	json_t *part;
	enum rc rc = load(a, dir, content, apart, &part, e);

	if (rc != RC_OK)
		return rc;
	if (owners != NULL)
		json_object_set(part, accounts[account], owners);
	else if (json_object_del(part, accounts[account]) != 0)
		return RC_OK; /* nothing was there */
	return save(a, dir, content, apart, part, e);
}

enum rc
separation_store_end(struct arena *a, const char *dir, size_t *left, struct err *e)
{
	const struct separation_content *c;
	/* A write that was cut short may have left something of the managed account, or of its key. */
	enum rc rc = dir != NULL ? disk_sweep(a, dir, e) : RC_OK;

	*left = 0;
	if (rc == RC_OK)
		rc = separation_volume_destroy(a, dir, SEPARATION_MANAGED, left, e);
	for (int i = 0; dir != NULL && rc == RC_OK && (c = separation_content_at(i)) != NULL; i++)
		rc = separation_store_replace(a, dir, c, SEPARATION_MANAGED, false, NULL, e);
	return rc;
}
