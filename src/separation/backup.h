/* What a backup of the device has of its contents (protocol 12): the person's, whatever they are; of the managed account
 * nothing, wherever it is kept. */
#ifndef SEPARATION_BACKUP_H
#define SEPARATION_BACKUP_H

#include "separation/store.h"

/* {kind of content: {owner: {name: text}}} */
enum rc separation_backup_make(struct arena *a, const char *dir, json_t **out, struct err *e);

/* Is it such a document? RC_BAD_INPUT: no. */
enum rc separation_backup_check(const json_t *contents, struct err *e);

/* Erase the person's volume, and fill a new one with a document that was checked. */
enum rc separation_backup_restore(struct arena *a, const char *dir, const json_t *contents, struct err *e);

#endif
