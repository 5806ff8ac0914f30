/* The filters that directories send (RFC 7644 3.4.2.2): `attribute eq "value"`, several of them joined by `and`. */
#ifndef SCIM_FILTER_H
#define SCIM_FILTER_H

#include "base/arena.h"
#include "base/err.h"

#define FILTER_MAX 1024 /* octets */
#define FILTER_TERMS 4

struct filter {
	int n;
	struct {
		const char *attribute, *value; /* the attribute as it was written */
	} term[FILTER_TERMS];
};

/* `text` NULL: no term. RC_BAD_INPUT: another operator, or not a filter (scimType invalidFilter). Pure. */
enum rc filter_parse(struct arena *a, const char *text, struct filter *out, struct err *e);

/* `attribute[sub eq "value"]`: a path of PATCH (3.5.2). *value NULL: there is no bracket. */
enum rc filter_path(struct arena *a, const char *path, const char **attribute, const char **value, struct err *e);

#endif
