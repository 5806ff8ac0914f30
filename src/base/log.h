/* One line per thing that happened, for the operator: `time level message key=value ...` (logfmt)
 * or the same as a JSON object. On stderr, in one write each. No secrets: values are what an
 * operator may read. Where the line belongs to an attempt, say so with the key `attempt`. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum log_level { LOG_DEBUG_, LOG_INFO_, LOG_WARN_, LOG_ERROR_ };
enum log_format { LOG_LOGFMT, LOG_JSON };

/* Chosen once by a program before it starts threads. Default: info, logfmt. */
void log_setup(enum log_level least, enum log_format format);
void log_current(enum log_level *least, enum log_format *format); /* what is chosen */

/* Pairs of key and value (const char *), ended by NULL. A NULL value leaves its pair out.
 *	log_line(LOG_INFO_, "listening", "address", addr, "tls", "yes", NULL); */
void log_line(enum log_level level, const char *message, ...) __attribute__((sentinel));

#define log_info(...) log_line(LOG_INFO_, __VA_ARGS__, NULL)
#define log_warn(...) log_line(LOG_WARN_, __VA_ARGS__, NULL)
#define log_error(...) log_line(LOG_ERROR_, __VA_ARGS__, NULL)
#define log_debug(...) log_line(LOG_DEBUG_, __VA_ARGS__, NULL)

#endif
