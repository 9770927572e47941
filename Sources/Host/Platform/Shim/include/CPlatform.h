/* What Swift cannot call or express: variadic system calls, signal handlers, atomics shared with the kernel. */
#ifndef CPLATFORM_H
#define CPLATFORM_H

#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#pragma clang assume_nonnull begin

/* futex(2) on a private word. timeout_ns < 0 waits for ever. Returns 0 or errno. */
int cp_futex_wait(const uint32_t *word, uint32_t expected, int64_t timeout_ns);
void cp_futex_wake(const uint32_t *word, int count);

/* A file in memory with these bytes, closed on exec, to be read from its beginning. A descriptor or -errno. */
int cp_memory_file(const uint8_t *bytes, long count);

/* A file of that many zero bytes in memory, to be mapped by several, closed on exec. A descriptor or -errno. */
int cp_shared_file(uint64_t bytes);
/* 1 when whole 2 MiB of such files, from a multiple of that on, are large pages. */
int cp_has_large_pages(void);

/* 1 when both processes run in one memory, 0 when not or when the kernel does not tell. */
int cp_share_memory(int32_t process, int32_t other);

/* Blocks of malloc(3) of `bytes` and more go back to the kernel when they are freed, whatever was freed before. */
void cp_return_large_blocks(int bytes);
/* Whole pages between and behind blocks in use go back to the kernel, in the heaps of all threads. */
void cp_trim_heaps(void);
/* Bytes that a block of malloc(3) has; 0 for NULL. */
size_t cp_block_size(void *_Nullable block);

/* The speed of the counter that rdtsc or cntvct_el0 reads: see Clock.counterHz. Any thread. */
uint64_t cp_counter_hz(void);

/* CPUs of the calling thread's affinity mask, ascending; returns how many there are (only `capacity` are written). */
int cp_affinity(int32_t *cpus, int capacity);
/* Pins the calling thread. Returns 0 or errno. */
int cp_pin(int32_t cpu);
int32_t cp_gettid(void);
int cp_accept(int fd);
/* Bytes that were written to a socket and that the other side has not taken yet; 0 where the kernel does not tell. */
int cp_unsent(int fd);
void cp_name_thread(const char *name);
/* Where `wanted` first begins in `bytes`, or NULL, in linear time: memmem(3). */
const void *_Nullable cp_find(const void *bytes, size_t count, const void *wanted, size_t wanted_count);

/* The host's signal handlers: see host.h, dn.host.signal/1. */
typedef int32_t (*cp_signal_handler)(void *_Nullable arg, int32_t signo, void *info, void *context);
/* Installs the process-wide handlers once. Returns 0 or errno. */
int cp_signals_install(void);
int cp_kick_signal(void);
/* Attaches to the calling thread; 0 and *token, or errno (ENOSPC: too many on this thread). */
int cp_signals_attach(cp_signal_handler handler, void *_Nullable arg, uint64_t *token);
void cp_signals_detach(uint64_t token);
void cp_signals_kick(uint64_t token);

/* Blocks the signals in the calling thread (and threads it makes later) and gives a signalfd(2) for them. */
int cp_signal_fd(const int *signals, int count);
/* The next signal that such a descriptor has, 0 when there is none. */
int cp_next_signal(int fd);

/* Whether len bytes at start can be read: asks the kernel, page by page. */
int cp_is_readable(const void *_Nullable start, uint64_t len);
/* strnlen(3) that gives -1 where the memory ends before a NUL or most. */
int64_t cp_text_length(const char *start, uint64_t most);

/* Between the two, exit(3) tells of itself and leaves with 70 (EX_SOFTWARE). Call from one thread. */
void cp_forbid_exit(void);
void cp_permit_exit(void);

/* Rights of the calling thread, of which there is no other yet. Those that give 0 or errno. */
/* Of the list of what programs to come could have, and of what they inherit, only `kept` stays: bit N for capability N. */
int cp_bound_capabilities(uint64_t kept);
/* Of what it may use, only `kept` stays. */
int cp_keep_capabilities(uint64_t kept);
/* No program that it starts has more rights than it. */
int cp_refuse_privileges(void);
/* The process finds itself in /proc again after a change of its user. */
int cp_show_self(void);

/* Has connect(2) and sendto(2) with an address fail with ENETUNREACH, in all threads and for ever. Returns 0 or errno. */
int cp_refuse_connections(void);

#pragma clang assume_nonnull end

#endif
