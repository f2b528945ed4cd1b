// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "language/grade.h"
#include "language/grading_model.h"

enum { FORMAT = 1, MAX_MODEL_BYTES = 1 << 16 };

static const double MAX_WEIGHT = 100;
static int find_feature(const char *name)
{
	for (int i = 0; i < VIVA_GRADE_FEATURES; i++) {
		if (strcmp(viva_grade_feature_name((enum viva_grade_feature)i), name) == 0)
			return i;
	}
	return -1;
}

static int read_weights(json_t *json, struct viva_grade_model *model, struct viva_error *error)
{
	const char *name = NULL;
	json_t *value = NULL;
	json_object_foreach(json, name, value)
	{
		int feature = find_feature(name);
		if (feature < 0)
			return viva_fail(error, VIVA_EFIELD, "weights", "there is no feature %.40s", name);
		int code = viva_json_get_double(json, name, true, -MAX_WEIGHT, MAX_WEIGHT, &model->weights[feature],
						error);
		if (code != 0)
			return code;
	}
	return 0;
}

static int read_examples(const json_t *json, struct viva_grade_model *model, struct viva_error *error)
{
	const struct {
		const char *name;
		double min;
		double *value;
	} members[] = {{"common", 0, &model->common},
		       {"nearness", 0, &model->nearness},
		       {"reach", 1e-3, &model->reach},
		       {"slope", 0, &model->slope},
		       {"noise", 1e-3, &model->noise}};
	for (size_t i = 0; i < VIVA_COUNT(members); i++) {
		int code =
			viva_json_get_double(json, members[i].name, true, members[i].min, 10, members[i].value, error);
		if (code != 0)
			return code;
	}
	return 0;
}

int viva_grade_model_parse(struct viva_bytes text, struct viva_grade_model *ret_model, struct viva_error *error)
{
	VIVA_AUTO_JSON json = NULL;
	json_t *weights = NULL;
	json_t *examples = NULL;
	struct viva_grade_model model = {0};
	int64_t format = 0;
	int code = viva_json_parse_object(text, MAX_MODEL_BYTES, &json, error);
	if (code == 0)
		code = viva_json_get_int(json, "format", true, FORMAT, FORMAT, &format, error);
	if (code == 0)
		code = viva_json_get_double(json, "bias", true, -MAX_WEIGHT, MAX_WEIGHT, &model.bias, error);
	if (code == 0)
		code = viva_json_get_object(json, "weights", true, &weights, error);
	if (code == 0)
		code = viva_json_get_object(json, "examples", true, &examples, error);
	if (code == 0)
		code = read_weights(weights, &model, error);
	if (code == 0)
		code = read_examples(examples, &model, error);
	if (code == 0)
		*ret_model = model;
	return code;
}

int viva_grade_model_shipped(struct viva_grade_model *ret_model, struct viva_error *error)
{
	return viva_grade_model_parse(viva_grading_model(), ret_model, error);
}

static double clamp(double value)
{
	return value < 0 ? 0 : value > 1 ? 1 : value;
}

static double estimate(const struct viva_grade_model *model, const struct viva_grade_features *features)
{
	double points = model->bias;
	for (size_t i = 0; i < VIVA_GRADE_FEATURES; i++)
		points += model->weights[i] * features->values[i];
	return clamp(points);
}

double viva_grade_points(const struct viva_grade_model *model, const struct viva_grade_features *features)
{
	return features->declines ? 0 : estimate(model, features);
}

double viva_grade_untrained(const struct viva_grade_features *features)
{
	const double *values = features->values;
	double mean =
		(values[VIVA_GRADE_COSINE] + values[VIVA_GRADE_MEANING_RECALL] + values[VIVA_GRADE_WINDOW_RECALL]) / 3;
	return features->declines ? 0 : clamp(mean);
}

// How much the errors of two estimates go together.
static double covariance(const struct viva_grade_model *model, const struct viva_grade_features *a, double a_points,
			 const struct viva_grade_features *b, double b_points)
{
	double distance = 1 - viva_embedding_cosine(&a->answer, &b->answer);
	return model->common * model->common + model->nearness * model->nearness * exp(-distance / model->reach) +
	       model->slope * model->slope * (a_points - .5) * (b_points - .5);
}

// Solves A x = b for a symmetric positive definite A of count × count, by Cholesky's decomposition in place.
static void solve(double *a, double *x, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k <= i; k++) {
			double sum = a[i * count + k];
			for (size_t j = 0; j < k; j++)
				sum -= a[i * count + j] * a[k * count + j];
			a[i * count + k] = i == k ? sqrt(fmax(sum, 1e-12)) : sum / a[k * count + k];
		}
		for (size_t k = 0; k < i; k++)
			x[i] -= a[i * count + k] * x[k];
		x[i] /= a[i * count + i];
	}
	for (size_t i = count; i-- > 0;) {
		for (size_t k = i + 1; k < count; k++)
			x[i] -= a[k * count + i] * x[k];
		x[i] /= a[i * count + i];
	}
}

double viva_grade_points_adapted(const struct viva_grade_model *model, const struct viva_grade_features *features,
				 const struct viva_grade_example *examples, size_t count)
{
	double matrix[VIVA_GRADE_MAX_EXAMPLES * VIVA_GRADE_MAX_EXAMPLES];
	double errors[VIVA_GRADE_MAX_EXAMPLES];
	double estimates[VIVA_GRADE_MAX_EXAMPLES];
	count = VIVA_MIN(count, (size_t)VIVA_GRADE_MAX_EXAMPLES);
	for (size_t i = 0; i < count; i++) {
		estimates[i] = estimate(model, &examples[i].features);
		errors[i] = examples[i].points - estimates[i];
	}
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < count; k++)
			matrix[i * count + k] = covariance(model, &examples[i].features, estimates[i],
							   &examples[k].features, estimates[k]);
		matrix[i * count + i] += model->noise * model->noise;
	}
	solve(matrix, errors, count);
	double own = estimate(model, features);
	double points = own;
	for (size_t i = 0; i < count; i++)
		points += errors[i] * covariance(model, features, own, &examples[i].features, estimates[i]);
	return features->declines ? 0 : clamp(points);
}
