#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "config/config.h"
#include "crypto/password.h"
#include "postern/cli.h"

#define FILE_MAX (4u << 20)
#define ANSWER_MAX (64u << 20)

/* ---- where the server listens ---- */

/* The configuration may be readable for the server alone while the socket is not: its usual place is
 * tried then. */
static enum rc
socket_path(struct cli *k, const char **out)
{
	const char *named = getenv("POSTERN_ADMIN_SOCKET");
	struct conf conf;
	enum rc rc = conf_load(k->a, k->data, &conf, &k->err);

	*out = named != NULL && *named != '\0' ? named : arena_printf(k->a, "%s/admin.sock", k->data);
	if (rc == RC_OK)
		*out = conf.admin_socket;
	else if (rc == RC_NOT_FOUND && named == NULL)
		return fail(&k->err, rc,
		    "there is no installation in %s (no %s/" CONF_FILE
		    "): make one with postern init, or name another with"
		    " --data",
		    k->data, k->data);
	else if (rc != RC_UNAVAILABLE && rc != RC_NOT_FOUND)
		return rc;
	return RC_OK;
}

/* Ask the socket before the HTTP library does, for a sentence that says what to do. */
static enum rc
probe(struct cli *k, const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd, error = 0;

	if (strlen(path) >= sizeof to.sun_path)
		return fail(&k->err, RC_BAD_INPUT, "the path of the admin socket is too long: %.200s", path);
	memcpy(to.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
		error = errno;
	if (fd >= 0)
		close(fd);
	if (error == 0)
		return RC_OK;
	if (error == EACCES)
		return fail(&k->err, RC_FORBIDDEN,
		    "you may not open %s: run this as the user of posternd, or as a member of its group", path);
	return fail(&k->err, RC_UNAVAILABLE, "posternd is not running for %s (%s %s): start it with posternd --data %s",
	    k->data, error == ENOENT ? "no socket" : "nobody answers at", path, k->data);
}

/* The first line of the file; nobody else may read it. */
static enum rc
read_token(struct cli *k)
{
	const char *path = argv_text(k->v, "token-file");
	struct stat st;
	struct bytes text = { 0 };
	enum rc rc;

	if (path == NULL)
		return fail(
		    &k->err, RC_BAD_INPUT, "--server needs --token-file F with a token of postern api-token add");
	if (strcmp(path, "-") != 0 && stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & S_IROTH) != 0)
		return fail(&k->err, RC_FORBIDDEN, "everybody may read %s: chmod 600 %s", path, path);
	if ((rc = cli_file(k, path, &text)) != RC_OK)
		return rc;
	k->token = arena_strndup(k->a, (const char *)text.p, text.n);
	k->token = arena_strndup(k->a, k->token, strcspn(k->token, "\r\n"));
	for (const char *p = k->token; *p != '\0'; p++) {
		if (*p <= ' ' || *p > '~')
			return fail(&k->err, RC_BAD_INPUT, "%s holds no token", path);
	}
	return k->token[0] != '\0' ? RC_OK : fail(&k->err, RC_BAD_INPUT, "%s holds no token", path);
}

static enum rc
connect_remote(struct cli *k)
{
	const struct http_client_settings s = { .user_agent = "postern/" POSTERN_VERSION,
		.timeout_ms = 60000,
		.https_only = true,
		.ca_file = argv_text(k->v, "cacert") };
	size_t n = strlen(k->server);
	enum rc rc;

	if (strncmp(k->server, "https://", 8) != 0 || strpbrk(k->server, "?#") != NULL)
		return fail(&k->err, RC_BAD_INPUT, "--server is https://HOST:PORT, not %.200s", k->server);
	while (n > 8 && k->server[n - 1] == '/')
		n--;
	k->server = arena_strndup(k->a, k->server, n);
	if ((rc = read_token(k)) != RC_OK)
		return rc;
	return http_client_open(&s, &k->http, &k->err);
}

static enum rc
connect_server(struct cli *k)
{
	struct http_client_settings s = { .user_agent = "postern/" POSTERN_VERSION, .timeout_ms = 60000 };
	enum rc rc;

	if (k->http != NULL)
		return RC_OK;
	if (k->server != NULL)
		return connect_remote(k);
	if ((rc = socket_path(k, &s.unix_socket)) != RC_OK || (rc = probe(k, s.unix_socket)) != RC_OK)
		return rc;
	return http_client_open(&s, &k->http, &k->err);
}

/* ---- one request ---- */

static enum rc
rc_of_status(int status)
{
	static const struct {
		int status;
		enum rc rc;
	} rows[] = {
		{ 400, RC_BAD_INPUT },
		{ 401, RC_UNAUTHENTICATED },
		{ 403, RC_FORBIDDEN },
		{ 404, RC_NOT_FOUND },
		{ 409, RC_CONFLICT },
		{ 413, RC_TOO_LARGE },
		{ 503, RC_UNAVAILABLE },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (rows[i].status == status)
			return rows[i].rc;
	}
	return RC_INTERNAL;
}

enum rc
cli_request(struct cli *k, const char *method, const char *path, json_t *body, json_t **answer)
{
	const char *headers[] = { "Content-Type: application/json", "Accept: application/json", NULL, NULL };
	struct http_client_request q = { .method = method, .headers = headers, .max_body = ANSWER_MAX };
	struct http_client_answer r;
	const char *sentence;
	struct err ignored;
	enum rc rc;

	*answer = NULL;
	if ((rc = connect_server(k)) != RC_OK)
		return rc;
	if (k->token != NULL)
		headers[2] = arena_printf(k->a, "Authorization: Bearer %s", k->token);
	q.url = arena_printf(k->a, "%s/api/v1%s", k->server != NULL ? k->server : "http://postern", path);
	if (body != NULL)
		q.body = json_text(k->a, body, 0);
	if ((rc = http_client_send(k->http, k->a, &q, &r, &k->err)) != RC_OK)
		return fail_in(&k->err, rc, "ask posternd");
	if (json_parse(k->a, r.body, answer, &ignored) != RC_OK || !json_is_object(*answer)) {
		return r.status < 400
			   ? fail(&k->err, RC_INTERNAL, "posternd's answer can't be read (status %d)", r.status)
			   : fail(&k->err, rc_of_status(r.status), "posternd refused: status %d", r.status);
	}
	if (r.status < 400)
		return RC_OK;
	sentence = json_get_text(*answer, "detail");
	return fail(&k->err, rc_of_status(r.status), "%s", sentence != NULL ? sentence : "posternd refused");
}

/* ---- what is read from files and standard input ---- */

enum rc
cli_file(struct cli *k, const char *path, struct bytes *out)
{
	int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	uint8_t *p;
	size_t n = 0;
	ssize_t got;

	if (fd < 0)
		return fail(&k->err, RC_NOT_FOUND, "%s: %s", path, strerror(errno));
	p = arena_alloc(k->a, FILE_MAX + 1);
	while ((got = read(fd, p + n, FILE_MAX + 1 - n)) > 0)
		n += (size_t)got;
	close(fd);
	if (got < 0)
		return fail(&k->err, RC_UNAVAILABLE, "%s: %s", path, strerror(errno));
	if (n > FILE_MAX)
		return fail(&k->err, RC_TOO_LARGE, "%s is larger than %u MB", path, FILE_MAX >> 20);
	*out = bytes_of(p, n);
	return RC_OK;
}

static size_t
read_line(char *p, size_t size)
{
	size_t n = 0;

	while (n < size && read(STDIN_FILENO, p + n, 1) == 1 && p[n] != '\n')
		n++;
	return n;
}

enum rc
cli_password(struct cli *k, const char **out)
{
	char *p = arena_alloc(k->a, PASSWORD_MAX + 3);
	bool terminal = isatty(STDIN_FILENO);
	struct termios before, quiet;
	size_t n;

	if (terminal && tcgetattr(STDIN_FILENO, &before) == 0) {
		quiet = before;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		fputs("Password: ", stderr);
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
		n = read_line(p, PASSWORD_MAX + 2);
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
		fputc('\n', stderr);
	} else {
		n = read_line(p, PASSWORD_MAX + 2);
	}
	if (n > 0 && p[n - 1] == '\r')
		n--;
	p[n] = '\0';
	if (n == 0)
		return fail(&k->err, RC_BAD_INPUT, "no password came on standard input");
	if (n > PASSWORD_MAX || strlen(p) != n)
		return fail(&k->err, RC_BAD_INPUT, "a password has at most %d octets and no NUL", PASSWORD_MAX);
	*out = p;
	return RC_OK;
}
