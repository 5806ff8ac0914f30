/* Counts what a process and its children flush, for tests/bench/bench.py: named by LD_PRELOAD, it stands before libc's
 * fsync and fdatasync. POSTERN_BENCH_SYNCS is a file of 16 octets: flushes, and processes that count. */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct counts {
	atomic_uint_fast64_t flushes, processes;
};

static struct counts *counts; /* shared by all that count into the file; NULL: nobody asked */

__attribute__((constructor)) static void
begin(void)
{
	const char *path = getenv("POSTERN_BENCH_SYNCS");
	int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *map = fd >= 0 ? mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;

	if (fd >= 0)
		close(fd);
	if (map == MAP_FAILED)
		return;
	counts = map;
	atomic_fetch_add(&counts->processes, 1);
}

static int
counted(long call, int fd)
{
	if (counts != NULL)
		atomic_fetch_add(&counts->flushes, 1);
	return (int)syscall(call, fd);
}

int
fsync(int fd)
{
	return counted(SYS_fsync, fd);
}

int
fdatasync(int fd)
{
	return counted(SYS_fdatasync, fd);
}
