"""Makes the expected answers of the TPC-H and TPC-DS queries: the generator's rows, asked by DuckDB.

usage: answers.py tpch|tpcds        needs: pip install duckdb tpcgen-cli

Writes NN.tsv beside the queries, each with the columns' values between tabs and NULL as \\N. The scale is the one
that the tests generate. What HiveQL writes differently from DuckDB is turned back here.
"""

import math
import pathlib
import re
import subprocess
import sys
import tempfile

import duckdb

SCALE = "0.01"
SUITES = {"tpch": 22, "tpcds": 99}


def connect(suite, folder):
    generator = pathlib.Path(sys.executable).with_name("tpcgen-cli")
    subprocess.run([generator, suite, "parquet", "-s", SCALE, "--output-dir", folder], check=True)
    database = duckdb.connect()
    # HiveQL: NULLs are greater than all values.
    database.execute("SET default_null_order = 'nulls_last_on_asc_first_on_desc'")
    for path in sorted(pathlib.Path(folder).glob("*.parquet")):
        database.execute(f"CREATE TABLE {path.stem} AS FROM '{path}'")
    return database


def dialect(query):
    return re.sub(r"`([^`]*)`", r'"\1"', query)


def cell(value):
    # Division by zero is NULL in HiveQL.
    nothing = value is None or isinstance(value, float) and not math.isfinite(value)
    return "\\N" if nothing else str(value)


def main(suite):
    folder = pathlib.Path(__file__).parent / suite
    with tempfile.TemporaryDirectory() as scratch:
        database = connect(suite, scratch)
        for number in range(1, SUITES[suite] + 1):
            query = (folder / f"q{number:02}.sql").read_text()
            rows = database.execute(dialect(query)).fetchall()
            lines = ["\t".join(cell(value) for value in row) + "\n" for row in rows]
            (folder / f"q{number:02}.tsv").write_text("".join(lines))
            print(f"{suite} q{number:02}: {len(rows)} rows")


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in SUITES:
        sys.exit(__doc__)
    main(sys.argv[1])
