"""Turns prices.csv into rows of C: USD per million tokens (decimal text) to integer nano-USD per million tokens."""
import csv
import decimal
import re
import sys

source, target = sys.argv[1:3]
with open(source, encoding="utf-8") as file:
    head = file.readline()
    table = re.search(r"compiled (\d{4}-\d{2}-\d{2})", head).group(1)
    rows = list(csv.DictReader(file))


def nano(text):
    return "-1" if not text else str(int(decimal.Decimal(text) * 10**9))


def quoted(text):
    if not re.fullmatch(r"[A-Za-z0-9._/:@+ -]+", text):
        raise SystemExit(f"{source}: odd name {text!r}")
    return f'"{text}"'


with open(target, "w", encoding="utf-8") as out:
    out.write("/* Made from prices.csv by prices.py. */\n")
    out.write(f'#define PRICE_TABLE_DATE "{table}"\n')
    out.write("static const struct price_row price_rows[] = {\n")
    for row in rows:
        numbers = [row[k] for k in ("input_usd_per_mtok", "output_usd_per_mtok", "cached_input_usd_per_mtok", "cache_write_usd_per_mtok")]
        out.write(f"\t{{ {quoted(row['provider'])}, {quoted(row['model'])}, {', '.join(nano(n) for n in numbers)} }},\n")
    out.write("};\n")
