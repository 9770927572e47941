/* What Swift cannot call: libcurl's variadic set and get functions, one for each type of argument, and Linux calls that
 * glibc hides without _GNU_SOURCE. Every function returns what the wrapped one returns. */
#ifndef CHTTPCOMM_H
#define CHTTPCOMM_H

#include <curl/curl.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

CURLcode hc_set_long(CURL *easy, CURLoption option, long value);
CURLcode hc_set_offset(CURL *easy, CURLoption option, curl_off_t value);
CURLcode hc_set_pointer(CURL *easy, CURLoption option, const void *value);
CURLcode hc_set_write(CURL *easy, CURLoption option, curl_write_callback callback);
CURLcode hc_set_open_socket(CURL *easy, curl_opensocket_callback callback);
CURLcode hc_set_close_socket(CURL *easy, curl_closesocket_callback callback);
CURLcode hc_set_before_request(CURL *easy, curl_prereq_callback callback);

CURLcode hc_get_long(CURL *easy, CURLINFO info, long *out);
CURLcode hc_get_offset(CURL *easy, CURLINFO info, curl_off_t *out);
CURLcode hc_get_pointer(CURL *easy, CURLINFO info, void **out);

/* 1 when OpenSSL holds bytes of the handle's connection that nobody has read yet; 0 without TLS. During a transfer. */
int hc_tls_has_more(CURL *easy);

CURLSH *hc_share_init(void);
/* Has the handles of a share leave TLS sessions to each other. */
CURLSHcode hc_share_sessions(CURLSH *share);

/* The port that a socket has here, -1 when it is none of IP. */
int hc_local_port(int fd);
/* Bytes that a TCP connection has received, 0 where the kernel does not tell. */
uint64_t hc_received(int fd);
/* Of the calling thread. */
void hc_name_thread(const char *name);

CURLMcode hc_multi_set_long(CURLM *multi, CURLMoption option, long value);
CURLMcode hc_multi_set_pointer(CURLM *multi, CURLMoption option, void *value);
CURLMcode hc_multi_set_socket(CURLM *multi, curl_socket_callback callback);
CURLMcode hc_multi_set_timer(CURLM *multi, curl_multi_timer_callback callback);

/* What the loaded libcurl can do; static. */
const curl_version_info_data *hc_version(void);

/* memfd_create(2) with MFD_CLOEXEC. */
int hc_memfd(const char *name);
/* epoll_ctl(2) for a descriptor that is its own event data. */
int hc_epoll_ctl(int epoll, int operation, int fd, uint32_t events);
/* epoll_wait(2), unpacked: fds[i] is reported with events[i]. At most 64 at a time. */
int hc_epoll_wait(int epoll, int *fds, uint32_t *events, int capacity, int timeout_ms);

#endif
