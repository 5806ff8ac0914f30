/* What a property list must be before libplist may see it.
 *
 * The library recurses along the nesting, takes XML loosely (unknown characters in <data>, text for
 * numbers, octets behind the root) and copies whatever a binary list refers to once per reference.
 * The guard reads the document itself, keeps nothing, and lets only the strict, small ones through.
 * See docs/decisions/0004-parsers.md. */
#ifndef FMT_PLIST_GUARD_H
#define FMT_PLIST_GUARD_H

#include "base/bytes.h"
#include "base/err.h"

#define PLIST_SIZE_MAX (16u << 20) /* octets of a document */

/* A whole document whose root is a dictionary; nesting up to PLIST_DEPTH_MAX, nodes (keys count) up to
 * PLIST_NODES_MAX; *nodes says how many the tree must have. RC_BAD_INPUT: malformed, or nested too deep.
 * RC_TOO_LARGE: too long, too many nodes. */
enum rc plist_guard_xml(struct bytes document, int *nodes, struct err *e);

/* The same for "bplist00". References may be shared, as Apple's writer does with keys; following them
 * may neither visit more than PLIST_NODES_MAX nodes nor copy more than 16 times the document. */
enum rc plist_guard_binary(struct bytes document, int *nodes, struct err *e);

#endif
