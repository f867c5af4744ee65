"""A server that speaks S3 to the tests, in a process of its own: ``python s3_server.py PORT``.

It answers one request at a time, so that what is written on condition is written in one step.
"""

from __future__ import annotations

import sys
import threading

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, run_simple


class Quiet(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        pass


def main() -> None:
    application = DomainDispatcherApplication(create_backend_app)
    one = threading.Lock()

    def in_turn(environ, start_response):
        with one:
            return list(application(environ, start_response))

    run_simple("127.0.0.1", int(sys.argv[1]), in_turn, threaded=True, request_handler=Quiet)


if __name__ == "__main__":
    main()
