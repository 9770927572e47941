#include "sets.h"
#include <dandelion/function.h>
#include <stdlib.h>
#include <unistd.h>

static PyObject *text(const char *bytes, size_t length) {
    return PyUnicode_DecodeUTF8(bytes, (Py_ssize_t)length, "surrogateescape");
}

/* (name, key, memory): the memory is the item itself, which the function may write. */
static PyObject *item_tuple(const dandelion_item *item) {
    PyObject *memory = PyMemoryView_FromMemory(item->data, (Py_ssize_t)item->length, PyBUF_WRITE);
    return Py_BuildValue("(NkN)", text(item->name, item->name_length), (unsigned long)item->key, memory);
}

static PyObject *items_of(size_t set) {
    PyObject *items = PyList_New(0);
    for (size_t i = 0; items && i < dandelion_input_count(set); i++) {
        PyObject *item = item_tuple(dandelion_input(set, i));
        if (!item || PyList_Append(items, item) != 0) Py_CLEAR(items);
        Py_XDECREF(item);
    }
    return items;
}

/* The names of the input sets or output sets, in the order of the registration. */
static PyObject *names(size_t count, const char *(*name)(size_t, size_t *)) {
    PyObject *list = PyList_New(0);
    for (size_t set = 0; list && set < count; set++) {
        size_t length;
        const char *bytes = name(set, &length);
        PyObject *word = text(bytes, length);
        if (!word || PyList_Append(list, word) != 0) Py_CLEAR(list);
        Py_XDECREF(word);
    }
    return list;
}

static PyObject *input_sets(PyObject *module, PyObject *none) {
    (void)module, (void)none;
    return names(dandelion_input_set_count(), dandelion_input_set_name);
}

static PyObject *output_sets(PyObject *module, PyObject *none) {
    (void)module, (void)none;
    return names(dandelion_output_set_count(), dandelion_output_set_name);
}

static PyObject *inputs(PyObject *module, PyObject *argument) {
    (void)module;
    size_t set = PyLong_AsSize_t(argument);
    return PyErr_Occurred() ? NULL : items_of(set);
}

/* output(set, name: str, key, data): the buffer stays as it is until the sandbox ends. */
static PyObject *output(PyObject *module, PyObject *arguments) {
    (void)module;
    Py_ssize_t set, length;
    const char *name;
    unsigned long key;
    Py_buffer view;
    if (!PyArg_ParseTuple(arguments, "ns#ky*", &set, &name, &length, &key, &view)) return NULL;
    char *copy = dandelion_allocate((size_t)length + 1);
    if (copy) memcpy(copy, name, (size_t)length);
    const dandelion_item item = {copy, (size_t)length, view.buf, (size_t)view.len, key};
    /* Neither the view nor its owner is given back: the platform reads the memory when the function has left. */
    if (!copy || dandelion_output((size_t)set, &item) != 0) {
        PyBuffer_Release(&view);
        return PyErr_NoMemory();
    }
    Py_RETURN_NONE;
}

/* fail(kind, message, trace) does not return; what the streams hold has been written. */
static PyObject *fail(PyObject *module, PyObject *arguments) {
    (void)module;
    const char *kind, *message, *trace;
    if (!PyArg_ParseTuple(arguments, "yyy", &kind, &message, &trace)) return NULL;
    dandelion_fail(kind, message, trace);
}

/* where(trace: bytes) */
static PyObject *where(PyObject *module, PyObject *argument) {
    (void)module;
    static char *told;
    const char *trace = PyBytes_AsString(argument);
    char *copy = trace ? strdup(trace) : NULL;
    if (!trace) return NULL;
    dandelion_where(copy);
    free(told);
    told = copy;
    Py_RETURN_NONE;
}

static PyObject *watch(PyObject *module, PyObject *none) {
    (void)module, (void)none;
    dandelion_watch();
    Py_RETURN_NONE;
}

/* The environment of this invocation: (name, value) each. */
static PyObject *environment(PyObject *module, PyObject *none) {
    (void)module, (void)none;
    PyObject *list = PyList_New(0);
    for (char **at = environ; list && at && *at; at++) {
        const char *equals = strchr(*at, '=');
        if (!equals) continue;
        PyObject *pair = Py_BuildValue(
            "(NN)", PyUnicode_DecodeFSDefaultAndSize(*at, equals - *at), PyUnicode_DecodeFSDefault(equals + 1));
        if (!pair || PyList_Append(list, pair) != 0) Py_CLEAR(list);
        Py_XDECREF(pair);
    }
    return list;
}

static PyMethodDef methods[] = {
    {"environment", environment, METH_NOARGS, "The environment, as it is now."},
    {"fail", fail, METH_VARARGS, "fail(kind, message, trace): ends the function as failed, with texts for its caller."},
    {"where", where, METH_O, "Says where the program is, for the error if it is stopped."},
    {"watch", watch, METH_NOARGS, "Has _main.tell_where called as the invocation's time runs out."},
    {"input_sets", input_sets, METH_NOARGS, "Names of the input sets."},
    {"output_sets", output_sets, METH_NOARGS, "Names of the output sets."},
    {"inputs", inputs, METH_O, "The items of an input set, by its number: (name, key, memory) each."},
    {"output", output, METH_VARARGS, "output(set, name, key, data): adds an item to an output set."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_dandelion", .m_size = -1, .m_methods = methods};

PyMODINIT_FUNC PyInit__dandelion(void) { return PyModule_Create(&definition); }
