/* The names and secrets of a fleet's devices, each computed from what the fleet's file says once and the
 * device's number: nothing of it needs a place of its own.
 *
 * Names ascend with the number, so that a million rows are appended rather than scattered; they begin with
 * a tag of the seed, so that two fleets live in one store. Secrets come from 32 random octets of the file
 * and not from the seed: whoever guesses a seed has no token. Pure. */
#ifndef FLEET_ID_H
#define FLEET_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

#define FLEET_SECRET 32 /* octets */
#define FLEET_UUID 37 /* with the terminator */
#define FLEET_ROW_ID 17
#define FLEET_TOKEN 44 /* 256 bits in base64url */
#define FLEET_MAGIC 48
#define FLEET_COMMANDS_MAX 1000 /* of one device */

enum fleet_uuid_kind { FLEET_UUID_ROW = 1, FLEET_UUID_DEVICE = 2, FLEET_UUID_COMMAND = 3 };
enum fleet_row_kind { FLEET_ROW_ACCOUNT, FLEET_ROW_ATTEMPT, FLEET_ROW_GRANT };
enum fleet_secret_kind { FLEET_ACCESS, FLEET_FAMILY, FLEET_REFRESH, FLEET_EXPIRED, FLEET_PUSH_TOKEN };

/* Of a seed: 32 bits. */
uint32_t fleet_tag(const char *seed);

/* "1B4F0E98-0002-4000-8000-00000000002A": enrollment row or EnrollmentID of device `n`. */
void fleet_uuid(char out[FLEET_UUID], uint32_t tag, enum fleet_uuid_kind kind, uint64_t n);
/* CommandUUID of the k-th command (from 0) of a device. */
void fleet_command_uuid(char out[FLEET_UUID], uint32_t tag, uint64_t device, unsigned k);

/* What fleet_uuid made it from. False: not one of this fleet. For a command, *n is the device. */
bool fleet_uuid_read(const char *text, uint32_t tag, enum fleet_uuid_kind kind, uint64_t *n);

/* 16 characters, [a-z2-7], ascending with n. */
void fleet_row_id(char out[FLEET_ROW_ID], uint32_t tag, enum fleet_row_kind kind, uint64_t n);

/* 32 octets of a device, and as token text. */
void fleet_secret(
    uint8_t out[32], const uint8_t secret[FLEET_SECRET], enum fleet_secret_kind kind, uint64_t n, uint32_t version);
void fleet_token(char out[FLEET_TOKEN], const uint8_t secret[FLEET_SECRET], enum fleet_secret_kind kind, uint64_t n);

/* PushMagic of the version-th TokenUpdate: "1B4F0E98-2A-v3". The version can be read back; -1: not one of ours. */
void fleet_push_magic(char out[FLEET_MAGIC], uint32_t tag, uint64_t n, uint32_t version);
int64_t fleet_push_version(const char *magic, uint32_t tag, uint64_t n);

/* A serial number of 16 octets: positive, and as long as the server's own. */
void fleet_serial(uint8_t out[16], uint32_t tag, uint64_t n);

/* base64 of `b` with padding, or base64url without; returns the octets written. */
size_t fleet_base64(char *to, struct bytes b);
size_t fleet_base64_size(size_t n);

/* The i-th of `count` different numbers below `total`, spread evenly over it, in an order that `seed`
 * decides. */
struct fleet_sample {
	uint64_t total, count, step, first;
};
struct fleet_sample fleet_sample_new(uint64_t total, uint64_t count, uint64_t seed);
uint64_t fleet_sample_at(const struct fleet_sample *s, uint64_t i);

#endif
