/* Every sentence of the pages, in English, which is also the source of the catalogues in oauth/lang. {organization},
 * {device} and {provider} are filled in; a translation has the same ones. */
#ifndef OAUTH_TEXT_TABLE_H
#define OAUTH_TEXT_TABLE_H

/* clang-format off */
#define PAGE_TEXTS(X) \
X(title_signin, "Sign in to {organization}") \
X(title_again, "Sign in again to {organization}") \
X(title_failed, "Sign-in can’t continue") \
X(title_cancelled, "Cancelled") \
X(error, "Error") /* before the title, where a page is read aloud */ \
X(lead_byod, "Use your Work or School Account. {organization} will manage its own apps and data on this {device}, and won’t see your personal ones.") \
X(lead_adde, "Use your Work or School Account. {organization} will manage this {device}.") \
X(lead_any, "Use your Work or School Account to let {organization} manage this {device}.") \
X(lead_again, "Then your work or school apps and data on this {device} can be used again.") \
X(device, "device") \
X(steps, "Steps") \
X(step_account, "Account") \
X(step_signin, "Sign in") \
X(step_settings, "Finish in Settings") \
X(user_name, "User name") \
X(password, "Password") \
X(next, "Continue") \
X(sign_in, "Sign In") \
X(cancel, "Cancel") \
X(continue_with, "Continue with {provider}") \
X(or, "or") \
X(type_name, "Type your user name.") \
X(type_both, "Type your user name and your password.") \
X(only_yourself, "Go on only if you started this yourself, in Settings on your own device.") \
X(help_code, "Code for your help desk") \
X(close, "You can close this page.") \
X(privacy_title, "What {organization} can and cannot see") \
X(privacy_byod, "When you enroll your own {device} with a Work or School Account:") \
X(privacy_adde, "When this {device} is enrolled as your organization’s:") \
X(privacy_back, "Back to sign-in") \
X(privacy_end_byod, "You can end this at any time in Settings. Your organization’s apps and data are then removed from this {device}; your own stay.") \
X(privacy_end_adde, "What your organization set up is removed from this {device} when the management ends.") \
X(privacy_source, "This list is made from Apple’s rules for this kind of enrollment.") \
X(can_see, "Can see") \
X(cannot_see, "Cannot see") \
X(can_do, "Can do") \
X(cannot_do, "Cannot do") \
X(see_model, "The model of the device") \
X(see_system, "The version of its system") \
X(see_name, "The name of the device") \
X(see_storage, "How much storage is free") \
X(see_battery, "The level of its battery") \
X(see_passcode, "Whether the passcode follows your organization’s rules") \
X(see_encryption, "Whether the disk is encrypted") \
X(see_managed_apps, "Apps that your organization installed") \
X(see_all_apps, "All apps, also those you installed yourself") \
X(see_profiles, "Your organization’s own settings and certificates") \
X(see_serial, "The serial number and other identifiers of the hardware") \
X(see_phone_number, "Your phone number") \
X(see_backup, "When you last made a backup to iCloud") \
X(see_location, "Where the device is") \
X(see_personal, "Your personal mail, messages, photos, files and browsing history") \
X(see_personal_account, "Your personal Apple Account and what is in its iCloud") \
X(do_install, "Install apps for work or school") \
X(do_remove, "Remove apps that it installed") \
X(do_settings, "Set up mail, Wi‑Fi and VPN for work or school") \
X(do_lock, "Lock the screen") \
X(do_clear_passcode, "Remove the passcode") \
X(do_erase, "Erase the whole device") \
X(do_restart, "Restart the device") \
X(do_lost, "Put the device into Lost Mode") \
X(do_update, "Install system updates")
/* clang-format on */

#endif
