"""Runs queries on one engine: reads their numbers, one a line, and prints a line of JSON for each: its time and how many rows
it has, or its error.

usage: engines.py ENGINE THREADS DATA FOLDER
  ENGINE   duckdb | datafusion | polars | sail | spark
  DATA     a folder for each table, with one data.parquet
  FOLDER   has the queries, q01.sql and so on, in HiveQL
All rows are fetched.
"""

import json
import os
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
    os.environ["SAIL_EXECUTION__DEFAULT_PARALLELISM"] = str(threads)
    from pysail.spark import SparkConnectServer
    from pyspark.sql import SparkSession

    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    return of_spark(SparkSession.builder.remote(f"sc://127.0.0.1:{server.listening_address[1]}").getOrCreate())


def sail_cluster(threads):
    os.environ["SAIL_MODE"] = "local-cluster"
    os.environ["SAIL_CLUSTER__WORKER_INITIAL_COUNT"] = os.environ["SAIL_CLUSTER__WORKER_MAX_COUNT"] = "2"
    return sail(threads)


def spark(threads):
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master(f"local[{threads}]").config("spark.driver.memory", "8g")
    builder = builder.config("spark.sql.shuffle.partitions", str(2 * threads)).config("spark.ui.enabled", "false")
    return of_spark(builder.config("spark.log.level", "ERROR").getOrCreate())


ENGINES = {
    "duckdb": duckdb,
    "datafusion": datafusion,
    "polars": polars,
    "sail": sail,
    "sail-cluster": sail_cluster,
    "spark": spark,
}


def measured(run, query):
    begin = time.perf_counter()
    rows = run(query)
    return {"seconds": time.perf_counter() - begin, "rows": rows}


def main(engine, threads, data, folder):
    # What an engine prints must not get between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    table, run = ENGINES[engine](int(threads))
    for path in sorted(pathlib.Path(data).glob("*/data.parquet")):
        table(path.parent.name, str(path))
    print("{}", file=answers, flush=True)
    for number in sys.stdin:
        query = (pathlib.Path(folder) / f"q{int(number):02}.sql").read_text()
        if "sail" not in engine and engine != "spark":
            query = re.sub(r"`([^`]*)`", r'"\1"', query)
        try:
            answer = measured(run, query)
        except Exception as error:
            answer = {"error": str(error).strip().split("\n")[0]}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 5 or sys.argv[1] not in ENGINES:
        sys.exit(__doc__)
    main(*sys.argv[1:])
