/* What making and restoring agree on. Room-private. */
#ifndef BACKUP_PARTS_H
#define BACKUP_PARTS_H

#include <stdbool.h>

#define PART_FILE_MAX (16u << 20) /* octets of one file under DIR */
#define PART_ROWS (256 * 1024) /* octets of rows in one part, and one row more */
#define PART_BACKUP "backup" /* a manifest's "what" */
#define PART_NODE "node"

/* Whether this table's rows stay behind: secrets that live a day at most. Whoever is in the middle of
 * enrolling when the backup is made starts again after it was restored, and none of them can be used twice. */
static inline bool
part_left_out(const char *table)
{
	static const char *const names[] = { "oauth_code", "scep_challenge", "acme_order", "acme_nonce", "ticket_key" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (strcmp(names[i], table) == 0)
			return true;
	}
	return false;
}

#endif
