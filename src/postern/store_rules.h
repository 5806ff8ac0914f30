/* Rules between tables, which `postern store check` asks a database about. */
#ifndef POSTERN_STORE_RULES_H
#define POSTERN_STORE_RULES_H

struct store_rule {
	const char *rule; /* a sentence; NULL ends the table */
	const char *sql; /* one column of text: what breaks it */
};

extern const struct store_rule store_rules[];

#endif
