/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* unshare(), setns() */
#include "torture_network.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

bool
torture_network_enter(void)
{
    int before = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    bool is_there = before >= 0 && unshare(CLONE_NEWNET) == 0;
    bool is_up = is_there && torture_network_set_up(true);

    if (is_there && !is_up) {
        (void)setns(before, CLONE_NEWNET);
    }
    if (before >= 0) {
        close(before);
    }
    return is_up;
}

bool
torture_network_set_up(bool is_up)
{
    struct ifreq request = {.ifr_flags = (short)(is_up ? IFF_UP : 0)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return false;
    }
    memcpy(request.ifr_name, "lo", sizeof("lo"));
    bool is_done = ioctl(fd, SIOCSIFFLAGS, &request) == 0;
    close(fd);
    return is_done;
}
