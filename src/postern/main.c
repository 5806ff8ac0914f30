#include "postern/cli.h"

#include <locale.h>

int
main(int argc, char **argv)
{
	setlocale(LC_TIME, "C");
	return argv_run(&postern_program, argc, argv, NULL);
}
