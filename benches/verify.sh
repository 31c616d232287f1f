#!/usr/bin/env bash
# Measures what it costs to verify a signed request and a JWT, with criterion, and judges it against
# the bound of 3 µs. The bare HMAC over the same bytes, in the same run, is the baseline.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cargo bench --locked -p cresset-auth -- --noplot
python3 - "${CARGO_TARGET_DIR:-target}/criterion" <<'PYTHON'
import json, pathlib, sys

BOUND = 3000  # nanoseconds
folder = pathlib.Path(sys.argv[1])


def median(group, name):
    with open(folder / group / name / "new" / "estimates.json") as file:
        return json.load(file)["median"]["point_estimate"]


missed = False
for group, names in {"lmv1": ["get", "put"], "jwt": ["HS256", "HS384", "HS512"]}.items():
    for name in names:
        cost, bare = median(group, f"{name}, verification"), median(group, f"{name}, bare HMAC")
        missed |= cost >= BOUND
        verdict = "ok" if cost < BOUND else "MISSED"
        print(f"{group} {name}: {cost:.0f} ns, {cost / bare:.1f} times the bare HMAC "
              f"(bound: below {BOUND} ns) {verdict}")
sys.exit(missed)
PYTHON
