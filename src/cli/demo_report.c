/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/demo_report.h"

#define NUMBER_BYTES 32

/* What a time between two samples was like. */
struct rates {
    double seconds;
    double hits;
    double lookups;
    double loads;
    double commits;
    double hit_percent;
    double p50_ms;
    double p99_ms;
    double longest_ms;
};

static double
milliseconds(uint64_t nanoseconds)
{
    return (double)nanoseconds / 1e6;
}

static struct rates
rates_between(const struct pgcwi_demo_sample *from,
              const struct pgcwi_demo_sample *to)
{
    const struct pgcwi_demo_histogram *latency = &to->findings.latency;
    double seconds =
        (double)(to->at_ns - from->at_ns) / (double)PGCWI_DEMO_NS_PER_SECOND;
    double hits = (double)(to->hits - from->hits);
    double lookups = hits + (double)(to->misses - from->misses);
    if (seconds < 1e-6) {
        seconds = 1e-6; /* no rate is meant that short */
    }
    return (struct rates){
        .seconds = seconds,
        .hits = hits / seconds,
        .lookups = lookups / seconds,
        .loads = (double)(to->loads - from->loads) / seconds,
        .commits = (double)(to->findings.commits_acknowledged -
                            from->findings.commits_acknowledged) /
                   seconds,
        .hit_percent = lookups > 0 ? 100 * hits / lookups : 0,
        .p50_ms = milliseconds(pgcwi_demo_histogram_quantile(latency, 0.50)),
        .p99_ms = milliseconds(pgcwi_demo_histogram_quantile(latency, 0.99)),
        .longest_ms = milliseconds(latency->largest),
    };
}

/* Whole numbers with a comma before each three digits. */
static const char *
grouped(char text[NUMBER_BYTES], double value)
{
    char digits[NUMBER_BYTES];
    int length = snprintf(digits, sizeof(digits), "%.0f", value);
    size_t out = 0;
    for (int i = 0; i < length && out + 2 < NUMBER_BYTES; i++) {
        if (i > 0 && (length - i) % 3 == 0) {
            text[out++] = ',';
        }
        text[out++] = digits[i];
    }
    text[out] = '\0';
    return text;
}

static bool
is_set(const char *variable)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): nobody changes it here */
    const char *value = getenv(variable);
    return value != NULL && value[0] != '\0';
}

static bool
is_dumb_terminal(void)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): nobody changes it here */
    const char *kind = getenv("TERM");
    return kind == NULL || kind[0] == '\0' || strcmp(kind, "dumb") == 0;
}

void
pgcwi_demo_report_init(struct pgcwi_demo_report *report,
                       struct pgcwi_demo_run *run)
{
    memset(report, 0, sizeof(*report));
    report->run = run;
    report->is_terminal = isatty(STDOUT_FILENO) == 1 && !is_dumb_terminal();
    report->has_color = report->is_terminal && !is_set("NO_COLOR");
}

void
pgcwi_demo_report_fini(struct pgcwi_demo_report *report)
{
    if (report->is_cursor_hidden) {
        report->is_cursor_hidden = false;
        (void)fputs("\033[?25h", stdout);
    }
    (void)fflush(stdout);
}

void
pgcwi_demo_report_step(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    (void)putchar('\n');
    (void)fflush(stdout);
}

void
pgcwi_demo_report_progress(void *context, uint64_t done, uint64_t all)
{
    const struct pgcwi_demo_report *report = context;
    char rows[NUMBER_BYTES];
    if (report->is_terminal) {
        printf("\r\033[Kloading rows: %llu %%",
               (unsigned long long)(done * 100 / all));
    }
    if (done == all) {
        printf("%sloaded %s rows into %d tables of schema %s\n",
               report->is_terminal ? "\r\033[K" : "",
               grouped(rows, (double)all), PGCWI_DEMO_TABLES,
               report->run->schema);
    }
    (void)fflush(stdout);
}

void
pgcwi_demo_report_begin(struct pgcwi_demo_report *report)
{
    const struct pgcwi_demo_options *options = report->run->options;
    char pace[NUMBER_BYTES];
    pgcwi_demo_report_step(
        "%u readers, %u writers with %s writes/s each, for %u s; Ctrl-C ends "
        "it",
        options->readers, options->writers,
        options->writes_per_second == 0
            ? "unlimited"
            : grouped(pace, options->writes_per_second),
        options->seconds);
    pgcwi_demo_sample_take(report->run, &report->first);
    report->last = report->first;
    if (report->is_terminal) {
        (void)fputs("\n\033[?25l", stdout);
        report->is_cursor_hidden = true;
    }
}

int64_t
pgcwi_demo_report_interval_ns(const struct pgcwi_demo_report *report)
{
    return report->is_terminal ? PGCWI_DEMO_NS_PER_SECOND / 4
                               : PGCWI_DEMO_NS_PER_SECOND;
}

static void
print_line(const struct pgcwi_demo_sample *now, const struct rates *rates,
           double elapsed_s, bool is_audited)
{
    char hits[NUMBER_BYTES];
    char loads[NUMBER_BYTES];
    char commits[NUMBER_BYTES];
    printf("%5.0f s  hits/s %s  hit ratio %.2f %%  loads/s %s  commits/s %s  "
           "invalidated after p50 %.2f p99 %.2f ms  invalidations %llu  "
           "stale reads %llu%s%s\n",
           elapsed_s, grouped(hits, rates->hits), rates->hit_percent,
           grouped(loads, rates->loads), grouped(commits, rates->commits),
           rates->p50_ms, rates->p99_ms, (unsigned long long)now->invalidations,
           (unsigned long long)now->findings.stale_reads,
           now->state == PGCW_LISTENER_LIVE ? "" : "  listener ",
           now->state == PGCW_LISTENER_LIVE
               ? ""
               : pgcw_listener_state_text(now->state));
    if (is_audited) {
        printf("         audited %llu  missed %llu\n",
               (unsigned long long)now->audit.audited,
               (unsigned long long)now->audit.missed);
    }
}

static void draw(struct pgcwi_demo_report *report, const char *name,
                 const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A row of the terminal's table: a name, and a value that is formatted. */
static void
draw(struct pgcwi_demo_report *report, const char *name, const char *format,
     ...)
{
    va_list arguments;
    printf("\033[K  %-28s", name);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    (void)putchar('\n');
    report->drawn_lines++;
}

/* What should be 0. */
static void
draw_verdict(struct pgcwi_demo_report *report, const char *name, uint64_t count)
{
    const char *color = count == 0 ? "\033[32m" : "\033[1;31m";
    draw(report, name, "%s%12llu%s", report->has_color ? color : "",
         (unsigned long long)count, report->has_color ? "\033[0m" : "");
}

static void
draw_screen(struct pgcwi_demo_report *report,
            const struct pgcwi_demo_sample *now, const struct rates *rates,
            double elapsed_s, double remaining_s)
{
    char text[NUMBER_BYTES];
    if (report->drawn_lines > 0) {
        printf("\033[%uA", report->drawn_lines);
    }
    report->drawn_lines = 0;
    draw(report, "elapsed / remaining", "%8.0f s / %.0f s", elapsed_s,
         remaining_s);
    draw(report, "listener", "%12s", pgcw_listener_state_text(now->state));
    draw(report, "lookups/s", "%12s", grouped(text, rates->lookups));
    draw(report, "hits/s", "%12s", grouped(text, rates->hits));
    draw(report, "hit ratio", "%10.2f %%", rates->hit_percent);
    draw(report, "loads/s", "%12s", grouped(text, rates->loads));
    draw(report, "commits/s", "%12s", grouped(text, rates->commits));
    draw(report, "commit to invalidated, p50", "%9.2f ms", rates->p50_ms);
    draw(report, "commit to invalidated, p99", "%9.2f ms", rates->p99_ms);
    draw(report, "tables invalidated", "%12s",
         grouped(text, (double)now->invalidations));
    draw_verdict(report, "stale reads found", now->findings.stale_reads);
    if (report->run->options->is_audited) {
        draw(report, "hits audited", "%12s",
             grouped(text, (double)now->audit.audited));
        draw_verdict(report, "changes missed", now->audit.missed);
    }
}

void
pgcwi_demo_report_live(struct pgcwi_demo_report *report, int64_t remaining_ns)
{
    struct pgcwi_demo_sample now;
    pgcwi_demo_sample_take(report->run, &now);
    struct rates rates = rates_between(&report->last, &now);
    double elapsed_s = (double)(now.at_ns - report->first.at_ns) /
                       (double)PGCWI_DEMO_NS_PER_SECOND;
    double remaining_s = remaining_ns > 0 ? (double)remaining_ns /
                                                (double)PGCWI_DEMO_NS_PER_SECOND
                                          : 0;
    if (report->is_terminal) {
        draw_screen(report, &now, &rates, elapsed_s, remaining_s);
    } else {
        print_line(&now, &rates, elapsed_s, report->run->options->is_audited);
    }
    report->last = now;
    if (fflush(stdout) != 0) {
        /* `demo | head` has seen enough */
        pgcwi_demo_fail(report->run, "the output is closed");
    }
}

static double
percent(uint64_t part, uint64_t whole)
{
    return whole == 0 ? 0 : 100 * (double)part / (double)whole;
}

static void
print_figures(const struct pgcwi_demo_report *report, const struct rates *rates)
{
    const struct pgcwi_demo_sample *now = &report->last;
    char text[NUMBER_BYTES];
    const struct pgcwi_demo_findings *findings = &now->findings;
    printf("  lookups/s               %s\n", grouped(text, rates->lookups));
    printf("  hits/s                  %s\n", grouped(text, rates->hits));
    printf("  hit ratio               %.2f %%\n", rates->hit_percent);
    printf("  loads/s                 %s\n", grouped(text, rates->loads));
    printf("  commits/s               %s  (%llu commits)\n",
           grouped(text, rates->commits),
           (unsigned long long)findings->commits_acknowledged);
    printf("  commit to invalidated   p50 %.2f ms  p99 %.2f ms  "
           "longest %.2f ms\n",
           rates->p50_ms, rates->p99_ms, rates->longest_ms);
    printf("                          %.0f %% before the writer had the "
           "answer to its COMMIT\n",
           percent(findings->applied_before_answer, findings->latency.total));
    printf("  invalidations           %llu %s\n",
           (unsigned long long)now->invalidations,
           report->run->options->has_row_keys ? "of single rows"
                                              : "of a whole table's cache");
    printf("  gaps                    %llu, %llu caches flushed\n",
           (unsigned long long)now->listener.gaps,
           (unsigned long long)now->flushes);
}

static void
print_audit(const struct pgcw_auditor_stats *audit)
{
    printf("  audited                 %llu hits: %llu same, %llu raced, "
           "%llu late (at most %.2f ms), %llu missed, %llu undecided\n",
           (unsigned long long)audit->audited, (unsigned long long)audit->same,
           (unsigned long long)audit->raced, (unsigned long long)audit->late,
           milliseconds(audit->max_late_ns), (unsigned long long)audit->missed,
           (unsigned long long)audit->undecided);
}

static void
print_audit_json(const struct pgcw_auditor_stats *audit)
{
    printf("\"audited\":%llu,\"audit_same\":%llu,\"audit_raced\":%llu,"
           "\"audit_late\":%llu,\"audit_missed\":%llu,"
           "\"audit_undecided\":%llu,\"audit_max_late_ms\":%.4f,",
           (unsigned long long)audit->audited, (unsigned long long)audit->same,
           (unsigned long long)audit->raced, (unsigned long long)audit->late,
           (unsigned long long)audit->missed,
           (unsigned long long)audit->undecided,
           milliseconds(audit->max_late_ns));
}

static void
print_json(const struct pgcwi_demo_sample *now, const struct rates *rates,
           const struct pgcwi_demo_verdict *verdict, struct pgcwi_demo_run *run)
{
    const struct pgcwi_demo_findings *findings = &now->findings;
    printf("{\"seconds\":%.3f,\"lookups_per_s\":%.0f,\"hits_per_s\":%.0f,"
           "\"hit_ratio\":%.6f,\"loads_per_s\":%.1f,\"commits\":%llu,"
           "\"commits_per_s\":%.1f,",
           rates->seconds, rates->lookups, rates->hits,
           rates->hit_percent / 100, rates->loads,
           (unsigned long long)findings->commits_acknowledged, rates->commits);
    printf("\"latency_p50_ms\":%.4f,\"latency_p99_ms\":%.4f,"
           "\"latency_max_ms\":%.4f,\"applied_before_answer\":%.4f,"
           "\"invalidations\":%llu,\"flushes\":%llu,\"gaps\":%llu,",
           rates->p50_ms, rates->p99_ms, rates->longest_ms,
           percent(findings->applied_before_answer, findings->latency.total) /
               100,
           (unsigned long long)now->invalidations,
           (unsigned long long)now->flushes,
           (unsigned long long)now->listener.gaps);
    if (run->options->is_audited) {
        print_audit_json(&now->audit);
    }
    printf("\"commits_unheard\":%llu,\"compared_at_end\":%llu,"
           "\"stale_reads\":%llu,\"interrupted\":%s,\"failed\":%s}\n",
           (unsigned long long)findings->commits_unheard,
           (unsigned long long)verdict->compared_at_end,
           (unsigned long long)findings->stale_reads,
           verdict->is_interrupted ? "true" : "false",
           pgcwi_demo_has_failed(run) ? "true" : "false");
}

void
pgcwi_demo_report_summary(struct pgcwi_demo_report *report,
                          const struct pgcwi_demo_verdict *verdict)
{
    struct pgcwi_demo_run *run = report->run;
    const struct pgcwi_demo_sample *now = &report->last;
    struct rates rates = rates_between(&report->first, now);
    char text[NUMBER_BYTES];
    printf("\n%.1f s%s, %u readers, %u writers, %s rows, %s\n", rates.seconds,
           verdict->is_interrupted ? " until it was interrupted" : "",
           run->options->readers, run->options->writers,
           grouped(text, run->options->rows),
           run->is_database_removed ? "PostgreSQL on this machine (fsync off)"
                                    : "the database that was named");
    print_figures(report, &rates);
    printf("  compared at the end     %s cached values\n",
           grouped(text, (double)verdict->compared_at_end));
    if (run->options->is_audited) {
        print_audit(&now->audit);
    }
    printf("  stale reads found       %s\n",
           grouped(text, (double)now->findings.stale_reads));
    for (size_t i = 0; i < run->example_count; i++) {
        printf("    %s\n", run->examples[i]);
    }
    if (run->options->has_json) {
        print_json(now, &rates, verdict, run);
    }
    (void)fflush(stdout);
}
