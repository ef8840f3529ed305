/* SPDX-License-Identifier: MIT */
#include "cli/top_view.h"

#include <math.h>
#include <string.h>

#include "cli/top_number.h"
#include "cli/top_sections.h"

static bool
has_remark(const struct pgcwi_top_model *model)
{
    return model->refused_lines > 0 || model->left_out_series > 0;
}

static size_t
head_height(const struct pgcwi_top_view *view)
{
    size_t lines = view->failure != NULL ? 2 : 1;

    if (view->model != NULL) {
        size_t listener_count = view->model->listeners->count;

        lines += listener_count > 0 ? listener_count : 1;
        lines += has_remark(view->model) ? 2 : 1;
    }
    return lines;
}

/* What is not a section. */
static size_t
fixed_height(const struct pgcwi_top_view *view)
{
    return head_height(view) + (view->has_keys ? 1 : 0);
}

size_t
pgcwi_top_view_height(const struct pgcwi_top_view *view)
{
    return fixed_height(view) +
           (view->model != NULL ? pgcwi_top_sections_height(view->model) : 0);
}

static void
draw_first_line(const struct pgcwi_top_view *view, struct pgcwi_frame *frame)
{
    static const char name[] = "pgcachewatch top  ";
    size_t used = sizeof name - 1 + strlen(view->time) + 1;

    if (!pgcwi_frame_begin_line(frame)) {
        return;
    }
    pgcwi_frame_add(frame, PGCWI_STYLE_TITLE, "%s", name);
    if (frame->width > used) {
        pgcwi_frame_add_name(frame, PGCWI_STYLE_PLAIN, view->address,
                             frame->width - used);
        pgcwi_frame_add(frame, PGCWI_STYLE_FAINT, " %s", view->time);
    }
}

static void
draw_failure(const struct pgcwi_top_view *view, struct pgcwi_frame *frame)
{
    if (view->failure != NULL && pgcwi_frame_begin_line(frame)) {
        pgcwi_frame_add(frame, PGCWI_STYLE_BAD,
                        "no answer for %.0f s, trying again: %s",
                        floor(view->failure_seconds), view->failure);
    }
}

static enum pgcwi_style
style_of_state(const char *state)
{
    if (strcmp(state, "live") == 0) {
        return PGCWI_STYLE_GOOD;
    }
    return strcmp(state, "down") == 0 || strcmp(state, "off") == 0
               ? PGCWI_STYLE_BAD
               : PGCWI_STYLE_WARNING;
}

static void
draw_listener(const struct pgcwi_series *listener, struct pgcwi_frame *frame)
{
    const double *values = listener->values;
    double gaps = values[PGCWI_LISTENER_GAPS];
    char text[PGCWI_TOP_NUMBER_BYTES];

    if (!pgcwi_frame_begin_line(frame)) {
        return;
    }
    pgcwi_frame_add(frame, PGCWI_STYLE_FAINT, "listener ");
    pgcwi_frame_add_name(frame, style_of_state(listener->state),
                         listener->state[0] == '\0' ? "?" : listener->state,
                         10);
    pgcwi_frame_add(frame, PGCWI_STYLE_FAINT, " horizon");
    pgcwi_frame_add(frame, PGCWI_STYLE_PLAIN, " %-8s",
                    pgcwi_top_time(text, values[PGCWI_LISTENER_HORIZON_AGE]));
    pgcwi_frame_add(frame, PGCWI_STYLE_FAINT, " round trip");
    pgcwi_frame_add(frame, PGCWI_STYLE_PLAIN, " %-8s",
                    pgcwi_top_time(text, values[PGCWI_LISTENER_ROUND_TRIP]));
    pgcwi_frame_add(frame, PGCWI_STYLE_FAINT, " gaps");
    pgcwi_frame_add(frame, gaps > 0 ? PGCWI_STYLE_WARNING : PGCWI_STYLE_PLAIN,
                    " %-4s ", pgcwi_top_count(text, gaps));
    pgcwi_frame_add_name(frame, PGCWI_STYLE_PLAIN, listener->name,
                         frame->width);
}

static void
draw_heard(const struct pgcwi_top_model *model, struct pgcwi_frame *frame)
{
    char messages[PGCWI_TOP_NUMBER_BYTES];
    char events[PGCWI_TOP_NUMBER_BYTES];
    char time[PGCWI_TOP_NUMBER_BYTES];

    if (!pgcwi_frame_begin_line(frame)) {
        return;
    }
    pgcwi_frame_add(frame, PGCWI_STYLE_FAINT, "heard    ");
    pgcwi_frame_add(
        frame, PGCWI_STYLE_PLAIN, "%s messages/s, %s events/s, in the last %s",
        pgcwi_top_count(messages, model->messages_per_second),
        pgcwi_top_count(events, model->events_per_second),
        pgcwi_top_time(time, model->seconds > 0 ? model->seconds : NAN));
}

static void
draw_remark(const struct pgcwi_top_model *model, struct pgcwi_frame *frame)
{
    if (has_remark(model) && pgcwi_frame_begin_line(frame)) {
        pgcwi_frame_add(frame, PGCWI_STYLE_WARNING,
                        "not shown: %zu lines not understood, "
                        "%zu series too many or too long",
                        model->refused_lines, model->left_out_series);
    }
}

static void
draw_head(const struct pgcwi_top_view *view, struct pgcwi_frame *frame)
{
    const struct pgcwi_top_model *model = view->model;

    draw_first_line(view, frame);
    draw_failure(view, frame);
    if (model == NULL) {
        return;
    }
    for (size_t i = 0; i < model->listeners->count; i++) {
        draw_listener(&model->listeners->items[i], frame);
    }
    if (model->listeners->count == 0 && pgcwi_frame_begin_line(frame)) {
        pgcwi_frame_add(frame, PGCWI_STYLE_BAD, "no listener");
    }
    draw_heard(model, frame);
    draw_remark(model, frame);
}

void
pgcwi_top_view_draw(const struct pgcwi_top_view *view,
                    struct pgcwi_frame *frame)
{
    size_t fixed = fixed_height(view);

    pgcwi_frame_clear(frame);
    draw_head(view, frame);
    if (view->model != NULL) {
        pgcwi_top_sections_draw(view->model, frame,
                                frame->height > fixed ? frame->height - fixed
                                                      : 0);
    }
    if (view->has_keys) {
        while (frame->line_count + 1 < frame->height) {
            (void)pgcwi_frame_begin_line(frame);
        }
        if (pgcwi_frame_begin_line(frame)) {
            pgcwi_frame_add(frame, PGCWI_STYLE_FAINT, "q quits");
        }
    }
}
