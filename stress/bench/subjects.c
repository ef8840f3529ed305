/* SPDX-License-Identifier: MIT */
#include "subject.h"

#include <inttypes.h>
#include <stdio.h>

const struct bench_subject *const bench_subjects[] = {
    &subject_library,
    &subject_library_row_tag,
    &subject_floor,
    &subject_cds_lfht,
    &subject_cds_lfht_array,
    &subject_ck_ht,
    &subject_mutex_lru,
    &subject_rwlock,
#ifdef BENCH_HAS_ALL_PEERS
    &subject_tbb,
    &subject_libcuckoo,
    &subject_caffeine,
#endif
    NULL,
};

void
bench_subject_parameters(const struct bench_subject *subject,
                         uint32_t entry_count, char *text, size_t bytes)
{
    const char *variant = subject->variant;

    (void)snprintf(text, bytes, "%s%s%s\"entries\": %" PRIu32,
                   variant != NULL ? "\"variant\": \"" : "",
                   variant != NULL ? variant : "",
                   variant != NULL ? "\", " : "", entry_count);
}
