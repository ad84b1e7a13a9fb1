/* model/price: the built-in price table and what tokens cost. */
#include <tracellm/model.h>

struct price_row {
	const char *provider, *model;
	int64_t input, output, cached, cache_write;
};

#include "price_table.inc"

#define ROW_COUNT (sizeof price_rows / sizeof price_rows[0])

static const struct price_row *
row_named(tl_str provider, tl_str model)
{
	for (size_t i = 0; i < ROW_COUNT; i++)
		if (tl_str_equal(provider, tl_str_of(price_rows[i].provider)) &&
			tl_str_equal(model, tl_str_of(price_rows[i].model)))
			return &price_rows[i];
	return NULL;
}

static bool
all_digits(tl_str s)
{
	uint64_t number;
	return tl_str_to_u64(s, &number);
}

/* "-2024-08-06" or "-20240806" at the end. */
static tl_str
without_date(tl_str model)
{
	if (model.len > 11) {
		tl_str tail = tl_str_from(model, model.len - 11);
		bool dashes = tail.ptr[0] == '-' && tail.ptr[5] == '-' && tail.ptr[8] == '-';
		if (dashes && all_digits(tl_str_slice(tail, 1, 5)) && all_digits(tl_str_slice(tail, 6, 8)) &&
			all_digits(tl_str_from(tail, 9)))
			return tl_str_slice(model, 0, model.len - 11);
	}
	if (model.len > 9 && model.ptr[model.len - 9] == '-' && all_digits(tl_str_from(model, model.len - 8)))
		return tl_str_slice(model, 0, model.len - 9);
	return model;
}

static tl_str
without_suffix(tl_str model, tl_str suffix)
{
	return tl_str_ends_with(model, suffix) ? tl_str_slice(model, 0, model.len - suffix.len) : model;
}

static const struct price_row *
longest_prefix_row(tl_str provider, tl_str model)
{
	const struct price_row *best = NULL;
	size_t best_length = 0;
	for (size_t i = 0; i < ROW_COUNT; i++) {
		tl_str name = tl_str_of(price_rows[i].model);
		bool fits = tl_str_starts_with(model, name) && model.len > name.len && model.ptr[name.len] == '-';
		if (fits && name.len > best_length && tl_str_equal(provider, tl_str_of(price_rows[i].provider))) {
			best = &price_rows[i];
			best_length = name.len;
		}
	}
	return best;
}

static const struct price_row *
find_row(tl_str provider, tl_str model)
{
	const struct price_row *row = row_named(provider, model);
	if (!row)
		row = row_named(provider, without_date(model));
	if (!row)
		row = row_named(provider, without_suffix(without_date(model), TL_STR("-latest")));
	if (!row)
		row = longest_prefix_row(provider, model);
	return row;
}

bool
tl_price_find(tl_str provider, tl_str model, struct tl_price *ret_price)
{
	const struct price_row *row = find_row(provider, model);
	size_t slash = tl_str_find_char(model, '/');
	if (!row && slash != SIZE_MAX)
		row = find_row(provider, tl_str_from(model, slash + 1));
	if (!row)
		return false;
	*ret_price = (struct tl_price){
		.table = TL_STR(PRICE_TABLE_DATE),
		.provider = tl_str_of(row->provider),
		.model = tl_str_of(row->model),
		.input = row->input,
		.output = row->output,
		.cached = row->cached,
		.cache_write = row->cache_write,
	};
	return true;
}

static int64_t
known_or_zero(int64_t count)
{
	return count < 0 ? 0 : count;
}

/* *sum += tokens * price; false on overflow. */
static bool
add_product(int64_t *sum, int64_t tokens, int64_t price)
{
	int64_t product;
	return !__builtin_mul_overflow(tokens, price, &product) && !__builtin_add_overflow(*sum, product, sum);
}

int64_t
tl_price_cost(const struct tl_price *price, const struct tl_usage *usage)
{
	int64_t cached = known_or_zero(usage->cached_tokens), written = known_or_zero(usage->cache_write_tokens);
	if (usage->input_tokens < 0 || usage->output_tokens < 0 || price->input < 0 || price->output < 0)
		return -1;
	if (cached > usage->input_tokens || written > usage->input_tokens - cached)
		return -1;
	int64_t cached_price = price->cached < 0 ? price->input : price->cached;
	int64_t write_price = price->cache_write < 0 ? price->input : price->cache_write;
	int64_t sum = 0;
	bool fits = add_product(&sum, usage->input_tokens - cached - written, price->input) &&
		    add_product(&sum, cached, cached_price) && add_product(&sum, written, write_price) &&
		    add_product(&sum, usage->output_tokens, price->output) && !__builtin_add_overflow(sum, 500000, &sum);
	return fits ? sum / 1000000 : -1;
}

int64_t
tl_usage_estimate(size_t text_bytes)
{
	return (int64_t)((text_bytes + 3) / 4);
}
