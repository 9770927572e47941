/* The function of Benchmarks/floors/kvm_floor.c as an image: visits each of its 25 pages of code, then writes one byte to
 * each of `count` pages. The entry block (rdi) is followed by the count. */
    .set PAGE, 4096
    .text
    .globl _start
_start:
    .rept 24
    jmp . + PAGE
    .skip PAGE - 5, 0xcc
    .endr
    mov 80(%rdi), %rcx
    mov 8(%rdi), %rsi
    mov $0x200000, %edi
    test %rcx, %rcx
    jz 2f
1:  movb $1, (%rdi)
    add $PAGE, %rdi
    dec %rcx
    jnz 1b
2:  jmp *%rsi
    .balign PAGE, 0xcc

    .data
    .globl __dandelion_system_data
    .balign 16
__dandelion_system_data:
    .skip 72
