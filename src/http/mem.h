/* Memory that is there or ends the process, as in the arena: going on with half a connection is not
 * safe, and restarting is the supervisor's job. */
#ifndef HTTP_MEM_H
#define HTTP_MEM_H

#include <stdio.h>
#include <stdlib.h>

static inline void *
http_need(void *p)
{
	if (p == NULL) {
		fputs("out of memory\n", stderr);
		abort();
	}
	return p;
}

#endif
