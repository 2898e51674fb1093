"""Part of _core.pyx: the caller's arrays, through the buffer protocol."""


cdef int32_t type_of(const char *format, Py_ssize_t size) noexcept:
    """The engine's type of a buffer's elements, or -1; bool is read as uint8."""
    if format[0] == 0 or format[1] != 0:
        return -1
    if format[0] == c"f":
        return FNN_F32
    if format[0] == c"d":
        return FNN_F64
    if format[0] in (c"b", c"h", c"i", c"l", c"q"):
        return FNN_I8 if size == 1 else FNN_I16 if size == 2 else FNN_I32 if size == 4 else FNN_I64
    if format[0] in (c"?", c"B", c"H", c"I", c"L", c"Q"):
        return FNN_U8 if size == 1 else FNN_U16 if size == 2 else FNN_U32 if size == 4 else FNN_U64
    return -1


cdef bint describe(const Py_buffer *view, fnn_array *array) noexcept:
    """Fills what the engine knows of an array; False where it cannot read such ones."""
    array.type = type_of(view.format, view.itemsize)
    if view.ndim != 2 or array.type < 0:
        return False
    array.data = view.buf
    array.rows, array.columns = view.shape[0], view.shape[1]
    array.row_bytes, array.column_bytes = view.strides[0], view.strides[1]
    return True


@cython.final
cdef class _Array:
    """A two-dimensional array of any supported type, held while the engine reads it.

    A raw buffer and not a typed memoryview: the element type is known only now, and the
    engine converts row by row.
    """

    cdef Py_buffer view
    cdef bint held
    cdef fnn_array array

    def __cinit__(self, object x):
        PyObject_GetBuffer(x, &self.view, PyBUF_STRIDES | PyBUF_FORMAT)
        self.held = True
        if not describe(&self.view, &self.array):
            got = f"{self.view.ndim}-D of {self.view.format.decode()!r}"
            raise TypeError(f"want a 2-D array of a real type, got {got}")

    def __dealloc__(self):
        if self.held:
            PyBuffer_Release(&self.view)
