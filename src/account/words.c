#include "account/words.h"

#include <string.h>

#include "account/account.h"
#include "base/buf.h"
#include "store/store.h"

#define WORDS_MAX (16 * 1024) /* octets, of all three together: as many spaces at most as octets */

/* A space before each word; what is neither a letter nor a digit of ASCII, nor beyond it, parts words
 * (0042_person_search.sql). */
static void
add_words(struct arena *a, struct buf *b, const char *text)
{
	static const char marks[] = " \t!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
	const char *p = account_fold(a, text);

	while (*(p += strspn(p, marks)) != '\0') {
		size_t n = strcspn(p, marks);

		buf_str(b, " ");
		buf_add(b, p, n);
		p += n;
	}
}

const char *
account_words(struct arena *a, const char *user_identifier, const char *managed_apple_account, const char *display_name)
{
	struct buf b;

	buf_init(&b, WORDS_MAX);
	add_words(a, &b, user_identifier);
	if (strcmp(managed_apple_account, user_identifier) != 0)
		add_words(a, &b, managed_apple_account);
	if (display_name != NULL)
		add_words(a, &b, display_name);
	return buf_finish(&b, a);
}

enum rc
account_words_put(struct call *c, const char *id, const struct db_rows *r)
{
	const char *words = account_words(c->arena, db_get_text(r, 0, 0), db_get_text(r, 0, 1), db_get_text(r, 0, 2));

	return store_run(c, "UPDATE account SET words = ?2 WHERE id = ?1", DB_ARGS(db_text(id), db_text(words)), NULL);
}

enum rc
account_words_wanted(struct call *c, const char *search, struct db_value *out, int *n)
{
	struct buf b;
	char *rest, *word;

	*n = 0;
	buf_init(&b, WORDS_MAX);
	add_words(c->arena, &b, search);
	rest = (char *)buf_finish(&b, c->arena);
	if (rest == NULL)
		return fail(&c->err, RC_TOO_LARGE, "a search has %d octets at most", WORDS_MAX);
	while ((word = strsep(&rest, " ")) != NULL) {
		if (*word == '\0')
			continue;
		if (*n == ACCOUNT_WORDS)
			return fail(&c->err, RC_BAD_INPUT, "a search has %d words at most", ACCOUNT_WORDS);
		out[(*n)++] = db_text(arena_printf(c->arena, "%% %s%%", word));
	}
	return RC_OK;
}
