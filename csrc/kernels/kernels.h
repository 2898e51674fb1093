/* One pass: all kernels over REAL, gathered in a table named by FNN_TABLE. */
#include "simd.h"

#include "vmath.h"

#include "matmul.h"

#include "activations.h"

#include "rules.h"

#include "dense.h"

#include "loss.h"

#include "rows.h"

#include "map.h"

const fnn_kernels FNN_TABLE = {
    .tile_rows = TILE_ROWS,
    .gather = gather_rows,
    .forward = dense_forward,
    .backward = dense_backward,
    .units = dense_units,
    .update = update_flat,
    .loss = loss_of_rows,
    .scatter = scatter_rows,
    .map = map_function,
    .fma_flops = run_fma,
};
