/* SPDX-License-Identifier: MIT */
/* What Prometheus is told of a listener. */
#ifndef PGCWI_METRICS_LISTENER_METRICS_H
#define PGCWI_METRICS_LISTENER_METRICS_H

#include <pgcachewatch/listener.h>

#include "metrics/exposition.h"

void pgcwi_listener_metrics_write(struct pgcwi_exposition *out,
                                  const struct pgcw_listener *listener);

#endif
