// SPDX-License-Identifier: MIT
// Prints the library's version; fails if it is not that of the headers, or if
// what C++ does otherwise does not work: options without the initialiser, a
// callback that is a lambda, objects that are owned.
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include <pgcachewatch/pgcachewatch.h>

struct close_listener {
    void operator()(pgcw_listener *listener) const
    {
        pgcw_listener_close(listener);
    }
};

// What must fail without a server, and does, with a reason.
static bool refuses_to_open()
{
    unsigned state_count = 0;
    pgcw_error error;
    pgcw_listener *opened = nullptr;
    pgcw_listener_options options{};
    options.size = sizeof(options);
    options.dsn = "host=/nowhere connect_timeout=2";
    options.on_state_context = &state_count;
    options.on_state = [](void *context, pgcw_listener_state, const char *) {
        ++*static_cast<unsigned *>(context);
    };
    pgcw_status status = pgcw_listener_open(&options, &opened, &error);
    std::unique_ptr<pgcw_listener, close_listener> listener(opened);
    return status != PGCW_OK && !listener && error.status == status &&
           std::string(error.detail).find("/nowhere") != std::string::npos;
}

int main()
{
    std::puts(pgcw_version());
    return std::strcmp(pgcw_version(), PGCW_VERSION) == 0 && refuses_to_open()
               ? 0
               : 1;
}
