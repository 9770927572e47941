"""Makes a system call by hand: puts machine code into memory and jumps there."""
import mmap

code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
code.write(bytes.fromhex("b83c0000000f05"))
print("executable memory: the sandbox is broken")
