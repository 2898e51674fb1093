/* Both passes over the kernels for one ISA.  An ISA file in isa/ defines FNN_ISA,
 * FNN_VECTOR_BYTES, FNN_FMA, TILE_ROWS and TILE_VECTORS and includes this; it is the
 * only kind of file that the compiler gives flags of that ISA. */
#include <math.h>
#include <stddef.h>

#include "../table.h"

#define FNN_TABLE_NAME_(isa, suffix) fnn_kernels_##isa##suffix
#define FNN_TABLE_NAME(isa, suffix) FNN_TABLE_NAME_(isa, suffix)
#define FNN_TABLE FNN_TABLE_NAME(FNN_ISA, REAL_SUFFIX)

#define REAL float
#define REAL_BITS 32
#define REAL_SUFFIX _f32
#define INT int32_t
#include "kernels.h"
#undef REAL
#undef REAL_BITS
#undef REAL_SUFFIX
#undef INT

#define REAL double
#define REAL_BITS 64
#define REAL_SUFFIX _f64
#define INT int64_t
#include "kernels.h"
