/* Weight units whose rule is applied while the next tile's products run.
 *
 * A rule like Adam's divides and takes a root for each register: some 20 to 40 cycles in which
 * the multipliers would have nothing to do, and its weights and state come from a cache further
 * away.  So a tile's gradient waits in memory, and between pieces of the next tile's product its
 * registers are taken one by one: the divider works beside the multipliers, and no load is waited
 * for.  Each weight has the same sum and the same rule as in units.h, so no bit changes.
 *
 * It takes an ISA with registers to spare: those of the tile, and a dozen for the rule.  Tiles at
 * the edges, and rules that are not written into the tiles, go through units.h. */

#define FNN_SPARE (FNN_REGISTERS - TILE_ROWS * TILE_VECTORS - TILE_VECTORS - 1)
#define WAITING_LINES (TILE_ROWS * TILE_VECTORS)
/* With fewer rows the pieces are too short to hide anything. */
#define OVERLAP_ROWS (4 * WAITING_LINES)

typedef struct {
  int full;          /* whether a gradient waits */
  int64_t k, offset; /* the tile's first input, and where its weights begin */
  int64_t panel;
  int last; /* of its unit */
  REAL gradient[WAITING_LINES * LANES] __attribute__((aligned(64)));
} waiting_tile;

/* The rows of the next batch are in a random order, which no hardware foresees: what is to be
 * gathered is asked for while weights are updated, a few lines between pieces of the products, for
 * more at once would be waited for. */
FNN_INLINE void fetch_ahead(fnn_ahead *ahead) {
  if (ahead->due == 0)
    return;
  ahead->due--;
  const char *at = ahead->row + ahead->at;
  FNN_UNROLL
  for (int i = 0; i < FNN_AHEAD_LINES; i++)
    __builtin_prefetch(at + i * 64, 0, 2);
  ahead->at += FNN_AHEAD_LINES * 64;
  if (ahead->at < ahead->bytes)
    return;
  ahead->at = 0;
  if (++ahead->position >= ahead->end)
    ahead->due = ahead->each = 0;
  else
    ahead->row = ahead->data + (ahead->order ? ahead->order[ahead->position] : ahead->position) *
                                   ahead->row_bytes;
}

/* What the rule of one register wants; in variables of the function that loops, since the compiler
 * must take stores of weights for changes of anything in memory. */
typedef struct {
  rule_constants constants;
  REAL *weights, *slots[FNN_MAX_SLOTS];
} waiting_rule;

FNN_INLINE waiting_rule rule_of(const fnn_layer *d, const fnn_update *update,
                                const waiting_tile *waiting) {
  waiting_rule rule = {.constants = constants_of(update),
                       .weights = (REAL *)d->W + waiting->offset};
  for (int s = 0; s < FNN_MAX_SLOTS; s++)
    rule.slots[s] = d->mW[s] ? (REAL *)d->mW[s] + waiting->offset : NULL;
  return rule;
}

FNN_INLINE void take_register(const int optimizer, const waiting_rule *rule,
                              const waiting_tile *waiting, int i) {
  const int64_t at = i / TILE_VECTORS * FNN_PANEL + i % TILE_VECTORS * LANES;
  apply_rule(optimizer, &rule->constants, rule->weights, rule->slots, at,
             vload(waiting->gradient + i * LANES));
}

/* The unit's transposed copy is due when its last tile has been taken. */
FNN_INLINE void tile_taken(const fnn_layer *d, waiting_tile *waiting) {
  if (waiting->last && d->WT)
    transpose_unit(d, waiting->k / FNN_BLOCK * FNN_BLOCK, waiting->panel);
  waiting->full = 0;
}

FNN_INLINE void take_waiting(const int optimizer, const fnn_layer *d, const fnn_update *update,
                             waiting_tile *waiting) {
  if (!waiting->full)
    return;
  const waiting_rule rule = rule_of(d, update, waiting);
  for (int i = 0; i < WAITING_LINES; i++)
    take_register(optimizer, &rule, waiting, i);
  tile_taken(d, waiting);
}

/* The product of the tile at input k and output n of a panel, whose gradient waits from then on. */
FNN_INLINE void overlapped_tile(const int optimizer, const fnn_layer *d, int64_t k, int64_t n,
                                const fnn_update *update, waiting_tile *waiting, fnn_ahead *ahead) {
  const int64_t K16 = FNN_ROUND_UP(d->K, FNN_BLOCK), panel = n / FNN_PANEL * FNN_PANEL;
  const REAL *A = (const REAL *)d->in[0].X + k / FNN_BLOCK * d->stride * FNN_BLOCK + k % FNN_BLOCK;
  const REAL *D[TILE_VECTORS];
  REAL *columns[TILE_VECTORS];
  tile_columns(TILE_VECTORS, d->dZ, d->stride, n, 0, columns);
  int64_t rows = update->rows;
  vec acc[TILE_ROWS][TILE_VECTORS];
  FNN_UNROLL
  for (int v = 0; v < TILE_VECTORS; v++) {
    D[v] = columns[v];
    FNN_UNROLL
    for (int i = 0; i < TILE_ROWS; i++)
      acc[i][v] = vset(0);
  }
  if (waiting->full) {
    const waiting_rule rule = rule_of(d, update, waiting);
    const int64_t piece = rows / WAITING_LINES;
    for (int i = 0; i < WAITING_LINES; i++) {
      tile_unit_product(TILE_ROWS, TILE_VECTORS, piece, A, D, acc);
      A += piece * FNN_BLOCK;
      FNN_UNROLL
      for (int v = 0; v < TILE_VECTORS; v++)
        D[v] += piece * FNN_BLOCK;
      take_register(optimizer, &rule, waiting, i);
      fetch_ahead(ahead);
    }
    rows -= piece * WAITING_LINES;
    tile_taken(d, waiting);
  }
  tile_unit_product(TILE_ROWS, TILE_VECTORS, rows, A, D, acc);
  FNN_UNROLL
  for (int i = 0; i < TILE_ROWS; i++) {
    FNN_UNROLL
    for (int v = 0; v < TILE_VECTORS; v++)
      vstore(waiting->gradient + (i * TILE_VECTORS + v) * LANES, acc[i][v]);
  }
  waiting->full = 1;
  waiting->k = k;
  waiting->panel = panel;
  waiting->offset = panel * K16 + k * FNN_PANEL + n % FNN_PANEL;
  waiting->last = 0;
}

/* The transposed copy of a large layer is in no cache, and its lines lie apart: those that the next
 * two units write, side by side, are asked for while this one is done. */
#define FAR_BYTES (1 << 22)

FNN_INLINE void fetch_copy(const fnn_layer *d, int64_t u, fnn_ahead *ahead) {
  const unit_place next = place_of(d, u + 1);
  if (ahead->each > 0 || !d->WT || next.k % FNN_PANEL ||
      d->K * d->N * (int64_t)sizeof(REAL) < FAR_BYTES)
    return;
  const int64_t at = next.k * FNN_ROUND_UP(d->N, FNN_BLOCK) + next.panel * FNN_PANEL;
  ahead->row = (const char *)((const REAL *)d->WT + at);
  ahead->bytes = FNN_PANEL * FNN_PANEL * (int64_t)sizeof(REAL);
  ahead->due = ahead->bytes / (FNN_AHEAD_LINES * 64);
  ahead->at = ahead->position = ahead->end = 0;
}

FNN_INLINE void overlapped_units(const int optimizer, const fnn_layer *d, int64_t u0, int64_t u1,
                                 const fnn_update *update, fnn_ahead *ahead) {
  waiting_tile waiting;
  waiting.full = 0;
  for (int64_t u = u0; u < u1; u++) {
    ahead->due = ahead->each;
    fetch_copy(d, u, ahead);
    const unit_place at = place_of(d, u);
    if (at.k1 - at.k < FNN_BLOCK || at.n1 - at.panel < FNN_PANEL) {
      dense_unit(d, u, update);
      continue;
    }
    for (int64_t n = at.panel; n < at.n1; n += TILE_WIDTH)
      for (int64_t k = at.k; k < at.k1; k += TILE_ROWS)
        overlapped_tile(optimizer, d, k, n, update, &waiting, ahead);
    waiting.last = 1;
    if (at.k == 0 && d->bias)
      bias_unit(d, at.panel, at.n1, update);
  }
  take_waiting(optimizer, d, update, &waiting);
}

/* One function a rule: written into one, the tiles of all of them would share registers. */
#define OPTIMIZER_INLINE(name, ...)                                                                \
  static __attribute__((noinline)) void FNN_REAL(overlapped_##name)(                               \
      const fnn_layer *d, int64_t u0, int64_t u1, const fnn_update *update, fnn_ahead *ahead) {    \
    overlapped_units(FNN_OPTIMIZER_##name, d, u0, u1, update, ahead);                              \
  }
#define OPTIMIZER_CALLED(...)
#define OPTIMIZER(name, place, ...) OPTIMIZER_##place(name, __VA_ARGS__)
#if FNN_SPARE >= 12
#include "../ops/optimizers.def"
#endif
#undef OPTIMIZER_INLINE

/* Units u0..u1 of a dense layer. */
static void dense_units(const fnn_layer *d, int64_t u0, int64_t u1, const fnn_update *update,
                        fnn_ahead *ahead) {
  (void)ahead; /* of an ISA without tiles that wait */
  const int plain = update->stored || update->reshapes || update->rows < OVERLAP_ROWS;
  switch (plain ? FNN_STORE : update->optimizer) {
#define OPTIMIZER_INLINE(name, ...)                                                                \
  case FNN_OPTIMIZER_##name:                                                                       \
    FNN_REAL(overlapped_##name)(d, u0, u1, update, ahead);                                         \
    return;
#if FNN_SPARE >= 12
#include "../ops/optimizers.def"
#endif
#undef OPTIMIZER_INLINE
#undef OPTIMIZER_CALLED
#undef OPTIMIZER
  }
  for (int64_t u = u0; u < u1; u++)
    dense_unit(d, u, update);
}
