/* SPDX-License-Identifier: MIT */
/* A metrics page: whatever it has, `top` shows what is in its bounds. */
#include <math.h>
#include <stdlib.h>

#include "cli/frame.h"
#include "cli/metrics.h"
#include "cli/top_model.h"
#include "cli/top_view.h"
#include "fuzz/fuzz.h"

static void
check_list(const struct pgcwi_series_list *list)
{
    FUZZ_CHECK(list->count <= list->capacity);
    for (size_t i = 0; i < list->count; i++) {
        const struct pgcwi_series *series = &list->items[i];

        FUZZ_CHECK(memchr(series->name, 0, sizeof series->name) != NULL);
        FUZZ_CHECK(memchr(series->state, 0, sizeof series->state) != NULL);
        for (size_t j = 0; j < PGCWI_SERIES_VALUES; j++) {
            FUZZ_CHECK(isnan(series->values[j]) || series->values[j] >= 0);
        }
    }
}

static void
check_latency(const struct pgcwi_buckets *buckets)
{
    FUZZ_CHECK(buckets->count <= PGCWI_BUCKETS);
    for (size_t i = 1; i < buckets->count; i++) {
        FUZZ_CHECK(buckets->items[i - 1].bound < buckets->items[i].bound);
        FUZZ_CHECK(buckets->items[i - 1].count <= buckets->items[i].count);
    }
}

static void
draw(const struct pgcwi_top_model *model)
{
    const struct pgcwi_top_view view = {
        .address = "a", .time = "t", .model = model};
    struct pgcwi_frame *frame = pgcwi_frame_create(80, 24);

    FUZZ_CHECK(frame != NULL);
    pgcwi_top_view_draw(&view, frame);
    for (size_t i = 0; i < frame->line_count; i++) {
        const struct pgcwi_frame_line *line = &frame->lines[i];

        FUZZ_CHECK(line->columns <= 80);
        for (size_t j = 0; j < line->bytes; j++) {
            FUZZ_CHECK((unsigned char)line->text[j] >= ' ');
        }
    }
    pgcwi_frame_destroy(frame);
}

/* The first half is the reading before the second. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pgcwi_metrics *before = pgcwi_metrics_create();
    struct pgcwi_metrics *now = pgcwi_metrics_create();
    struct pgcwi_top_model *model = calloc(1, sizeof *model);
    char *copy = malloc(size + 1);

    FUZZ_CHECK(before != NULL && now != NULL && model != NULL && copy != NULL);
    memcpy(copy, data, size);
    pgcwi_metrics_read(before, copy, size / 2);
    pgcwi_metrics_read(now, copy + size / 2, size - size / 2);
    check_list(&now->listeners);
    check_list(&now->caches);
    check_list(&now->tables);
    check_latency(&now->latency);
    pgcwi_top_model_fill(model, before, now, 1);
    check_latency(&model->latency_now);
    FUZZ_CHECK(!(model->events_per_second < 0));
    FUZZ_CHECK(!(model->all_caches.hits_per_second < 0));
    draw(model);
    pgcwi_metrics_destroy(before);
    pgcwi_metrics_destroy(now);
    free(model);
    free(copy);
    return 0;
}
