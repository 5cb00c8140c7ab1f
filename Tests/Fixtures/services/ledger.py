"""A service with a ledger of its own, behind a Unix socket: each Idempotency-Key is booked once.

ledger.py SOCKET DATABASE
POST anything: books the payment of the body, 201 the first time, 200 after that. GET /ledger: what was booked.
"""
import http.server
import json
import os
import socketserver
import sqlite3
import sys

SOCKET, DATABASE = sys.argv[1:3]


def connect():
    database = sqlite3.connect(DATABASE, timeout=30)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY, path TEXT, payment TEXT)")
    database.execute("CREATE TABLE IF NOT EXISTS requests (key TEXT)")
    return database


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        payment = body["data"]["payment"] if "specversion" in body else body["payment"]
        key = self.headers["Idempotency-Key"]
        with connect() as database:
            database.execute("INSERT INTO requests VALUES (?)", (key,))
            row = (key, self.path, payment)
            isNew = database.execute("INSERT OR IGNORE INTO entries VALUES (?, ?, ?)", row).rowcount == 1
        self.answer(201 if isNew else 200, {"booked": payment})

    def do_GET(self):
        database = connect()
        entries = database.execute("SELECT path, payment FROM entries ORDER BY path, payment").fetchall()
        requests = database.execute("SELECT count(*) FROM requests").fetchone()[0]
        self.answer(200, {"entries": [" ".join(entry) for entry in entries], "requests": requests})

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *unused):
        pass

    def address_string(self):
        return "local"


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128


connect().close()
if os.path.exists(SOCKET):
    os.unlink(SOCKET)
Server(SOCKET, Handler).serve_forever()
