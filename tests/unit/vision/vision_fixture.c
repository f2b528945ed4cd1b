// SPDX-License-Identifier: Apache-2.0
#include "vision_fixture.h"

#include <stdlib.h>

#include "pictures.h"
#include "viva_test.h"

struct viva_vision *vision;
uint8_t *astronaut;

int open_vision(void **state)
{
	(void)state;
	struct viva_error error = {0};
	struct viva_vision_options options = viva_vision_defaults();
	options.model_directory = getenv("VIVA_MODEL_DIR");
	options.contexts = 2;
	if (options.model_directory && viva_vision_open(&options, &vision, &error) == 0) {
		astronaut = read_astronaut();
		return 0;
	}
	print_error("the models can't be opened: %s\n", error.message);
	return -1;
}

int close_vision(void **state)
{
	(void)state;
	vision = viva_vision_destroy(vision);
	free(astronaut);
	return 0;
}

void need_face(void)
{
	if (astronaut)
		return;
	print_message("skipped: no demo/astronaut.png in VIVA_CACHE_DIR; run ./dev deps\n");
	skip();
}
