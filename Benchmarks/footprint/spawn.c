/* To be preloaded into a node under valgrind, where /proc/self/exe is valgrind: children of that path get the node's own program, whose
 * path is in NODE. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>

int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,
                char *const arguments[], char *const environment[]) {
    __typeof__(posix_spawn) *next = (__typeof__(posix_spawn) *)dlsym(RTLD_NEXT, "posix_spawn");
    const char *node = getenv("NODE");
    return next(pid, node && strcmp(path, "/proc/self/exe") == 0 ? node : path, actions, attributes, arguments, environment);
}
