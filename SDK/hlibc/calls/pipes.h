#ifndef HL_PIPES_H
#define HL_PIPES_H

#include "../core/ring.h"
#include "../core/vfs.h"

/* A pipe that nobody has open, or NULL. */
struct hl_node *hl_pipe_create(void);
/* Waits, for one who has just opened a pipe by its name, until somebody opens the other end; 0 or -errno. */
long hl_pipe_meet(struct hl_node *node, uint32_t flags);

#endif
