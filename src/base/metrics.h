// SPDX-License-Identifier: Apache-2.0
//
// Counters, gauges and histograms in Prometheus' text format 0.0.4.
//
// Threads: any; updates are atomic and never block. Metrics are registered at start and live as long as the process.
#ifndef VIVA_BASE_METRICS_H
#define VIVA_BASE_METRICS_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/macros.h"

struct viva_metric;

// Finds or makes the metric `name` (viva_…) with fixed labels, e.g. "method=\"GET\",code=\"200\"" or "" for none.
// `help` is borrowed for ever. Never NULL: when the registry (4096 series) is full, an uncounted metric is given.
struct viva_metric *viva_counter(const char *name, const char *labels, const char *help);
struct viva_metric *viva_gauge(const char *name, const char *labels, const char *help);
// Histogram of seconds with buckets from 0.5 ms to 10 s.
struct viva_metric *viva_histogram(const char *name, const char *labels, const char *help);

void viva_metric_add(struct viva_metric *metric, double amount);  // counter (≥ 0) or gauge
void viva_metric_set(struct viva_metric *metric, double value);   // gauge
void viva_metric_observe(struct viva_metric *metric, double seconds);

// Appends all series, and process_… (CPU seconds, resident bytes, open fds, start time). VIVA_ELIMIT, VIVA_ENOMEM.
VIVA_MUST_CHECK int viva_metrics_write(struct viva_buffer *out);

#endif
