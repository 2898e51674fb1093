/* Between the caller's arrays and feature blocks: rows in (gather), outputs out
 * (scatter).  The caller's array may have any element type, order and strides; it is
 * converted a row at a time and never copied whole. */

/* One row, `columns` elements of `type` that lie `step` bytes apart, into the blocks at
 * H (one line of 16 every `stride` lines).  memcpy: the array may be unaligned. */
#define CONVERT_ROW(type)                                                                          \
  for (int64_t k = 0; k < columns; k += FNN_BLOCK, H += stride * FNN_BLOCK) {                      \
    const int64_t some = columns - k < FNN_BLOCK ? columns - k : FNN_BLOCK;                        \
    if (some == FNN_BLOCK && step == (int64_t)sizeof(type)) {                                      \
      type line[FNN_BLOCK];                                                                        \
      memcpy(line, row + k * step, sizeof line);                                                   \
      for (int i = 0; i < FNN_BLOCK; i++)                                                          \
        H[i] = (REAL)line[i];                                                                      \
    } else {                                                                                       \
      for (int64_t i = 0; i < some; i++) {                                                         \
        type x;                                                                                    \
        memcpy(&x, row + (k + i) * step, sizeof x);                                                \
        H[i] = (REAL)x;                                                                            \
      }                                                                                            \
      for (int64_t i = some; i < FNN_BLOCK; i++)                                                   \
        H[i] = 0;                                                                                  \
    }                                                                                              \
  }                                                                                                \
  break;

static void convert_row(const char *row, int64_t columns, int64_t step, int32_t type,
                        int64_t stride, REAL *H) {
  switch (type) {
  case FNN_F32:
    CONVERT_ROW(float)
  case FNN_F64:
    CONVERT_ROW(double)
  case FNN_I8:
    CONVERT_ROW(int8_t)
  case FNN_U8:
    CONVERT_ROW(uint8_t)
  case FNN_I16:
    CONVERT_ROW(int16_t)
  case FNN_U16:
    CONVERT_ROW(uint16_t)
  case FNN_I32:
    CONVERT_ROW(int32_t)
  case FNN_U32:
    CONVERT_ROW(uint32_t)
  case FNN_I64:
    CONVERT_ROW(int64_t)
  case FNN_U64:
    CONVERT_ROW(uint64_t)
  }
}
#undef CONVERT_ROW

/* x - x is 0 for a finite x and NaN for the others. */
FNN_INLINE int row_is_finite(int64_t columns, int64_t stride, const REAL *H) {
  vec sum = vset(0);
  for (int64_t k = 0; k < columns; k += FNN_BLOCK, H += stride * FNN_BLOCK)
    for (int i = 0; i < FNN_BLOCK; i += LANES) {
      const vec x = vload(H + i);
      sum = sum + (x - x);
    }
  REAL lanes[LANES], total = 0;
  vstoreu(lanes, sum);
  for (int i = 0; i < LANES; i++)
    total += lanes[i];
  return total == 0;
}

static int64_t gather_rows(const fnn_array *source, const int64_t *order, int64_t position,
                           int64_t r0, int64_t r1, int64_t stride, void *H) {
  const int may_be_non_finite = source->type == FNN_F32 || source->type == FNN_F64;
  int64_t bad = -1;
  for (int64_t r = r0; r < r1; r++) {
    const int64_t row = order ? order[position + r] : position + r;
    REAL *line = (REAL *)H + r * FNN_BLOCK;
    convert_row((const char *)source->data + row * source->row_bytes, source->columns,
                source->column_bytes, source->type, stride, line);
    if (may_be_non_finite && bad < 0 && !row_is_finite(source->columns, stride, line))
      bad = r;
  }
  return bad;
}

static void scatter_rows(int64_t C, int64_t stride, const void *Z, int64_t r0, int64_t r1,
                         int32_t link, void *out) {
  for (int64_t r = r0; r < r1; r++) {
    const REAL *z = (const REAL *)Z + r * FNN_BLOCK;
    REAL *y = (REAL *)out + (r - r0) * C;
    softmax_parts softmax = {0};
    if (link == FNN_LINK_softmax || link == FNN_LINK_log_softmax)
      softmax = softmax_of_row(C, stride, z);
    const REAL log_sum = link == FNN_LINK_log_softmax ? log_of(softmax.sum) : 0;
    for (int64_t c = 0; c < C; c += FNN_BLOCK, z += stride * FNN_BLOCK) {
      REAL line[FNN_BLOCK] __attribute__((aligned(64)));
      for (int i = 0; i < FNN_BLOCK; i += LANES) {
        vec x = vload(z + i);
        if (link == FNN_LINK_softmax)
          x = vexp(x - vset(softmax.max)) / vset(softmax.sum);
        else if (link == FNN_LINK_log_softmax)
          x = (x - vset(softmax.max)) - vset(log_sum);
        else if (link == FNN_LINK_exp)
          x = vexp(x);
        else if (link == FNN_LINK_sign)
          x = vselect_gt(x, vset(0), vset(1), vset(-1));
        else if (link == FNN_LINK_sigmoid)
          x = vsigmoid(x);
        vstore(line + i, x);
      }
      memcpy(y + c, line, (size_t)(C - c < FNN_BLOCK ? C - c : FNN_BLOCK) * sizeof(REAL));
    }
  }
}
