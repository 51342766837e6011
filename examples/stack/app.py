"""The sample's web front end: counts visits in Redis and writes each into the database before it answers.

An answer of 200 says that the visit is in the database, so that a load test can hold the table against the answers that it got.
"""
import os
import signal
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pymysql

VERSION = os.environ.get("VERSION", "1")
TASK = socket.gethostname()
own = threading.local()  # a connection for each thread, and a thread for each client connection


def database():
    if getattr(own, "database", None) is None:
        with open("/run/secrets/db-password") as secret:
            password = secret.read().strip()
        own.database = pymysql.connect(host="db", user="shop", password=password, database="shop",
                                       connect_timeout=3, read_timeout=3, write_timeout=3, autocommit=True)
    return own.database


def redis(*words):
    """One command to Redis in its own protocol (RESP 2); returns the first line of the answer."""
    with socket.create_connection(("cache", 6379), timeout=3) as connection:
        parts = [b"*%d\r\n" % len(words)]
        for word in words:
            data = str(word).encode()
            parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
        connection.sendall(b"".join(parts))
        with connection.makefile("rb") as answer:
            line = answer.readline().decode().strip()
    if not line or line[0] == "-":
        raise OSError("redis: " + (line or "no answer"))
    return line[1:]


class Visit(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/healthz":
            return self.answer(200, "well\n")
        try:
            seen = redis("INCR", "visits")
            with database().cursor() as cursor:
                cursor.execute("INSERT INTO visits (task, version) VALUES (%s, %s)", (TASK, VERSION))
            self.answer(200, "visit %s, answered by %s, version %s\n" % (seen, TASK, VERSION))
        except (OSError, pymysql.MySQLError) as error:
            own.database = None
            self.answer(503, "%s: %s\n" % (type(error).__name__, error))

    def answer(self, status, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code="-", size="-"):
        if code != 200:  # what goes well is counted in the database; flash cards are spared the rest
            super().log_request(code, size)

    def finish(self):
        super().finish()
        if getattr(own, "database", None) is not None:
            own.database.close()
            own.database = None


class Front(ThreadingHTTPServer):
    daemon_threads = False  # server_close waits for the answers that are under way
    request_queue_size = 512


front = Front(("", 8000), Visit)
# `docker stop` and an update send SIGTERM: take no new connection, end those that are open.
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=front.shutdown).start())
print("version %s listens on 8000" % VERSION, flush=True)
front.serve_forever()
front.server_close()
