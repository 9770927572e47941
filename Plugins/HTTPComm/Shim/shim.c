#define _GNU_SOURCE
#include "CHTTPComm.h"

#include <sys/mman.h>

/* In parentheses: the names are also macros of libcurl. */
CURLcode hc_set_long(CURL *easy, CURLoption option, long value) { return (curl_easy_setopt)(easy, option, value); }
CURLcode hc_set_offset(CURL *easy, CURLoption option, curl_off_t value) { return (curl_easy_setopt)(easy, option, value); }
CURLcode hc_set_pointer(CURL *easy, CURLoption option, const void *value) { return (curl_easy_setopt)(easy, option, value); }

CURLcode hc_set_write(CURL *easy, CURLoption option, curl_write_callback callback) {
    return (curl_easy_setopt)(easy, option, callback);
}

CURLcode hc_set_open_socket(CURL *easy, curl_opensocket_callback callback) {
    return (curl_easy_setopt)(easy, CURLOPT_OPENSOCKETFUNCTION, callback);
}

CURLcode hc_set_before_request(CURL *easy, curl_prereq_callback callback) {
    return (curl_easy_setopt)(easy, CURLOPT_PREREQFUNCTION, callback);
}

CURLcode hc_get_long(CURL *easy, CURLINFO info, long *out) { return (curl_easy_getinfo)(easy, info, out); }
CURLcode hc_get_offset(CURL *easy, CURLINFO info, curl_off_t *out) { return (curl_easy_getinfo)(easy, info, out); }
CURLcode hc_get_pointer(CURL *easy, CURLINFO info, void **out) { return (curl_easy_getinfo)(easy, info, out); }

CURLMcode hc_multi_set_long(CURLM *multi, CURLMoption option, long value) {
    return (curl_multi_setopt)(multi, option, value);
}

CURLMcode hc_multi_set_pointer(CURLM *multi, CURLMoption option, void *value) {
    return (curl_multi_setopt)(multi, option, value);
}

CURLMcode hc_multi_set_socket(CURLM *multi, curl_socket_callback callback) {
    return (curl_multi_setopt)(multi, CURLMOPT_SOCKETFUNCTION, callback);
}

CURLMcode hc_multi_set_timer(CURLM *multi, curl_multi_timer_callback callback) {
    return (curl_multi_setopt)(multi, CURLMOPT_TIMERFUNCTION, callback);
}

const curl_version_info_data *hc_version(void) { return curl_version_info(CURLVERSION_NOW); }

int hc_memfd(const char *name) { return memfd_create(name, MFD_CLOEXEC); }

int hc_epoll_ctl(int epoll, int operation, int fd, uint32_t events) {
    struct epoll_event event = {.events = events, .data = {.fd = fd}};
    return epoll_ctl(epoll, operation, fd, &event);
}

int hc_epoll_wait(int epoll, int *fds, uint32_t *events, int capacity, int timeout_ms) {
    struct epoll_event ready[64];
    int count = epoll_wait(epoll, ready, capacity < 64 ? capacity : 64, timeout_ms);
    for (int i = 0; i < count; i++) {
        fds[i] = ready[i].data.fd;
        events[i] = ready[i].events;
    }
    return count;
}
