// SPDX-License-Identifier: Apache-2.0
#include "rpc/rpc_core.h"

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/slice.h>
#include <grpc/support/log.h>
#include <grpc/support/time.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

// google.rpc.Code in the spelling that Prometheus dashboards for gRPC use.
static const char *const status_names[RPC_STATUS_COUNT] = {
	"OK",       "Canceled",        "Unknown",          "InvalidArgument",   "DeadlineExceeded",
	"NotFound", "AlreadyExists",   "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
	"Aborted",  "OutOfRange",      "Unimplemented",    "Internal",          "Unavailable",
	"DataLoss", "Unauthenticated",
};

// Strangers can make the core complain, so that its complaints must not fill the log.
static bool may_complain(void)
{
	enum { LINES_PER_WINDOW = 10, WINDOW_US = 10000000 };
	static atomic_llong window;
	static atomic_int lines;

	long long now = rpc_now_us() / WINDOW_US;
	if (atomic_exchange(&window, now) != now)
		atomic_store(&lines, 0);
	return atomic_fetch_add(&lines, 1) < LINES_PER_WINDOW;
}

static void pass_to_log(gpr_log_func_args *line)
{
	if (line->severity == GPR_LOG_SEVERITY_ERROR && may_complain())
		viva_log_warn("grpc: %s", line->message);
	else
		viva_log_debug("grpc: %s", line->message);
}

static void set_log(void)
{
	gpr_set_log_function(pass_to_log);
}

void rpc_core_ref(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, set_log);
	grpc_init();
}

void rpc_core_unref(void)
{
	grpc_shutdown_blocking();
}

void *rpc_poll(void *completion_queue)
{
	pthread_setname_np(pthread_self(), "grpc");
	for (;;) {
		grpc_event event =
			grpc_completion_queue_next(completion_queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
		if (event.type == GRPC_QUEUE_SHUTDOWN)
			return NULL;
		TSAN_ACQUIRE(event.tag);
		struct rpc_tag *tag = event.tag;
		tag->on_event(tag, event.success != 0);
	}
}

void rpc_tag_is_handed_over(struct rpc_tag *tag)
{
	TSAN_RELEASE(tag);
}

bool rpc_start_batch(grpc_call *call, const grpc_op *ops, size_t count, struct rpc_tag *tag)
{
	TSAN_RELEASE(tag);
	return grpc_call_start_batch(call, ops, count, tag, NULL) == GRPC_CALL_OK;
}

int64_t rpc_now_us(void)
{
	return viva_clock_monotonic_us(viva_system_clock());
}

int64_t rpc_us_of_timespec(gpr_timespec time)
{
	if (gpr_time_cmp(time, gpr_inf_future(time.clock_type)) == 0)
		return INT64_MAX;
	gpr_timespec left = gpr_time_sub(time, gpr_now(time.clock_type));
	// Beyond a century either way there is no difference to anyone, and no overflow.
	int64_t seconds = VIVA_MAX(VIVA_MIN(left.tv_sec, INT64_C(3155760000)), INT64_C(-3155760000));
	return rpc_now_us() + seconds * 1000000 + left.tv_nsec / 1000;
}

gpr_timespec rpc_timespec_of_us(int64_t time_us)
{
	if (time_us == INT64_MAX)
		return gpr_inf_future(GPR_CLOCK_MONOTONIC);
	return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_micros(time_us - rpc_now_us(), GPR_TIMESPAN));
}

grpc_byte_buffer *rpc_pack(const ProtobufCMessage *message)
{
	grpc_slice slice = grpc_slice_malloc(protobuf_c_message_get_packed_size(message));
	protobuf_c_message_pack(message, GRPC_SLICE_START_PTR(slice));
	grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);
	grpc_slice_unref(slice);
	return buffer;
}

struct viva_bytes rpc_flatten(grpc_byte_buffer *buffer, grpc_slice *ret_slice)
{
	*ret_slice = grpc_empty_slice();
	grpc_byte_buffer_reader reader;
	if (!buffer || !grpc_byte_buffer_reader_init(&reader, buffer))
		return (struct viva_bytes){0};

	grpc_slice *only = NULL;
	if (buffer->data.raw.slice_buffer.count == 1 && grpc_byte_buffer_reader_peek(&reader, &only))
		*ret_slice = grpc_slice_ref(*only);
	else
		*ret_slice = grpc_byte_buffer_reader_readall(&reader);
	grpc_byte_buffer_reader_destroy(&reader);
	return rpc_slice_bytes(ret_slice);
}

void rpc_metrics_init(struct rpc_method_metrics *metrics, const char *side, const char *method)
{
	memset(metrics, 0, sizeof *metrics);
	metrics->side = side;
	metrics->method = method;
	char labels[32];
	snprintf(labels, sizeof labels, "side=\"%s\"", side);
	metrics->in_flight = viva_gauge("viva_rpc_in_flight", labels, "gRPC calls in progress.");
}

static struct viva_metric *calls_metric(struct rpc_method_metrics *metrics, size_t status)
{
	struct viva_metric *metric = atomic_load(&metrics->calls[status]);
	if (metric)
		return metric;
	// Two threads may come here at once: they get the same metric.
	char labels[256];
	snprintf(labels, sizeof labels, "side=\"%s\",method=\"%s\",code=\"%s\"", metrics->side, metrics->method,
		 status_names[status]);
	metric = viva_counter("viva_rpc_calls_total", labels, "gRPC calls ended, by method and status.");
	atomic_store(&metrics->calls[status], metric);
	return metric;
}

static struct viva_metric *seconds_metric(struct rpc_method_metrics *metrics)
{
	struct viva_metric *metric = atomic_load(&metrics->seconds);
	if (metric)
		return metric;
	char labels[256];
	snprintf(labels, sizeof labels, "side=\"%s\",method=\"%s\"", metrics->side, metrics->method);
	metric = viva_histogram("viva_rpc_call_seconds", labels, "Duration of gRPC calls.");
	atomic_store(&metrics->seconds, metric);
	return metric;
}

void rpc_metrics_begin(struct rpc_method_metrics *metrics)
{
	viva_metric_add(metrics->in_flight, 1);
}

void rpc_metrics_end(struct rpc_method_metrics *metrics, int grpc_status, int64_t duration_us)
{
	viva_metric_add(metrics->in_flight, -1);
	size_t status = grpc_status >= 0 && grpc_status < RPC_STATUS_COUNT ? (size_t)grpc_status : GRPC_STATUS_UNKNOWN;
	viva_metric_add(calls_metric(metrics, status), 1);
	viva_metric_observe(seconds_metric(metrics), (double)duration_us / 1e6);
}
