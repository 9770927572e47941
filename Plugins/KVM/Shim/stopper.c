/* Stopping KVM_RUN. A signal that comes before it would be lost, so its handler sets immediate_exit, which makes KVM_RUN
 * return at once. */
#include "CKVM.h"

#include <stdatomic.h>
#include <stdlib.h>

struct ckvm_stopper *ckvm_stopper_create(int signo) {
    struct ckvm_stopper *stopper = calloc(1, sizeof *stopper);
    if (stopper && dk_stop_open(&stopper->stop, signo) == 0) return stopper;
    free(stopper);
    return NULL;
}

void ckvm_stopper_destroy(struct ckvm_stopper *stopper) {
    dk_stop_close(&stopper->stop);
    free(stopper);
}

int32_t ckvm_stopper_poll(struct ckvm_stopper *stopper) {
    stopper->run->immediate_exit = 0;
    atomic_signal_fence(memory_order_seq_cst);
    return stopper->stop.reason;
}

int32_t ckvm_stopper_signal(void *arg, int32_t signo, void *info, void *context) {
    (void)signo, (void)context;
    struct ckvm_stopper *stopper = arg;
    int32_t reason = dk_stop_signal(&stopper->stop, info);
    if (reason >= 0) stopper->run->immediate_exit = 1;
    return reason != DK_NOT_MINE;
}
