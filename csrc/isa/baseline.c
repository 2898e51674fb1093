/* x86-64-v2: 16 registers of 4 floats, no fused multiply-add.  Every x86-64 CPU of
 * the last fifteen years runs it; its results differ from the FMA ISAs' in the last bits. */
#define FNN_ISA baseline
#define FNN_VECTOR_BYTES 16
#define FNN_FMA 0
#define FNN_REGISTERS 16
#define TILE_ROWS 4
#define TILE_VECTORS 2
#include "../kernels/isa.h"
