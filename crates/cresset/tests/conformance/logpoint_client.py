"""What logpoint 0.0.2 gets over TLS: python logpoint_client.py HOST:PORT USER KEY, the answers as JSON."""

import json
import sys
import warnings

from logpoint import Logpoint

# The client does not check certificates, and says so at each request.
warnings.simplefilter("ignore")
host, user, key = sys.argv[1:4]
api = Logpoint(host, user, key)


def search(query):
    started = api.get_search_log(api.create_search_query(query, time_range="Last 1 hour")).json()
    return {"started": started, "rows": api.get_logs(started["search_id"])}


json.dump(
    {
        "preferences": api.get_logpoint_data("user_preference"),
        "repos": api.get_logpoint_data("logpoint_repos"),
        "simple": search("kind=probe"),
        "chart": search("kind=probe | chart count() as cnt by user"),
    },
    sys.stdout,
)
