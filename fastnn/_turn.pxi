"""Part of _core.pyx: whose turn it is with a network."""

from _thread import allocate_lock
from weakref import WeakSet

_turns = WeakSet()  # all there are


@cython.final
cdef class Turn:
    """A lock that its thread may take again, like threading.RLock: one job at a time on a network.

    All of it is decided while the GIL is held, so that a call of a microsecond, which keeps the
    GIL, only has to look whether the network is free; who must wait does so at a gate.

    `running` is set while the engine is at work: the lock lets a signal handler of its own thread
    in, which must not start another job then.  `plan` is the network's plan.
    """

    cdef unsigned long owner  # 0: nobody
    cdef int depth, waiting
    cdef object gate  # closed but for one of those who wait
    cdef public bint running
    cdef public Plan plan
    cdef object __weakref__

    def __cinit__(self):
        self.renew()
        _turns.add(self)

    cdef renew(self):
        if self.owner != PyThread_get_thread_ident():
            self.owner, self.depth = 0, 0
        self.waiting, self.running = 0, False
        self.gate = allocate_lock()
        self.gate.acquire()

    def acquire(self):
        cdef unsigned long me = PyThread_get_thread_ident()
        while self.owner != me:
            if self.owner == 0:
                self.owner = me
                break
            self.waiting += 1
            try:
                self.gate.acquire()  # lets other threads run, and signal handlers
            finally:
                self.waiting -= 1
        self.depth += 1

    def release(self):
        if self.owner != PyThread_get_thread_ident():
            raise RuntimeError("cannot release a network that this thread does not have")
        self.depth -= 1
        if self.depth == 0:
            self.owner = 0
            if self.waiting and self.gate.locked():
                self.gate.release()

    def __enter__(self):
        self.acquire()
        return self

    def __exit__(self, *error):
        self.release()

    cdef bint is_free(self, Plan plan) noexcept:
        """Whether this thread may give `plan` a job, as long as it keeps the GIL."""
        return (not self.running and self.plan is plan
                and (self.owner == 0 or self.owner == PyThread_get_thread_ident()))


def _renew_turns():
    """In a forked child: no thread is left but its own that could give a turn back."""
    cdef Turn turn
    for turn in list(_turns):
        turn.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_turns)
