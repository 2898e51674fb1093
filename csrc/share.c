/* Who does what: a step's rows, columns and weight units over the threads.
 *
 * No split changes a bit of the result, since every element has one accumulator whoever
 * computes it; splits only decide what crosses between the cores.  Split by rows, a thread
 * reads all weights, of which the others have just updated their share, and in its units
 * all activations, of which the others computed theirs.  Split by columns, a thread computes
 * the same outputs in every step and updates the weights of just these, which stay in its
 * cache; the activations cross as before.  So columns are better for wide layers whose
 * panels come out even (docs/performance.md has the figures). */
#include "share.h"

#include "graph.h"

/* A panel of scales and shifts, in outputs x inputs. */
#define SCALE_COST 64
/* What things take on one thread of the cores that were measured, in ns (docs/performance.md): a
 * FLOP of float32, a weight's update, a row's way in and its loss, what a layer begins with. */
#define FLOP_NS 0.013
#define WEIGHT_NS 0.25
#define ROW_NS 40
#define LAYER_NS 300
/* What each thread must have to do: of training, whose threads wait for it from step to step and
 * go where they are not needed (tune.c); of other jobs, which wake them. */
#define STEP_NS 1500
#define JOB_NS 20000
/* Of weights, below which the barriers cost more than columns save. */
#define COLUMN_BYTES (1 << 17)

/* Of the input of a forward or backward call, so that it stays in the second-level cache. */
#define ROWS_BYTES 786432

static int64_t panels(const fnn_layer *d) { return FNN_ROUND_UP(d->N, FNN_PANEL) / FNN_PANEL; }
static int64_t k_units(const fnn_layer *d) { return FNN_ROUND_UP(d->lines, FNN_BLOCK) / FNN_BLOCK; }

static int64_t units_of(const fnn_layer *d) {
  return d->lookups ? d->n_lookups : panels(d) * k_units(d);
}

/* Whether the thread with the most panels has at most a tenth more than the mean. */
static int comes_out_even(const fnn_layer *d, int threads) {
  const int64_t most = (panels(d) + threads - 1) / threads;
  return 10 * most * threads <= 11 * panels(d);
}

void fnn_share_layers(fnn_plan *plan, int threads, fnn_mode mode) {
  const int derives = mode == FNN_TRAIN || mode == FNN_DERIVE;
  const int chain = mode == FNN_TRAIN && threads > 1 && fnn_graph_is_chain(plan);
  for (int32_t l = 0; l < plan->n_layers; l++) {
    fnn_layer *d = &plan->layers[l];
    if (d->kind != FNN_LAYER_dense) {
      const int32_t split = fnn_layer_ops[d->kind].split;
      d->columns = threads > 1 &&
                   (split == FNN_ANY ? d->in[0].from >= 0 && plan->layers[d->in[0].from].columns
                                     : split == FNN_COLUMNS && derives);
      continue;
    }
    d->columns = chain && d->K * d->N * plan->size >= COLUMN_BYTES && comes_out_even(d, threads);
  }
}

int64_t fnn_first_row(const fnn_plan *plan, int64_t rows, int t, int T) {
  if (T == 1) /* of a short job it is felt: without divisions */
    return t ? rows : 0;
  const int64_t tile = plan->kernels->tile_rows, tiles = (rows + tile - 1) / tile;
  const int64_t row = tiles * t / T * tile;
  return row < rows ? row : rows;
}

int64_t fnn_rows_at_once(const fnn_plan *plan, int64_t rows, int64_t terms) {
  if (rows * terms * plan->size <= ROWS_BYTES) /* most are: without a division */
    return rows;
  const int64_t tile = plan->kernels->tile_rows, most = ROWS_BYTES / (terms * plan->size) + 1;
  const int64_t pieces = (rows + most - 1) / most;
  return pieces < 2 ? rows : FNN_ROUND_UP((rows + pieces - 1) / pieces, tile);
}

static int64_t first_output(const fnn_layer *d, int t, int T) {
  const int64_t n = panels(d) * t / T * FNN_PANEL;
  return n < d->N ? n : d->N;
}

fnn_part_of_layer fnn_share_outputs(const fnn_plan *plan, int32_t l, int64_t rows, int t, int T) {
  const fnn_layer *d = &plan->layers[l];
  if (d->columns)
    return (fnn_part_of_layer){0, rows, first_output(d, t, T), first_output(d, t + 1, T)};
  return (fnn_part_of_layer){fnn_first_row(plan, rows, t, T), fnn_first_row(plan, rows, t + 1, T),
                             0, d->N};
}

/* Work of unit u, in outputs x inputs: its real inputs, its outputs up to a block. */
static int64_t unit_cost(const fnn_layer *d, int64_t u) {
  const int64_t k = u % k_units(d) * FNN_BLOCK, n = u / k_units(d) * FNN_PANEL;
  const int64_t columns = FNN_ROUND_UP(d->N, FNN_BLOCK) - n;
  if (d->kind != FNN_LAYER_dense)
    return SCALE_COST;
  return (d->K - k < FNN_BLOCK ? d->K - k : FNN_BLOCK) *
         (columns < FNN_PANEL ? columns : FNN_PANEL);
}

/* The first unit of thread t of T, counted through the layers that are split by rows: such
 * that each thread has about the same cost. */
static int64_t first_unit(const fnn_plan *plan, int t, int T) {
  int64_t total = 0, sum = 0, u = 0;
  for (int32_t l = 0; l < plan->n_layers; l++)
    if (!plan->layers[l].columns)
      for (int64_t i = 0; i < units_of(&plan->layers[l]); i++)
        total += unit_cost(&plan->layers[l], i);
  for (int32_t l = 0; l < plan->n_layers; l++) {
    const fnn_layer *d = &plan->layers[l];
    for (int64_t i = 0; !d->columns && i < units_of(d); i++, u++) {
      sum += unit_cost(d, i);
      if (sum * T > total * t)
        return u;
    }
  }
  return u;
}

fnn_units fnn_share_units(const fnn_plan *plan, int t, int T) {
  fnn_units share = {first_unit(plan, t, T), first_unit(plan, t + 1, T), 0, t, T};
  share.count = share.end - share.begin;
  for (int32_t l = 0; l < plan->n_layers; l++)
    if (plan->layers[l].columns)
      share.count += units_of(&plan->layers[l]) / T;
  return share;
}

void fnn_do_units(const fnn_plan *plan, const fnn_layer *first, const fnn_update *updates, int step,
                  fnn_units share, fnn_ahead *ahead, fnn_clock *clock) {
  int64_t u0 = share.begin, u1 = share.end;
  for (int32_t l = 0; l < plan->n_layers; l++) {
    const fnn_layer *d = l ? &plan->layers[l] : first;
    const fnn_update *update = &updates[l * step];
    const int64_t n = units_of(d);
    const int rests = d->group.frozen && update->optimizer != FNN_STORE;
    if (d->columns) {
      const int64_t p0 = panels(d) * share.t / share.T, p1 = panels(d) * (share.t + 1) / share.T;
      if (!rests) {
        plan->kernels->units(d, p0 * k_units(d), p1 * k_units(d), update, ahead);
        fnn_lap(clock, FNN_WORK_update, l);
      }
      continue;
    }
    if (u0 < n && u1 > 0 && !rests) {
      plan->kernels->units(d, u0 > 0 ? u0 : 0, u1 < n ? u1 : n, update, ahead);
      fnn_lap(clock, FNN_WORK_update, l);
    }
    u0 -= n;
    u1 -= n;
  }
}

int32_t fnn_plan_threads(const fnn_plan *plan, int32_t mode, int64_t rows, int32_t most) {
  const int training = mode == FNN_TRAIN, forward = mode >= FNN_EVALUATE;
  double ns = ROW_NS * (double)rows;
  for (int32_t l = 0; l < plan->n_layers; l++) {
    const fnn_layer *d = &plan->layers[l];
    if (d->kind != FNN_LAYER_dense)
      continue;
    const double weights = (double)d->K * (double)FNN_ROUND_UP(d->N, FNN_BLOCK);
    const double products = forward ? 1 : l ? 3 : 2;
    ns += 2 * products * FLOP_NS * (double)rows * weights + LAYER_NS;
    ns += training ? WEIGHT_NS * weights : 0;
  }
  ns *= plan->dtype == FNN_FLOAT64 ? 2 : 1;
  const double pays = ns / (training ? STEP_NS : JOB_NS);
  return most < 1 || pays < 2 ? 1 : pays < most ? (int32_t)pays : most;
}

int64_t fnn_squares_of_layer(const fnn_layer *d) { return d->lines ? units_of(d) + panels(d) : 0; }

double fnn_sum_squares(const fnn_layer *d, const double *squares, int of_bias) {
  const int64_t begin = of_bias ? units_of(d) : 0, end = units_of(d) + (of_bias ? panels(d) : 0);
  double sum = 0;
  for (int64_t i = begin; d->lines && i < end; i++)
    sum += squares[d->squares + i];
  return sum;
}

void fnn_do_constrain(const fnn_plan *plan, int t, int T) {
  for (int32_t l = 0; l < plan->n_layers; l++) {
    const fnn_layer *d = &plan->layers[l];
    if (d->kind == FNN_LAYER_dense && d->group.max_norm > 0 && !d->group.frozen)
      plan->kernels->constrain(d, panels(d) * t / T, panels(d) * (t + 1) / T, d->group.max_norm);
  }
}
