/* Whatever an enrolled device answers, no personal key is left under User Enrollment (S-10), and any command that
 * is checked ends in a verdict. */
#include <stdlib.h>

#include "command/policy.h"
#include "fmt/plist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
none_left(plist_t node)
{
	plist_dict_iter it = NULL;
	char *name = NULL;
	plist_t item = NULL;

	if (plist_get_node_type(node) == PLIST_ARRAY)
		for (uint32_t i = 0; i < plist_array_get_size(node); i++)
			none_left(plist_array_get_item(node, i));
	if (plist_get_node_type(node) != PLIST_DICT)
		return;
	plist_dict_new_iter(node, &it);
	for (plist_dict_next_item(node, it, &name, &item); item != NULL; plist_dict_next_item(node, it, &name, &item)) {
		if (policy_is_personal(name))
			abort();
		free(name);
		none_left(item);
	}
	free(it);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct policy_target t = { POLICY_BYOD, APPLE_IOS, "18.2", POLICY_DEVICE };
	struct arena *a = arena_new(0);
	const char *const *names;
	struct err err;
	plist_t p;

	if (size > 0 && plist_parse(a, bytes_of(data + 1, size - 1), &p, &err) == RC_OK) {
		const char *name;
		int n = policy_commands(a, NULL, &names);

		name = names[data[0] % n];
		policy_command_check(a, &t, name, p, &err);
		policy_answer_filter(a, &t, name, p, NULL);
		none_left(p);
	}
	arena_free(a);
	return 0;
}
