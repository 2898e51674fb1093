"""Part of _core.pyx: the machine, random numbers, single functions of the kernels."""


def isas():
    """The kernels that this CPU can run, best first."""
    cdef const char *names[8]
    cdef int32_t n = fnn_isas(names, 8)
    return tuple([names[i].decode() for i in range(n)])


def isa():
    """The kernels in use."""
    return fnn_isa().decode()


def select_isa(str name=""):
    """Chooses the kernels of plans made from now on; "" is the best there is."""
    if fnn_select_isa(name.encode()) != FNN_OK:
        raise ValueError(f"FASTNN_ISA: got {name!r}, this CPU has {', '.join(isas())}")


def build_info():
    """Compiler and flags of this build."""
    return {
        "compiler": (<bytes>FASTNN_COMPILER).decode(),
        "flags": (<bytes>FASTNN_BUILD_FLAGS).decode(),
    }


def fma_peak(int threads=1, double seconds=0.05, str dtype="float32"):
    """FLOP/s of fused multiply-adds on registers, by the kernels in use."""
    cdef fnn_dtype number = dtype_number(dtype)
    cdef double peak
    with nogil:
        peak = fnn_fma_peak(number, threads, seconds)
    return peak


def handover(int threads=2, double seconds=0.01):
    """Seconds for a line of cache (64 bytes) that another thread has changed."""
    cdef double taken
    with nogil:
        taken = fnn_handover(threads, seconds)
    return taken


def allocations():
    """How often the engine has asked for memory."""
    return fnn_allocations()


def team_size():
    """Threads that the team keeps, parked or working."""
    return fnn_team_size()


def team_stop():
    """Ends the team's threads; the next job makes new ones."""
    with nogil:
        fnn_team_stop()


# ---- random numbers --------------------------------------------------------------------

def uniform(uint64_t seed, uint64_t stream, double[::1] out):
    """Fills `out` from [0, 1); element i depends on (seed, stream, i) alone."""
    if out.shape[0]:
        fnn_uniform(seed, stream, out.shape[0], &out[0])


def normal(uint64_t seed, uint64_t stream, double[::1] out):
    """Fills `out` from the standard normal distribution."""
    if out.shape[0]:
        fnn_normal(seed, stream, out.shape[0], &out[0])


def permutation(uint64_t seed, uint64_t stream, int64_t[::1] out):
    """Fills `out` with 0, 1, ... in random order."""
    if out.shape[0]:
        fnn_permutation(seed, stream, out.shape[0], &out[0])


def map_function(str function, const real[::1] x, real[::1] values, real[::1] slopes=None,
                 double parameter=0):
    """One function of the kernels over an array, for tests."""
    cdef fnn_dtype dtype = FNN_FLOAT32 if real is float else FNN_FLOAT64
    if values.shape[0] != x.shape[0] or (slopes is not None and slopes.shape[0] != x.shape[0]):
        raise ValueError("want arrays of one length")
    if x.shape[0] == 0:
        return
    check(fnn_map(dtype, function.encode(), parameter, x.shape[0], &x[0], &values[0],
                  NULL if slopes is None else &slopes[0]))
