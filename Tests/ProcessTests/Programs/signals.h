/* dn.host.signal/1 of a host that has one engine, on its one thread. */
#ifndef PROCESS_TEST_SIGNALS_H
#define PROCESS_TEST_SIGNALS_H

#include <dandelion/abi.h>
#include <signal.h>
#include <string.h>

static dn_signal_handler signal_handler;
static void *signal_argument;

static void on_signal(int signo, siginfo_t *info, void *context) {
    if (signal_handler) signal_handler(signal_argument, signo, info, context);
}

static dn_status attach(const dn_host *host, dn_signal_handler handler, void *argument, uint64_t *token) {
    (void)host;
    signal_handler = handler;
    signal_argument = argument;
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
    *token = 1;
    return sigaction(SIGRTMIN, &action, NULL) == 0 ? DN_OK : DN_FAILED;
}

static void detach(const dn_host *host, uint64_t token) {
    (void)host, (void)token;
    signal_handler = NULL;
}

static void kick(const dn_host *host, uint64_t token) {
    (void)host, (void)token;
    raise(SIGRTMIN);
}

static dn_host_signal signals = {sizeof signals, 0, attach, detach, kick};

static const void *signal_service(const dn_host *host, const char *id) {
    (void)host;
    signals.kick_signal = SIGRTMIN;
    return strcmp(id, DN_HOST_SIGNAL_1) == 0 ? &signals : NULL;
}

#endif
