/* AArch64: 32 registers of 4 floats: 4 x 4 accumulators. */
#define FNN_ISA neon
#define FNN_VECTOR_BYTES 16
#define FNN_FMA 1
#define FNN_REGISTERS 32
#define TILE_ROWS 4
#define TILE_VECTORS 4
#include "../kernels/isa.h"
