/* SPDX-License-Identifier: MIT */
#include "cli/top_sections.h"

#include <math.h>
#include <string.h>

#include "cli/top_number.h"

#define NUMBER_COLUMNS 10
#define NAME_COLUMNS 18 /* at least; what is left over is the name's */
#define BOUND_COLUMNS 12

enum section { SECTION_CACHES, SECTION_TABLES, SECTION_LATENCY, SECTION_COUNT };

/* Each has an empty line and a title. */
#define FIXED_LINES ((size_t)6)

/* --- how much of what --- */

/* Empty ones at both ends are not worth a line. */
struct bucket_range {
    size_t first;
    size_t end; /* behind the last */
};

static double
bucket_count(const struct pgcwi_buckets *buckets, size_t place)
{
    double below = place == 0 ? 0 : buckets->items[place - 1].count;

    return place < buckets->count ? buckets->items[place].count - below : 0;
}

static struct bucket_range
range_of(const struct pgcwi_buckets *buckets)
{
    struct bucket_range range = {0, buckets->count};

    while (range.end > 0 && bucket_count(buckets, range.end - 1) <= 0) {
        range.end--;
    }
    while (range.first < range.end && bucket_count(buckets, range.first) <= 0) {
        range.first++;
    }
    return range;
}

/* One line says that there is nothing; a sum stands above several. */
static void
rows_wanted(const struct pgcwi_top_model *model, size_t wanted[SECTION_COUNT])
{
    struct bucket_range range = range_of(&model->latency);
    size_t bucket_rows = range.end - range.first;

    wanted[SECTION_CACHES] =
        model->cache_count > 1 ? model->cache_count + 1 : 1;
    wanted[SECTION_TABLES] = model->table_count > 0 ? model->table_count : 1;
    wanted[SECTION_LATENCY] = bucket_rows > 0 ? bucket_rows : 1;
}

/* A row for each in turn, as long as there are any and one is wanted. */
static void
share_rows(size_t rows, const size_t wanted[SECTION_COUNT],
           size_t given[SECTION_COUNT])
{
    size_t satisfied = 0; /* one after the other */

    memset(given, 0, SECTION_COUNT * sizeof given[0]);
    for (size_t i = 0; rows > 0 && satisfied < SECTION_COUNT;
         i = (i + 1) % SECTION_COUNT) {
        if (given[i] == wanted[i]) {
            satisfied++;
            continue;
        }
        satisfied = 0;
        given[i]++;
        rows--;
    }
}

size_t
pgcwi_top_sections_height(const struct pgcwi_top_model *model)
{
    size_t wanted[SECTION_COUNT];
    size_t lines = FIXED_LINES;

    rows_wanted(model, wanted);
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        lines += wanted[i];
    }
    return lines;
}

/* --- the sections --- */

/* A title, and how many of how many follow. False: there is no room. */
static bool
begin_section(struct pgcwi_frame *frame, const char *title, size_t shown,
              size_t all)
{
    (void)pgcwi_frame_begin_line(frame); /* an empty one */
    if (!pgcwi_frame_begin_line(frame)) {
        return false;
    }
    pgcwi_frame_add(frame, PGCWI_STYLE_TITLE, "%s", title);
    if (shown < all) {
        pgcwi_frame_add(frame, PGCWI_STYLE_FAINT, " (%zu of %zu)", shown, all);
    }
    return true;
}

static void
draw_nothing(struct pgcwi_frame *frame, const char *text)
{
    if (pgcwi_frame_begin_line(frame)) {
        pgcwi_frame_add(frame, PGCWI_STYLE_FAINT, "%s", text);
    }
}

/* So many columns of numbers fit beside the name. */
static size_t
numbers_that_fit(const struct pgcwi_frame *frame, size_t count)
{
    while (count > 0 && NAME_COLUMNS + count * NUMBER_COLUMNS > frame->width) {
        count--;
    }
    return count;
}

static size_t
name_columns(const struct pgcwi_frame *frame, size_t number_count)
{
    return frame->width - number_count * NUMBER_COLUMNS;
}

#define CACHE_NUMBERS 8

/* The most wanted first: the others are for wider terminals. */
static const char *const cache_titles[CACHE_NUMBERS] = {
    "HITS/S",  "MISSES/S", "LOADS/S", "HIT %",
    "ENTRIES", "BYTES",    "INVAL/S", "HIT % ALL"};

static void
draw_cache(const struct pgcwi_top_cache *cache, bool is_sum,
           struct pgcwi_frame *frame)
{
    char texts[CACHE_NUMBERS][PGCWI_TOP_NUMBER_BYTES];
    size_t number_count = numbers_that_fit(frame, CACHE_NUMBERS);
    const char *name = cache->name[0] == '\0' ? "(no name)" : cache->name;

    if (!pgcwi_frame_begin_line(frame)) {
        return;
    }
    (void)pgcwi_top_count(texts[0], cache->hits_per_second);
    (void)pgcwi_top_count(texts[1], cache->misses_per_second);
    (void)pgcwi_top_count(texts[2], cache->loads_per_second);
    (void)pgcwi_top_percent(texts[3], cache->hit_ratio);
    (void)pgcwi_top_count(texts[4], cache->entries);
    (void)pgcwi_top_bytes(texts[5], cache->bytes);
    (void)pgcwi_top_count(texts[6], cache->invalidations_per_second);
    (void)pgcwi_top_percent(texts[7], cache->hit_ratio_total);
    pgcwi_frame_add_name(frame, is_sum ? PGCWI_STYLE_FAINT : PGCWI_STYLE_PLAIN,
                         is_sum ? "all" : name,
                         name_columns(frame, number_count));
    for (size_t i = 0; i < number_count; i++) {
        pgcwi_frame_add(frame, PGCWI_STYLE_PLAIN, "%*s", NUMBER_COLUMNS,
                        texts[i]);
    }
}

static void
draw_titles(struct pgcwi_frame *frame, const char *const *titles, size_t count)
{
    count = numbers_that_fit(frame, count);
    pgcwi_frame_move_to(frame, name_columns(frame, count));
    for (size_t i = 0; i < count; i++) {
        pgcwi_frame_add(frame, PGCWI_STYLE_TITLE, "%*s", NUMBER_COLUMNS,
                        titles[i]);
    }
}

static void
draw_caches(const struct pgcwi_top_model *model, struct pgcwi_frame *frame,
            size_t rows)
{
    bool has_sum = model->cache_count > 1;
    size_t shown = has_sum && rows > 0 ? rows - 1 : rows;

    if (!begin_section(frame, "CACHE", shown, model->cache_count)) {
        return;
    }
    draw_titles(frame, cache_titles, CACHE_NUMBERS);
    if (model->cache_count == 0 && rows > 0) {
        draw_nothing(frame, "no cache");
        return;
    }
    if (has_sum && rows > 0) {
        draw_cache(&model->all_caches, true, frame);
    }
    for (size_t i = 0; i < shown; i++) {
        draw_cache(&model->caches[i], false, frame);
    }
}

static void
draw_table(const struct pgcwi_top_table *table, struct pgcwi_frame *frame)
{
    size_t number_count = numbers_that_fit(frame, 2);
    char text[PGCWI_TOP_NUMBER_BYTES];

    if (!pgcwi_frame_begin_line(frame)) {
        return;
    }
    pgcwi_frame_add_name(frame, PGCWI_STYLE_PLAIN, table->name,
                         name_columns(frame, number_count));
    if (number_count > 0) {
        pgcwi_frame_add(frame, PGCWI_STYLE_PLAIN, "%*s", NUMBER_COLUMNS,
                        pgcwi_top_count(text, table->events_per_second));
    }
    if (number_count > 1) {
        pgcwi_frame_add(frame, PGCWI_STYLE_PLAIN, "%*s", NUMBER_COLUMNS,
                        pgcwi_top_count(text, table->events));
    }
}

static void
draw_tables(const struct pgcwi_top_model *model, struct pgcwi_frame *frame,
            size_t rows)
{
    static const char *const titles[] = {"EVENTS/S", "EVENTS"};

    if (!begin_section(frame, "TABLE", rows, model->table_count)) {
        return;
    }
    draw_titles(frame, titles, 2);
    if (model->table_count == 0 && rows > 0) {
        draw_nothing(frame, "no event yet");
        return;
    }
    for (size_t i = 0; i < rows; i++) {
        draw_table(&model->tables[i], frame);
    }
}

/* --- the histogram --- */

/* Half of what is beside the bounds, for a number and a bar. */
static size_t
half_columns(const struct pgcwi_frame *frame)
{
    return frame->width > BOUND_COLUMNS ? (frame->width - BOUND_COLUMNS) / 2
                                        : 0;
}

static void
draw_quantiles(struct pgcwi_frame *frame, const struct pgcwi_buckets *buckets,
               const char *when)
{
    char p50[PGCWI_TOP_NUMBER_BYTES];
    char p99[PGCWI_TOP_NUMBER_BYTES];

    pgcwi_frame_add(frame, PGCWI_STYLE_TITLE, "  %s ", when);
    pgcwi_frame_add(frame, PGCWI_STYLE_PLAIN, "p50 %s p99 %s",
                    pgcwi_top_time(p50, pgcwi_buckets_quantile(buckets, 0.5)),
                    pgcwi_top_time(p99, pgcwi_buckets_quantile(buckets, 0.99)));
}

/* What lies in the range `from` to `place`. */
static double
count_between(const struct pgcwi_buckets *buckets, size_t from, size_t place)
{
    double count = 0;

    for (size_t i = from; i <= place; i++) {
        count += bucket_count(buckets, i);
    }
    return count;
}

static void
draw_half(struct pgcwi_frame *frame, const struct pgcwi_buckets *buckets,
          double count)
{
    size_t columns = half_columns(frame);
    double total = pgcwi_buckets_total(buckets);
    char text[PGCWI_TOP_NUMBER_BYTES];

    if (columns <= NUMBER_COLUMNS) {
        return;
    }
    pgcwi_frame_add(frame, PGCWI_STYLE_PLAIN, "%*s ", NUMBER_COLUMNS - 1,
                    pgcwi_top_count(text, count));
    pgcwi_frame_add_bar(frame, total > 0 ? count / total : 0,
                        columns - NUMBER_COLUMNS);
}

static void
draw_bucket(const struct pgcwi_top_model *model, struct pgcwi_frame *frame,
            size_t from, size_t place)
{
    double bound = model->latency.items[place].bound;
    char text[PGCWI_TOP_NUMBER_BYTES];

    if (!pgcwi_frame_begin_line(frame)) {
        return;
    }
    if (isinf(bound)) {
        pgcwi_frame_add(frame, PGCWI_STYLE_FAINT, "longer");
    } else {
        pgcwi_frame_add(frame, PGCWI_STYLE_FAINT, "<= %s",
                        pgcwi_top_time(text, bound));
    }
    pgcwi_frame_move_to(frame, BOUND_COLUMNS);
    draw_half(frame, &model->latency_now,
              count_between(&model->latency_now, from, place));
    pgcwi_frame_move_to(frame, BOUND_COLUMNS + half_columns(frame));
    draw_half(frame, &model->latency,
              count_between(&model->latency, from, place));
}

/* With too few rows each shows some buckets that lie beside each other. */
static void
draw_latency(const struct pgcwi_top_model *model, struct pgcwi_frame *frame,
             size_t rows)
{
    struct bucket_range range = range_of(&model->latency);
    size_t count = range.end - range.first;

    if (!begin_section(frame, "LATENCY", 0, 0)) {
        return;
    }
    pgcwi_frame_move_to(frame, BOUND_COLUMNS);
    draw_quantiles(frame, &model->latency_now, "now");
    pgcwi_frame_move_to(frame, BOUND_COLUMNS + half_columns(frame));
    draw_quantiles(frame, &model->latency, "all");
    if (count == 0 && rows > 0) {
        draw_nothing(frame, "no event yet");
        return;
    }
    for (size_t i = 0; i < rows; i++) {
        draw_bucket(model, frame, range.first + i * count / rows,
                    range.first + (i + 1) * count / rows - 1);
    }
}

void
pgcwi_top_sections_draw(const struct pgcwi_top_model *model,
                        struct pgcwi_frame *frame, size_t lines)
{
    size_t wanted[SECTION_COUNT];
    size_t given[SECTION_COUNT];

    rows_wanted(model, wanted);
    share_rows(lines > FIXED_LINES ? lines - FIXED_LINES : 0, wanted, given);
    draw_caches(model, frame, given[SECTION_CACHES]);
    draw_tables(model, frame, given[SECTION_TABLES]);
    draw_latency(model, frame, given[SECTION_LATENCY]);
}
