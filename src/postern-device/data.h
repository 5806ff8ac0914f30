/* Commands about contents: what a person does with managed things and their own. */
#ifndef POSTERN_DEVICE_DATA_H
#define POSTERN_DEVICE_DATA_H

#include "fmt/argv.h"

extern const struct argv_option data_options[], data_put_options[], data_share_options[], data_siwa_options[],
    data_invitation_options[], data_restore_options[];
extern const struct argv_argument data_at_arguments[], data_name_arguments[], data_app_arguments[],
    data_code_arguments[], data_file_arguments[];
extern const char data_more[];

int data_put_command(const struct argv *v, void *ctx);
int data_get_command(const struct argv *v, void *ctx);
int data_list_command(const struct argv *v, void *ctx);
int data_remove_command(const struct argv *v, void *ctx);
int data_rules_command(const struct argv *v, void *ctx);
int data_share_command(const struct argv *v, void *ctx);
int data_siwa_command(const struct argv *v, void *ctx);
int data_invitation_command(const struct argv *v, void *ctx);
int data_backup_command(const struct argv *v, void *ctx);
int data_restore_command(const struct argv *v, void *ctx);

#endif
