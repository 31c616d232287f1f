"""Sends logs by the clients of four protocols: python shippers_client.py URL TOKEN."""

import logging
import sys
import time
from urllib.parse import urlsplit

import logging_loki
from elasticsearch import Elasticsearch, helpers
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from splunk_handler import SplunkHandler

url, token = sys.argv[1].rstrip("/"), sys.argv[2]


def logger(name, handler):
    found = logging.getLogger(name)
    found.propagate = False
    found.addHandler(handler)
    return found


elastic = Elasticsearch(url + "/elastic", api_key=("any", token), http_compress=True)
print("version", elastic.info()["version"]["build_flavor"])
documents = [
    {"_op_type": "create", "_index": "logs-web-default", "message": "by elasticsearch one"},
    {"_index": "web", "_id": "2", "message": "by elasticsearch two"},
    {"_op_type": "update", "_index": "web", "_id": "2", "doc": {"message": "by elasticsearch three"}},
]
print("bulk", helpers.bulk(elastic, documents))
refused = [{"_index": "web", "_source": {"n" * 2_000: 1}}, {"_index": "web", "message": "by elasticsearch four"}]
done, errors = helpers.bulk(elastic, refused, raise_on_error=False)
print("refused", done, [error["index"]["status"] for error in errors])

logging.raiseExceptions = True
handler = logging_loki.LokiHandler(
    url=url + "/loki/api/v1/push", tags={"app": "shop"}, auth=("any", token), version="1"
)
handler.handleError = lambda record: sys.exit("Loki refused")
logger("loki", handler).warning("by loki", extra={"tags": {"shelf": "top"}})

at = urlsplit(url)
handler = SplunkHandler(
    host=at.hostname, port=at.port, token=token, index="web", protocol="http", verify=False,
    flush_interval=0.2, sourcetype="shop",
)
splunk = logger("splunk", handler)
splunk.warning("by splunk one")
splunk.warning("by splunk two")
time.sleep(0.5)
handler.force_flush()

exporter = OTLPLogExporter(
    endpoint=url + "/v1/logs", headers={"Authorization": "Bearer " + token}, compression=Compression.Gzip
)
provider = LoggerProvider(resource=Resource.create({"service.name": "shop", "host.name": "web-1"}))
provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
logger("otlp", LoggingHandler(logger_provider=provider)).error("by opentelemetry", extra={"user": "ann"})
provider.shutdown()
print("sent")
