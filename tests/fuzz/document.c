/* Whatever file an administrator gives to the linter, it ends in a report or one sentence. */
#include "command/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct policy_target t = { POLICY_BYOD, APPLE_IOS, "18.2", POLICY_DEVICE };
	struct arena *a = arena_new(0);
	struct policy_report report;
	struct err err;

	(void)policy_document_check(a, &t, bytes_of(data, size), &report, &err);
	arena_free(a);
	return 0;
}
