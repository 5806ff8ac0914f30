#include "postern/cli.h"

#include <locale.h>

#include "crypto/start.h"

int
main(int argc, char **argv)
{
	setlocale(LC_TIME, "C");
	crypto_start();
	return argv_run(&postern_program, argc, argv, NULL);
}
