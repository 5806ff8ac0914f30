#include <string.h>
#include <strings.h>

#include "fmt/uri.h"
#include "fuzz.h"

/* The discovery query, from the wire to user and domain (protocol 2.1, 2.2). */
FUZZ(a, in)
{
	struct uri_items items;
	const char *identifier, *user, *domain;
	struct err e;

	if (uri_items_parse(a, in, false, 16, &items, &e) != RC_OK)
		return;
	identifier = uri_item(&items, "user-identifier");
	if (identifier == NULL || uri_identifier_split(a, identifier, &user, &domain, &e) != RC_OK)
		return;
	MUST(strcasecmp(arena_printf(a, "%s@%s", user, domain), identifier) == 0);
	MUST(*user != '\0' && uri_is_fqdn(domain) && strchr(domain, '@') == NULL);
	/* What we put in a Location comes back as it was (S-04). */
	const char *sent = arena_printf(a, "user-identifier=%s", uri_encode(a, identifier));
	MUST(uri_items_parse(a, bytes_str(sent), false, 1, &items, &e) == RC_OK);
	MUST(strcmp(uri_item(&items, "user-identifier"), identifier) == 0);
}
