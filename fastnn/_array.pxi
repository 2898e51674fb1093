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
    array.starts = array.indices = NULL
    return True


@cython.final
cdef class _Vector:
    """A contiguous one-dimensional array, held while the engine reads it."""

    cdef Py_buffer view
    cdef bint held

    def __cinit__(self, object x):
        PyObject_GetBuffer(x, &self.view, PyBUF_STRIDES | PyBUF_FORMAT)
        self.held = True
        if self.view.ndim != 1 or (self.view.shape[0] > 1
                                   and self.view.strides[0] != self.view.itemsize):
            raise ValueError("want a contiguous 1-D array")

    def __dealloc__(self):
        if self.held:
            PyBuffer_Release(&self.view)


@cython.final
cdef class _Array:
    """A two-dimensional array of any supported type, held while the engine reads it.

    A raw buffer and not a typed memoryview: the element type is known only now, and the
    engine converts row by row.
    """

    cdef Py_buffer view
    cdef bint held
    cdef fnn_array array
    cdef _Vector stored, indices, starts  # of sparse rows

    def __cinit__(self, object x):
        if not PyObject_CheckBuffer(x):
            self._take_sparse(x)
            return
        PyObject_GetBuffer(x, &self.view, PyBUF_STRIDES | PyBUF_FORMAT)
        self.held = True
        if not describe(&self.view, &self.array):
            got = f"{self.view.ndim}-D of {self.view.format.decode()!r}"
            raise TypeError(f"want a 2-D array of a real type, got {got}")

    cdef int _take_sparse(self, object x) except -1:
        """What has `data`, `indices`, `indptr` and `shape`, as SciPy's CSR arrays do."""
        self.stored, self.indices = _Vector(x.data), _Vector(x.indices)
        self.starts = _Vector(x.indptr)
        self.array.rows, self.array.columns = x.shape
        self.array.type = type_of(self.stored.view.format, self.stored.view.itemsize)
        self.array.index_bytes = <int32_t>self.indices.view.itemsize
        if (self.array.type < 0 or self.array.rows < 0
                or self.starts.view.shape[0] != self.array.rows + 1
                or self.indices.view.shape[0] != self.stored.view.shape[0]
                or type_of(self.indices.view.format, self.indices.view.itemsize)
                not in (FNN_I32, FNN_I64)
                or type_of(self.starts.view.format, self.starts.view.itemsize)
                != type_of(self.indices.view.format, self.indices.view.itemsize)):
            raise ValueError("want sparse rows of a real type with int32 or int64 indices")
        self.array.data = self.stored.view.buf
        self.array.row_bytes, self.array.column_bytes = 0, self.stored.view.itemsize
        self.array.starts, self.array.indices = self.starts.view.buf, self.indices.view.buf
        self.array.stored = self.stored.view.shape[0]
        return 0

    def __dealloc__(self):
        if self.held:
            PyBuffer_Release(&self.view)
