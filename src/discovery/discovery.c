// SPDX-License-Identifier: Apache-2.0
#include "discovery/discovery.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "discovery/discovery_backend.h"

enum { MAX_URL = 16384 };

static const struct discovery_backend *const backends[] = {&discovery_static, &discovery_consul};

struct discovery_list {
	atomic_size_t references;
	size_t count;
	const char *addresses[];  // followed by their texts
};

struct viva_discovery_watch {
	struct viva_discovery_watch *next;
	struct viva_discovery *discovery;
	size_t service;
	viva_discovery_on_change *on_change;
	void *context;
};

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static struct discovery_list *create_list(const char *const *addresses, size_t count)
{
	size_t texts = 0;
	for (size_t i = 0; i < count; i++)
		texts += strlen(addresses[i]) + 1;
	struct discovery_list *list = malloc(sizeof *list + count * sizeof list->addresses[0] + texts);
	if (!list)
		return NULL;
	atomic_init(&list->references, 1);
	char *text = (char *)&list->addresses[count];
	for (size_t i = 0; i < count; i++) {
		list->addresses[i] = text;
		text = stpcpy(text, addresses[i]) + 1;
	}
	qsort(list->addresses, count, sizeof list->addresses[0], compare);
	list->count = 0;
	for (size_t i = 0; i < count; i++)
		if (i == 0 || strcmp(list->addresses[i], list->addresses[list->count - 1]) != 0)
			list->addresses[list->count++] = list->addresses[i];
	return list;
}

static void drop_list(struct discovery_list *list)
{
	if (list && atomic_fetch_sub(&list->references, 1) == 1)
		free(list);
}

static bool are_equal(const struct discovery_list *a, const struct discovery_list *b)
{
	if (!a || a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->addresses[i], b->addresses[i]) != 0)
			return false;
	return true;
}

static int want(struct viva_discovery *discovery, const char *service, size_t *ret_index)
{
	bool is_new = false;
	int result = discovery_find_or_add(discovery, service, ret_index, &is_new);
	if (result == 0 && is_new && discovery->backend->follow)
		discovery->backend->follow(discovery);
	return result;
}

// What is known of a service, to be dropped by drop_list; NULL = nothing.
static struct discovery_list *take_list(struct viva_discovery *discovery, size_t index)
{
	pthread_mutex_lock(&discovery->mutex);
	struct discovery_list *list = discovery->services[index].list;
	if (list)
		atomic_fetch_add(&list->references, 1);
	pthread_mutex_unlock(&discovery->mutex);
	return list;
}

void discovery_init(struct viva_discovery *discovery, const struct discovery_backend *backend)
{
	discovery->backend = backend;
	pthread_mutex_init(&discovery->mutex, NULL);
	pthread_mutex_init(&discovery->notify, NULL);
}

void discovery_finish(struct viva_discovery *discovery)
{
	for (size_t i = 0; i < discovery->service_count; i++)
		drop_list(discovery->services[i].list);
	pthread_mutex_destroy(&discovery->notify);
	pthread_mutex_destroy(&discovery->mutex);
}

static bool is_name(const char *name)
{
	size_t size = strlen(name);
	return size > 0 && size <= DISCOVERY_MAX_NAME && strspn(name, "abcdefghijklmnopqrstuvwxyz-") == size;
}

int discovery_find_or_add(struct viva_discovery *discovery, const char *service, size_t *ret_index, bool *ret_is_new)
{
	if (!is_name(service))
		return VIVA_EINVAL;
	pthread_mutex_lock(&discovery->mutex);
	size_t i = 0;
	while (i < discovery->service_count && strcmp(discovery->services[i].name, service) != 0)
		i++;
	bool is_new = i == discovery->service_count;
	bool has_room = !is_new || discovery->service_count < DISCOVERY_MAX_SERVICES;
	if (is_new && has_room)
		strcpy(discovery->services[discovery->service_count++].name, service);
	pthread_mutex_unlock(&discovery->mutex);
	if (!has_room)
		return VIVA_ELIMIT;
	*ret_index = i;
	*ret_is_new = is_new;
	return 0;
}

// With `notify` held.
static void tell(struct viva_discovery_watch *watch)
{
	struct discovery_list *list = take_list(watch->discovery, watch->service);
	if (list)
		watch->on_change(watch->context, watch->discovery->services[watch->service].name, list->addresses,
				 list->count);
	drop_list(list);
}

int discovery_set(struct viva_discovery *discovery, size_t index, const char *const *addresses, size_t count,
		  bool *ret_is_changed)
{
	struct discovery_list *list = create_list(addresses, count);
	if (!list)
		return VIVA_ENOMEM;
	struct discovery_service *service = &discovery->services[index];
	pthread_mutex_lock(&discovery->notify);
	pthread_mutex_lock(&discovery->mutex);
	bool is_changed = !are_equal(service->list, list);
	struct discovery_list *old = is_changed ? service->list : list;
	if (is_changed)
		service->list = list;
	pthread_mutex_unlock(&discovery->mutex);
	drop_list(old);
	for (struct viva_discovery_watch *watch = discovery->watches; watch && is_changed; watch = watch->next)
		if (watch->service == index)
			tell(watch);
	pthread_mutex_unlock(&discovery->notify);
	if (ret_is_changed)
		*ret_is_changed = is_changed;
	return 0;
}

struct viva_discovery_options viva_discovery_defaults(const char *url)
{
	return (struct viva_discovery_options){
		.url = url, .clock = viva_system_clock(), .random = viva_system_random()};
}

int viva_discovery_open_with(const struct viva_discovery_options *options, struct viva_discovery **ret_discovery,
			     struct viva_error *error)
{
	const char *url = options->url;
	if (strlen(url) > MAX_URL)
		return viva_fail(error, VIVA_EUSAGE, "discovery-url", "the discovery URL is longer than %d bytes",
				 (int)MAX_URL);
	for (size_t i = 0; i < VIVA_COUNT(backends); i++) {
		if (strncmp(url, backends[i]->scheme, strlen(backends[i]->scheme)) != 0)
			continue;
		struct viva_error cause = {0};
		int result = backends[i]->open(options, ret_discovery, &cause);
		return result < 0 ? viva_fail(error, result, "discovery-url", "%s", viva_error_message(&cause)) : 0;
	}
	return viva_fail(error, VIVA_EUSAGE, "discovery-url",
			 "\"%.*s\" is no kind of discovery (there is static: and consul://HOST:PORT)",
			 (int)VIVA_MIN(strcspn(url, ":"), (size_t)32), url);
}

int viva_discovery_open(const char *url, struct viva_discovery **ret_discovery, struct viva_error *error)
{
	const struct viva_discovery_options options = viva_discovery_defaults(url);
	return viva_discovery_open_with(&options, ret_discovery, error);
}

struct viva_discovery *viva_discovery_destroy(struct viva_discovery *discovery)
{
	if (discovery)
		discovery->backend->destroy(discovery);
	return NULL;
}

bool viva_discovery_is_dynamic(const struct viva_discovery *discovery)
{
	return discovery->backend->is_dynamic;
}

static int copy_list(const struct discovery_list *list, struct viva_arena *arena, const char *const **ret_addresses)
{
	const char **copies = viva_arena_alloc(arena, list->count * sizeof *copies);
	for (size_t i = 0; i < list->count && copies; i++) {
		copies[i] = viva_arena_text(arena, list->addresses[i], strlen(list->addresses[i]));
		if (!copies[i])
			return VIVA_ENOMEM;
	}
	if (!copies)
		return VIVA_ENOMEM;
	*ret_addresses = copies;
	return 0;
}

int viva_discovery_addresses(struct viva_discovery *discovery, const char *service, struct viva_arena *arena,
			     const char *const **ret_addresses, size_t *ret_count, struct viva_error *error)
{
	size_t index = 0;
	struct discovery_list *list = NULL;
	if (want(discovery, service, &index) == 0)
		list = take_list(discovery, index);
	if (!list)
		return viva_fail(error, VIVA_EUNAVAILABLE, NULL, "no address of the %.32s service is known", service);
	int result = copy_list(list, arena, ret_addresses);
	if (result == 0)
		*ret_count = list->count;
	drop_list(list);
	return result < 0 ? viva_fail(error, result, NULL, "no memory for the services' addresses") : 0;
}

int viva_discovery_watch(struct viva_discovery *discovery, const char *service, viva_discovery_on_change *on_change,
			 void *context, struct viva_discovery_watch **ret_watch, struct viva_error *error)
{
	size_t index = 0;
	int result = want(discovery, service, &index);
	if (result < 0)
		return viva_fail(error, result, NULL, "the service %.32s can't be followed", service);
	struct viva_discovery_watch *watch = calloc(1, sizeof *watch);
	if (!watch)
		return viva_fail(error, VIVA_ENOMEM, NULL, "no memory to follow the %s service", service);
	*watch = (struct viva_discovery_watch){
		.discovery = discovery, .service = index, .on_change = on_change, .context = context};
	if (discovery->backend->await)
		discovery->backend->await(discovery, index);

	pthread_mutex_lock(&discovery->notify);
	bool has_room = discovery->watch_count < DISCOVERY_MAX_WATCHES;
	if (has_room) {
		discovery->watch_count++;
		watch->next = discovery->watches;
		discovery->watches = watch;
		tell(watch);
	}
	pthread_mutex_unlock(&discovery->notify);
	if (!has_room) {
		free(watch);
		return viva_fail(error, VIVA_ELIMIT, NULL, "more than %d watches", (int)DISCOVERY_MAX_WATCHES);
	}
	*ret_watch = watch;
	return 0;
}

struct viva_discovery_watch *viva_discovery_watch_end(struct viva_discovery_watch *watch)
{
	if (!watch)
		return NULL;
	struct viva_discovery *discovery = watch->discovery;
	pthread_mutex_lock(&discovery->notify);
	struct viva_discovery_watch **at = &discovery->watches;
	while (*at != watch)
		at = &(*at)->next;
	*at = watch->next;
	discovery->watch_count--;
	pthread_mutex_unlock(&discovery->notify);
	free(watch);
	return NULL;
}

int viva_discovery_register(struct viva_discovery *discovery, const struct viva_discovery_instance *instance,
			    struct viva_error *error)
{
	return discovery->backend->enroll ? discovery->backend->enroll(discovery, instance, error) : 0;
}

int viva_discovery_deregister(struct viva_discovery *discovery, uint32_t timeout_ms, struct viva_error *error)
{
	return discovery->backend->withdraw ? discovery->backend->withdraw(discovery, timeout_ms, error) : 0;
}
