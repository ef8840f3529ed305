// SPDX-License-Identifier: MIT
// What the models of memory orders share. A model is a small program: without
// a word it searches executions of the algorithm as it is; with the name of a
// mutant, of the algorithm that lacks one protection. Its result is 0 if no
// execution was wrong, 1 if one was, and 2 if there is no such mutant.
#ifndef ORDERS_HPP
#define ORDERS_HPP

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>

#include <relacy/relacy.hpp>

// While it runs an execution Relacy takes memory from a pool, which it gives
// back to the system after an error: with --wrap=free it is kept instead.
extern "C" void
__wrap_free(void *)
{
}

static const char *chosen_mutant = "";
static bool is_mutant_known = true;

// Whether this program is the mutant of that name.
static inline bool
is_mutant(const char *name)
{
    bool is_chosen = std::strcmp(chosen_mutant, name) == 0;
    is_mutant_known = is_mutant_known || is_chosen;
    return is_chosen;
}

// The order that the code names, or none at all.
static inline rl::memory_order
order(rl::memory_order named, const char *mutant)
{
    return is_mutant(mutant) ? rl::mo_relaxed : named;
}

// main(WORD, COUNT): COUNT executions, chosen at random but always the same.
template <class Model>
int
check(int argc, char **argv)
{
    rl::test_params params;

    chosen_mutant = argc > 1 ? argv[1] : "";
    is_mutant_known = chosen_mutant[0] == '\0';
    params.iteration_count = argc > 2 ? std::strtoul(argv[2], NULL, 10) : 100000;
    params.output_stream = &std::cout;
    params.progress_stream = &std::cout;
    bool holds = rl::simulate<Model>(params);
    if (!is_mutant_known) {
        std::printf("no such mutant: %s\n", chosen_mutant);
        return 2;
    }
    std::printf("%s after %lu executions\n", holds ? "holds" : "fails",
                (unsigned long)params.stop_iteration);
    return holds ? 0 : 1;
}

#endif
