/* base/mem: allocation, scope clean-up, the arena. */
#include <tracellm/base.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Blocks grow with the arena, so that a small trace costs a page and a large one few allocations. */
#define BLOCK_MIN 4000u
#define BLOCK_MAX (1u << 20)

struct tl_arena_block {
	struct tl_arena_block *next;
	size_t size;
	size_t used;
	_Alignas(max_align_t) unsigned char bytes[];
};

void *
tl_alloc(size_t count, size_t size)
{
	size_t bytes;
	if (tl_fault(TL_FAULT_ALLOC) || __builtin_mul_overflow(count, size, &bytes))
		return NULL;
	return calloc(count ? count : 1, size ? size : 1);
}

void *
tl_realloc(void *old, size_t size)
{
	if (tl_fault(TL_FAULT_ALLOC))
		return NULL;
	return realloc(old, size ? size : 1);
}

void
tl_free(void *ptr)
{
	free(ptr);
}

void
tl_free_cleanup(void *pointer_to_pointer)
{
	void *pointer, *none = NULL;
	memcpy(&pointer, pointer_to_pointer, sizeof pointer);
	tl_free(pointer);
	memcpy(pointer_to_pointer, &none, sizeof none);
}

void
tl_close_cleanup(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

void
tl_arena_init(struct tl_arena *arena, size_t limit_bytes)
{
	*arena = (struct tl_arena){ .limit = limit_bytes };
}

void
tl_arena_done(struct tl_arena *arena)
{
	for (struct tl_arena_block *block = arena->block, *next; block; block = next) {
		next = block->next;
		tl_free(block);
	}
	*arena = (struct tl_arena){ .limit = arena->limit };
}

static struct tl_arena_block *
block_new(struct tl_arena *arena, size_t needed)
{
	size_t size = arena->used < BLOCK_MIN ? BLOCK_MIN : arena->used > BLOCK_MAX ? BLOCK_MAX : arena->used;
	if (size < needed)
		size = needed;
	struct tl_arena_block *block = tl_alloc(1, sizeof *block + size);
	if (!block)
		return NULL;
	block->size = size;
	block->next = arena->block;
	arena->block = block;
	return block;
}

void *
tl_arena_alloc(struct tl_arena *arena, size_t size)
{
	size_t align = _Alignof(max_align_t);
	if (size > PTRDIFF_MAX / 2 || size > arena->limit || arena->used > arena->limit - size)
		return NULL;
	size_t rounded = (size + align - 1) / align * align;
	struct tl_arena_block *block = arena->block;
	if (!block || block->size - block->used < rounded)
		block = block_new(arena, rounded);
	if (!block)
		return NULL;
	void *ptr = block->bytes + block->used;
	block->used += rounded;
	arena->used += rounded;
	return ptr;
}

void *
tl_arena_array(struct tl_arena *arena, size_t count, size_t size)
{
	size_t bytes;
	if (__builtin_mul_overflow(count, size, &bytes))
		return NULL;
	return tl_arena_alloc(arena, bytes);
}

tl_str
tl_arena_str(struct tl_arena *arena, tl_str s)
{
	char *copy = tl_arena_alloc(arena, s.len + 1);
	if (!copy)
		return (tl_str){ NULL, 0 };
	if (s.len)
		memcpy(copy, s.ptr, s.len);
	return (tl_str){ copy, s.len };
}

tl_bytes
tl_arena_bytes(struct tl_arena *arena, tl_bytes b)
{
	return tl_bytes_of(tl_arena_str(arena, tl_str_of_bytes(b)));
}

tl_str
tl_arena_printf(struct tl_arena *arena, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int len = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	TL_ASSERT(len >= 0);
	char *text = tl_arena_alloc(arena, (size_t)len + 1);
	if (!text)
		return (tl_str){ NULL, 0 };
	va_start(arguments, format);
	(void)vsnprintf(text, (size_t)len + 1, format, arguments);
	va_end(arguments);
	return (tl_str){ text, (size_t)len };
}

bool
tl_arena_grow(struct tl_arena *arena, void *items, size_t *capacity, size_t count, size_t item_size)
{
	if (count < *capacity)
		return true;
	size_t larger = *capacity ? *capacity * 2 : 8;
	TL_ASSERT(count == *capacity);
	void *grown = tl_arena_array(arena, larger, item_size), *old;
	if (!grown)
		return false;
	memcpy(&old, items, sizeof old);
	if (count)
		memcpy(grown, old, count * item_size);
	memcpy(items, &grown, sizeof grown);
	*capacity = larger;
	return true;
}

enum tl_status
tl_arena_failed(const struct tl_arena *arena, size_t size, struct tl_err *err)
{
	if (size > arena->limit || arena->used > arena->limit - size)
		return tl_err_set(err, TL_ERR_LIMIT, "%zu bytes more would exceed the limit of %zu bytes", size, arena->limit);
	return tl_err_no_memory(err);
}
