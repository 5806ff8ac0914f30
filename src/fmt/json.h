/* JSON over jansson, bounded and freed with the arena. Pure. */
#ifndef FMT_JSON_H
#define FMT_JSON_H

#include <jansson.h> /* json_t is the tree */

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

#define JSON_DEPTH_MAX 64

/* Parse; duplicates of a key, nesting over JSON_DEPTH_MAX, NUL in text and trailing octets are
 * RC_BAD_INPUT. The tree belongs to the arena. */
enum rc json_parse(struct arena *a, struct bytes document, json_t **out, struct err *e);

/* Compact text in `a`; `indent` > 0 pretty-prints. */
struct bytes json_text(struct arena *a, const json_t *root, int indent);

/* Let the arena drop its reference to a tree made by hand. Returns it. */
json_t *json_keep(struct arena *a, json_t *root);

/* Member of an object if it is a string; NULL otherwise. Lives as long as the tree. */
const char *json_get_text(const json_t *object, const char *key);
int64_t json_get_int(const json_t *object, const char *key, int64_t otherwise);

#endif
