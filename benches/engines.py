"""Runs queries on one engine and prints a line of JSON for each: its times and how many rows it has, or its error.

usage: engines.py ENGINE QUERIES RUNS THREADS DATA FOLDER
  ENGINE   duckdb | datafusion | polars | sail | spark
  QUERIES  numbers with commas between them
  DATA     a folder for each table, with one data.parquet
  FOLDER   has the queries, q01.sql and so on, in HiveQL
Each query runs once untimed. All rows are fetched.
"""

import json
import pathlib
import re
import sys
import time


def duckdb(threads):
    import duckdb

    database = duckdb.connect()
    database.execute(f"SET threads = {threads}")

    def table(name, path):
        database.execute(f"CREATE VIEW {name} AS FROM '{path}'")

    return table, lambda query: len(database.execute(query).fetchall())


def datafusion(threads):
    import datafusion

    context = datafusion.SessionContext(datafusion.SessionConfig().with_target_partitions(threads))
    return context.register_parquet, lambda query: sum(batch.num_rows for batch in context.sql(query).collect())


def polars(threads):
    import os

    os.environ["POLARS_MAX_THREADS"] = str(threads)
    import polars

    context = polars.SQLContext()

    def table(name, path):
        context.register(name, polars.scan_parquet(path))

    return table, lambda query: len(context.execute(query).collect(engine="streaming"))


def of_spark(session):
    def table(name, path):
        session.read.parquet(path).createOrReplaceTempView(name)

    return table, lambda query: len(session.sql(query).collect())


def sail(threads):
    import os

    os.environ["SAIL_EXECUTION__DEFAULT_PARALLELISM"] = str(threads)
    from pysail.spark import SparkConnectServer
    from pyspark.sql import SparkSession

    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    return of_spark(SparkSession.builder.remote(f"sc://127.0.0.1:{server.listening_address[1]}").getOrCreate())


def spark(threads):
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master(f"local[{threads}]").config("spark.driver.memory", "8g")
    builder = builder.config("spark.sql.shuffle.partitions", str(2 * threads)).config("spark.ui.enabled", "false")
    return of_spark(builder.config("spark.log.level", "ERROR").getOrCreate())


ENGINES = {"duckdb": duckdb, "datafusion": datafusion, "polars": polars, "sail": sail, "spark": spark}


def measured(run, query, runs):
    rows, times = run(query), []
    for _ in range(runs):
        begin = time.perf_counter()
        rows = run(query)
        times.append(time.perf_counter() - begin)
    return {"seconds": times, "rows": rows}


def main(engine, queries, runs, threads, data, folder):
    table, run = ENGINES[engine](int(threads))
    for path in sorted(pathlib.Path(data).glob("*/data.parquet")):
        table(path.parent.name, str(path))
    for number in map(int, queries.split(",")):
        query = (pathlib.Path(folder) / f"q{number:02}.sql").read_text()
        if engine not in ("sail", "spark"):
            query = re.sub(r"`([^`]*)`", r'"\1"', query)
        try:
            line = measured(run, query, int(runs))
        except Exception as error:
            line = {"error": str(error).strip().split("\n")[0]}
        print(json.dumps({"query": number, **line}), flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 7 or sys.argv[1] not in ENGINES:
        sys.exit(__doc__)
    main(*sys.argv[1:])
