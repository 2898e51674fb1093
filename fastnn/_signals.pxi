"""Part of _core.pyx: Python's signal handlers run while the engine is at work."""

cdef unsigned long main_ident


def _find_main_thread():
    """At first and in a forked child, where it is the thread that forked."""
    global main_ident
    main_ident = main_thread().ident


_find_main_thread()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_find_main_thread)


cdef int poll_signals(void *context) noexcept with gil:
    """Runs Python's signal handlers; what they raise stops the job and is raised after it."""
    try:
        PyErr_CheckSignals()
    except BaseException as error:
        (<Plan>context).raised = error
        return 1
    return 0
