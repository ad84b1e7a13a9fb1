/* fuzz: runs a target over files, for builds without libFuzzer: each seed whole, cut short at every place, and with every byte
 * changed once. Arguments: files and folders. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEED_SIZE_MAX (1u << 16)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In memory of exactly this size, so that a sanitizer sees a read beyond it. */
static void
run_one(const uint8_t *bytes, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	if (!copy)
		abort();
	memcpy(copy, bytes, size);
	(void)LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void
run_around(uint8_t *bytes, size_t size)
{
	run_one(bytes, size);
	for (size_t i = 0; i < size; i++) {
		uint8_t before = bytes[i];
		run_one(bytes, i);
		bytes[i] = (uint8_t)(before ^ (1u << i % 8));
		run_one(bytes, size);
		bytes[i] = before;
	}
}

static unsigned
run_file(const char *path)
{
	static uint8_t bytes[SEED_SIZE_MAX];
	FILE *file = fopen(path, "rb");
	if (!file) {
		perror(path);
		exit(1);
	}
	size_t size = fread(bytes, 1, sizeof bytes, file);
	(void)fclose(file);
	run_around(bytes, size);
	return 1;
}

static unsigned
run_path(const char *path)
{
	char inner[4096];
	unsigned count = 0;
	DIR *folder = opendir(path);
	if (!folder)
		return run_file(path);
	for (struct dirent *entry; (entry = readdir(folder));) {
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
		count += run_file(inner);
	}
	(void)closedir(folder);
	return count;
}

int
main(int argc, char **argv)
{
	unsigned count = 0;
	for (int i = 1; i < argc; i++)
		count += run_path(argv[i]);
	(void)printf("%u seeds\n", count);
	return count > 0 ? 0 : 1;
}
