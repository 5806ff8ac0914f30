/* What the files of the linter share. Room-private. */
#ifndef ESSO_CHECK_H
#define ESSO_CHECK_H

#include "esso/document.h"
#include "fmt/json.h"

struct esso_checking {
	struct arena *a;
	enum esso_kind kind;
	const json_t *root;
	struct esso_report *out;
};

void
esso_found(struct esso_checking *k, enum esso_rule rule, const char *format, ...) __attribute__((format(printf, 3, 4)));

void esso_check_profile(struct esso_checking *k, const json_t *value); /* profile.c */
void esso_check_declarations(struct esso_checking *k, const json_t *value); /* declarations.c */

bool esso_is_bundle_id(const char *text);
bool esso_is_https(struct arena *a, const char *text); /* without query, fragment and user */

#endif
