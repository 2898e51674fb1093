#!/bin/sh
# No object file may hold instructions of an ISA above its own: they would end the program on an
# older CPU, and no test on a newer one would show it.
#
#   tests/c/check_isa.sh OBJECTS      the folder that build.sh leaves: OUTPUT.objects, x86-64
#
# Looks for what gives an instruction away: registers (xmm, ymm, zmm), the encoding of AVX (vex:
# names that begin with v), and what AVX-512 alone has (evex: masks and registers from 16 on).
# That avx2 and avx512 do have theirs is checked as well: a search that finds nothing is broken.
set -eu

objects=${1:?"usage: check_isa.sh OBJECTS"}
code=$(mktemp)
trap 'rm -f "$code"' EXIT

# features FILE: those of "xmm vex ymm evex zmm" that its code shows.
features() {
    objdump --disassemble --no-show-raw-insn "$1" >"$code"
    for feature in 'xmm %xmm' 'vex \sv[a-z0-9]+\s' 'ymm %ymm' \
        'evex %(k[0-7]|[xyz]mm(1[6-9]|[23][0-9]))' 'zmm %zmm'; do
        grep -qE -- "${feature#* }" "$code" && printf '%s ' "${feature%% *}"
    done
    return 0
}

status=0
complain() {
    echo "check_isa: $*" >&2
    status=1
}

for name in avx512 avx2 baseline cpu driver; do
    [ -f "$objects/$name.o" ] || complain "$objects/$name.o is missing"
done
for file in "$objects"/*.o; do
    name=$(basename "$file" .o)
    found=$(features "$file")
    case $name in
    avx512) allowed="xmm vex ymm evex zmm" needed="vex evex zmm" ;;
    avx2) allowed="xmm vex ymm" needed="vex ymm" ;;
    baseline) allowed="xmm" needed="xmm" ;;
    *) allowed="xmm" needed="" ;;
    esac
    echo "$name: ${found:-none}"
    for feature in $found; do
        case " $allowed " in
        *" $feature "*) ;;
        *) complain "$name.o has $feature, allowed: $allowed" ;;
        esac
    done
    for feature in $needed; do
        case " $found" in
        *" $feature "*) ;;
        *) complain "$name.o has no $feature: does this check see anything?" ;;
        esac
    done
done
exit $status
