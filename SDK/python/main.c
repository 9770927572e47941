/* CPython as a function. Everything that is the same for all invocations is done before the snapshot: the interpreter
 * starts, the module dandelion and the user's own are imported. The command line is read after that, by dandelion._main. */
#include "sets.h"
#include <dandelion/program.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

extern const char dandelion_library[], dandelion_library_end[];

/* Modules of packages that are linked in, with their full names. */
#define MODULE(name, function) PyMODINIT_FUNC PyInit_##function(void);
#include "linked_modules.h"
#undef MODULE

static int add_linked_modules(void) {
    int error = 0;
#define MODULE(name, function) error |= PyImport_AppendInittab(name, PyInit_##function);
#include "linked_modules.h"
#undef MODULE
    return error;
}

#define HOME "/usr"
#define PROGRAM HOME "/bin/python3"
#define LIBRARY HOME "/lib/python311.zip"

static PyStatus set_paths(PyConfig *config) {
    static const wchar_t *const paths[] = {L"/code", L"/code/packages.zip", L"" LIBRARY};
    PyStatus status = {0};
    config->module_search_paths_set = 1;
    for (size_t i = 0; i < sizeof paths / sizeof *paths && !PyStatus_Exception(status); i++)
        status = PyWideStringList_Append(&config->module_search_paths, paths[i]);
    return status;
}

static PyStatus configure(PyConfig *config) {
    PyPreConfig before;
    PyPreConfig_InitIsolatedConfig(&before);
    before.utf8_mode = 1;
    PyStatus status = Py_PreInitialize(&before);
    if (PyStatus_Exception(status)) return status;
    PyConfig_InitIsolatedConfig(config);
    config->install_signal_handlers = 0;
    config->site_import = 0;
    config->write_bytecode = 0;
    config->pathconfig_warnings = 0;
    status = PyConfig_SetString(config, &config->program_name, L"" PROGRAM);
    if (!PyStatus_Exception(status)) status = PyConfig_SetString(config, &config->executable, L"" PROGRAM);
    if (!PyStatus_Exception(status)) status = PyConfig_SetString(config, &config->home, L"" HOME);
    return PyStatus_Exception(status) ? status : set_paths(config);
}

static PyStatus start(void) {
    PyConfig config;
    PyStatus status = configure(&config);
    if (!PyStatus_Exception(status)) status = Py_InitializeFromConfig(&config);
    PyConfig_Clear(&config);
    return status;
}

/* Calls dandelion._main.`name`(*arguments), which steals `arguments`; what it returns, or -1 after telling of the error. */
static long call(const char *name, PyObject *arguments) {
    PyObject *module = PyImport_ImportModule("dandelion._main");
    PyObject *function = module ? PyObject_GetAttrString(module, name) : NULL;
    PyObject *result = function && arguments ? PyObject_CallObject(function, arguments) : NULL;
    long code = result ? PyLong_AsLong(result) : -1;
    if (PyErr_Occurred()) PyErr_Print();
    Py_XDECREF(result);
    Py_XDECREF(arguments);
    Py_XDECREF(function);
    Py_XDECREF(module);
    return code;
}

static PyObject *words(int argc, char **argv) {
    PyObject *list = PyList_New(argc);
    for (int i = 0; list && i < argc; i++) {
        PyObject *word = PyUnicode_DecodeFSDefault(argv[i]);
        if (!word) Py_CLEAR(list);
        else PyList_SET_ITEM(list, i, word);
    }
    return list;
}

/* sys.executable is looked at by some modules. */
static const char program[] = "The interpreter; it is no file that could be run.\n";

static int carry(const char *path, const void *data, size_t length) {
    int error = dandelion_carry(path, data, length);
    if (error) fprintf(stderr, "python: %s: %s\n", path, strerror(errno));
    return error;
}

int main(int argc, char **argv) {
    if (carry(LIBRARY, dandelion_library, (size_t)(dandelion_library_end - dandelion_library)) != 0) return 1;
    if (carry(PROGRAM, program, sizeof program - 1) != 0) return 1;
    /* Scripts measure, and wait for a time by looking at the clock. */
    dandelion_follow_processor();
    if (PyImport_AppendInittab("_dandelion", PyInit__dandelion) != 0 || add_linked_modules() != 0) return 1;
    PyStatus status = start();
    if (PyStatus_Exception(status)) Py_ExitStatusException(status);
    if (call("prepare", PyTuple_New(0)) != 0) return 1;
    dandelion_snapshot(&argc, &argv);
    long code = call("run", Py_BuildValue("(N)", words(argc, argv)));
    /* The sandbox ends here: what a shutdown would free is of no use to anybody. */
    fflush(NULL);
    return (int)code;
}
