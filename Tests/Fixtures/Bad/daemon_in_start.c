/* Leaves a process without a parent. */
#include <sys/wait.h>
#include <unistd.h>
#define START pid_t p = fork(); if (p == 0) { if (fork() == 0) for (;;) pause(); _exit(0); } waitpid(p, 0, 0)
#include "echo.h"
