// SPDX-License-Identifier: Apache-2.0
//
// Times the analysis of frames, one core, without any service around it:
//   viva-bench-vision MODEL_DIR FRAME_DIR [ROUNDS [FPS]]
// Frames are taken in the order of their names, as one film; each round is a new session. With --list as a fifth
// argument a line per frame of the first round tells what was seen.
//   viva-bench-vision MODEL_DIR FRAME_DIR --serve FPS
// goes through the film once for each line on stdin, as one session without end, and answers with a line of JSON:
// {"ms": of each frame, "cpu_ms": of the processor, all frames together, "faces": frames with one, "rss_mb": now}.
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "vision/vision.h"

enum { MAX_FRAMES = 100000, MAX_FRAME_BYTES = 16 << 20 };

struct film {
	struct viva_bytes *frames;
	char **names;
	size_t count;
};

struct times {
	double *totals;
	size_t count;
	struct viva_vision_timing sum;
	size_t detections, expressions, faces;
};

static void stop(const char *what, const char *subject)
{
	fprintf(stderr, "viva-bench-vision: %s: %s\n", subject, what);
	exit(1);
}

static void *allocate(size_t size)
{
	void *memory = malloc(size);
	if (!memory)
		stop("out of memory", "frames");
	return memory;
}

static struct viva_bytes read_frame(const char *directory, const char *name)
{
	char path[4096];
	if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path)
		stop("path too long", name);
	FILE *file = fopen(path, "rbe");
	if (!file)
		stop("can't be opened", path);
	uint8_t *data = allocate(MAX_FRAME_BYTES);
	size_t size = fread(data, 1, MAX_FRAME_BYTES, file);
	fclose(file);
	uint8_t *fitted = realloc(data, size > 0 ? size : 1);
	return viva_bytes_of(fitted ? fitted : data, size);
}

static int is_picture(const struct dirent *entry)
{
	const char *ending = strrchr(entry->d_name, '.');
	return ending && (strcmp(ending, ".jpg") == 0 || strcmp(ending, ".png") == 0);
}

static struct film read_film(const char *directory)
{
	struct dirent **entries = NULL;
	int count = scandir(directory, &entries, is_picture, alphasort);
	if (count <= 0 || count > MAX_FRAMES)
		stop("holds no .jpg or .png, or too many", directory);
	struct film film = {.frames = allocate((size_t)count * sizeof *film.frames),
			    .names = allocate((size_t)count * sizeof *film.names)};
	for (int i = 0; i < count; i++) {
		film.frames[film.count] = read_frame(directory, entries[i]->d_name);
		film.names[film.count++] = strdup(entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return film;
}

static void free_film(struct film *film)
{
	for (size_t i = 0; i < film->count; i++) {
		free((void *)(uintptr_t)film->frames[i].data);
		free(film->names[i]);
	}
	free(film->frames);
	free(film->names);
}

static void tell(const char *name, const struct viva_vision_result *result, const struct viva_tracker *tracker)
{
	struct viva_blink_summary blinks = viva_tracker_blinks(tracker);
	printf("%s detected=%d confidence=%.3f faces=%d box=%d,%d,%d,%d yaw=%.1f pitch=%.1f roll=%.1f attention=%.2f "
	       "eyes=%.3f state=%d blinks=%d emotion=%s:%.2f hint=%s",
	       name, result->is_detected, (double)result->confidence, result->face_count, result->box.x, result->box.y,
	       result->box.width, result->box.height, (double)result->pose.yaw, (double)result->pose.pitch,
	       (double)result->pose.roll, (double)result->attention, (double)result->eye_ratio, tracker->eyes.state,
	       blinks.count, result->is_detected ? viva_emotion_name(result->emotion) : "-",
	       (double)result->emotion_confidence, viva_vision_hint_name(result->hint));
	for (int i = 0; i < VIVA_LANDMARK_COUNT && result->is_detected; i++)
		printf(" %s=%d,%d", viva_landmark_name((enum viva_landmark_type)i), result->landmarks[i].x,
		       result->landmarks[i].y);
	for (int i = 0; i < VIVA_EXPRESSION_COUNT && result->is_detected; i++)
		printf(" p_%s=%.3f", viva_emotion_name((enum viva_emotion)i), (double)result->expressions[i]);
	printf("\n");
}

static void add_times(struct times *times, const struct viva_vision_result *result)
{
	times->totals[times->count++] = result->timing.total;
	times->sum.decode += result->timing.decode;
	times->sum.detect += result->timing.detect;
	times->sum.landmarks += result->timing.landmarks;
	times->sum.expression += result->timing.expression;
	times->sum.total += result->timing.total;
	times->detections += result->timing.detect > 0;
	times->expressions += result->timing.expression > 0;
	times->faces += result->is_detected;
}

static int by_time(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void report(struct times *times)
{
	if (times->count == 0)
		stop("no frame was analysed", "film");
	qsort(times->totals, times->count, sizeof *times->totals, by_time);
	double count = (double)times->count;
	printf("%zu frames, %zu with a face, %zu detections, %zu expressions\n", times->count, times->faces,
	       times->detections, times->expressions);
	printf("ms/frame: p50 %.2f, p99 %.2f, mean %.2f; %.0f frames/s/core\n", times->totals[times->count / 2] * 1000,
	       times->totals[times->count * 99 / 100] * 1000, times->sum.total / count * 1000,
	       count / times->sum.total);
	printf("mean ms: decode %.2f, detect %.2f, landmarks %.2f, expression %.2f\n", times->sum.decode / count * 1000,
	       times->sum.detect / count * 1000, times->sum.landmarks / count * 1000,
	       times->sum.expression / count * 1000);
}

static double rss_mb(void)
{
	char line[128];
	double kb = 0;
	FILE *file = fopen("/proc/self/status", "re");
	while (file && fgets(line, sizeof line, file))
		if (sscanf(line, "VmRSS: %lf", &kb) == 1)
			break;
	if (file)
		fclose(file);
	return kb / 1024;
}

static double cpu_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void go_through(struct viva_vision *vision, const struct film *film, struct viva_tracker *tracker,
		       double first_ms, double step_ms)
{
	size_t faces = 0;
	double begin_ms = cpu_ms();
	printf("{\"ms\": [");
	for (size_t i = 0; i < film->count; i++) {
		struct viva_vision_result result;
		struct viva_error error = {0};
		int64_t time_ms = (int64_t)(first_ms + (double)i * step_ms);
		if (viva_vision_analyze(vision, film->frames[i], VIVA_IMAGE_ANY, time_ms, tracker, &result, &error) !=
		    0)
			stop(viva_error_message(&error), film->names[i]);
		printf("%s%.4f", i > 0 ? ", " : "", result.timing.total * 1000);
		faces += result.is_detected;
	}
	printf("], \"cpu_ms\": %.3f, \"faces\": %zu, \"rss_mb\": %.1f}\n", cpu_ms() - begin_ms, faces, rss_mb());
	fflush(stdout);
}

static int serve(struct viva_vision *vision, const char *directory, int64_t fps)
{
	char line[16];
	struct film film = read_film(directory);
	struct viva_tracker tracker = {0};
	double time_ms = 0, step_ms = 1000. / (double)fps;
	for (; fgets(line, sizeof line, stdin); time_ms += (double)film.count * step_ms)
		go_through(vision, &film, &tracker, time_ms, step_ms);
	free_film(&film);
	return 0;
}

int main(int argc, char **argv)
{
	int64_t rounds = 3, fps = 30;
	bool serves = argc == 5 && strcmp(argv[3], "--serve") == 0;
	if (argc < 3 || argc > 6 || (argc > 3 && !serves && viva_parse_int64(argv[3], 1, 1000, &rounds) != 0) ||
	    (argc > 4 && viva_parse_int64(argv[4], 1, 1000, &fps) != 0)) {
		fprintf(stderr, "usage: viva-bench-vision MODEL_DIR FRAME_DIR [ROUNDS [FPS [--list]]] | --serve FPS\n");
		return 2;
	}
	struct viva_vision_options options = viva_vision_defaults();
	options.model_directory = argv[1];
	struct viva_error error = {0};
	VIVA_AUTO(viva_vision) vision = NULL;
	if (viva_vision_open(&options, &vision, &error) != 0)
		stop(viva_error_message(&error), "models");
	if (serves)
		return serve(vision, argv[2], fps);
	struct film film = read_film(argv[2]);
	struct times times = {.totals = allocate(film.count * (size_t)rounds * sizeof *times.totals)};
	for (int64_t round = 0; round < rounds; round++) {
		struct viva_tracker tracker = {0};
		for (size_t i = 0; i < film.count; i++) {
			struct viva_vision_result result;
			int64_t time_ms = (int64_t)i * 1000 / fps;
			if (viva_vision_analyze(vision, film.frames[i], VIVA_IMAGE_ANY, time_ms, &tracker, &result,
						&error) != 0)
				stop(viva_error_message(&error), film.names[i]);
			add_times(&times, &result);
			if (argc > 5 && round == 0)
				tell(film.names[i], &result, &tracker);
		}
	}
	report(&times);
	free(times.totals);
	free_film(&film);
	return 0;
}
