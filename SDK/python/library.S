/* The standard library, as a zip file that the linker is given. */
    .section .rodata
    .globl dandelion_library, dandelion_library_end
    .balign 4096
dandelion_library:
    .incbin "python311.zip"
dandelion_library_end:
    .section .note.GNU-stack, "", %progbits
