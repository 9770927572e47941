/* The error numbers of WASI preview 1 (its type errno) that the file system and the calls give. */
#ifndef HL_SHIM_ERRNO_H
#define HL_SHIM_ERRNO_H

#define EACCES 2
#define EBADF 8
#define EBUSY 10
#define EEXIST 20
#define EFAULT 21
#define EFBIG 22
#define EILSEQ 25
#define EINVAL 28
#define EISDIR 31
#define ELOOP 32
#define EMFILE 33
#define ENAMETOOLONG 37
#define ENODEV 43
#define ENOENT 44
#define ENOMEM 48
#define ENOSPC 51
#define ENOTDIR 54
#define ENOTEMPTY 55
#define ENOTSOCK 57
#define ENXIO 60
#define EOVERFLOW 61
#define EPERM 63
#define ENOTCAPABLE 76

#endif
