"""Times SQL over the Parquet files of an event store: the baseline of `cresset bench search`.

    duckdb_search.py FOLDER STATEMENTS REPEATS

STATEMENTS is a JSON list; each is run on the view `events` once to warm up, then again and again.
For each a line goes out: {"runs": …, "cpu_ms": …, "wall_ms": …, "found": …} or {"error": …}. A
last line tells which columns the view leaves out: {"left_out": […]}.
"""

import glob
import json
import statistics
import sys
import time

import duckdb

PATIENCE = 4.0  # seconds that one statement is repeated for


def found(rows):
    """The count of a result of one value, otherwise the number of rows."""
    return rows[0][0] if len(rows) == 1 and len(rows[0]) == 1 else len(rows)


def measure(db, statement, repeats):
    rows = db.execute(statement).fetchall()
    cpu, begin, walls = time.process_time(), time.monotonic(), []
    while not walls or (len(walls) < repeats and time.monotonic() - begin < PATIENCE):
        start = time.monotonic()
        db.execute(statement).fetchall()
        walls.append((time.monotonic() - start) * 1e3)
    cpu = (time.process_time() - cpu) / len(walls) * 1e3
    return {"runs": len(walls), "cpu_ms": cpu, "wall_ms": statistics.median(walls), "found": found(rows)}


def lists_and_others(db, files):
    """Columns that hold lists in some files and single values in others, which DuckDB makes no one of."""
    kinds = {}
    for file in files:
        for name, kind, *_ in db.execute("describe select * from read_parquet(?)", [file]).fetchall():
            kinds.setdefault(name.lower(), (name, set()))[1].add(kind.endswith("[]"))
    return sorted(name for name, lists in kinds.values() if len(lists) > 1)


def main(folder, statements, repeats):
    db = duckdb.connect()
    left_out = lists_and_others(db, glob.glob(folder + "/**/*.parquet", recursive=True))
    quoted = ['"' + name.replace('"', '""') + '"' for name in left_out]
    exclude = f"exclude ({', '.join(quoted)})" if quoted else ""
    files = (folder + "/**/*.parquet").replace("'", "''")
    # Times as numbers: Python would want a package of time zones to be handed one.
    times = "epoch_us(log_ts) as log_ts, epoch_us(col_ts) as col_ts"
    source = f"read_parquet('{files}', union_by_name=true)"
    db.execute(f"create view events as select * {exclude} replace ({times}) from {source}")
    with open(statements, encoding="utf-8") as file:
        for statement in json.load(file):
            try:
                answer = measure(db, statement, int(repeats))
            except duckdb.Error as reason:
                answer = {"error": str(reason).splitlines()[0]}
            print(json.dumps(answer), flush=True)
    print(json.dumps({"left_out": left_out}), flush=True)


main(*sys.argv[1:])
