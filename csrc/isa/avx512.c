/* 32 registers of 16 floats: 8 x 2 accumulators (12 x 2 measured slower, 16 x 2 equal). */
#define FNN_ISA avx512
#define FNN_VECTOR_BYTES 64
#define FNN_FMA 1
#define FNN_REGISTERS 32
#define TILE_ROWS 8
#define TILE_VECTORS 2
#include "../kernels/isa.h"
