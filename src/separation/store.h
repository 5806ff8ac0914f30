/* What a device keeps, by kind of content and account: texts with names, each of an app or (owner "") of what comes with
 * the system. What the managed account has of a kind that is apart lies in the managed volume; else in the person's,
 * beside theirs, and then no key is destroyed for it: it is removed with its account. */
#ifndef SEPARATION_STORE_H
#define SEPARATION_STORE_H

#include <jansson.h>

#include "separation/content.h"
#include "separation/volume.h"

#define SEPARATION_TEXT_MAX (1u << 20) /* octets */
#define SEPARATION_NAME_MAX 255 /* octets of a name, and of an owner */

struct separation_place {
	const struct separation_content *content;
	enum separation_account account; /* whose */
	bool apart; /* in the managed volume */
	const char *owner; /* bundle identifier; "": none */
};

/* Keep a text, instead of an older one of that name. The person's volume is made when it is first needed.
 * RC_BAD_INPUT: no UTF-8, or an empty name. RC_TOO_LARGE: over a limit above. RC_NOT_FOUND: no managed volume. */
enum rc separation_store_put(struct arena *a, const char *dir, const struct separation_place *at, const char *name,
    struct bytes text, struct err *e);

/* RC_NOT_FOUND: there is none. */
enum rc separation_store_get(struct arena *a, const char *dir, const struct separation_place *at, const char *name,
    struct bytes *text, struct err *e);
enum rc separation_store_remove(
    struct arena *a, const char *dir, const struct separation_place *at, const char *name, struct err *e);

/* All of one kind and account, {owner: {name: text}}, from the volume that `apart` says; empty where there is none. */
enum rc separation_store_list(struct arena *a, const char *dir, const struct separation_content *content,
    enum separation_account account, bool apart, json_t **out, struct err *e);

/* Replace all of it. */
enum rc separation_store_replace(struct arena *a, const char *dir, const struct separation_content *content,
    enum separation_account account, bool apart, json_t *owners, struct err *e);

/* The end of the managed account (protocol 12): the managed volume's key is destroyed, and what the account had in the
 * person's volume is removed from it. *left as of separation_volume_destroy. May be called again after a crash. */
enum rc separation_store_end(struct arena *a, const char *dir, size_t *left, struct err *e);

#endif
