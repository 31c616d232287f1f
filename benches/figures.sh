#!/usr/bin/env bash
# Prints the figures of docs/performance.md with the release binary.
# The corpus is optional: without it the bundled sample is used.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cresset=target/release/cresset
corpus=${CORPUS:-../shared/corpus}
count=${COUNT:-1000000}
files=()
for file in "$corpus"/events/attack-samples.ndjson.gz "$corpus"/logs/OpenSSH_2k.log "$corpus"/logs/Linux_2k.log "$corpus"/logs/Apache_2k.log; do
  if [ -e "$file" ]; then files+=("$file"); else echo "skipped: $file is not there"; fi
done
"$cresset" bench idle
"$cresset" bench latency --rules 300
if [ ${#files[@]} -gt 0 ]; then
  "$cresset" bench ingest --count "$count" --events "${files[@]}"
else
  "$cresset" bench ingest --count "$count"
fi
windows=$corpus/events/windows-200k.ndjson.zst
if [ -e "$windows" ]; then
  "$cresset" bench search --count "$count" --events "$windows"
  "$cresset" bench scale --events "$windows"
else
  echo "skipped: $windows is not there"
fi
