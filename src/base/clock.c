#include "base/clock.h"

#include <stdlib.h>
#include <time.h>

int64_t
clock_now(void)
{
	return (int64_t)time(NULL);
}

int64_t
clock_mono_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t
clock_mono_ms(void)
{
	return clock_mono_us() / 1000;
}

int64_t
clock_cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

char *
clock_rfc3339(struct arena *a, int64_t unix_s)
{
	time_t t = (time_t)unix_s;
	struct tm tm;
	char text[32];

	if (gmtime_r(&t, &tm) == NULL || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return arena_strdup(a, "invalid time");
	return arena_strdup(a, text);
}

int64_t
clock_from_rfc3339(const char *text)
{
	struct tm tm = { 0 };
	const char *rest = text != NULL ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	int sign, offset;

	if (rest == NULL)
		return 0;
	if (*rest != '+' && *rest != '-')
		return (int64_t)timegm(&tm);
	sign = *rest == '-' ? -1 : 1;
	offset = (int)strtol(rest + 1, NULL, 10); /* +0100 */
	return (int64_t)timegm(&tm) - sign * (offset / 100 * 3600 + offset % 100 * 60);
}

int64_t
clock_from_http(const char *text)
{
	struct tm tm = { 0 };

	return text != NULL && strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm) != NULL ? (int64_t)timegm(&tm) : 0;
}
