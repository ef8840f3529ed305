/* SPDX-License-Identifier: MIT */
/* Marks on public functions. */
#ifndef PGCACHEWATCH_EXPORT_H
#define PGCACHEWATCH_EXPORT_H

#if defined(__GNUC__) || defined(__clang__)
#define PGCW_API __attribute__((visibility("default")))
/** The result says whether the call worked: the compiler warns if dropped. */
#define PGCW_MUST_CHECK __attribute__((warn_unused_result))
#else
#define PGCW_API
#define PGCW_MUST_CHECK
#endif

#ifdef __cplusplus
#define PGCW_BEGIN_DECLS extern "C" {
#define PGCW_END_DECLS }
#else
#define PGCW_BEGIN_DECLS
#define PGCW_END_DECLS
#endif

#endif
