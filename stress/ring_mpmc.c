/* SPDX-License-Identifier: MIT */
/*
 * queue/ring: each item comes out exactly once, whole, and each consumer
 * sees the items of a producer in the order in which they went in.
 *
 * An item is plain memory: what ThreadSanitizer sees of the edge from push
 * to pop is what the ring gives. It is poisoned before it is freed, so an
 * item that comes out twice is noticed.
 */
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "queue/ring.h"
#include "support.h"

#define WHOLE UINT64_C(0x5107a5d1eedb01d5)
#define POISON UINT64_C(0xdeaddeaddeaddead)

enum { RING_CAPACITY = 64, MOST_PRODUCERS = 128 };

struct item {
    uint64_t whole;
    uint64_t number; /* 1, 2, 3 … of its producer */
    uint64_t check;
    unsigned int producer;
};

/* The sums differ, but for a chance, unless the items are the same. */
struct tally {
    uint64_t count;
    uint64_t sum;
    uint64_t sum_of_squares;
};

struct test {
    struct stress stress;
    struct pgcwi_ring *ring;
    unsigned int producer_count;
    _Atomic unsigned int running_producers;
};

struct worker {
    struct test *test;
    unsigned int index; /* producers first */
    uint64_t full_count;
    struct stress_random random;
    struct tally tallies[MOST_PRODUCERS];
    uint64_t last_numbers[MOST_PRODUCERS];
};

static void
tally_add(struct tally *tally, uint64_t number)
{
    tally->count++;
    tally->sum += number;
    tally->sum_of_squares += number * number;
}

static struct item *
make_item(struct worker *worker, uint64_t number)
{
    struct item *item = malloc(sizeof *item);

    if (item == NULL) {
        stress_give_up(&worker->test->stress, "memory is short");
    }
    item->whole = WHOLE;
    item->number = number;
    item->producer = worker->index;
    item->check = number * 31 + worker->index;
    return item;
}

static void
push_until_taken(struct worker *worker, struct item *item)
{
    const struct item before = *item;

    while (!pgcwi_ring_push(worker->test->ring, item)) {
        worker->full_count++;
        if (item->whole != WHOLE || item->number != before.number) {
            stress_fail(&worker->test->stress, "a refused item was changed");
        }
        sched_yield();
    }
}

static void
produce(struct worker *worker)
{
    struct test *test = worker->test;

    for (uint64_t number = 1; !stress_is_over(&test->stress); number++) {
        push_until_taken(worker, make_item(worker, number));
        tally_add(&worker->tallies[worker->index], number);
        stress_random_delay(&worker->random, 50);
    }
    /* Release: the consumer that reads 0 then finds the last items. */
    atomic_fetch_sub_explicit(&test->running_producers, 1,
                              memory_order_release);
}

static void
consume_item(struct worker *worker, struct item *item)
{
    struct stress *stress = &worker->test->stress;
    unsigned int producer = item->producer;

    if (item->whole != WHOLE ||
        item->check != item->number * 31 + item->producer ||
        producer >= worker->test->producer_count) {
        stress_fail(stress, "item %p is broken, or came out twice",
                    (void *)item);
        return;
    }
    if (item->number <= worker->last_numbers[producer]) {
        stress_fail(stress, "number %" PRIu64 " of %u after %" PRIu64,
                    item->number, producer, worker->last_numbers[producer]);
    }
    worker->last_numbers[producer] = item->number;
    tally_add(&worker->tallies[producer], item->number);
    item->whole = POISON;
    item->check = POISON;
    free(item);
}

static void
consume(struct worker *worker)
{
    struct test *test = worker->test;

    for (;;) {
        /* Acquire: before the last look at the ring. */
        bool is_last_look = atomic_load_explicit(&test->running_producers,
                                                 memory_order_acquire) == 0;
        struct item *item = pgcwi_ring_pop(test->ring);

        if (item != NULL) {
            consume_item(worker, item);
            stress_random_delay(&worker->random, 50);
        } else if (is_last_look) {
            return;
        } else {
            sched_yield();
        }
    }
}

static void *
work(void *context)
{
    struct worker *worker = context;

    if (worker->index < worker->test->producer_count) {
        produce(worker);
    } else {
        consume(worker);
    }
    return NULL;
}

static uint64_t
compare_tallies(struct test *test, const struct worker *workers)
{
    uint64_t item_count = 0;

    for (unsigned int i = 0; i < test->producer_count; i++) {
        const struct tally *pushed = &workers[i].tallies[i];
        struct tally popped = {0, 0, 0};

        for (unsigned int j = test->producer_count;
             j < test->stress.thread_count; j++) {
            popped.count += workers[j].tallies[i].count;
            popped.sum += workers[j].tallies[i].sum;
            popped.sum_of_squares += workers[j].tallies[i].sum_of_squares;
        }
        if (memcmp(pushed, &popped, sizeof popped) != 0) {
            stress_fail(&test->stress,
                        "producer %u: %" PRIu64 " in, %" PRIu64
                        " out, or not the same",
                        i, pushed->count, popped.count);
        }
        item_count += pushed->count;
    }
    return item_count;
}

int
main(int argc, char **argv)
{
    struct test test = {.stress = {.thread_count = 4, .seconds = 5}};
    struct worker *workers;
    uint64_t full_count = 0;
    uint64_t item_count;

    stress_start(&test.stress, "ring_mpmc", argc, argv);
    if (test.stress.thread_count < 2) {
        test.stress.thread_count = 2;
    }
    test.producer_count = test.stress.thread_count / 2;
    atomic_init(&test.running_producers, test.producer_count);
    test.ring = pgcwi_ring_create(RING_CAPACITY);
    workers = calloc(test.stress.thread_count, sizeof *workers);
    if (test.ring == NULL || workers == NULL) {
        stress_give_up(&test.stress, "memory is short");
    }
    for (unsigned int i = 0; i < test.stress.thread_count; i++) {
        workers[i].test = &test;
        workers[i].index = i;
        workers[i].random = stress_random_of(&test.stress, i);
    }
    stress_run_threads(&test.stress, work, workers, sizeof *workers);
    item_count = compare_tallies(&test, workers);
    for (unsigned int i = 0; i < test.producer_count; i++) {
        full_count += workers[i].full_count;
    }
    free(workers);
    pgcwi_ring_destroy(test.ring);
    return stress_finish(&test.stress,
                         "%" PRIu64 " items, ring full %" PRIu64 " times",
                         item_count, full_count);
}
