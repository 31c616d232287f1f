#!/usr/bin/env python3
"""Loads events into ClickHouse and searches them, for comparison with `cresset bench`.

    pip install chdb
    python3 benches/clickhouse.py windows-200k.ndjson.zst [TIMES]

The file is loaded TIMES over (5 if it is not said), each event as its line and ten columns, as a
hunter would set up a table: MergeTree, ZSTD(1). It prints megabytes per CPU second of this process
and, for each search of `cresset bench search` that has a counterpart, the CPU time of one run.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time

COLUMNS = {
    "ts": (
        "DateTime64(3) CODEC(ZSTD(1))",
        "parseDateTime64BestEffortOrZero(JSONExtractString(line, '@timestamp'), 3)",
    ),
    "Channel": ("LowCardinality(String)", None),
    "EventID": ("UInt32 CODEC(ZSTD(1))", "JSONExtractUInt(line, 'EventID')"),
    "Hostname": ("LowCardinality(String)", None),
    "Image": ("LowCardinality(String)", None),
    "CommandLine": ("String CODEC(ZSTD(1))", None),
    "AccountName": ("LowCardinality(String)", None),
    "Message": ("String CODEC(ZSTD(1))", None),
    "TargetObject": ("String CODEC(ZSTD(1))", None),
    "SourceName": ("LowCardinality(String)", None),
}

SEARCHES = {
    "count by channel and hour": "SELECT Channel, toStartOfHour(ts) h, count() FROM x.t GROUP BY Channel, h",
    "substring of the message": "SELECT count() FROM x.t WHERE positionCaseInsensitive(Message, 'powershell') > 0",
    "exact number": "SELECT count() FROM x.t WHERE EventID = 4688",
    "end of a field": "SELECT count() FROM x.t WHERE lower(Image) LIKE '%\\\\\\\\powershell.exe'",
    "top 10 of a field": "SELECT Image, count() c FROM x.t GROUP BY Image ORDER BY c DESC LIMIT 10",
    "pieces of a field": "SELECT count() FROM x.t WHERE match(CommandLine, '(?i)-enc.*[A-Za-z0-9+/]{40}')",
    "last 100 of a host": "SELECT raw FROM x.t WHERE Hostname = 'WORKSTATION5.theshire.local' ORDER BY ts DESC LIMIT 100",
}
RUNS = 7


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def plain(path, folder):
    """The path of the events as they are, expanded if they are compressed."""
    if not path.endswith(".zst"):
        return path
    expanded = os.path.join(folder, "events.ndjson")
    with open(expanded, "wb") as out:
        subprocess.run(["zstd", "-dcq", path], stdout=out, check=True)
    return expanded


def load(session, path, times):
    columns = ", ".join(f"{name} {kind}" for name, (kind, _) in COLUMNS.items())
    session.query("CREATE DATABASE x ENGINE = Atomic")
    session.query(
        f"CREATE TABLE x.t (raw String CODEC(ZSTD(1)), {columns}) "
        "ENGINE = MergeTree ORDER BY (Channel, EventID, ts)"
    )
    values = ", ".join(
        how or f"JSONExtractString(line, '{name}')" for name, (_, how) in COLUMNS.items()
    )
    before, begin = cpu(), time.time()
    for _ in range(times):
        session.query(
            f"INSERT INTO x.t SELECT line, {values} FROM file('{path}', 'LineAsString') "
            f"SETTINGS max_threads = {os.cpu_count()}"
        )
    used, megabytes = cpu() - before, os.path.getsize(path) * times / 1e6
    print(f"load  {megabytes / used:.1f} MB/cpu-s  ({used:.1f} CPU s, {time.time() - begin:.1f} s)")


def search(session):
    for name, query in SEARCHES.items():
        session.query(query)
        before = cpu()
        for _ in range(RUNS):
            session.query(query)
        print(f"{name:<28} {(cpu() - before) / RUNS * 1e3:8.1f} CPU ms")


def main():
    try:
        from chdb import session as chdb
    except ImportError:
        sys.exit("chdb is missing: pip install chdb")
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    folder = tempfile.mkdtemp(prefix="clickhouse-")
    try:
        path = os.path.abspath(plain(sys.argv[1], folder))
        session = chdb.Session(os.path.join(folder, "data"))
        load(session, path, int(sys.argv[2]) if len(sys.argv) > 2 else 5)
        if "--load" not in sys.argv:
            search(session)
        session.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


main()
