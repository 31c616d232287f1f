#!/usr/bin/env python3
"""A mail server (aiosmtpd) and a web server that write what they receive into a folder.

usage: sinks.py DIR

Writes DIR/smtp.port and DIR/http.port when both listen on 127.0.0.1, each mail to
DIR/mail-N.eml and each HTTP request to DIR/http-N.txt, until it is ended.
"""
import itertools
import pathlib
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller

folder = pathlib.Path(sys.argv[1])
counter = itertools.count(1)
lock = threading.Lock()


def keep(kind, ending, content):
    with lock:
        path = folder / f"{kind}-{next(counter)}.{ending}"
    temporary = path.with_suffix(".tmp")
    temporary.write_bytes(content)
    temporary.rename(path)


class Mail:
    async def handle_DATA(self, server, session, envelope):
        keep("mail", "eml", envelope.content)
        return "250 kept"


class Web(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        keep("http", "txt", f"{self.requestline}\n{self.headers}".encode() + body)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args):
        pass


mail = Controller(Mail(), hostname="127.0.0.1", port=0)
# aiosmtpd connects to its own port to see that it is up; with port 0 it must ask the system first.
import socket

with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    mail.port = probe.getsockname()[1]
mail.start()
web = ThreadingHTTPServer(("127.0.0.1", 0), Web)
(folder / "smtp.port").write_text(str(mail.port))
(folder / "http.port").write_text(str(web.server_port))
web.serve_forever()
