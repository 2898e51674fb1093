/* 16 registers of 8 floats: 6 x 2 accumulators, 2 operands, 1 broadcast. */
#define FNN_ISA avx2
#define FNN_VECTOR_BYTES 32
#define FNN_FMA 1
#define FNN_REGISTERS 16
#define TILE_ROWS 6
#define TILE_VECTORS 2
#include "../kernels/isa.h"
