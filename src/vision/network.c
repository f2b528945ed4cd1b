// SPDX-License-Identifier: Apache-2.0
#include "vision/network.h"

#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>

static int openvino_failure(struct viva_error *error, const char *what, const char *subject)
{
	const char *reason = ov_get_last_err_msg();
	int length = reason ? (int)strcspn(reason, "\n") : 0;
	return viva_fail(error, VIVA_EMODEL, NULL, "OpenVINO can't %s %s: %.*s", what, subject, length,
			 reason ? reason : "");
}

static int compile(struct viva_network *network, ov_core_t *core, const char *directory, const char *file,
		   struct viva_error *error)
{
	char path[PATH_MAX];
	if (snprintf(path, sizeof path, "%s/%s", directory, file) >= (int)sizeof path)
		return viva_fail(error, VIVA_EMODEL, "model-dir", "the model folder's path is too long");
	ov_model_t *model = NULL;
	if (ov_core_read_model(core, path, NULL, &model) != OK)
		return openvino_failure(error, "read", file);
	// Ten strings. bfloat16 would move the eyes' ratios, and pinning would put every process on the first core.
	ov_status_e status = ov_core_compile_model(
		core, model, "CPU", 10, &network->compiled, "INFERENCE_PRECISION_HINT", "f32", "INFERENCE_NUM_THREADS",
		"1", "NUM_STREAMS", "1", "PERFORMANCE_HINT", "LATENCY", "ENABLE_CPU_PINNING", "NO");
	ov_model_free(model);
	malloc_trim(0);  // compiling leaves megabytes behind, free but not given back
	return status == OK ? 0 : openvino_failure(error, "compile", file);
}

static int map_tensor(ov_tensor_t *tensor, size_t *ret_size, void **ret_data)
{
	ov_element_type_e type = DYNAMIC;
	if (ov_tensor_get_element_type(tensor, &type) != OK || type != F32)
		return VIVA_EMODEL;
	return ov_tensor_get_size(tensor, ret_size) == OK && ov_tensor_data(tensor, ret_data) == OK ? 0 : VIVA_EMODEL;
}

// Outputs are told apart by their sizes, so that their order in the file does not matter.
static int map_output(struct viva_network *network, size_t index, const struct viva_network_shape *shape)
{
	ov_tensor_t *tensor = NULL;
	if (ov_infer_request_get_output_tensor_by_index(network->request, index, &tensor) != OK)
		return VIVA_EMODEL;
	void *data = NULL;
	size_t size = 0;
	int code = map_tensor(tensor, &size, &data);
	for (size_t i = 0; code == 0 && i < VIVA_NETWORK_MAX_OUTPUTS && shape->outputs[i] != 0; i++) {
		if (shape->outputs[i] == size && !network->output_tensors[i]) {
			network->outputs[i] = data;
			network->output_tensors[i] = tensor;
			return 0;
		}
	}
	ov_tensor_free(tensor);
	return VIVA_EMODEL;
}

static int map_tensors(struct viva_network *network, const struct viva_network_shape *shape)
{
	void *data = NULL;
	size_t size = 0;
	if (ov_infer_request_get_input_tensor(network->request, &network->input_tensor) != OK ||
	    map_tensor(network->input_tensor, &size, &data) != 0 || size != shape->input)
		return VIVA_EMODEL;
	network->input = data;
	memset(network->input, 0, size * sizeof *network->input);
	if (ov_infer_request_infer(network->request) != OK)
		return VIVA_EMODEL;
	for (size_t i = 0; i < VIVA_NETWORK_MAX_OUTPUTS && shape->outputs[i] != 0; i++) {
		int code = map_output(network, i, shape);
		if (code != 0)
			return code;
	}
	return 0;
}

int viva_network_init(struct viva_network *network, ov_core_t *core, const char *directory,
		      const struct viva_network_shape *shape, struct viva_error *error)
{
	int code = compile(network, core, directory, shape->file, error);
	if (code == 0 && ov_compiled_model_create_infer_request(network->compiled, &network->request) != OK)
		code = openvino_failure(error, "prepare", shape->file);
	if (code == 0 && map_tensors(network, shape) != 0)
		code = viva_fail(error, VIVA_EMODEL, "model-dir", "%s has unexpected inputs or outputs: run ./dev deps",
				 shape->file);
	if (code != 0)
		viva_network_finish(network);
	return code;
}

void viva_network_finish(struct viva_network *network)
{
	for (size_t i = 0; i < VIVA_NETWORK_MAX_OUTPUTS; i++) {
		if (network->output_tensors[i])
			ov_tensor_free(network->output_tensors[i]);
	}
	if (network->input_tensor)
		ov_tensor_free(network->input_tensor);
	if (network->request)
		ov_infer_request_free(network->request);
	if (network->compiled)
		ov_compiled_model_free(network->compiled);
	*network = (struct viva_network){0};
}

int viva_network_run(struct viva_network *network, struct viva_error *error)
{
	if (ov_infer_request_infer(network->request) != OK)
		return openvino_failure(error, "run", "a network");
	return 0;
}
