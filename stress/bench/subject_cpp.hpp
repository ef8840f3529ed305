/* SPDX-License-Identifier: MIT */
/* What the peers in C++ share: the same hash as all the others. */
#ifndef STRESS_BENCH_SUBJECT_CPP_HPP
#define STRESS_BENCH_SUBJECT_CPP_HPP

#include <array>
#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "subject.h"

using bench_value = std::array<unsigned char, BENCH_VALUE_BYTES>;

struct key_hash {
    size_t operator()(const bench_key &key) const
    {
        return XXH3_64bits_withSeed(key.bytes, sizeof(key.bytes), 42);
    }
};

struct key_equal {
    bool operator()(const bench_key &left, const bench_key &right) const
    {
        return std::memcmp(left.bytes, right.bytes, sizeof(left.bytes)) == 0;
    }
};

#endif
