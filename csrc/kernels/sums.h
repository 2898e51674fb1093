/* Sums and maxima over the 16 lanes of a block, by a fixed tree, and lanes that count. */

FNN_INLINE REAL tree_sum(REAL lanes[FNN_BLOCK]) {
  for (int half = FNN_BLOCK / 2; half > 0; half /= 2)
    for (int i = 0; i < half; i++)
      lanes[i] = lanes[i] + lanes[i + half];
  return lanes[0];
}

FNN_INLINE REAL tree_max(REAL lanes[FNN_BLOCK]) {
  for (int half = FNN_BLOCK / 2; half > 0; half /= 2)
    for (int i = 0; i < half; i++)
      lanes[i] = lanes[i + half] > lanes[i] ? lanes[i + half] : lanes[i];
  return lanes[0];
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
