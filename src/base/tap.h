/* Unit tests that print TAP (Test Anything Protocol), run by `prove`. A test names the rule that
 * it proves: ok(rc == RC_NOT_FOUND, "a code redeemed twice is refused (RFC 6749 4.1.2)"). */
#ifndef BASE_TAP_H
#define BASE_TAP_H

#include <stdio.h>
#include <string.h>

static int tap_run_, tap_failed_;

#define ok(cond, ...) tap_ok_((cond) ? 1 : 0, __FILE__, __LINE__, __VA_ARGS__)

__attribute__((format(printf, 4, 5))) static inline int
tap_ok_(int good, const char *file, int line, const char *format, ...)
{
	__builtin_va_list ap;

	printf("%s %d - ", good ? "ok" : "not ok", ++tap_run_);
	__builtin_va_start(ap, format);
	vprintf(format, ap);
	__builtin_va_end(ap);
	putchar('\n');
	if (!good) {
		tap_failed_++;
		printf("# failed at %s:%d\n", file, line);
	}
	fflush(stdout);
	return good;
}

/* Equal texts (NULL equals NULL only); prints both when they differ. */
static inline int
is_str_(const char *got, const char *want, const char *file, int line, const char *sentence)
{
	int good = got == want || (got != NULL && want != NULL && strcmp(got, want) == 0);

	tap_ok_(good, file, line, "%s", sentence);
	if (!good)
		printf("#   got: %s\n#  want: %s\n", got ? got : "(null)", want ? want : "(null)");
	return good;
}
#define is_str(got, want, sentence) is_str_((got), (want), __FILE__, __LINE__, (sentence))

/* A test that can't run here: say why. */
#define skip(why, ...) (printf("ok %d # SKIP ", ++tap_run_), printf(why, ##__VA_ARGS__), putchar('\n'))

/* The plan, and main's result. */
static inline int
done(void)
{
	printf("1..%d\n", tap_run_);
	return tap_failed_ != 0;
}

#endif
