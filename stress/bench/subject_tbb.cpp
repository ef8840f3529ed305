/* SPDX-License-Identifier: MIT */
/*
 * oneTBB's concurrent_hash_map with its own allocator: key and value are in
 * the map's node, and an accessor holds the node's lock while the value is
 * looked at. It has no eviction.
 */
#include <oneapi/tbb/concurrent_hash_map.h>

#include "subject_cpp.hpp"

namespace
{

struct compare {
    static size_t hash(const bench_key &key)
    {
        return key_hash{}(key);
    }

    static bool equal(const bench_key &left, const bench_key &right)
    {
        return key_equal{}(left, right);
    }
};

using map = tbb::concurrent_hash_map<bench_key, bench_value, compare>;
map *table;

bool
open_map(const bench_key *keys, uint32_t key_count)
{
    table = new map(key_count);
    for (uint32_t i = 0; i < key_count; i++) {
        table->insert({keys[i], bench_value{1}});
    }
    return true;
}

void
close_map()
{
    delete table;
    table = nullptr;
}

inline unsigned
hit(const bench_key *key)
{
    map::const_accessor found;

    return table->find(found, *key) ? found->second[0] : 0u;
}

size_t
look_up(const bench_key *keys, size_t count, bool is_dependent)
{
    return bench_look_up(hit, keys, count, is_dependent);
}

} // namespace

extern const bench_subject subject_tbb = {
    "oneTBB",
    nullptr,
    "concurrent_hash_map with a bucket for each entry and its own allocator, "
    "no eviction",
    open_map,
    close_map,
    nullptr,
    nullptr,
    look_up,
    nullptr,
};
