#!/usr/bin/env bash
# Measures signed requests of the release binary against their bounds, with wrk: how many a second
# beside an open route of the same server, and the list of 100,000 API tokens in its pages, filters
# and orders. Ends with 1 if a bound is missed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
port=${PORT:-17098}
seconds=${SECONDS_OF_LOAD:-4}
lists=${LISTS:-50}
# wrk waits for the whole time, even if the requests were answered long before.
list_seconds=${LIST_SECONDS:-4}
tokens=/santaba/rest/setting/admins/apitokens

source benches/measure.bash
data=$dir/data
trap 'stop; rm -rf "$dir"' EXIT
# Starts the server anew, with a quota that no run spends.
start() {
  stop
  CRESSET_QUOTA_GET=1000000 serve "$data"
}

# Signs a thousand requests for a path, each with a time of its own: every one has a signature of
# its own, and all are good for half an hour. Not with Cresset's code.
sign() {
  python3 - "$data/initial-credentials.json" "$1" "$2" <<'PYTHON'
import base64, hashlib, hmac, json, sys, time

with open(sys.argv[1]) as file:
    token = json.load(file)
now = int(time.time() * 1000)
with open(sys.argv[3], "w") as file:
    for epoch in range(now - 1000, now):
        text = f"GET{epoch}{sys.argv[2]}".encode()
        digest = hmac.new(token["access_key"].encode(), text, hashlib.sha256).hexdigest()
        signature = base64.b64encode(digest.encode()).decode()
        print(f"LMv1 {token['access_id']}:{signature}:{epoch}", file=file)
PYTHON
}

# load NAME PATH [HEADERS]: requests a second over 16 connections become the figure NAME
load() {
  local script=()
  [ $# -lt 3 ] || script=(--script benches/signed.lua)
  wrk --threads 1 --connections 16 --duration "${seconds}s" --header "X-Version: 3" \
    "${script[@]}" "$url$2" ${3:+-- "$3"} >"$dir/wrk" || fail "wrk failed"
  if grep -q 'Non-2xx' "$dir/wrk"; then cat "$dir/wrk" >&2; fail "requests to $2 were refused"; fi
  awk -v name="$1" '/Requests\/sec/ { print name, $2 }' "$dir/wrk" >>"$dir/figures"
}

# ratio NAME TO: the median of what one figure is to another one in the same run
ratio() {
  awk -v name="$1" -v to="$2" '$1 == name { a[++n] = $2 } $1 == to { b[++m] = $2 }
    END { for (i = 1; i <= n; i++) print a[i] / b[i] }' "$dir/figures" \
    | sort -g | awk '{ all[NR] = $1 } END { printf "%.2f", all[int((NR + 1) / 2)] }'
}

# What a run measures, with `few` or with `many` tokens in the catalog.
run() {
  start
  sign /setting/admins/apitokens "$dir/list"
  sign /setting/admins/apitokens/self "$dir/self"
  load "open_$1" /health/live
  load "signed_$1" "$tokens?size=1" "$dir/list"
  load "self_$1" "$tokens/self" "$dir/self"
}
start
cp -r "$data" "$dir/few"
stop
cp -r "$data" "$dir/many"
python3 - "$dir/many/catalog.db" crates/catalog/tests/it/many_tokens.sql <<'PYTHON'
import sqlite3, sys

catalog = sqlite3.connect(sys.argv[1])
with open(sys.argv[2]) as file:
    catalog.executescript("PRAGMA synchronous = off; BEGIN;" + file.read() + "COMMIT;")
(count,) = catalog.execute("SELECT count(*) FROM api_tokens").fetchone()
catalog.close()
print(f"{count} API tokens")
PYTHON

for _ in $(seq "$runs"); do
  data=$dir/few run few
  data=$dir/many run many
done
data=$dir/many
start
sign /setting/admins/apitokens "$dir/list"
header="Authorization: $(head -n 1 "$dir/list")"
echo "medians of $runs runs of $seconds s each, 16 connections:"
printf 'open route, few tokens: %s /s; many: %s /s\n' "$(of open_few)" "$(of open_many)"
printf 'signed list, few tokens: %s /s; many: %s /s\n' "$(of signed_few)" "$(of signed_many)"
judge "signed apitokens?size=1 to an open route, few tokens" "$(ratio signed_few open_few)" above 0.5 times
judge "signed apitokens/self with many tokens to it with few" "$(ratio self_many self_few)" above 0.8 times
printf 'signed apitokens?size=1 to an open route, many tokens: %s\n' "$(ratio signed_many open_many)"

# list NAME TOTAL QUERY: a page of the list must have that many in all; its median is judged
list() {
  curl --silent --fail --noproxy '*' --header "$header" --header "X-Version: 3" "$url$tokens?$3" >"$dir/page" \
    || fail "the list was refused: $3"
  python3 -c 'import json, sys
total = json.load(open(sys.argv[1]))["total"]
if total != int(sys.argv[2]): sys.exit(f"{sys.argv[3]}: {total} and not {sys.argv[2]} in all")' "$dir/page" "$2" "$3" \
    || fail "the list is not what it should be"
  wrk --threads 1 --connections 1 --duration "${list_seconds}s" --timeout 30s --script benches/api.lua --header "$header" \
    --header "X-Version: 3" "$url$tokens?$3" -- list "$lists" >"$dir/wrk" || fail "$1 failed"
  judge "list: $1, median of $lists" "$(awk '$1 == "list_median" { print $2 }' "$dir/wrk")" below 20 ms
}
note=runner%20777
list "first page" 80001 ""
list "page of 1000" 80001 "size=1000"
list "last page" 80001 "offset=79000&size=50"
list "newest first" 80001 "sort=-createdOn"
list "by note" 80001 "sort=-note"
list "by owner's name" 80001 "sort=%2BadminName"
list "by last use" 80001 "sort=lastUsedOn"
list "equals: accessId" 1 'filter=accessId:%2200000000000000007919%22'
list "equals: adminName" 100 'filter=adminName:%22user7%22'
list "any of two" 200 'filter=adminName:%22user7%22%7C%22user11%22'
list "equals: status, by note" 71112 'filter=status:2&sort=-note'
list "differs: status" 8889 'filter=status!:2'
list "more than" 2001 'filter=createdOn%3E5850000'
list "at most: unused since" 8000 'filter=lastUsedOn%3C:700000&sort=lastUsedOn'
list "wildcard" 89 "filter=note:%22$note*%22"
list "contains" 89 "filter=note~%22$note%22"
list "contains not" 79912 "filter=note!~%22$note%22"
list "empty" 0 'filter=note:::empty'
list "not empty" 80001 'filter=note!::empty'
list "element of a list" 10001 'filter=roles:%22administrator%22'
list "and" 78 "filter=status:2,note~%22$note%22"
list "or" 189 "filter=adminName:%22user7%22%7C%7Cnote~%22$note%22"
list "_all contains" 89 "filter=_all~%22$note%22"
list "_all contains, by note" 89 "filter=_all~%22$note%22&sort=note"
tell_stolen
exit "$missed"
