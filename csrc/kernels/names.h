/* Every kernel is written once, over REAL, and included twice by each ISA file:
 * once for float and once for double.  The two passes must not collide, so each
 * name below gets the suffix of its pass (vfma -> fnn_vfma_f32, fnn_vfma_f64).  The
 * macros are expanded where they are used, so this list is included once. */
#ifndef FASTNN_KERNELS_NAMES_H
#define FASTNN_KERNELS_NAMES_H

#define FNN_PASTE_(a, b) fnn_##a##b
#define FNN_PASTE(a, b) FNN_PASTE_(a, b)
#define FNN_REAL(name) FNN_PASTE(name, REAL_SUFFIX)

/* simd.h */
#define vec FNN_REAL(vec)
#define ivec FNN_REAL(ivec)
#define vset FNN_REAL(vset)
#define vload FNN_REAL(vload)
#define vloadu FNN_REAL(vloadu)
#define vstore FNN_REAL(vstore)
#define vstoreu FNN_REAL(vstoreu)
#define vfma FNN_REAL(vfma)
#define vfnma FNN_REAL(vfnma)
#define vsqrt FNN_REAL(vsqrt)
#define vmax FNN_REAL(vmax)
#define vmin FNN_REAL(vmin)
#define vabs FNN_REAL(vabs)
#define vselect_gt FNN_REAL(vselect_gt)
#define vselect FNN_REAL(vselect)
#define vbits FNN_REAL(vbits)
#define vfrombits FNN_REAL(vfrombits)
#define viset FNN_REAL(viset)
#define vzip_low FNN_REAL(vzip_low)
#define vzip_high FNN_REAL(vzip_high)

/* vmath.h */
#define uvec FNN_REAL(uvec)
#define vpoly FNN_REAL(vpoly)
#define vcopysign FNN_REAL(vcopysign)
#define vexp_reduce FNN_REAL(vexp_reduce)
#define vexpm1_reduced FNN_REAL(vexpm1_reduced)
#define vexp FNN_REAL(vexp)
#define vexpm1_moderate FNN_REAL(vexpm1_moderate)
#define vsigmoid FNN_REAL(vsigmoid)
#define vtanh FNN_REAL(vtanh)
#define verf FNN_REAL(verf)
#define vlog1p_minus FNN_REAL(vlog1p_minus)
#define vlog_sum FNN_REAL(vlog_sum)
#define vlog FNN_REAL(vlog)
#define vlog1p_unit FNN_REAL(vlog1p_unit)

/* matmul.h */
#define stretch FNN_REAL(stretch)
#define stretch_of FNN_REAL(stretch_of)
#define tile_rows_product FNN_REAL(tile_rows_product)
#define tile_unit_product FNN_REAL(tile_unit_product)

/* activations.h */
#define activate_tile FNN_REAL(activate_tile)
#define activation_leaves_slopes FNN_REAL(activation_leaves_slopes)
#define activation_is_heavy FNN_REAL(activation_is_heavy)
#define activate_rows FNN_REAL(activate_rows)
#define slope_tile FNN_REAL(slope_tile)
#define slope_rows FNN_REAL(slope_rows)

/* dense.h */
#define begin_tile FNN_REAL(begin_tile)
#define end_tile FNN_REAL(end_tile)
#define tile_columns FNN_REAL(tile_columns)
#define forward_tile FNN_REAL(forward_tile)
#define forward_tiles FNN_REAL(forward_tiles)
#define dense_forward FNN_REAL(dense_forward)
#define backward_tile FNN_REAL(backward_tile)
#define backward_tiles FNN_REAL(backward_tiles)
#define dense_backward FNN_REAL(dense_backward)
#define unit_tile FNN_REAL(unit_tile)
#define unit_tiles FNN_REAL(unit_tiles)
#define bias_unit FNN_REAL(bias_unit)
#define transpose_block FNN_REAL(transpose_block)
#define dense_units FNN_REAL(dense_units)

/* rules.h */
#define update_lines FNN_REAL(update_lines)
#define update_tile FNN_REAL(update_tile)
#define update_flat FNN_REAL(update_flat)

/* loss.h */
#define tree_sum FNN_REAL(tree_sum)
#define tree_max FNN_REAL(tree_max)
#define lane_numbers FNN_REAL(lane_numbers)
#define where_used FNN_REAL(where_used)
#define softmax_parts FNN_REAL(softmax_parts)
#define softmax_of_row FNN_REAL(softmax_of_row)
#define log_of FNN_REAL(log_of)
#define cross_entropy_row FNN_REAL(cross_entropy_row)
#define elementwise_row FNN_REAL(elementwise_row)
#define accuracy_of_row FNN_REAL(accuracy_of_row)
#define loss_of_rows FNN_REAL(loss_of_rows)

/* rows.h */
#define convert_row FNN_REAL(convert_row)
#define row_is_finite FNN_REAL(row_is_finite)
#define gather_rows FNN_REAL(gather_rows)
#define scatter_rows FNN_REAL(scatter_rows)

/* map.h */
#define map_vector FNN_REAL(map_vector)
#define map_function FNN_REAL(map_function)
#define run_fma FNN_REAL(run_fma)

#endif
