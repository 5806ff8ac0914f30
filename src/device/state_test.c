#include "device/state.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/tap.h"
#include "base/disk.h"
#include "separation/volume.h"
#include "fmt/json.h"

static mode_t
mode_of(struct arena *a, const char *dir, const char *name)
{
	struct stat st;

	return stat(arena_printf(a, "%s/%s", dir, name), &st) == 0 ? st.st_mode & 0777 : 0;
}

int
main(void)
{
	static const char *const ways[] = { "a:1:b:2", "::c:3", NULL };
	char dir[] = "/tmp/device-state-XXXXXX";
	struct arena *a = arena_new(0);
	struct device_self self = { .family = "Mac",
		.os = "15.2",
		.key = bytes_of("\0\1", 2),
		.connect_to = ways,
		.leak = true,
		.maid_delay_s = 7,
		.phase = DEVICE_ENROLLED };
	struct device_self read = { 0 };
	struct device_enrollment en = { .identifier = "ann@example.org",
		.mode = "BYOD",
		.access_token = "the-access-token",
		.challenge = { .method = "apple-as-web", .url = "https://h" } };
	struct device_enrollment back = { 0 };
	struct bytes raw, old, key;
	struct err e;
	size_t left;
	int lock, other;

	if (mkdtemp(dir) == NULL)
		return 1;
	ok(device_self_load(a, dir, &read, &e) == RC_NOT_FOUND, "an empty directory holds no device");
	ok(device_self_save(a, dir, &self, &e) == RC_OK && device_self_load(a, dir, &read, &e) == RC_OK,
	    "a device is kept");
	is_str(read.family, "Mac", "texts come back");
	ok(bytes_eq(read.key, self.key) && read.leak && read.maid_delay_s == 7 && read.phase == DEVICE_ENROLLED,
	    "octets, flags, numbers and the phase come back");
	is_str(read.connect_to[1], "::c:3", "lists come back");
	ok(read.connect_to[2] == NULL && read.ca_file == NULL, "what was absent is absent");
	ok(mode_of(a, dir, "device.json") == 0600, "state files are 0600");

	ok(device_enrollment_save(a, dir, &en, &e) == RC_NOT_FOUND,
	    "D-15: without a volume nothing of an enrollment is kept");
	ok(separation_volume_create(a, dir, SEPARATION_MANAGED, &e) == RC_OK &&
		separation_volume_exists(dir, SEPARATION_MANAGED),
	    "D-15: the volume is created");
	ok(mode_of(a, dir, "volume.key") == 0600, "the key of the volume is 0600");
	ok(device_enrollment_load(a, dir, &back, &e) == RC_NOT_FOUND, "a new volume is empty");
	ok(device_enrollment_save(a, dir, &en, &e) == RC_OK && device_enrollment_load(a, dir, &back, &e) == RC_OK,
	    "D-15: an enrollment is kept inside the volume");
	is_str(back.challenge.url, "https://h", "members of members come back");
	disk_read(a, dir, "volume.sealed", &raw, &e);
	ok(raw.n > 0 && memmem(raw.p, raw.n, "the-access-token", 16) == NULL,
	    "D-15: what is on the disk is ciphertext");
	disk_read(a, dir, "volume.key", &key, &e);
	old = arena_copy(a, raw);

	ok(separation_volume_destroy(a, dir, SEPARATION_MANAGED, &left, &e) == RC_OK && left == raw.n,
	    "12: the key is destroyed, the ciphertext stays");
	ok(!separation_volume_exists(dir, SEPARATION_MANAGED) &&
		device_enrollment_load(a, dir, &back, &e) == RC_NOT_FOUND,
	    "12: what is left can't be opened");
	ok(separation_volume_destroy(a, dir, SEPARATION_MANAGED, &left, &e) == RC_OK, "destroying twice is fine");
	ok(separation_volume_create(a, dir, SEPARATION_MANAGED, &e) == RC_OK, "another volume");
	disk_write(dir, "volume.sealed", old, &e);
	ok(device_enrollment_load(a, dir, &back, &e) == RC_BAD_INPUT,
	    "D-17: a new volume does not open the contents of an old one");

	ok(disk_dir_lock(dir, &lock, &e) == RC_OK && disk_dir_lock(dir, &other, &e) == RC_CONFLICT,
	    "one process works in a directory at a time");
	close(lock);
	for (const char *const *name = (const char *const[]){ "device.json", "volume.key", "volume.sealed", NULL };
	     *name != NULL; name++)
		unlink(arena_printf(a, "%s/%s", dir, *name));
	rmdir(dir);
	arena_free(a);
	return done();
}
