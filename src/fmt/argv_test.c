#include "fmt/argv.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/tap.h"

static int
run(const struct argv *v, void *ctx)
{
	(void)v;
	*(int *)ctx += 1;
	return 7;
}

static const char *const families[] = { "iPhone", "iPad", NULL };
static const struct argv_option global[] = {
	ARGV_TEXT("data", "DIR", "The server's directory", .env = "ARGV_TEST_DATA", .fallback = "/var/lib/postern"),
	ARGV_FLAG("json", "Print JSON"),
	ARGV_END,
};
static const struct argv_option add_options[] = {
	ARGV_FLAG("byod", "Enroll as BYOD", .group = -1),
	ARGV_FLAG("adde", "Enroll as ADDE", .group = -1),
	ARGV_TEXT("redirect", "URL", "Send elsewhere", .group = -1),
	ARGV_INT("percent", "N", "Of the people", .min = 1, .max = 100),
	ARGV_TEXT("model-family", "F", "Only those", .choices = families),
	ARGV_LIST("domain", "D", "Only of this domain"),
	ARGV_END,
};
static const struct argv_option token_options[] = {
	ARGV_TEXT("out", "FILE", "Where to", .required = true, .env = "ARGV_TEST_OUT"),
	ARGV_END,
};
static const struct argv_argument explain_arguments[] = {
	ARGV_ARG("USER@D", "Who"),
	ARGV_ARG("REASON", "Why", .optional = true),
	ARGV_END,
};
static const struct argv_argument send_arguments[] = {
	ARGV_ARG("ENROLLMENT", "Which"),
	ARGV_ARG("KEY=VALUE", "What", .optional = true, .many = true),
	ARGV_END,
};
static const struct argv_command commands[] = {
	{ "rule add", "Add a rule", run, add_options, NULL, "Rules are read from the top." },
	{ "rule explain", "Say what a device would get", run, NULL, explain_arguments, NULL },
	{ "rule", "Print the rules", run, NULL, NULL, NULL },
	{ "command send", "Queue a command", run, NULL, send_arguments, NULL },
	{ "token", "Write a token", run, token_options, NULL, NULL },
	{ .name = NULL },
};
static const struct argv_program program = { "postern", "Administer a server.", global, commands, "rule", NULL };
static const struct argv_command alone[] = {
	{ "", "Serve", run, token_options, NULL, NULL },
	{ .name = NULL },
};
static void
file_page(struct buf *b)
{
	buf_str(b, "the file's page");
}

static const struct argv_program daemon_program = { "posternd", "The server.", global, alone, NULL, file_page };

#define WORDS 16
struct line {
	char *argv[WORDS];
	int argc;
};

static struct line
split(struct arena *a, const char *text)
{
	struct line line = { 0 };
	char *rest = arena_strdup(a, text);

	while (rest != NULL && line.argc < WORDS)
		line.argv[line.argc++] = strsep(&rest, " ");
	return line;
}

static enum rc
parse(struct arena *a, const char *text, struct argv *v, struct buf *page, struct err *e)
{
	struct line line = split(a, text);

	buf_reset(page);
	*e = (struct err){ 0 };
	return argv_parse(a, &program, line.argc, line.argv, v, page, e);
}

static const struct {
	const char *line, *sentence;
} wrong[] = {
	{ "postern", "a command is needed" },
	{ "postern command", "'command' wants one more word" },
	{ "postern rles", "there is no command 'rles'; did you mean 'rule'?" },
	{ "postern frobnicate", "there is no command 'frobnicate'" },
	{ "postern rule add", "one of --byod, --adde, --redirect is needed" },
	{ "postern rule add --byod --adde", "--byod and --adde exclude each other" },
	{ "postern rule add --byod --adde --json", "--byod and --adde exclude each other" },
	{ "postern rule add --byodd", "there is no option --byodd; did you mean --byod?" },
	{ "postern rule add -x", "there is no option -x" },
	{ "postern rule add --byod=1", "--byod takes no value" },
	{ "postern rule add --redirect", "--redirect wants a value: URL" },
	{ "postern rule add --redirect --json", "--redirect wants a value: URL" },
	{ "postern rule add --byod --percent 0", "--percent wants a number from 1 to 100, not 0" },
	{ "postern rule add --byod --percent 5x", "--percent wants a whole number, not '5x'" },
	{ "postern rule add --byod --percent=", "--percent wants a whole number, not ''" },
	{ "postern rule add --byod --percent 99999999999999999999",
	    "--percent wants a whole number, not '99999999999999999999'" },
	{ "postern rule add --byod --percent 5 --percent 6", "--percent is given twice" },
	{ "postern rule add --byod --model-family Mac", "--model-family is one of iPhone, iPad; not 'Mac'" },
	{ "postern rule explain", "USER@D is missing" },
	{ "postern rule explain a b c", "'c' is one argument too many" },
	{ "postern token", "--out FILE is needed" },
	{ "postern token --domain x --out y", "there is no option --domain" },
};

static void
test_parsing(struct arena *a, struct buf *page)
{
	struct argv v;
	struct err e;

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		enum rc rc = parse(a, wrong[i].line, &v, page, &e);

		ok(rc == RC_BAD_INPUT, "wrong usage: %s", wrong[i].line);
		is_str(e.text, wrong[i].sentence, "... in one sentence");
	}
	ok(parse(a, "postern --json rule add --percent 5 --domain a --byod --domain=b --data /x", &v, page, &e) ==
		RC_OK,
	    "options stand before and behind the command");
	is_str(v.command->name, "rule add", "the longest command wins");
	ok(argv_flag(&v, "json") && argv_flag(&v, "byod") && !argv_flag(&v, "adde"), "flags");
	ok(argv_int(&v, "percent", 0) == 5, "a number");
	is_str(argv_text(&v, "data"), "/x", "a text");
	is_str(argv_list(&v, "domain")[0], "a", "a list keeps its order");
	is_str(argv_list(&v, "domain")[1], "b", "... to the end");
	ok(argv_list(&v, "domain")[2] == NULL, "... and is terminated");
	is_str(argv_text(&v, "model-family"), NULL, "an absent text is NULL");
	ok(argv_given(&v, "data") && !argv_given(&v, "model-family"), "what was written is told");

	ok(parse(a, "postern rule explain a@b.c", &v, page, &e) == RC_OK, "an optional argument may be absent");
	is_str(argv_argument(&v, 0), "a@b.c", "an argument");
	is_str(argv_argument(&v, 1), NULL, "an absent argument is NULL");
	unsetenv("ARGV_TEST_DATA");
	is_str(argv_text(&v, "data"), "/var/lib/postern", "a fallback stands in");
	setenv("ARGV_TEST_DATA", "/env", 1);
	is_str(argv_text(&v, "data"), "/env", "the environment comes before the fallback");
	ok(!argv_given(&v, "data"), "... and was not written");

	setenv("ARGV_TEST_OUT", "/env", 1);
	ok(parse(a, "postern token", &v, page, &e) == RC_OK, "the environment gives what is needed, too");
	is_str(argv_text(&v, "out"), "/env", "... and is its value");
	unsetenv("ARGV_TEST_OUT");
	ok(parse(a, "postern command send E k=v -- --x", &v, page, &e) == RC_OK && v.n_arguments == 3,
	    "arguments may be many");
	is_str(argv_argument(&v, 2), "--x", "behind -- there are only arguments");
	ok(parse(a, "postern rule explain -", &v, page, &e) == RC_OK, "a dash is an argument");
	ok(parse(a, "postern rule", &v, page, &e) == RC_OK, "a command may be the beginning of another");
	is_str(v.command->name, "rule", "... and is that command by itself");
	ok(parse(a, "postern rule add --redirect=--x", &v, page, &e) == RC_OK, "--name=--value is taken");
}

static void
test_pages(struct arena *a, struct buf *page)
{
	struct argv v;
	struct err e;
	struct line line;
	int called = 0;

	ok(parse(a, "postern rule add --help", &v, page, &e) == RC_NOT_FOUND, "--help of a command");
	ok(strstr(page->p, "Usage: postern rule add {--byod | --adde | --redirect URL} [--percent N]") != NULL,
	    "the usage comes from the rows");
	ok(strstr(page->p, "\n  --domain D                  Only of this domain (may repeat)\n") != NULL,
	    "each option is explained");
	ok(strstr(page->p, "[$ARGV_TEST_DATA, else /var/lib/postern]") != NULL, "defaults are shown");
	ok(strstr(page->p, "Rules are read from the top.") != NULL, "so is what a command adds");
	ok(parse(a, "postern --help", &v, page, &e) == RC_NOT_FOUND, "--help of the program");
	ok(strstr(page->p, "\n  command send                Queue a command\n") != NULL, "it lists the commands");
	ok(parse(a, "postern command -h", &v, page, &e) == RC_NOT_FOUND, "-h of a beginning");
	ok(strstr(page->p, "command send") != NULL && strstr(page->p, "rule add") == NULL, "it lists what begins so");
	ok(parse(a, "postern nonsense --help", &v, page, &e) == RC_NOT_FOUND, "who asks for help is helped");
	ok(parse(a, "postern --version", &v, page, &e) == RC_NOT_FOUND, "--version");
	is_str(page->p, "postern " POSTERN_VERSION "\n", "... names program and version");
	line = split(a, "posternd --out x");
	ok(argv_run(&daemon_program, line.argc, line.argv, &called) == 7 && called == 1,
	    "a program may be one command, whose status is the program's");
	line = split(a, "posternd --in x");
	ok(argv_run(&daemon_program, line.argc, line.argv, &called) == ARGV_USAGE && called == 1,
	    "wrong usage is exit status 2, and nothing runs");
	line = split(a, "postern rule --nonsense");
	ok(argv_run(&program, line.argc, line.argv, &called) == ARGV_UNKNOWN,
	    "... but 3 of a command that monitoring runs, to which 2 says that the service is down");
}

static int
say(const struct argv *v, void *ctx)
{
	(void)v;
	(void)ctx;
	puts("said");
	return 0;
}

/* The exit status of a command that prints to `path`. */
static int
prints_to(const char *path, struct line line)
{
	static const struct argv_command sayings[] = { { "say", "Say it", say, NULL, NULL, NULL }, ARGV_END };
	static const struct argv_program talker = { "talker", "Talk", NULL, sayings, NULL, NULL };
	int status = -1;
	pid_t child;

	fflush(stdout);
	if ((child = fork()) == 0)
		_exit(freopen(path, "w", stdout) != NULL && freopen("/dev/null", "w", stderr) != NULL
			  ? argv_run(&talker, line.argc, line.argv, NULL)
			  : 99);
	waitpid(child, &status, 0);
	return WEXITSTATUS(status);
}

static void
test_full(struct arena *a)
{
	ok(prints_to("/dev/null", split(a, "talker say")) == 0, "what is printed is a success");
	ok(prints_to("/dev/full", split(a, "talker say")) == 1, "unless the disk that it goes to is full");
	ok(prints_to("/dev/full", split(a, "talker --help")) == 1, "and so with help");
}

/* What `shell` says when it reads the script and runs `ask`; NULL: there is no such shell. */
static const char *
said(struct arena *a, const char *shell, const char *script, const char *ask)
{
	char *line = arena_alloc(a, 1024);
	size_t used = 0;
	ssize_t got;
	int ends[2], status = 1;
	pid_t child;

	if (pipe(ends) != 0 || (child = fork()) < 0)
		return "no process";
	if (child == 0) {
		dup2(ends[1], STDOUT_FILENO);
		execlp(shell, shell, "-c", arena_printf(a, "%s\n%s\n", script, ask), (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	while (used < 1023 && (got = read(ends[0], line + used, 1023 - used)) > 0)
		used += (size_t)got;
	close(ends[0]);
	waitpid(child, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 127 ? NULL : line;
}

/* What bash would offer for the line `words`, the last of them unfinished. */
static const char *
offered(struct arena *a, const char *script, const char *words, int n)
{
	return said(a, "bash", script,
	    arena_printf(a, "COMP_WORDS=(%s)\nCOMP_CWORD=%d\n_postern\nprintf %%s \"${COMPREPLY[*]}\"", words, n));
}

static void
test_completion(struct arena *a, struct buf *page)
{
	struct argv v;
	struct err e;

	ok(parse(a, "postern --completion bash", &v, page, &e) == RC_NOT_FOUND, "--completion");
	is_str(offered(a, page->p, "postern ru", 1), "rule", "bash is offered a command's first word, once");
	is_str(offered(a, page->p, "postern command ''", 2), "send --data --json --help --version --completion --man",
	    "bash is offered the second word");
	is_str(offered(a, page->p, "postern --data DIR rule add --per", 5), "--percent",
	    "bash is offered a command's options, past the value of another");
	is_str(offered(a, page->p, "postern --data = rule command se", 5), "send", "--name=value is one option");
	is_str(offered(a, page->p, "postern --data ''", 2), "", "a value is left to the files of the folder");

	ok(parse(a, "postern --completion fish", &v, page, &e) == RC_NOT_FOUND, "--completion fish");
	if (said(a, "fish", "", "") == NULL) {
		skip("there is no fish here");
	} else {
		is_str(said(a, "fish", page->p, "complete -C 'postern ru'"), "rule\tPrint the rules\n",
		    "fish is offered a command's first word");
		is_str(said(a, "fish", page->p, "complete -C 'postern --data DIR rule a'"), "add\tAdd a rule\n",
		    "... its second, past the value of an option, with what it does");
		is_str(said(a, "fish", page->p, "complete -C 'postern rule add --model-family iPa'"),
		    "iPad\tOnly those\n", "... and the values that an option takes");
		is_str(said(a, "fish", page->p, "complete -C 'postern rule explain a@b.c --js'"),
		    "--json\tPrint JSON\n", "... behind arguments, too");
	}
}

static void
test_man(struct arena *a, struct buf *page)
{
	struct line line;
	struct argv v;
	struct err e;

	ok(parse(a, "postern --man 1", &v, page, &e) == RC_NOT_FOUND, "--man");
	ok(strncmp(page->p, "postern(1) \"postern " POSTERN_VERSION "\"\n\n# NAME", 20) == 0,
	    "the manual page is one for scdoc");
	ok(strstr(page->p, "*rule add* {\\-\\-byod \\| \\-\\-adde") != NULL, "it has each command as its usage has it");
	ok(strstr(page->p, "\n\t*\\-\\-model\\-family* _F_\n\t\tOnly those: iPhone, iPad\n") != NULL,
	    "... and each option, with its values");
	ok(strstr(page->p, "else /var/lib/postern\\]") != NULL, "... and its default");
	buf_reset(page);
	line = split(a, "posternd --man 5");
	buf_reset(page);
	ok(argv_parse(a, &daemon_program, line.argc, line.argv, &v, page, &e) == RC_NOT_FOUND &&
		strcmp(page->p, "the file's page") == 0,
	    "section 5 is the file that the program reads");
}

int
main(void)
{
	struct arena *a = arena_new(0);
	struct buf page;

	buf_init(&page, 1 << 20);
	test_parsing(a, &page);
	test_pages(a, &page);
	test_full(a);
	test_completion(a, &page);
	test_man(a, &page);
	buf_free(&page);
	arena_free(a);
	return done();
}
