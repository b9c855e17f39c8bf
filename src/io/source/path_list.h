/* SPDX-License-Identifier: Apache-2.0
 *
 * Paths and patterns to lists of files.
 *
 *   *  any text within a name      ?  one character      [a-c] [!x]  one character of a set
 *   ** as a whole name: any number of folders, also none; links to folders are not followed
 *
 * A path that names an existing file is that file, whatever characters it has. Hidden names (".x")
 * match only patterns that begin with a dot. What a pattern matches is sorted bytewise.
 */
#ifndef CNI_IO_PATH_LIST_H
#define CNI_IO_PATH_LIST_H

#include "base/list.h"
#include "runtime/context.h"

/* Append the files of `pattern` to *inout_paths, a list of cni_str in the arena. Errors:
 * CN_NOT_FOUND when nothing matches; CN_NOT_IMPLEMENTED for URLs; CN_UNAUTHORIZED; CN_IO;
 * CN_LIMIT_EXCEEDED beyond a million files or 64 folders deep. */
CN_NODISCARD cn_code cni_path_expand(cni_arena *arena, cni_context *context, cni_str pattern,
                                     cni_list *inout_paths, cn_error *err);

/* Whether one name matches one pattern without '/'. Linear in the product of their lengths. */
bool cni_path_match(cni_str pattern, cni_str name);

#endif /* CNI_IO_PATH_LIST_H */
