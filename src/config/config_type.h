/* The types of settings: what a value may be and where it goes. For config.c only. */
#ifndef CONFIG_CONFIG_TYPE_H
#define CONFIG_CONFIG_TYPE_H

#include "config/config.h"

enum conf_type {
	T_TEXT,
	T_URL, /* https (or http, for a lab), no query, no slash at the end */
	T_PATH, /* what is not absolute starts at DIR */
	T_STORE,
	T_LIST,
	T_ADDRESSES, /* a list of ADDR:PORT */
	T_INT,
	T_SECONDS, /* a number with a unit: s, m, h, d */
	T_FLAG,
	T_LEVEL,
	T_FORMAT,
	T_SANDBOX,
	CONF_TYPES
};

struct conf_setting {
	const char *key;
	enum conf_type type;
	size_t at; /* offset of its member in struct conf */
	int64_t least, most; /* numbers and lives; the largest value where both are 0 */
	const char *otherwise; /* default, as it would be written; "" is none */
	const char *help; /* lines of a comment */
};

struct conf_setter { /* one value on its way */
	struct arena *a;
	struct conf *conf;
	const struct conf_setting *s;
	const char *value, *where; /* where: begins the sentence when it is refused */
	void *member;
	struct err *e;
};

/* One function per type: check the value and set the member. RC_OK or RC_BAD_INPUT. */
extern enum rc (*const conf_setters[CONF_TYPES])(const struct conf_setter *);

#endif
