/* Memory: allocation that tests can make fail, scope clean-up, the arena, the growable buffer.
 *
 * Lifetimes are few: most data lives in one arena per trace, batch or request and goes with it. Handles (`open`/`close`) allocate
 * themselves. */
#ifndef TRACELLM_BASE_MEM_H
#define TRACELLM_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tracellm/base/err.h>
#include <tracellm/base/text.h>

/* Zeroed memory, or NULL; owned, freed by tl_free. Fault point TL_FAULT_ALLOC. `count * size` that overflows gives NULL. */
void *tl_alloc(size_t count, size_t size) __attribute__((malloc));
/* As realloc; the old block stays owned by the caller when NULL is returned. */
void *tl_realloc(void *old, size_t size);
void tl_free(void *ptr);

/* `TL_CLEANUP(tl_buf_done) struct tl_buf buf = ...;` calls tl_buf_done(&buf) when the scope ends. The function must accept a
 * zeroed object. */
#define TL_CLEANUP(function) __attribute__((cleanup(function)))

/* For pointers from tl_alloc: `TL_CLEANUP(tl_free_cleanup) char *path = NULL;` */
void tl_free_cleanup(void *pointer_to_pointer);
/* For file descriptors: closes *fd when it is >= 0. */
void tl_close_cleanup(int *fd);

/* ---- Arena: many small pieces, freed together ----
 *
 *      struct tl_arena arena;
 *      tl_arena_init(&arena, 64 << 20);             at most 64 MiB in all
 *      char *text = tl_arena_alloc(&arena, 100);    aligned for any type, zeroed, or NULL
 *      tl_arena_done(&arena);                       everything at once
 *
 * One thread at a time. Fields are private. */
struct tl_arena {
	struct tl_arena_block *block; /* newest first */
	size_t used;                  /* bytes handed out, over all blocks */
	size_t limit;
};

void tl_arena_init(struct tl_arena *arena, size_t limit_bytes);
void tl_arena_done(struct tl_arena *arena); /* accepts a zeroed or already finished arena */
/* NULL: out of memory, or the limit would be exceeded. tl_arena_failed tells which as an error. */
void *tl_arena_alloc(struct tl_arena *arena, size_t size);
void *tl_arena_array(struct tl_arena *arena, size_t count, size_t size);
/* Copies; borrowed until the arena is done. The copy of text is NUL-terminated behind its length. ptr == NULL only on failure. */
tl_str tl_arena_str(struct tl_arena *arena, tl_str s);
tl_bytes tl_arena_bytes(struct tl_arena *arena, tl_bytes b);
/* Formats as printf. ptr == NULL on failure. */
tl_str tl_arena_printf(struct tl_arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Grows an array of `*capacity` items to hold at least `count + 1`, doubling; the old one stays in the arena. `items` points to
 * the array pointer. False: failure as above, nothing changed. */
bool tl_arena_grow(struct tl_arena *arena, void *items, size_t *capacity, size_t count, size_t item_size);
/* TL_ERR_LIMIT or TL_ERR_NO_MEMORY for an allocation of `size` that gave NULL. */
enum tl_status tl_arena_failed(const struct tl_arena *arena, size_t size, struct tl_err *err);

/* ---- Buffer: bytes that grow up to a stated limit ----
 *
 * Adding never fails loudly: the first failure sticks, later additions do nothing, and tl_buf_status says so once at the end.
 * `ptr` is always NUL-terminated behind `len` once something was added. Fields may be read, not written. */
struct tl_buf {
	char *ptr;
	size_t len;
	size_t capacity;
	size_t limit;
	enum tl_status failed; /* TL_OK, TL_ERR_LIMIT or TL_ERR_NO_MEMORY */
};

void tl_buf_init(struct tl_buf *buf, size_t limit_bytes);
void tl_buf_done(struct tl_buf *buf);  /* accepts a zeroed buffer */
void tl_buf_clear(struct tl_buf *buf); /* empty, memory kept, failure forgotten */
void tl_buf_add(struct tl_buf *buf, const void *bytes, size_t len);
void tl_buf_add_str(struct tl_buf *buf, tl_str s);
void tl_buf_add_z(struct tl_buf *buf, const char *z);
void tl_buf_add_char(struct tl_buf *buf, char c);
void tl_buf_printf(struct tl_buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Removes `count` bytes (at most all) from the front. */
void tl_buf_consume(struct tl_buf *buf, size_t count);
/* Text for a terminal: valid UTF-8 is passed, control characters (C0 but line feed and tab, DEL, C1) and broken bytes are shown
 * as \xNN, so that recorded text cannot drive the terminal. */
void tl_buf_add_terminal(struct tl_buf *buf, tl_str s);
/* Text with every broken byte replaced by U+FFFD. */
void tl_buf_add_utf8(struct tl_buf *buf, tl_str s);
tl_str tl_buf_str(const struct tl_buf *buf); /* borrowed until the next addition or done */
/* TL_OK, or the sticky failure with a message that names `what` was being built. */
enum tl_status tl_buf_status(const struct tl_buf *buf, const char *what, struct tl_err *err);

#endif
