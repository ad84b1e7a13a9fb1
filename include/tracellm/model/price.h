/* Prices and usage arithmetic. Money is integer nano-USD; prices are nano-USD per million tokens. The built-in table is
 * src/model/prices.csv; its date is part of every row. */
#ifndef TRACELLM_MODEL_PRICE_H
#define TRACELLM_MODEL_PRICE_H

#include <tracellm/base.h>
#include <tracellm/wire.h>

/* Static text. -1: not published. */
struct tl_price {
	tl_str table; /* date of the table, "2026-11-22" */
	tl_str provider, model;
	int64_t input, output, cached, cache_write;
};

/* The row for a model in the list of `provider`: the exact name, else without a trailing -YYYY-MM-DD or -YYYYMMDD, without
 * -latest, without a vendor/ prefix, else the longest name in the table that is a prefix of it ending before a '-'. False: none;
 * the cost is unknown then, never 0. */
bool tl_price_find(tl_str provider, tl_str model, struct tl_price *ret_price);

/* ((input - cached - cache_write) * input price + cached * cached price + cache_write * write price + output * output price) /
 * 10^6, rounded half up to a nano-USD. An unknown cached or write price counts as the input price. -1: input or output tokens are
 * unknown, or the numbers make no sense (parts larger than the whole, overflow). */
int64_t tl_price_cost(const struct tl_price *price, const struct tl_usage *usage);

/* A guess where the provider told nothing: a token for every four bytes of text, rounded up. */
int64_t tl_usage_estimate(size_t text_bytes);

#endif
