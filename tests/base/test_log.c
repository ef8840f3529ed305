/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define SECOND_NS (INT64_C(1000) * PGCWI_NS_PER_MS)

enum { MOST_LINES = 16 };

struct lines {
    int count;
    enum pgcw_log_level levels[MOST_LINES];
    char texts[MOST_LINES][PGCWI_LOG_LINE_BYTES];
};

static void
keep_line(void *context, enum pgcw_log_level level, const char *line)
{
    struct lines *lines = context;

    if (lines->count < MOST_LINES) {
        lines->levels[lines->count] = level;
        memcpy(lines->texts[lines->count], line, strlen(line) + 1);
    }
    lines->count++;
}

static void
line_is_formatted_and_handed_over(void **state)
{
    struct lines lines = {0};
    struct pgcwi_log log;

    (void)state;
    pgcwi_log_init(&log, keep_line, &lines, PGCW_LOG_DEBUG);
    pgcwi_log_write(&log, PGCW_LOG_INFO, "%s is %d", "it", 7);
    assert_int_equal(lines.count, 1);
    assert_int_equal(lines.levels[0], PGCW_LOG_INFO);
    assert_string_equal(lines.texts[0], "it is 7");
    pgcwi_log_fini(&log);
    assert_int_equal(lines.count, 1);
}

static void
line_that_matters_less_is_not_made(void **state)
{
    static const int expected[] = {2, 1, 2, 3, 4};
    struct pgcwi_log log;

    (void)state;
    for (int level = 0; level <= 4; level++) {
        struct lines lines = {0};

        pgcwi_log_init(&log, keep_line, &lines, (enum pgcw_log_level)level);
        pgcwi_log_write(&log, PGCW_LOG_ERROR, "1");
        pgcwi_log_write(&log, PGCW_LOG_WARNING, "2");
        pgcwi_log_write(&log, PGCW_LOG_INFO, "3");
        pgcwi_log_write(&log, PGCW_LOG_DEBUG, "4");
        pgcwi_log_fini(&log);
        assert_int_equal(lines.count, expected[level]);
    }
}

static void
log_without_a_function_is_silent(void **state)
{
    struct pgcwi_log log;

    (void)state;
    pgcwi_log_init(&log, NULL, NULL, PGCW_LOG_DEBUG);
    pgcwi_log_write(&log, PGCW_LOG_ERROR, "nobody hears it");
    pgcwi_log_write(&log, PGCW_LOG_ERROR, "nobody hears it");
    pgcwi_log_fini(&log);
}

static void
repeated_line_is_counted_until_another_comes(void **state)
{
    struct lines lines = {0};
    struct pgcwi_log log;

    (void)state;
    pgcwi_log_init(&log, keep_line, &lines, 0);
    for (int i = 0; i < 4; i++) {
        pgcwi_log_write(&log, PGCW_LOG_ERROR, "down");
    }
    assert_int_equal(lines.count, 1);
    pgcwi_log_write(&log, PGCW_LOG_WARNING, "up");
    assert_int_equal(lines.count, 3);
    assert_string_equal(lines.texts[1], "the line before repeated 3 times");
    assert_int_equal(lines.levels[1], PGCW_LOG_ERROR);
    assert_string_equal(lines.texts[2], "up");
    assert_int_equal(lines.levels[2], PGCW_LOG_WARNING);
    pgcwi_log_fini(&log);
    assert_int_equal(lines.count, 3);
}

static void
same_text_of_another_level_is_another_line(void **state)
{
    struct lines lines = {0};
    struct pgcwi_log log;

    (void)state;
    pgcwi_log_init(&log, keep_line, &lines, 0);
    pgcwi_log_write(&log, PGCW_LOG_ERROR, "down");
    pgcwi_log_write(&log, PGCW_LOG_WARNING, "down");
    assert_int_equal(lines.count, 2);
    pgcwi_log_fini(&log);
}

static void
line_that_goes_on_comes_again_after_ten_seconds(void **state)
{
    struct lines lines = {0};
    struct pgcwi_log log;

    (void)state;
    pgcwi_log_init(&log, keep_line, &lines, 0);
    pgcwi_log_write(&log, PGCW_LOG_ERROR, "down");
    pgcwi_clock_advance_ns(6 * SECOND_NS);
    pgcwi_log_write(&log, PGCW_LOG_ERROR, "down");
    assert_int_equal(lines.count, 1);
    pgcwi_clock_advance_ns(5 * SECOND_NS);
    pgcwi_log_write(&log, PGCW_LOG_ERROR, "down");
    assert_int_equal(lines.count, 3);
    assert_string_equal(lines.texts[1], "the line before repeated 1 time");
    assert_string_equal(lines.texts[2], "down");
    pgcwi_log_fini(&log);
}

static void
count_that_is_due_is_written_at_the_end(void **state)
{
    struct lines lines = {0};
    struct pgcwi_log log;

    (void)state;
    pgcwi_log_init(&log, keep_line, &lines, 0);
    pgcwi_log_write(&log, PGCW_LOG_ERROR, "down");
    pgcwi_log_write(&log, PGCW_LOG_ERROR, "down");
    pgcwi_log_fini(&log);
    assert_int_equal(lines.count, 2);
    assert_string_equal(lines.texts[1], "the line before repeated 1 time");
}

static void
long_line_is_cut_and_breaks_become_spaces(void **state)
{
    struct lines lines = {0};
    struct pgcwi_log log;
    char text[2 * PGCWI_LOG_LINE_BYTES];

    (void)state;
    memset(text, 'a', sizeof text);
    text[1] = '\n';
    text[sizeof text - 1] = '\0';
    pgcwi_log_init(&log, keep_line, &lines, 0);
    pgcwi_log_write(&log, PGCW_LOG_ERROR, "%s", text);
    assert_int_equal(strlen(lines.texts[0]), PGCWI_LOG_LINE_BYTES - 1);
    assert_int_equal(lines.texts[0][1], ' ');
    pgcwi_log_fini(&log);
}

/* Plain variables: ThreadSanitizer sees it if two lines come at a time. */
struct exclusive {
    struct pgcwi_log log;
    int line_count;
    int running_count;
    int overlap_count;
};

static void
count_overlaps(void *context, enum pgcw_log_level level, const char *line)
{
    struct exclusive *exclusive = context;

    (void)level;
    (void)line;
    exclusive->overlap_count += exclusive->running_count != 0;
    exclusive->running_count++;
    exclusive->line_count++;
    exclusive->running_count--;
}

enum { LINES_PER_THREAD = 2000 };

static void *
write_lines(void *context)
{
    struct exclusive *exclusive = context;

    for (int i = 0; i < LINES_PER_THREAD; i++) {
        pgcwi_log_write(&exclusive->log, PGCW_LOG_ERROR, "%p %d", (void *)&i,
                        i);
    }
    return NULL;
}

static void
lines_of_several_threads_come_one_at_a_time(void **state)
{
    struct exclusive exclusive = {.line_count = 0};
    pthread_t threads[3];

    (void)state;
    pgcwi_log_init(&exclusive.log, count_overlaps, &exclusive, 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(
            pthread_create(&threads[i], NULL, write_lines, &exclusive), 0);
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    pgcwi_log_fini(&exclusive.log);
    assert_int_equal(exclusive.overlap_count, 0);
    assert_int_equal(exclusive.line_count, 3 * LINES_PER_THREAD);
}

static void
levels_have_names(void **state)
{
    (void)state;
    assert_string_equal(pgcw_log_level_text(PGCW_LOG_ERROR), "error");
    assert_string_equal(pgcw_log_level_text(PGCW_LOG_WARNING), "warning");
    assert_string_equal(pgcw_log_level_text(PGCW_LOG_INFO), "info");
    assert_string_equal(pgcw_log_level_text(PGCW_LOG_DEBUG), "debug");
    assert_string_equal(pgcw_log_level_text((enum pgcw_log_level)0), "unknown");
    assert_string_equal(pgcw_log_level_text((enum pgcw_log_level)5), "unknown");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_is_formatted_and_handed_over),
        cmocka_unit_test(line_that_matters_less_is_not_made),
        cmocka_unit_test(log_without_a_function_is_silent),
        cmocka_unit_test(repeated_line_is_counted_until_another_comes),
        cmocka_unit_test(same_text_of_another_level_is_another_line),
        cmocka_unit_test(line_that_goes_on_comes_again_after_ten_seconds),
        cmocka_unit_test(count_that_is_due_is_written_at_the_end),
        cmocka_unit_test(long_line_is_cut_and_breaks_become_spaces),
        cmocka_unit_test(lines_of_several_threads_come_one_at_a_time),
        cmocka_unit_test(levels_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
