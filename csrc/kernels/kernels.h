/* One pass: all kernels over REAL, gathered in a table named by FNN_TABLE. */
#include "simd.h"

#include "vmath.h"

#include "sums.h"

#include "matmul.h"

#include "activations.h"

#include "rules.h"

#include "dense.h"

#include "units.h"

#include "overlap.h"

#include "row_losses.h"

#include "loss.h"

#include "rows.h"

#include "copy.h"

#include "noise.h"

#include "norm.h"

#include "prelu.h"

#include "joins.h"

#include "embedding.h"

#include "layers.h"

#include "map.h"

const fnn_kernels FNN_TABLE = {
    .tile_rows = TILE_ROWS,
    .gather = gather_rows,
    .check_codes = find_unknown,
    .forward = dense_forward,
    .backward = dense_backward,
    .layer_forward = forward_of_layer,
    .layer_backward = backward_of_layer,
    .units = units_of_layer,
    .constrain = dense_constrain,
    .update = update_flat,
    .loss = loss_of_rows,
    .scatter = scatter_rows,
    .draw = draw_block,
    .map = map_function,
    .fma_flops = run_fma,
};
