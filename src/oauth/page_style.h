/* How the pages look: one style sheet, with an organization's colour. Pure. */
#ifndef OAUTH_PAGE_STYLE_H
#define OAUTH_PAGE_STYLE_H

#include "account/organization.h"
#include "base/arena.h"

/* `o` may be NULL. */
const char *page_style(struct arena *a, const struct organization *o);

#endif
