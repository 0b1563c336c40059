// SPDX-License-Identifier: GPL-2.0
/*
 * To be loaded before one of BlueZ's testers: its limits in seconds, two for most cases, times
 * $OX_PATIENCE. The debug kernel is several times slower than what the limits were made for.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>

typedef unsigned int add_fn(int, unsigned int, int (*)(void *), void *, void (*)(void *));

unsigned int g_timeout_add_seconds_full(int priority, unsigned int seconds, int (*function)(void *),
					void *data, void (*notify)(void *))
{
	add_fn *add = (add_fn *)dlsym(RTLD_NEXT, "g_timeout_add_seconds_full");
	const char *factor = getenv("OX_PATIENCE");

	return add(priority, seconds * (factor ? atoi(factor) : 1), function, data, notify);
}
