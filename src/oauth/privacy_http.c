/* The doors that need no sign-in: /privacy/ORGANIZATION/MODE/FAMILY says what it can and cannot see, and
 * /logo/ORGANIZATION/DIGEST is its logo. */
#include <string.h>

#include "account/logo.h"
#include "oauth/answer.h"
#include "oauth/doors.h"
#include "oauth/page.h"

#define BACK_MAX 2048 /* octets */

static bool
one_of(const char *what, const char *const *list)
{
	for (; *list != NULL; list++) {
		if (strcmp(*list, what) == 0)
			return true;
	}
	return false;
}

/* Back to a sign-in page of this server, or nowhere. */
static const char *
way_back(struct call *c, const struct http_request *r)
{
	const char *back = http_query(c, r, "back", false);

	if (back == NULL || strlen(back) > BACK_MAX ||
	    (strncmp(back, "/signin/", 8) != 0 && strncmp(back, "/oauth2/authorize?", 18) != 0))
		return NULL;
	return back;
}

void
oauth_get_privacy(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	static const char *const modes[] = { "byod", "adde", NULL };
	static const char *const families[] = { "iPhone", "iPad", "Mac", "RealityDevice", NULL };
	const char *mode = r->segment[1], *family = r->segment[2];
	struct page_look look = { .language = text_choose(http_header(r, "Accept-Language")) };
	struct organization o;
	enum rc rc;

	(void)room;
	if (!one_of(mode, modes) || !one_of(family, families)) {
		http_fail(out, RC_NOT_FOUND);
		return;
	}
	if ((rc = organization_get(c, r->segment[0], &o)) != RC_OK) {
		if (rc == RC_NOT_FOUND)
			http_fail(out, rc);
		else
			signin_trouble(c, r, out);
		return;
	}
	look.organization = &o;
	signin_page(c, out, 200, &look, page_privacy(c->arena, &look, mode, family, way_back(c, r)));
}

void
oauth_get_logo(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	struct logo logo;
	enum rc rc = logo_get(c, r->segment[0], r->segment[1], &logo);

	(void)room;
	if (rc != RC_OK) {
		http_fail(out, rc);
		return;
	}
	http_answer(out, 200, logo.type, logo.content);
	http_set(out, "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
	http_set(out, "X-Content-Type-Options", "nosniff");
	http_set(out, "Cache-Control", "public, max-age=31536000, immutable"); /* another logo is another path */
}
