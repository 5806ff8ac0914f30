/* The migrations that were compiled in (script/schema makes the table from src/store/schema/). */
#ifndef STORE_MIGRATE_H
#define STORE_MIGRATE_H

struct store_migration {
	int version; /* NNNN of the file's name; 1, 2, ... without a gap */
	const char *name; /* the file's name */
	const char *sql;
};

extern const struct store_migration store_migrations[];
extern const int store_migrations_n;

/* Makes the table that notes them, where it is missing. */
extern const char store_migration_table[];

#endif
