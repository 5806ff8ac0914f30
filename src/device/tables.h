/* Apple's tables (data/, its README says what they mean) as text, and a reader of CSV: rows by what stands in their
 * columns. Pure. The server has another way to the same files (script/tables), on purpose. */
#ifndef DEVICE_TABLES_H
#define DEVICE_TABLES_H

#include <stdbool.h>
#include <stddef.h>

extern const char embed_checkin_keys[], embed_command_keys[], embed_command_keys_all[], embed_commands[],
    embed_declaration_keys[], embed_declarations[], embed_enrollment_payload_keys[], embed_machineinfo_keys[],
    embed_overrides[], embed_profile_keys[], embed_profiles[], embed_queries[], embed_restrictions[],
    embed_status_items[];

#define TABLE_COLUMNS_MAX 20

struct table_cell { /* inside the text; without quotes around it, and a value of ours has none inside */
	const char *p;
	size_t n;
};

struct table_row {
	const char *table, *rest; /* the whole; what comes after this row */
	int n;
	struct table_cell cells[TABLE_COLUMNS_MAX];
};

/* The rows of a table one by one, those whose first column is `first` (NULL: all): start with {0}. False: no more. */
bool table_next(const char *table, const char *first, struct table_row *row);

/* What the row has in that column; empty where the table has no such column. */
struct table_cell table_cell(const struct table_row *row, const char *column);
bool table_is(const struct table_row *row, const char *column, const char *value);

bool cell_is(struct table_cell c, const char *value);
/* One of the words of a cell ("iOS macOS"). */
bool cell_has(struct table_cell c, const char *word);
/* Of "iOS:15.0;macOS:13.0" what stands after "iOS:"; empty if there is none. */
struct table_cell cell_of(struct table_cell c, const char *name);
/* "15.2" as DEVICE_VERSION(15, 2, 0); 0: none, or n/a. */
unsigned cell_version(struct table_cell c);

#endif
