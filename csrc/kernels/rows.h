/* Between the caller's arrays and feature blocks: rows in (gather), outputs out
 * (scatter).  The caller's array may have any element type, order and strides; it is
 * converted a row at a time and never copied whole; nor is a sparse one ever made dense. */

/* Rows are taken several at a time, block by block: the lines that are written then lie side by
 * side, where those of one row are so far apart that they fall into one set of the cache, and the
 * rows that come next, which in a random order no hardware foresees, are fetched meanwhile. */
#undef GATHER_ROWS
#define GATHER_ROWS 8
/* Eight short rows are read long before the next eight have arrived: of those more are on their
 * way. */
#define SHORT_ROW 128 /* bytes */
#define SHORT_AHEAD 32

typedef REAL block __attribute__((vector_size(FNN_BLOCK * sizeof(REAL)), may_alias));
typedef INT iblock __attribute__((vector_size(FNN_BLOCK * sizeof(INT)), may_alias));

typedef struct {
  int rows;
  int reads_on; /* 16 elements may be read where a row's last ones begin: more of the array follows
                 */
  const char *row[GATHER_ROWS];   /* of the caller's array */
  const char *ahead[GATHER_ROWS]; /* the rows after these */
} row_group;

/* The first `whole` columns of a group's rows, elements of `type` that lie together, into the
 * blocks at H (16 lines side by side, the next block's `stride` lines further); lanes past
 * `columns` are cleared.  memcpy: the array may be unaligned.  Adds x - x to `sum`: 0 for a finite
 * x and NaN for the others. */
#define GATHER(type)                                                                               \
  {                                                                                                \
    typedef type elements __attribute__((vector_size(FNN_BLOCK * sizeof(type))));                  \
    whole = step != (int64_t)sizeof(type) ? 0 : whole;                                             \
    for (; k < whole; k += FNN_BLOCK, H += stride * FNN_BLOCK)                                     \
      for (int i = 0; i < group->rows; i++) {                                                      \
        elements line;                                                                             \
        memcpy(&line, group->row[i] + k * step, sizeof line);                                      \
        for (size_t at = 0; at < sizeof line; at += 64)                                            \
          __builtin_prefetch(group->ahead[i] + (size_t)(k * step) + at, 0, 2);                     \
        block x = __builtin_convertvector(line, block);                                            \
        if (k + FNN_BLOCK > columns)                                                               \
          x = (block)((iblock)x & used);                                                           \
        memcpy(H + i * FNN_BLOCK, &x, sizeof x);                                                   \
        sum += x - x;                                                                              \
      }                                                                                            \
    break;                                                                                         \
  }

/* The same where a row has few columns: `some` elements hold them, of which seldom a second line of
 * cache is touched. */
#define GATHER_FEW(type, some)                                                                     \
  {                                                                                                \
    typedef type elements __attribute__((vector_size(some * sizeof(type))));                       \
    typedef REAL reals __attribute__((vector_size(some * sizeof(REAL)), may_alias));               \
    typedef INT integers __attribute__((vector_size(some * sizeof(INT)), may_alias));              \
    reals sum = {0};                                                                               \
    integers used;                                                                                 \
    for (int i = 0; i < some; i++)                                                                 \
      used[i] = i < columns ? -1 : 0;                                                              \
    for (int i = 0; i < group->rows; i++) {                                                        \
      elements line;                                                                               \
      memcpy(&line, group->row[i], sizeof line);                                                   \
      __builtin_prefetch(group->ahead[i], 0, 2);                                                   \
      __builtin_prefetch(group->ahead[i] + (size_t)columns * sizeof(type) - 1, 0, 2);              \
      const reals x = (reals)((integers) __builtin_convertvector(line, reals) & used);             \
      memcpy(H + i * FNN_BLOCK, &x, sizeof x);                                                     \
      memset(H + i * FNN_BLOCK + some, 0, (FNN_BLOCK - some) * sizeof(REAL));                      \
      sum += x - x;                                                                                \
    }                                                                                              \
    REAL total = 0;                                                                                \
    for (int i = 0; i < some; i++)                                                                 \
      total += sum[i];                                                                             \
    return total == 0;                                                                             \
  }

/* One element, for arrays whose elements do not lie together and for ends of the last row. */
#define ELEMENT(type)                                                                              \
  {                                                                                                \
    type x;                                                                                        \
    memcpy(&x, at, sizeof x);                                                                      \
    return (REAL)x;                                                                                \
  }
static REAL converted(const char *at, int32_t type) {
  switch (type) {
  case FNN_F32:
    ELEMENT(float)
  case FNN_F64:
    ELEMENT(double)
  case FNN_I8:
    ELEMENT(int8_t)
  case FNN_U8:
    ELEMENT(uint8_t)
  case FNN_I16:
    ELEMENT(int16_t)
  case FNN_U16:
    ELEMENT(uint16_t)
  case FNN_I32:
    ELEMENT(int32_t)
  case FNN_U32:
    ELEMENT(uint32_t)
  case FNN_I64:
    ELEMENT(int64_t)
  default:
    ELEMENT(uint64_t)
  }
}
#undef ELEMENT

/* Of sums of x - x: all bits are 0, or some lane is NaN. */
static int is_zero(const block *sum) {
  uint64_t words[sizeof *sum / sizeof(uint64_t)], any = 0;
  memcpy(words, sum, sizeof words);
  FNN_UNROLL
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    any |= words[i];
  return any == 0;
}

/* Returns whether all of it is finite. */
static int gather_group(const row_group *group, int64_t columns, int64_t step, int32_t type,
                        int64_t stride, REAL *H) {
  static const INT lanes[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  if (columns <= FNN_BLOCK / 2 && group->reads_on) {
    if (type == FNN_F32 && step == (int64_t)sizeof(float)) {
      if (columns <= FNN_BLOCK / 4)
        GATHER_FEW(float, 4)
      GATHER_FEW(float, 8)
    }
    if (type == FNN_F64 && step == (int64_t)sizeof(double)) {
      if (columns <= FNN_BLOCK / 4)
        GATHER_FEW(double, 4)
      GATHER_FEW(double, 8)
    }
  }
  block sum = {0};
  iblock used;
  int64_t k = 0, whole = columns / FNN_BLOCK * FNN_BLOCK;
  memcpy(&used, lanes, sizeof used);
  used = used < (INT)(columns - whole);
  whole = group->reads_on ? columns : whole;
  switch (type) {
  case FNN_F32:
    GATHER(float)
  case FNN_F64:
    GATHER(double)
  case FNN_I8:
    GATHER(int8_t)
  case FNN_U8:
    GATHER(uint8_t)
  case FNN_I16:
    GATHER(int16_t)
  case FNN_U16:
    GATHER(uint16_t)
  case FNN_I32:
    GATHER(int32_t)
  case FNN_U32:
    GATHER(uint32_t)
  case FNN_I64:
    GATHER(int64_t)
  case FNN_U64:
    GATHER(uint64_t)
  }
  for (; k < columns; k += FNN_BLOCK, H += stride * FNN_BLOCK)
    for (int i = 0; i < group->rows; i++) {
      block x = {0};
      for (int64_t j = k; j < columns && j < k + FNN_BLOCK; j++)
        ((REAL *)&x)[j - k] = converted(group->row[i] + j * step, type);
      memcpy(H + i * FNN_BLOCK, &x, sizeof x);
      sum += x - x;
    }
  return is_zero(&sum);
}
#undef GATHER
#undef GATHER_FEW

static int row_is_finite(int64_t columns, int64_t stride, const REAL *H) {
  block sum = {0};
  for (int64_t k = 0; k < columns; k += FNN_BLOCK, H += stride * FNN_BLOCK) {
    const block x = *(const block *)H;
    sum += x - x;
  }
  return is_zero(&sum);
}

static int64_t index_of(const void *indices, int32_t bytes, int64_t i) {
  int64_t wide;
  int32_t narrow;
  if (bytes == (int32_t)sizeof narrow) {
    memcpy(&narrow, (const char *)indices + i * bytes, sizeof narrow);
    return narrow;
  }
  memcpy(&wide, (const char *)indices + i * bytes, sizeof wide);
  return wide;
}

/* A row of a sparse array; 0 where an element is not finite, or not among those stored, or its
 * column not among the array's: nothing is read or written outside them. */
static int gather_sparse(const fnn_array *source, int64_t row, int64_t stride, REAL *H) {
  const int32_t bytes = source->index_bytes;
  const int64_t begin = index_of(source->starts, bytes, row);
  const int64_t end = index_of(source->starts, bytes, row + 1);
  for (int64_t k = 0; k < source->columns; k += FNN_BLOCK)
    memset(H + k * stride, 0, FNN_BLOCK * sizeof(REAL));
  if (begin < 0 || end > source->stored)
    return 0;
  int good = 1;
  for (int64_t i = begin; i < end; i += FNN_BLOCK) {
    const int64_t some = end - i < FNN_BLOCK ? end - i : FNN_BLOCK;
    const char *at = (const char *)source->data + i * source->column_bytes;
    const row_group group = {.rows = 1, .row = {at}, .ahead = {at}};
    REAL line[FNN_BLOCK];
    good &= gather_group(&group, some, source->column_bytes, source->type, 1, line);
    for (int64_t j = 0; j < some; j++) {
      const int64_t k = index_of(source->indices, bytes, i + j);
      if (k < 0 || k >= source->columns)
        return 0;
      H[k / FNN_BLOCK * stride * FNN_BLOCK + k % FNN_BLOCK] = line[j];
    }
  }
  return good;
}

static int64_t gather_sparse_rows(const fnn_array *source, const int64_t *order, int64_t position,
                                  int64_t r0, int64_t r1, int64_t stride, REAL *H) {
  int64_t bad = -1;
  for (int64_t r = r0; r < r1; r++)
    if (!gather_sparse(source, order ? order[position + r] : position + r, stride,
                       H + r * FNN_BLOCK) &&
        bad < 0)
      bad = r;
  return bad;
}

static int64_t gather_rows(const fnn_array *source, const int64_t *order, int64_t position,
                           int64_t r0, int64_t r1, int64_t stride, void *H) {
  if (source->indices != NULL)
    return gather_sparse_rows(source, order, position, r0, r1, stride, H);
  const char *data = source->data;
  const int64_t step = source->column_bytes;
  const char *end = data + (source->rows - 1) * source->row_bytes + source->columns * step;
  const int64_t bytes = source->columns * step;
  const int64_t ahead = bytes <= SHORT_ROW ? SHORT_AHEAD : GATHER_ROWS;
  int64_t bad = -1;
  for (int64_t r = r0; bytes <= SHORT_ROW && r < r1 && r < r0 + SHORT_AHEAD; r++) {
    const char *row = data + (order ? order[position + r] : position + r) * source->row_bytes;
    for (int64_t at = 0; at < bytes; at += 64)
      __builtin_prefetch(row + at, 0, 2);
  }
  for (int64_t r = r0; r < r1; r += GATHER_ROWS) {
    row_group group = {.rows = r1 - r < GATHER_ROWS ? (int)(r1 - r) : GATHER_ROWS, .reads_on = 1};
    for (int i = 0; i < group.rows; i++) {
      const int64_t here = position + r + i;
      const int64_t there = r + i + ahead < r1 ? here + ahead : here;
      group.row[i] = data + (order ? order[here] : here) * source->row_bytes;
      group.ahead[i] = data + (order ? order[there] : there) * source->row_bytes;
      group.reads_on &= end - group.row[i] >= FNN_ROUND_UP(source->columns, FNN_BLOCK) * step;
    }
    REAL *lines = (REAL *)H + r * FNN_BLOCK;
    if (!gather_group(&group, source->columns, step, source->type, stride, lines))
      for (int i = 0; i < group.rows && bad < 0; i++)
        if (!row_is_finite(source->columns, stride, lines + i * FNN_BLOCK))
          bad = r + i;
  }
  return bad;
}

static void scatter_rows(int64_t C, int64_t stride, const void *Z, int64_t r0, int64_t r1,
                         int32_t link, void *out) {
  const REAL *end = (const REAL *)out + (r1 - r0) * C;
  for (int64_t r = r0; r < r1; r++) {
    const REAL *z = (const REAL *)Z + r * FNN_BLOCK;
    REAL *y = (REAL *)out + (r - r0) * C;
    softmax_parts softmax = {0};
    if (link == FNN_LINK_softmax || link == FNN_LINK_log_softmax)
      softmax = softmax_of_row(C, stride, z, NULL);
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
      if (end - (y + c) >= FNN_BLOCK) /* what is too much is overwritten by the next rows */
        memcpy(y + c, line, sizeof line);
      else
        memcpy(y + c, line, (size_t)(C - c < FNN_BLOCK ? C - c : FNN_BLOCK) * sizeof(REAL));
    }
  }
}
