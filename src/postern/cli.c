#include "postern/cli.h"

#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

static bool
wants_color(int fd)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return (no == NULL || *no == '\0') && isatty(fd) && (term == NULL || strcmp(term, "dumb") != 0);
}

void
cli_begin(struct cli *k, const struct argv *v)
{
	*k = (struct cli){
		.v = v,
		.a = v->arena,
		.data = argv_text(v, "data"),
		.server = argv_text(v, "server"),
		.json = argv_flag(v, "json"),
		.color_out = wants_color(STDOUT_FILENO),
		.color_err = wants_color(STDERR_FILENO),
	};
}

void
cli_end(struct cli *k)
{
	http_client_close(k->http);
	k->http = NULL;
}

static void
message(const struct cli *k, enum paint p, const char *prefix, const char *format, va_list ap)
{
	fprintf(stderr, "%s%s%s%s\n", paint_on(k->color_err, p), prefix,
	    print_safe(k->a, arena_vprintf(k->a, format, ap)), paint_off(k->color_err, p));
}

int
cli_refused(const struct cli *k)
{
	fprintf(stderr, "%spostern: %s%s\n", paint_on(k->color_err, PAINT_BAD),
	    print_safe(k->a, k->err.text[0] != '\0' ? k->err.text : rc_name(k->err.rc)),
	    paint_off(k->color_err, PAINT_BAD));
	return EXIT_REFUSED;
}

int
cli_usage(const struct cli *k, const char *sentence, ...)
{
	va_list ap;

	va_start(ap, sentence);
	message(k, PAINT_BAD, "postern: ", sentence, ap);
	va_end(ap);
	fprintf(stderr, "See 'postern %s --help'.\n", k->v->command->name);
	return ARGV_USAGE;
}

void
cli_say(const struct cli *k, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	message(k, PAINT_NONE, "", format, ap);
	va_end(ap);
}

void
cli_warn(const struct cli *k, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	message(k, PAINT_WARN, "warning: ", format, ap);
	va_end(ap);
}
