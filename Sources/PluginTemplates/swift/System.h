/* What Swift's Glibc module lacks. A library in C that a protocol needs is included here and linked in Package.swift. */
#ifndef SYSTEM_H
#define SYSTEM_H

#define _GNU_SOURCE
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#endif
