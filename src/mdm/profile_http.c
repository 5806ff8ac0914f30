/* GET /mdm/ORG/profile/LINK: the profile behind a ProfileURL (desired/declarations.h). */
#include "desired/declarations.h"
#include "mdm/mdm.h"

static void
get_profile(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	struct bytes profile;
	enum rc rc = desired_profile_by_url(c, r->segment[1], r->client_certificate, &profile);

	(void)room;
	http_set(out, "Cache-Control", "no-store");
	if (rc == RC_OK)
		http_answer(out, 200, "application/x-apple-aspen-config", profile);
	else
		http_fail(out, rc);
}

/* The answer may be as large as the largest profile: 16 times the limit is a call's memory. */
const struct http_route mdm_routes[] = {
	{ "GET", "/mdm/{}/profile/{}", HTTP_QUICK, DESIRED_CONTENT_MAX, 0, get_profile },
	{ .method = NULL },
};
