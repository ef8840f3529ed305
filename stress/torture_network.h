/* SPDX-License-Identifier: MIT */
/* A loopback of our own, which can fail. */
#ifndef STRESS_TORTURE_NETWORK_H
#define STRESS_TORTURE_NETWORK_H

#include <stdbool.h>

/* Before there are threads. False: the system does not allow it. */
bool torture_network_enter(void);
/* What is sent while it is down comes when TCP sends it again. */
bool torture_network_set_up(bool is_up);

#endif
