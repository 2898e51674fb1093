/* The optimizers' rules (ops/optimizers.def) on weights whose gradient is at hand: in the
 * registers of a tile (units.h), or in an array beside them. */

#define LOAD_0
#define LOAD_1 vec m = vload(slots[0] + at);
#define LOAD_2 LOAD_1 vec v = vload(slots[1] + at);
#define LOAD_3 LOAD_2 vec s = vload(slots[2] + at);
#define SAVE_0
#define SAVE_1 vstore(slots[0] + at, m);
#define SAVE_2 SAVE_1 vstore(slots[1] + at, v);
#define SAVE_3 SAVE_2 vstore(slots[2] + at, s);

/* What the rules know by name besides w, g and the slots. */
typedef struct {
  vec c[6];
} rule_constants;

FNN_INLINE rule_constants constants_of(const fnn_update *update) {
  rule_constants constants;
  FNN_UNROLL
  for (int i = 0; i < 6; i++)
    constants.c[i] = vset((REAL)update->c[i]);
  return constants;
}

#define NAME_CONSTANTS(constants)                                                                  \
  const vec c0 = (constants)->c[0], c1 = (constants)->c[1], c2 = (constants)->c[2],                \
            c3 = (constants)->c[3], c4 = (constants)->c[4], c5 = (constants)->c[5],                \
            zero = vset(0), one = vset(1);                                                         \
  (void)c1, (void)c2, (void)c3, (void)c4, (void)c5, (void)zero, (void)one;
#define UPDATE_CONSTANTS                                                                           \
  const rule_constants constants = constants_of(update);                                           \
  NAME_CONSTANTS(&constants)

/* The rule on the register at `at`. */
#define APPLY(n_slots, gradient, ...)                                                              \
  const vec g = gradient;                                                                          \
  vec w = vload(weights + at);                                                                     \
  LOAD_##n_slots __VA_ARGS__;                                                                      \
  vstore(weights + at, w);                                                                         \
  SAVE_##n_slots

/* What clipping and penalties make of a gradient g of the weight w. */
FNN_INLINE vec reshape_gradient(const fnn_update *update, vec g, vec w) {
  g = g * vset((REAL)update->scale);
  if (update->limit > 0) {
    const vec limit = vset((REAL)update->limit);
    g = vmax(vset(0) - limit, vmin(limit, g));
  }
  if (update->l2 > 0)
    g = vfma(vset((REAL)update->l2), w, g);
  if (update->l1 > 0) {
    const vec l1 = vset((REAL)update->l1), zero = vset(0);
    g = g + vselect_gt(w, zero, l1, vselect_gt(zero, w, zero - l1, zero));
  }
  return g;
}

/* Line i of `vectors` registers has its weights and state at offset + i * FNN_PANEL, and its
 * gradients one after the other.  One function for all shapes of tiles: written into each of
 * them, all rules would make the library several times as large. */
static __attribute__((noinline)) void update_lines(int lines, int vectors, const fnn_update *update,
                                                   REAL *weights, REAL *const slots[FNN_MAX_SLOTS],
                                                   int64_t offset, const REAL *gradient) {
  UPDATE_CONSTANTS
  switch (update->optimizer) {
#define OPTIMIZER(name, place, n_slots, hyperparameters, constants, ...)                           \
  case FNN_OPTIMIZER_##name:                                                                       \
    for (int i = 0; i < lines; i++)                                                                \
      for (int j = 0; j < vectors; j++, gradient += LANES) {                                       \
        const int64_t at = offset + i * FNN_PANEL + j * LANES;                                     \
        APPLY(n_slots, vload(gradient), __VA_ARGS__)                                               \
      }                                                                                            \
    break;
#include "../ops/optimizers.def"
#undef OPTIMIZER
  }
}

/* Penalties and bounds of a tile's gradient, in memory: reached through registers, they would keep
 * the tiles of all others from staying there. */
static __attribute__((noinline)) void reshape_lines(int lines, int vectors,
                                                    const fnn_update *update, const REAL *weights,
                                                    REAL *gradient) {
  for (int i = 0; i < lines; i++)
    for (int j = 0; j < vectors; j++, gradient += LANES)
      vstore(gradient,
             reshape_gradient(update, vload(gradient), vload(weights + i * FNN_PANEL + j * LANES)));
}

/* One of the rules that are written into tiles, on the register at `at`. */
FNN_INLINE void apply_rule(const int optimizer, const rule_constants *constants, REAL *weights,
                           REAL *const slots[FNN_MAX_SLOTS], int64_t at, vec gradient) {
  NAME_CONSTANTS(constants)
  switch (optimizer) {
#define OPTIMIZER_INLINE(name, n_slots, hyperparameters, constants, ...)                           \
  case FNN_OPTIMIZER_##name: {                                                                     \
    APPLY(n_slots, gradient, __VA_ARGS__)                                                          \
  } break;
#define OPTIMIZER_CALLED(...)
#define OPTIMIZER(name, place, ...) OPTIMIZER_##place(name, __VA_ARGS__)
#include "../ops/optimizers.def"
#undef OPTIMIZER
#undef OPTIMIZER_INLINE
#undef OPTIMIZER_CALLED
  }
}

/* Applies the optimizer's rule to `lines` lines of `vectors` registers: line i has its
 * gradient in acc[i] and its weights and state at offset + i * FNN_PANEL. */
FNN_INLINE void update_tile(const int lines, const int vectors, const fnn_update *update,
                            REAL *weights, REAL *const slots[FNN_MAX_SLOTS], int64_t offset,
                            vec acc[TILE_ROWS][TILE_VECTORS]) {
  UPDATE_CONSTANTS
  if (update->reshapes) {
    REAL gradient[TILE_ROWS * TILE_VECTORS * LANES] __attribute__((aligned(64)));
    FNN_UNROLL
    for (int i = 0; i < lines; i++) {
      FNN_UNROLL
      for (int j = 0; j < vectors; j++)
        vstore(gradient + (i * vectors + j) * LANES, acc[i][j]);
    }
    reshape_lines(lines, vectors, update, weights + offset, gradient);
    FNN_UNROLL
    for (int i = 0; i < lines; i++) {
      FNN_UNROLL
      for (int j = 0; j < vectors; j++)
        acc[i][j] = vload(gradient + (i * vectors + j) * LANES);
    }
  }
  switch (update->optimizer) {
#define OPTIMIZER_INLINE(name, n_slots, hyperparameters, constants, ...)                           \
  case FNN_OPTIMIZER_##name:                                                                       \
    FNN_UNROLL                                                                                     \
    for (int i = 0; i < lines; i++) {                                                              \
      FNN_UNROLL                                                                                   \
      for (int j = 0; j < vectors; j++) {                                                          \
        const int64_t at = offset + i * FNN_PANEL + j * LANES;                                     \
        APPLY(n_slots, acc[i][j], __VA_ARGS__)                                                     \
      }                                                                                            \
    }                                                                                              \
    break;
#define OPTIMIZER_CALLED(...)
#define OPTIMIZER(name, place, ...) OPTIMIZER_##place(name, __VA_ARGS__)
#include "../ops/optimizers.def"
#undef OPTIMIZER
#undef OPTIMIZER_INLINE
#undef OPTIMIZER_CALLED
  default: {
    REAL gradient[TILE_ROWS * TILE_VECTORS * LANES] __attribute__((aligned(64)));
    FNN_UNROLL
    for (int i = 0; i < lines; i++) {
      FNN_UNROLL
      for (int j = 0; j < vectors; j++)
        vstore(gradient + (i * vectors + j) * LANES, acc[i][j]);
    }
    update_lines(lines, vectors, update, weights, slots, offset, gradient);
  }
  }
}

/* n weights that lie together, aligned or not: a block at a time through aligned copies. */
static void update_flat(const fnn_update *update, int64_t n, const void *gradient, void *weights,
                        void *const slots[FNN_MAX_SLOTS]) {
  const int n_slots = fnn_optimizer_ops[update->optimizer].slots;
  for (int64_t at = 0; at < n; at += FNN_BLOCK) {
    const size_t bytes = (size_t)(n - at < FNN_BLOCK ? n - at : FNN_BLOCK) * sizeof(REAL);
    REAL lines[2 + FNN_MAX_SLOTS][FNN_BLOCK] __attribute__((aligned(64))) = {0};
    REAL *const state[FNN_MAX_SLOTS] = {lines[2], lines[3], lines[4]};
    memcpy(lines[0], (const REAL *)gradient + at, bytes);
    memcpy(lines[1], (const REAL *)weights + at, bytes);
    for (int i = 0; i < n_slots; i++)
      memcpy(state[i], (const REAL *)slots[i] + at, bytes);
    update_lines(1, FNN_BLOCK / LANES, update, lines[1], state, 0, lines[0]);
    memcpy((REAL *)weights + at, lines[1], bytes);
    for (int i = 0; i < n_slots; i++)
      memcpy((REAL *)slots[i] + at, state[i], bytes);
  }
}

#undef APPLY
#undef UPDATE_CONSTANTS
#undef NAME_CONSTANTS
#undef LOAD_0
#undef LOAD_1
#undef LOAD_2
#undef LOAD_3
#undef SAVE_0
#undef SAVE_1
#undef SAVE_2
#undef SAVE_3
