#!/bin/sh
# The KVM backend's tests on hardware virtualisation that is emulated: QEMU's TCG with SVM boots a Debian cloud kernel
# whose KVM then runs functions as on an AMD machine.
#
#   svm.sh [filter]      which tests, a regular expression; default: those that mean something there and are not long
#
# Uses what is there and installs nothing; exits with 77 and a reason when something is missing:
#   apt-get install qemu-system-x86
#   apt-get download linux-image-cloud-amd64's kernel package, unpacked: KERNEL=directory with boot/ and lib/ (default /)
# NPT=0 runs with shadow page tables. Takes about a minute.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
kernel=${KERNEL:-/}
suites='OddInstructionTests|StateTests|EveryGuest'
tests='MemoryTests/(limits|nothing|outputs)|StopTests/(interrupts|kicks)|EnduranceTests/theVM'
filter=${1:-KVMBackend/($suites|$tests)}

missing() {
    echo "svm: skipped: $1"
    exit 77
}
command -v qemu-system-x86_64 >/dev/null || missing "no qemu-system-x86_64 (package qemu-system-x86)"
image=$(ls "$kernel"/boot/vmlinuz-*cloud-amd64 2>/dev/null | tail -n 1)
[ -n "$image" ] || missing "no $kernel/boot/vmlinuz-*-cloud-amd64 (package linux-image-cloud-amd64)"
modules=$kernel/lib/modules/${image##*/vmlinuz-}/kernel
[ -e "$modules/arch/x86/kvm/kvm-amd.ko" ] || missing "no $modules/arch/x86/kvm/kvm-amd.ko"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
swift build --package-path "$root" --build-tests >&2
built=$(swift build --package-path "$root" --show-bin-path)
tests=$built/dandelionPackageTests.xctest
mkdir "$work/guests"
DANDELION_GUESTS=$work/guests "$tests" --testing-library swift-testing --filter everyGuestCompiles >&2
cc -static -O1 -o "$work/init" "$here/svm_init.c"

# An initramfs in the newc format (cpio(5) has it as "New ASCII Format"); entry PATH MODE [FILE].
number=0
entry() {
    number=$((number + 1))
    size=0
    [ $# -lt 3 ] || size=$(stat -L -c %s "$3")
    printf '070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s\0' "$number" "$2" 0 0 1 0 "$size" 0 0 0 0 \
        $((${#1} + 1)) 0 "$1"
    pad $((110 + ${#1} + 1))
    [ $# -lt 3 ] || cat "$3"
    pad "$size"
}
pad() {
    case $(($1 % 4)) in
    1) printf '\0\0\0' ;;
    2) printf '\0\0' ;;
    3) printf '\0' ;;
    esac
}
directory=$((0040755)) program=$((0100755))
{
    for name in dev proc sys tmp modules guests test lib lib64; do entry "$name" "$directory"; done
    entry init "$program" "$work/init"
    entry modules/irqbypass.ko "$program" "$modules/virt/lib/irqbypass.ko"
    entry modules/kvm.ko "$program" "$modules/arch/x86/kvm/kvm.ko"
    entry modules/kvm-amd.ko "$program" "$modules/arch/x86/kvm/kvm-amd.ko"
    entry test/tests.xctest "$program" "$tests"
    entry test/libDandelionKVM.so "$program" "$built/libDandelionKVM.so"
    for guest in "$work"/guests/*; do entry "guests/${guest##*/}" "$program" "$guest"; done
    ldd "$tests" "$built/libDandelionKVM.so" | awk '$2 == "=>" { print $3 }' | sort -u | while read -r library; do
        entry "lib/${library##*/}" "$program" "$library"
    done
    entry lib64/ld-linux-x86-64.so.2 "$program" /lib64/ld-linux-x86-64.so.2
    entry 'TRAILER!!!' 0
} >"$work/initrd"

timeout "${TIMEOUT:-300}" qemu-system-x86_64 -accel tcg -machine q35 -cpu max -smp 1 -m 2048 -nodefaults \
    -no-user-config -display none -serial stdio -no-reboot -kernel "$image" -initrd "$work/initrd" \
    -append "console=ttyS0 quiet panic=-1 mitigations=off filter=$filter${NPT:+ npt=$NPT}" </dev/null |
    tr -d '\r' | tee "$work/log"
grep -q '^svm: tests ended with status 0$' "$work/log"
