"""What pyarrow reads of event files, as JSON: python parquet_reader.py FOLDER.

For each file, in the order of their names: the number of rows, each column's type, and all rows.
"""

import json
import pathlib
import sys

import pyarrow.parquet as pq

found = []
for path in sorted(pathlib.Path(sys.argv[1]).rglob("*.parquet")):
    table = pq.ParquetFile(path).read()
    codecs = pq.ParquetFile(path).metadata.row_group(0).column(0).compression
    found.append(
        {
            "rows": table.num_rows,
            "types": {field.name: str(field.type) for field in table.schema},
            "compression": codecs,
            "values": table.to_pylist(),
        }
    )
json.dump(found, sys.stdout, default=lambda moment: moment.isoformat())
