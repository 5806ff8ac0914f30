#include "enroll/os.h"

#include "base/tap.h"

int
main(void)
{
	is_str(os_family("iPhone17,2"), "iPhone", "iPhone17,2 is an iPhone");
	is_str(os_family("MacBookPro18,1"), "Mac", "MacBookPro18,1 is a Mac");
	is_str(os_family("iMac21,1"), "Mac", "iMac21,1 is a Mac");
	is_str(os_family("RealityDevice14,1"), "RealityDevice", "RealityDevice14,1 is a Vision Pro");
	ok(os_family("Toaster1,1") == NULL, "an unknown product has no family");
	is_str(os_version("iPhone", "17.5.1", "21F90"), "17.5.1", "OS_VERSION wins over the build");
	is_str(os_version("iPhone", NULL, "19H12"), "15", "build 19H12 of an iPhone is iOS 15");
	is_str(os_version("iPad", NULL, "23A300"), "26", "build 23A300 of an iPad is iPadOS 26");
	is_str(os_version("Mac", NULL, "23F79"), "14", "build 23F79 of a Mac is macOS 14");
	ok(os_version("iPhone", NULL, "99Z1") == NULL, "an unknown build counts as current");
	ok(os_compare("18.2", "18.10") < 0, "18.2 is older than 18.10");
	ok(os_compare("17", "17.0") == 0, "17 is 17.0");
	ok(os_compare(NULL, "26.1") > 0, "unknown counts as newest");
	ok(os_compare("2.2.1", "2.2") > 0, "2.2.1 is newer than 2.2");
	return done();
}
