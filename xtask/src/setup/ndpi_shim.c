/* Makes the engine out of a Python wheel an ordinary shared library.
 *
 * The engine is nDPI together with a little glue for Python's C interface. The glue is never
 * called from here, but its symbols must resolve when the library is loaded. They are defined
 * below, and each says so and aborts: carrying on after a call to one would be a wrong answer.
 */
#include <stdio.h>
#include <stdlib.h>

#define STUB(name)                                                                        \
    void name(void);                                                                      \
    void name(void)                                                                       \
    {                                                                                     \
        fputs("libndpi.so.5: " #name " was called: this library holds nDPI alone, and no " \
              "Python\n", stderr);                                                        \
        abort();                                                                          \
    }

STUB(PyArg_UnpackTuple)
STUB(PyErr_Occurred)
STUB(PyEval_RestoreThread)
STUB(PyEval_SaveThread)
STUB(PyImport_ImportModule)
STUB(PyLong_FromLong)
STUB(PyLong_FromVoidPtr)
STUB(PyObject_CallMethod)
STUB(PyObject_Free)
STUB(PyObject_Malloc)
STUB(_Py_Dealloc)

/* Python's None: an object whose address alone is used. */
char _Py_NoneStruct[64];
