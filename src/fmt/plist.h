/* Property lists: XML and binary in, XML out (libplist). Nesting over 64, entity declarations and
 * oversized documents are refused before the library sees them: it recurses. Pure. */
#ifndef FMT_PLIST_H
#define FMT_PLIST_H

#include <plist/plist.h> /* plist_t is the tree; make and read it with the library's own calls */
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

#define PLIST_DEPTH_MAX 64
#define PLIST_NODES_MAX 100000

/* Parse; the tree is freed with the arena. The root must be a dictionary.
 * RC_BAD_INPUT: not a property list, an entity or DTD declaration of its own, too deep, invalid UTF-8, a
 * key twice, text or dates that XML does not have.
 * RC_TOO_LARGE: too many nodes. */
enum rc plist_parse(struct arena *a, struct bytes document, plist_t *out, struct err *e);

/* XML text in `a`. */
struct bytes plist_xml(struct arena *a, plist_t root);

/* Let the arena free a tree that was made by hand. Returns it. */
plist_t plist_keep(struct arena *a, plist_t root);

/* Readers: the item of a dictionary, if it is there and of that type; NULL, absent or `otherwise` if
 * not. Text is copied into `a`. */
const char *plist_text(struct arena *a, plist_t dict, const char *key);
struct bytes plist_data(struct arena *a, plist_t dict, const char *key);
int64_t plist_int(plist_t dict, const char *key, int64_t otherwise);
bool plist_flag(plist_t dict, const char *key, bool otherwise);
plist_t plist_dict(plist_t dict, const char *key);
plist_t plist_array(plist_t dict, const char *key);
bool plist_has(plist_t dict, const char *key);

/* Setters on a dictionary, so that building reads like the document. In text, what XML can't hold (control
 * characters, what is not UTF-8) becomes U+FFFD. */
void plist_put_text(plist_t dict, const char *key, const char *value);
void plist_put_data(plist_t dict, const char *key, struct bytes value);
void plist_put_int(plist_t dict, const char *key, int64_t value);
void plist_put_flag(plist_t dict, const char *key, bool value);
void plist_put(plist_t dict, const char *key, plist_t value); /* takes the node over */

#endif
