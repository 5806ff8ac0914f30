#include "base/descriptors.h"

#include <unistd.h>

void
descriptors_keep(const int *keep, int n)
{
	int next = 3;

	for (;;) {
		int least = -1;

		for (int i = 0; i < n; i++) {
			if (keep[i] >= next && (least < 0 || keep[i] < least))
				least = keep[i];
		}
		if (least < 0)
			break;
		if (least > next)
			close_range((unsigned)next, (unsigned)least - 1, 0);
		next = least + 1;
	}
	close_range((unsigned)next, ~0U, 0);
}
