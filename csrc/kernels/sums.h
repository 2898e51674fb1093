/* Sums and maxima over the 16 lanes of a block, by a fixed tree, and lanes that count. */

#undef HALF
#if defined(__clang__) || __GNUC__ >= 12
#define HALF(type, x, ...) __builtin_shufflevector(x, x, __VA_ARGS__)
#define LOW_4(x) HALF(lanes4, x, 0, 1, 2, 3)
#define HIGH_4(x) HALF(lanes4, x, 4, 5, 6, 7)
#define LOW_2(x) HALF(lanes2, x, 0, 1)
#define HIGH_2(x) HALF(lanes2, x, 2, 3)
#else
#define LOW_4(x) ((lanes4){x[0], x[1], x[2], x[3]})
#define HIGH_4(x) ((lanes4){x[4], x[5], x[6], x[7]})
#define LOW_2(x) ((lanes2){x[0], x[1]})
#define HIGH_2(x) ((lanes2){x[2], x[3]})
#endif

typedef REAL lanes8
    __attribute__((vector_size(8 * sizeof(REAL)), aligned(sizeof(REAL)), may_alias));
typedef REAL lanes4 __attribute__((vector_size(4 * sizeof(REAL))));
typedef REAL lanes2 __attribute__((vector_size(2 * sizeof(REAL))));

/* Lane i and lane i + 8, then 4, 2 and 1. */
FNN_INLINE REAL tree_sum(const REAL lanes[FNN_BLOCK]) {
  const lanes8 x = *(const lanes8 *)lanes + *(const lanes8 *)(lanes + 8);
  const lanes4 y = LOW_4(x) + HIGH_4(x);
  const lanes2 z = LOW_2(y) + HIGH_2(y);
  return z[0] + z[1];
}

/* Of two, the first where the second is NaN. */
#define GREATER(integers, x, y)                                                                    \
  ((integers)(((y) > (x)) & (integers)(y)) | (~((y) > (x)) & (integers)(x)))

FNN_INLINE REAL tree_max(const REAL lanes[FNN_BLOCK]) {
  typedef INT ilanes8 __attribute__((vector_size(8 * sizeof(REAL))));
  typedef INT ilanes4 __attribute__((vector_size(4 * sizeof(REAL))));
  typedef INT ilanes2 __attribute__((vector_size(2 * sizeof(REAL))));
  const lanes8 low = *(const lanes8 *)lanes, high = *(const lanes8 *)(lanes + 8);
  const lanes8 x = (lanes8)GREATER(ilanes8, low, high);
  const lanes4 y = (lanes4)GREATER(ilanes4, LOW_4(x), HIGH_4(x));
  const lanes2 z = (lanes2)GREATER(ilanes2, LOW_2(y), HIGH_2(y));
  return z[1] > z[0] ? z[1] : z[0];
}

/* 0, 1, 2, ... of a block's lanes, from lane i on. */
FNN_INLINE vec lane_numbers(int i) {
  static const REAL numbers[FNN_BLOCK]
      __attribute__((aligned(64))) = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return vload(numbers + i);
}

/* Lane by lane: x where the lane is one of the `some` first of its block, else y. */
FNN_INLINE vec where_used(int64_t some, int i, vec x, vec y) {
  return vselect_gt(vset((REAL)some), lane_numbers(i), x, y);
}
