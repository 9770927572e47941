/* The front of the peers that run a program in a sandbox: an HTTP server that hands each request's body to a sandbox.
 *
 *     relay PORT HOT COMMAND [ARGUMENT]...
 *
 * A request to /hot goes to one of HOT sandboxes, which are started at the first and kept; any other starts a sandbox
 * for itself, by posix_spawn of the command, and is answered when the sandbox answered; the sandbox is reaped then,
 * off the way of the answer. Body and answer go through the program's standard input and output and have the same
 * length. `%d` in an argument is replaced by a number that no other sandbox has. One thread for each connection.
 */
#define _GNU_SOURCE
#include "http.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <sys/wait.h>

extern char **environ;

struct sandbox {
    pid_t pid;
    int in, out;
};

static char **command;
static int command_length;
static atomic_int serial;
static struct sandbox *hot;
static int hot_free, hot_started, hot_limit;
static pthread_mutex_t hot_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t hot_freed = PTHREAD_COND_INITIALIZER;

static int start_sandbox(struct sandbox *sandbox) {
    int in[2], out[2], number = serial++;
    char *arguments[64], texts[64][512];
    if (pipe2(in, O_CLOEXEC) != 0) return -1;
    if (pipe2(out, O_CLOEXEC) != 0) return close(in[0]), close(in[1]), -1;
    for (int i = 0; i < command_length; i++) {
        char *mark = strstr(command[i], "%d");
        arguments[i] = command[i];
        if (!mark) continue;
        int before = (int)(mark - command[i]);
        snprintf(texts[i], sizeof texts[i], "%.*s%d-%d%s", before, command[i], getpid(), number, mark + 2);
        arguments[i] = texts[i];
    }
    arguments[command_length] = NULL;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    int error = posix_spawnp(&sandbox->pid, arguments[0], &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]), close(out[1]);
    sandbox->in = in[1], sandbox->out = out[0];
    if (error == 0) return 0;
    return close(in[1]), close(out[0]), -1;
}

static int ask(const struct sandbox *sandbox, struct request *request, char *reply) {
    if (write_all(sandbox->in, request->body, request->body_length) != 0) return -1;
    return read_all(sandbox->out, reply, request->body_length);
}

static void end_sandbox(struct sandbox *sandbox) {
    close(sandbox->in), close(sandbox->out);
    waitpid(sandbox->pid, NULL, 0);
}

static int take_hot(struct sandbox *sandbox) {
    pthread_mutex_lock(&hot_lock);
    while (hot_free == 0 && hot_started == hot_limit) pthread_cond_wait(&hot_freed, &hot_lock);
    int fresh = hot_free == 0;
    if (fresh) hot_started++;
    else *sandbox = hot[--hot_free];
    pthread_mutex_unlock(&hot_lock);
    return fresh ? start_sandbox(sandbox) : 0;
}

static void give_hot(const struct sandbox *sandbox) {
    pthread_mutex_lock(&hot_lock);
    hot[hot_free++] = *sandbox;
    pthread_cond_signal(&hot_freed);
    pthread_mutex_unlock(&hot_lock);
}

/* Answers one request; -1 when the connection or the sandbox failed. */
static int answer(struct request *request) {
    struct sandbox sandbox;
    int keep = hot_limit > 0 && strncmp(request->path, "/hot", 4) == 0;
    char *reply = malloc(request->body_length + 1);
    if (!reply || (keep ? take_hot(&sandbox) : start_sandbox(&sandbox)) != 0) return -1;
    int failed = ask(&sandbox, request, reply);
    int result = send_reply(request->fd, failed ? 500 : 200, reply, failed ? 0 : request->body_length);
    if (keep) give_hot(&sandbox);
    else end_sandbox(&sandbox);
    free(reply);
    return result;
}

static void *serve(void *argument) {
    struct request *request = argument;
    while (read_request(request) == 0 && answer(request) == 0) {}
    close(request->fd);
    free(request->body);
    free(request);
    return NULL;
}

int main(int count, char **arguments) {
    if (count < 4 || count > 60) return fprintf(stderr, "usage: relay PORT HOT COMMAND [ARGUMENT]...\n"), 2;
    signal(SIGPIPE, SIG_IGN);
    hot_limit = atoi(arguments[2]);
    command = arguments + 3, command_length = count - 3;
    hot = calloc((size_t)hot_limit + 1, sizeof *hot);
    int listener = listen_on(atoi(arguments[1]));
    for (;;) {
        struct request *request = calloc(1, sizeof *request);
        pthread_t thread;
        if (!request || (request->fd = accept_connection(listener)) < 0) die("accept");
        if (pthread_create(&thread, NULL, serve, request) != 0) die("pthread_create");
        pthread_detach(thread);
    }
}
