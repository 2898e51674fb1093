"""Part of _core.pyx: plain NumPy arrays by NumPy's own C API.

Asking an array for its buffer takes 40 ns, of which NumPy needs most to write down the format; and
calling `numpy.empty` 80.  Short calls (_calls.pxi) look at the array itself.
"""


cdef extern from *:
    """
    #define NPY_NO_DEPRECATED_API NPY_1_7_API_VERSION
    #include <numpy/arrayobject.h>
    """


cdef extern from "numpy/arrayobject.h":
    ctypedef struct PyArrayObject
    int NPY_FLOAT, NPY_DOUBLE
    int _import_array() except -1
    bint PyArray_CheckExact(object)
    bint PyArray_ISNOTSWAPPED(PyArrayObject *) noexcept
    bint PyArray_ISBOOL(PyArrayObject *) noexcept
    bint PyArray_ISUNSIGNED(PyArrayObject *) noexcept
    bint PyArray_ISSIGNED(PyArrayObject *) noexcept
    int PyArray_TYPE(PyArrayObject *) noexcept
    int PyArray_NDIM(PyArrayObject *) noexcept
    Py_ssize_t *PyArray_DIMS(PyArrayObject *) noexcept
    Py_ssize_t *PyArray_STRIDES(PyArrayObject *) noexcept
    Py_ssize_t PyArray_ITEMSIZE(PyArrayObject *) noexcept
    void *PyArray_DATA(PyArrayObject *) noexcept
    object PyArray_SimpleNew(int, Py_ssize_t *, int)


_import_array()


cdef int32_t plain_type(PyArrayObject *x) noexcept:
    """The engine's type of an array's elements, or -1."""
    cdef Py_ssize_t size = PyArray_ITEMSIZE(x)
    if not PyArray_ISNOTSWAPPED(x):
        return -1
    if PyArray_TYPE(x) == NPY_FLOAT:
        return FNN_F32
    if PyArray_TYPE(x) == NPY_DOUBLE:
        return FNN_F64
    if PyArray_ISSIGNED(x):
        return FNN_I8 if size == 1 else FNN_I16 if size == 2 else FNN_I32 if size == 4 else FNN_I64
    if PyArray_ISUNSIGNED(x) or PyArray_ISBOOL(x):
        return FNN_U8 if size == 1 else FNN_U16 if size == 2 else FNN_U32 if size == 4 else FNN_U64
    return -1


cdef bint describe_plain(object array, int least, fnn_array *to) noexcept:
    """Fills what the engine knows of an array; False where it cannot read such ones.

    It has two dimensions, or one and is a column, if that is not less than `least`, and is of no
    subclass, which may mean something else.
    """
    if not PyArray_CheckExact(array):
        return False
    cdef PyArrayObject *x = <PyArrayObject *>array
    cdef int ndim = PyArray_NDIM(x)
    memset(to, 0, sizeof(fnn_array))
    to.type = plain_type(x)
    if to.type < 0 or ndim < least or ndim > 2:
        return False
    to.data = PyArray_DATA(x)
    to.rows, to.row_bytes = PyArray_DIMS(x)[0], PyArray_STRIDES(x)[0]
    to.columns = PyArray_DIMS(x)[1] if ndim == 2 else 1
    to.column_bytes = PyArray_STRIDES(x)[1] if ndim == 2 else PyArray_ITEMSIZE(x)
    return True
