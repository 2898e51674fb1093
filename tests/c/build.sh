#!/bin/sh
# Builds the C core and its driver without Python, each ISA's file with that ISA's flags only.
#
#   tests/c/build.sh OUTPUT [CC] [FLAGS...]
#
# CC is the C compiler (default: cc); the CPU it compiles for decides which ISAs are built.
# FLAGS come after the others of every file and of the linker, so -O1 or -fsanitize=thread
# work as one expects.  The object files stay in OUTPUT.objects, for check_isa.sh.
set -eu

if [ $# -lt 1 ]; then
    sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
output=$1
cc=${2:-cc}
shift
[ $# -eq 0 ] || shift

root=$(cd "$(dirname "$0")/../.." && pwd)
objects=$output.objects
mkdir -p "$objects"

# As in setup.py, which alone decides: a flag that it does not name ends the build.
all="-std=c11 -O2 -ffp-contract=off -fno-math-errno -fvisibility=hidden -g0"
avx2="-mavx2 -mfma"
avx512="$avx2 -mavx512f -mavx512dq -mavx512bw -mavx512vl"
baseline="-march=x86-64-v2"
for flag in $all $avx512 $baseline; do
    grep -qF -- "\"$flag\"" "$root/setup.py" || {
        echo "build.sh: $flag is not in setup.py: bring the two in line" >&2
        exit 1
    }
done

# compile SOURCE FLAGS...: the object file has the source's name.
compile() {
    source=$1
    shift
    # The flags of $all are words of their own.
    # shellcheck disable=SC2086
    "$cc" $all -Wall -Wextra -pthread -I"$root/csrc" "$@" -c "$source" \
        -o "$objects/$(basename "$source" .c).o"
}

rm -f "$objects"/*.o
for source in "$root"/csrc/*.c "$root/tests/c/driver.c"; do
    compile "$source" "$@"
done
case $("$cc" -dumpmachine) in
aarch64* | arm64*)
    compile "$root/csrc/isa/neon.c" "$@"
    ;;
x86_64* | amd64*)
    # shellcheck disable=SC2086
    compile "$root/csrc/isa/avx512.c" $avx512 "$@"
    # shellcheck disable=SC2086
    compile "$root/csrc/isa/avx2.c" $avx2 "$@"
    # shellcheck disable=SC2086
    compile "$root/csrc/isa/baseline.c" $baseline "$@"
    ;;
*)
    echo "build.sh: no kernels for $("$cc" -dumpmachine), which $cc compiles for" >&2
    exit 1
    ;;
esac
"$cc" -pthread "$@" "$objects"/*.o -o "$output" -lm
