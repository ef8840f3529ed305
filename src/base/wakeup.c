/* SPDX-License-Identifier: MIT */
/* Wakes a thread that sleeps in poll(): an eventfd. */
#include "base/wakeup.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum pgcw_status
pgcwi_wakeup_open(struct pgcwi_wakeup *wakeup)
{
    wakeup->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return wakeup->fd < 0 ? PGCW_SYSTEM_ERROR : PGCW_OK;
}

void
pgcwi_wakeup_close(struct pgcwi_wakeup *wakeup)
{
    if (wakeup->fd >= 0) {
        (void)close(wakeup->fd);
        wakeup->fd = -1;
    }
}

/*
 * Neither call can fail in a way that matters: EAGAIN means that a signal is
 * pending already, or none is; with EFD_NONBLOCK there is no EINTR. Both are
 * system calls on the same counter, which order memory.
 */
void
pgcwi_wakeup_signal(struct pgcwi_wakeup *wakeup)
{
    const uint64_t one = 1;
    int saved_errno = errno;
    ssize_t written = write(wakeup->fd, &one, sizeof one);

    (void)written;
    errno = saved_errno;
}

void
pgcwi_wakeup_drain(struct pgcwi_wakeup *wakeup)
{
    uint64_t signal_count;
    int saved_errno = errno;
    ssize_t taken = read(wakeup->fd, &signal_count, sizeof signal_count);

    (void)taken;
    errno = saved_errno;
}
