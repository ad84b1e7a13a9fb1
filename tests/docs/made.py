"""made.py PROGRAM PAGE: the page must be what the program prints."""

import subprocess
import sys

program, page = sys.argv[1:3]
made = subprocess.run([program], capture_output=True, check=True, text=True).stdout
with open(page, encoding="utf-8") as file:
    kept = file.read()
if made != kept:
    for number, (a, b) in enumerate(zip(kept.split("\n") + [""], made.split("\n") + [""]), 1):
        if a != b:
            sys.exit(f"{page}:{number}: is\n  {a}\nbut the table says\n  {b}\nMake it anew: {program} >{page}")
    sys.exit(f"{page} and the table differ in length. Make it anew: {program} >{page}")
