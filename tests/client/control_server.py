"""A control socket to ask: a real ROUTER on a thread, with answers that a test gives."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

import zmq

from filmlab.control import Request, decode_request

Answer: TypeAlias = Callable[[Request], list[bytes]]
"""The parts to send back, one message each; none: the daemon that hangs."""


@contextmanager
def serving(endpoint: str, answer: Answer) -> Iterator[str]:
    """Serve until the block ends. Yields the endpoint."""
    with zmq.Context() as context, context.socket(zmq.PAIR) as stop:
        stop.bind("inproc://stop")
        router = context.socket(zmq.ROUTER)
        router.linger = 0
        router.bind(endpoint)
        thread = threading.Thread(target=_answer_all, args=(context, router, answer))
        thread.start()
        try:
            yield endpoint
        finally:
            stop.send(b"")
            thread.join()


def _answer_all(context: zmq.Context, router: zmq.Socket, answer: Answer) -> None:
    with router, context.socket(zmq.PAIR) as stop:
        stop.connect("inproc://stop")
        poller = zmq.Poller()
        poller.register(router, zmq.POLLIN)
        poller.register(stop, zmq.POLLIN)
        while stop not in dict(poller.poll()):
            peer, data = router.recv_multipart()
            for part in answer(decode_request(data)):
                # ROUTER drops what is for a peer that is gone, as it does in the daemon.
                router.send_multipart([peer, part])
