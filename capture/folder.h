/* The output folder: made, checked and opened while we still may, and given to the user that writes into it later. */
#ifndef TWOPOINT_FOLDER_H
#define TWOPOINT_FOLDER_H

#include "common/error.h"

#include <stdbool.h>
#include <sys/types.h>

/* A descriptor of the folder, which is made when it is not there (its parent must be).
 *
 * `give`: it is to belong to `owner` and `group` (the group of whoever ran sudo, who may then read and copy), with mode
 * 2750, so that files get that group. A folder that was there is only given away when it holds nothing, or nothing but
 * capture sets, and belongs to root, to `owner` or to `caller` (who ran sudo): else /tmp would change hands. One that
 * `owner` can write into anyway is left as it is.
 * -1: ERR_USAGE with what to do. */
int folder_open(const char *path, bool give, uid_t owner, gid_t group, uid_t caller, struct error *e);

#endif
