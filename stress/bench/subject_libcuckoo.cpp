/* SPDX-License-Identifier: MIT */
/*
 * libcuckoo: keys and values are in the buckets themselves, and the value is
 * looked at in find_fn(), under the locks of the key's two buckets. It has
 * no eviction.
 */
#include <libcuckoo/cuckoohash_map.hh>

#include "subject_cpp.hpp"

namespace
{

using map =
    libcuckoo::cuckoohash_map<bench_key, bench_value, key_hash, key_equal>;
map *table;

bool
open_map(const bench_key *keys, uint32_t key_count)
{
    table = new map(key_count);
    for (uint32_t i = 0; i < key_count; i++) {
        table->insert(keys[i], bench_value{1});
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
    unsigned found = 0;

    table->find_fn(*key,
                   [&found](const bench_value &value) { found = value[0]; });
    return found;
}

size_t
look_up(const bench_key *keys, size_t count, bool is_dependent)
{
    return bench_look_up(hit, keys, count, is_dependent);
}

} // namespace

extern const bench_subject subject_libcuckoo = {
    "libcuckoo",
    nullptr,
    "cuckoohash_map made for so many entries, value looked at in find_fn(), "
    "no eviction",
    open_map,
    close_map,
    nullptr,
    nullptr,
    look_up,
    nullptr,
};
