/* SPDX-License-Identifier: Apache-2.0
 *
 * What library code must not call. The build includes this header first in every source file of
 * src/ (cmake/rooms.cmake), so that a use is a compile error in both compilers, also as a function
 * pointer. base/alloc.c alone is compiled with CNI_ALLOW_HEAP.
 *
 * Names stand in parentheses because libc has macros of some of them.
 *
 *   heap       goes through the allocator that was passed: base/alloc.h
 *   unbounded  strcpy and friends: use cni_strbuf, cni_arena_printf, snprintf
 *   printing   the library is silent; whoever has something to say has a cn_error
 *   ending     a library does not end its host, install signal handlers or jump out of frames
 *   hidden     functions with a hidden buffer, hidden state or silent overflow
 */
#ifndef CNI_BASE_BANNED_H
#define CNI_BASE_BANNED_H

#ifndef __cplusplus
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CNI_BANNED __attribute__((unavailable("banned in the library; see base/banned.h")))

#ifdef __clang__
/* It takes no attribute after an inline definition, which libc has for a few; gcc sees those. */
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wignored-attributes"
#endif

#ifndef CNI_ALLOW_HEAP
CNI_BANNED extern void *(malloc)(size_t n_bytes);
CNI_BANNED extern void *(calloc)(size_t n_items, size_t item_bytes);
CNI_BANNED extern void *(realloc)(void *block, size_t n_bytes);
CNI_BANNED extern void(free)(void *block);
CNI_BANNED extern void *(aligned_alloc)(size_t align, size_t n_bytes);
CNI_BANNED extern int(posix_memalign)(void **out_block, size_t align, size_t n_bytes);
#endif
CNI_BANNED extern char *(strdup)(const char *text);
CNI_BANNED extern char *(strndup)(const char *text, size_t n_bytes);
CNI_BANNED extern int(asprintf)(char **out_text, const char *format, ...);
CNI_BANNED extern int(vasprintf)(char **out_text, const char *format, va_list arguments);

CNI_BANNED extern char *(strcpy)(char *to, const char *from);
CNI_BANNED extern char *(strcat)(char *to, const char *from);
CNI_BANNED extern char *(strncpy)(char *to, const char *from, size_t n_bytes);
CNI_BANNED extern char *(strncat)(char *to, const char *from, size_t n_bytes);
CNI_BANNED extern char *(stpcpy)(char *to, const char *from);
CNI_BANNED extern int(sprintf)(char *to, const char *format, ...);
CNI_BANNED extern int(vsprintf)(char *to, const char *format, va_list arguments);

CNI_BANNED extern int(printf)(const char *format, ...);
CNI_BANNED extern int(vprintf)(const char *format, va_list arguments);
CNI_BANNED extern int(fprintf)(FILE *stream, const char *format, ...);
CNI_BANNED extern int(vfprintf)(FILE *stream, const char *format, va_list arguments);
CNI_BANNED extern int(puts)(const char *text);
CNI_BANNED extern int(fputs)(const char *text, FILE *stream);
CNI_BANNED extern void(perror)(const char *text);

CNI_BANNED extern void(abort)(void);
CNI_BANNED extern void(exit)(int status);
CNI_BANNED extern void(_Exit)(int status);
CNI_BANNED extern void(longjmp)(jmp_buf environment, int value);
CNI_BANNED extern int(system)(const char *command);
CNI_BANNED extern int(sigaction)(int number, const struct sigaction *action, struct sigaction *old);

CNI_BANNED extern char *(strtok)(char *text, const char *separators);
CNI_BANNED extern char *(strerror)(int number);
CNI_BANNED extern int(atoi)(const char *text);
CNI_BANNED extern long(atol)(const char *text);
CNI_BANNED extern long long(atoll)(const char *text);
CNI_BANNED extern double(atof)(const char *text);
CNI_BANNED extern int(rand)(void);
CNI_BANNED extern void(srand)(unsigned seed);
CNI_BANNED extern int(setenv)(const char *name, const char *value, int overwrite);
CNI_BANNED extern struct tm *(gmtime)(const time_t *seconds);
CNI_BANNED extern struct tm *(localtime)(const time_t *seconds);
CNI_BANNED extern char *(ctime)(const time_t *seconds);
CNI_BANNED extern char *(asctime)(const struct tm *calendar);

#ifdef __clang__
#pragma clang diagnostic pop
#endif
#endif

#endif /* CNI_BASE_BANNED_H */
