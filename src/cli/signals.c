/* SPDX-License-Identifier: MIT */
#include "cli/signals.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

int
pgcwi_signals_open(int another)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigset_t awaited;
    int fd;

    sigemptyset(&awaited);
    sigaddset(&awaited, SIGINT);
    sigaddset(&awaited, SIGTERM);
    sigaddset(&awaited, SIGHUP);
    if (another != 0) {
        sigaddset(&awaited, another);
    }
    (void)pthread_sigmask(SIG_BLOCK, &awaited, NULL);
    (void)sigaction(SIGPIPE, &ignore, NULL);
    fd = signalfd(-1, &awaited, SFD_CLOEXEC);
    if (fd < 0) {
        perror("pgcachewatch: signalfd");
    }
    return fd;
}

int
pgcwi_signals_read(int fd)
{
    struct signalfd_siginfo info;

    if (read(fd, &info, sizeof info) != (ssize_t)sizeof info) {
        return 0;
    }
    return (int)info.ssi_signo;
}
