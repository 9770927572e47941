"""Values that are read again and again while something runs."""

import threading
import time


class Sampler:
    """Calls `read` every `period` seconds in `with`; `samples` are (seconds since the start, value)."""

    def __init__(self, read, period):
        self.read, self.period, self.samples = read, period, []
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)

    def work(self):
        start = time.monotonic()
        while not self.stopped.wait(self.period):
            try:
                self.samples.append((time.monotonic() - start, self.read()))
            except OSError:
                continue  # what is read may be gone already

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()

    @property
    def average(self):
        return sum(value for _, value in self.samples) / len(self.samples) if self.samples else None
