// The training recurrence and its backward pass as one compiled loop, with sequences side by side in vector lanes.
//
// A Row is one number of the recurrence for a whole group of sequences, one lane each. So a hidden vector is d Rows, a
// matrix is an array of scalars that Rows are multiplied by, and the loop has no gathers and no sums across lanes. The
// group at the end may be short: its idle lanes start from zeros, and no gradient ever enters them.
//
// Both models are this loop. FeedbackTransformer: one key and one value per step, made of all layers mixed, read by
// later steps. CausalTransformer (`causal`): keys and values per layer, made of what queries are made of; a query
// reads its own step too. Whoever calls has folded the scale and shift of each norm, and 1 / sqrt(head width), into
// the matrix behind it: what is called "normed" here is centred and scaled to variance one, no more.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <vector>

namespace {

#if defined(__AVX512F__)  // 32 registers of 64 bytes
constexpr int BYTES = 64, PARTS = 2, ACROSS = 8;
#elif defined(__AVX__)  // 16 registers of 32 bytes
constexpr int BYTES = 32, PARTS = 1, ACROSS = 3;
#else  // 32 registers of 16 bytes on ARM
constexpr int BYTES = 16, PARTS = 2, ACROSS = 8;
#endif
constexpr int BLOCK = 8;   // outputs of a product that are held in registers
constexpr int DOWN = 3;    // weight gradients: ACROSS outputs by DOWN inputs are held in registers
constexpr int CHUNK = 32;  // steps whose gradients are kept until weight gradients are made of them

template <class T>
struct Row {
  typedef T Part __attribute__((vector_size(BYTES)));
  static constexpr int LANES = PARTS * BYTES / sizeof(T);
  Part part[PARTS];

  Row() = default;
  Row(T number) {
    for (Part& each : part) each = Part{} + number;
  }
  T& lane(int index) { return reinterpret_cast<T*>(part)[index]; }
  T lane(int index) const { return reinterpret_cast<const T*>(part)[index]; }
};

#define OPERATOR(SIGN)                                                             \
  template <class T>                                                               \
  inline Row<T> operator SIGN(Row<T> left, const Row<T>& right) {                  \
    for (int i = 0; i < PARTS; ++i) left.part[i] = left.part[i] SIGN right.part[i]; \
    return left;                                                                   \
  }                                                                                \
  template <class T>                                                               \
  inline Row<T> operator SIGN(Row<T> left, T right) {                              \
    return left SIGN Row<T>(right);                                                \
  }
OPERATOR(+)
OPERATOR(-)
OPERATOR(*)
OPERATOR(/)

template <class T>
inline void add_product(Row<T>& sum, const Row<T>& left, const Row<T>& right) {
  for (int i = 0; i < PARTS; ++i) sum.part[i] += left.part[i] * right.part[i];
}

template <class T>
inline void add_product(Row<T>& sum, T left, const Row<T>& right) {
  for (int i = 0; i < PARTS; ++i) sum.part[i] += left * right.part[i];
}

template <class T>
inline T sum_of_lanes(const typename Row<T>::Part& part) {
  T total = 0;
  for (int lane = 0; lane < int(BYTES / sizeof(T)); ++lane) total += part[lane];
  return total;
}

template <class T>
inline T sum_of_lanes(const Row<T>& row) {
  T total = 0;
  for (const auto& part : row.part) total += sum_of_lanes<T>(part);
  return total;
}

template <class T>
inline Row<T> maximum(Row<T> left, const Row<T>& right) {
  for (int i = 0; i < PARTS; ++i) left.part[i] = left.part[i] > right.part[i] ? left.part[i] : right.part[i];
  return left;
}

template <class T, int COUNT>
inline Row<T> polynomial(const T (&coefficients)[COUNT], const Row<T>& x) {
  Row<T> result(coefficients[COUNT - 1]);
  for (int i = COUNT - 2; i >= 0; --i) result = result * x + coefficients[i];
  return result;
}

// exp(x) = 2^n exp(r) with |r| <= log(2) / 2, for x <= 0: n lands in the lowest bits when a large number is added.
template <class T>
inline Row<T> exponential(Row<T> x) {
  constexpr bool is_single = sizeof(T) == 4;
  typedef typename std::conditional<is_single, int32_t, int64_t>::type Integer;
  typedef Integer Bits __attribute__((vector_size(BYTES)));
  typedef typename Row<T>::Part Part;
  static const T taylor[] = {1., 1., 1. / 2, 1. / 6, 1. / 24, 1. / 120, 1. / 720, 1. / 5040};
  static const T more[] = {1. / 40320, 1. / 362880, 1. / 3628800, 1. / 39916800, 1. / 479001600, 1. / 6227020800};
  const T shifter = is_single ? T(12582912.) : T(6755399441055744.);
  const T log2_high = is_single ? T(0.693359375) : T(0.693147180369123816490);
  const T log2_low = is_single ? T(-2.12194440054690583e-4) : T(1.90821492927058770e-10);
  x = maximum(x, Row<T>(is_single ? T(-87) : T(-708)));
  Row<T> shifted = x * T(1.44269504088896340736) + shifter, n = shifted - shifter;
  Row<T> rest = x - n * log2_high - n * log2_low, power(0);
  if (!is_single) power = polynomial(more, rest);
  for (int i = 7; i >= 0; --i) power = power * rest + taylor[i];
  for (int i = 0; i < PARTS; ++i)
    power.part[i] = (Part)((Bits)power.part[i] + ((Bits)shifted.part[i] << (is_single ? 23 : 52)));
  return power;
}

// gelu(x) = x Phi(x) and its slope Phi(x) + x phi(x). With z = |x| / sqrt(2), erfc(z) = exp(-z^2) P((z - 3) / (z + 3)):
// the polynomial meets erfc to 6e-9 in single and 1e-16 in double precision.
template <class T>
inline void gelu_and_slope(const Row<T> x, Row<T>& gelu, Row<T>& slope) {
  static const T single[] = {0.1790011556,   -0.3262335373, 0.2456025765,   -0.1501215403,   0.07170001014,
                             -0.02411372452, 0.004990606821, 0.001557669254, -0.0002054870015};
  static const T full[] = {0.179001151181390002,     -0.326233560043037258,    0.245603801712306005,
                           -0.150115936500787776,    0.0716658371999571905,    -0.0243924993158764968,
                           0.00426913627561373719,   0.000707746300102324687,  -0.000597061270957074957,
                           0.0000452578967182309613, 0.0000640547297526309096, -0.0000128803456292638932,
                           -8.00034899502030892e-6,  2.15999199926124999e-6,   1.37831310149970141e-6,
                           -1.79948144184958579e-7,  -2.33224139716493427e-7,  -4.34673156508511131e-8};
  Row<T> z = maximum(x, Row<T>(0) - x) * T(0.70710678118654752440), t = (z - T(3)) / (z + T(3));
  Row<T> bell = exponential(Row<T>(0) - z * z);
  Row<T> tail = bell * (sizeof(T) == 4 ? polynomial(single, t) : polynomial(full, t)) * T(0.5), below;
  for (int i = 0; i < PARTS; ++i) below.part[i] = x.part[i] > T(0) ? T(1) - tail.part[i] : tail.part[i];
  gelu = x * below;
  slope = below + x * bell * T(0.39894228040143267794);
}

// y = matrix x + bias + residual, the last two where they are given. Matrices come packed: for each block of outputs,
// for each input, the weights of the block.
template <class T>
void product(const std::vector<T>& matrix, const Row<T>* x, int from, Row<T>* y, int to, const T* bias = nullptr,
             const Row<T>* residual = nullptr) {
  const T* weights = matrix.data();
  for (int start = 0; start < to; start += BLOCK, weights += from * BLOCK) {
    Row<T> sum[BLOCK];
    for (int k = 0; k < BLOCK; ++k) {
      sum[k] = residual && start + k < to ? residual[start + k] : Row<T>(0);
      if (bias && start + k < to) sum[k] = sum[k] + bias[start + k];
    }
    for (int i = 0; i < from; ++i)
      for (int k = 0; k < BLOCK; ++k) add_product(sum[k], weights[i * BLOCK + k], x[i]);
    for (int k = 0; k < BLOCK; ++k)
      if (start + k < to) y[start + k] = sum[k];
  }
}

// out[j] = start[j] + sum_e query[e] slots[j][e]: a query against `count` slots.
template <class T>
void compare(const Row<T>* query, const Row<T>* slots, int64_t stride, int count, int width, const T* start,
             Row<T>* out) {
  for (int first = 0; first < count; first += BLOCK) {
    Row<T> sum[BLOCK];
    const Row<T>* slot[BLOCK];
    for (int k = 0; k < BLOCK; ++k) {
      int j = std::min(first + k, count - 1);
      sum[k] = Row<T>(start ? start[j] : T(0));
      slot[k] = slots + j * stride;
    }
    for (int e = 0; e < width; ++e)
      for (int k = 0; k < BLOCK; ++k) add_product(sum[k], query[e], slot[k][e]);
    for (int k = 0; k < BLOCK; ++k)
      if (first + k < count) out[first + k] = sum[k];
  }
}

// out[e] += sum_i weights[i] vectors[i][e]: a mixture of `count` vectors. A last block that is not full reads on into
// what follows (every buffer ends with BLOCK spare Rows) and throws it away.
template <class T>
void mix(const Row<T>* weights, int64_t weight_stride, const Row<T>* vectors, int64_t stride, int count, Row<T>* out,
         int width) {
  for (int start = 0; start < width; start += BLOCK) {
    Row<T> sum[BLOCK];
    for (int k = 0; k < BLOCK; ++k) sum[k] = start + k < width ? out[start + k] : Row<T>(0);
    for (int i = 0; i < count; ++i)
      for (int k = 0; k < BLOCK; ++k)
        add_product(sum[k], weights[i * weight_stride], vectors[i * stride + start + k]);
    for (int k = 0; k < BLOCK; ++k)
      if (start + k < width) out[start + k] = sum[k];
  }
}

// gradient[o][i] += sum over steps and lanes of outer[step][o] inner[step][i], in blocks of ACROSS by DOWN.
template <class T>
void add_weight_gradient(const Row<T>* outer, int64_t outer_stride, int across, const Row<T>* inner,
                         int64_t inner_stride, int down, int steps, T* gradient) {
  for (int o = 0; o < across; o += ACROSS)
    for (int i = 0; i < down; i += DOWN) {
      typename Row<T>::Part sum[ACROSS][DOWN] = {};
      for (int step = 0; step < steps; ++step) {
        const Row<T>*left = outer + step * outer_stride + o, *right = inner + step * inner_stride + i;
        for (int p = 0; p < PARTS; ++p)
          for (int a = 0; a < ACROSS; ++a)
            for (int b = 0; b < DOWN; ++b) sum[a][b] += left[a].part[p] * right[b].part[p];
      }
      for (int a = 0; a < ACROSS; ++a)
        for (int b = 0; b < DOWN; ++b)
          if (o + a < across && i + b < down) gradient[(o + a) * down + i + b] += sum_of_lanes<T>(sum[a][b]);
    }
}

template <class T>
void add_bias_gradient(const Row<T>* outer, int64_t stride, int across, int steps, T* gradient) {
  for (int o = 0; o < across; ++o) {
    Row<T> sum(0);
    for (int step = 0; step < steps; ++step) sum = sum + outer[step * stride + o];
    gradient[o] += sum_of_lanes(sum);
  }
}

// normed = (x - mean) / deviation; returns 1 / deviation.
template <class T>
Row<T> normalise(const Row<T>* x, int width, Row<T>* normed) {
  Row<T> mean(0), variance(0), scale;
  for (int i = 0; i < width; ++i) mean = mean + x[i];
  mean = mean * (T(1) / width);
  for (int i = 0; i < width; ++i) normed[i] = x[i] - mean, add_product(variance, normed[i], normed[i]);
  for (int lane = 0; lane < Row<T>::LANES; ++lane)
    scale.lane(lane) = T(1) / std::sqrt(variance.lane(lane) / width + T(1e-5));
  for (int i = 0; i < width; ++i) normed[i] = normed[i] * scale;
  return scale;
}

// What `normalise` hands back: gradient += scale (given - mean(given) - normed mean(normed given)).
template <class T>
void add_norm_gradient(const Row<T>* given, const Row<T>* normed, const Row<T>& scale, int width, Row<T>* gradient) {
  Row<T> mean(0), along(0);
  for (int i = 0; i < width; ++i) mean = mean + given[i], add_product(along, given[i], normed[i]);
  mean = mean * (T(1) / width);
  along = along * (T(1) / width);
  for (int i = 0; i < width; ++i) add_product(gradient[i], scale, given[i] - mean - normed[i] * along);
}

// scores become weights that sum to 1.
template <class T>
void softmax(Row<T>* scores, int count) {
  Row<T> largest = scores[0], total(0);
  for (int j = 1; j < count; ++j) largest = maximum(largest, scores[j]);
  for (int j = 0; j < count; ++j) total = total + (scores[j] = exponential(scores[j] - largest));
  Row<T> scale = Row<T>(1) / total;
  for (int j = 0; j < count; ++j) scores[j] = scores[j] * scale;
}

// The gradient of the weights becomes that of the scores: weight (given - sum_j weight_j given_j).
template <class T>
void softmax_gradient(const Row<T>* weights, Row<T>* gradient, int count) {
  Row<T> total(0);
  for (int j = 0; j < count; ++j) add_product(total, weights[j], gradient[j]);
  for (int j = 0; j < count; ++j) gradient[j] = weights[j] * (gradient[j] - total);
}

}  // namespace

extern "C" struct Sizes {
  int64_t batch, steps, width, heads, head_width, gated, layers, memory_size, incoming, columns, returned, causal, keep;
};

namespace {

// Tensors with an axis of sequences in front, into Rows and back.
template <class T>
void spread(const T* source, int64_t first, int64_t batch, int64_t vectors, int width, Row<T>* rows, int64_t stride) {
  for (int lane = 0; lane < Row<T>::LANES; ++lane)
    for (int64_t v = 0; v < vectors; ++v)
      for (int i = 0; i < width; ++i)
        rows[v * stride + i].lane(lane) = first + lane < batch ? source[((first + lane) * vectors + v) * width + i] : T(0);
}

template <class T>
void gather(const Row<T>* rows, int64_t stride, int64_t first, int64_t batch, int64_t vectors, int width, T* target) {
  for (int lane = 0; lane < Row<T>::LANES && first + lane < batch; ++lane)
    for (int64_t v = 0; v < vectors; ++v)
      for (int i = 0; i < width; ++i) target[((first + lane) * vectors + v) * width + i] = rows[v * stride + i].lane(lane);
}

// One layer's matrices. `inputs` makes queries, and in the ordinary model keys and values below them.
template <class T>
struct Linear {
  int to, from;
  std::vector<T> forward, backward;  // packed for `product`, the latter transposed
  const T* bias;
  int64_t place;  // where its matrix starts in the flat weights; its bias follows

  Linear(const T* flat, int64_t& next, int to, int from, bool has_bias) : to(to), from(from), place(next) {
    const T* matrix = flat + next;
    bias = has_bias ? matrix + int64_t(to) * from : nullptr;
    next += int64_t(to) * from + (has_bias ? to : 0);
    pack(forward, to, from, [&](int o, int i) { return matrix[int64_t(o) * from + i]; });
    pack(backward, from, to, [&](int o, int i) { return matrix[int64_t(i) * from + o]; });
  }
  template <class Entry>
  static void pack(std::vector<T>& packed, int to, int from, Entry entry) {
    for (int start = 0; start < to; start += BLOCK)
      for (int i = 0; i < from; ++i)
        for (int k = 0; k < BLOCK; ++k) packed.push_back(start + k < to ? entry(start + k, i) : T(0));
  }
  void apply(const Row<T>* x, Row<T>* y, const Row<T>* residual = nullptr) const {
    product(forward, x, from, y, to, bias, residual);
  }
  void apply_transposed(const Row<T>* y, Row<T>* x) const { product<T>(backward, y, to, x, from); }
  void add_gradient(const Row<T>* outer, int64_t outer_stride, const Row<T>* inner, int64_t inner_stride, int steps,
                    T* flat_gradient) const {
    add_weight_gradient(outer, outer_stride, to, inner, inner_stride, from, steps, flat_gradient + place);
    if (bias) add_bias_gradient(outer, outer_stride, to, steps, flat_gradient + place + int64_t(to) * from);
  }
};

template <class T>
struct Layer {
  Linear<T> inputs, output, widen, narrow;
  Layer(const Sizes& s, const T* flat, int64_t& next)
      : inputs(flat, next, s.heads * s.head_width * (s.causal ? 3 : 1), s.width, true),
        output(flat, next, s.width, s.heads * s.head_width, true),
        widen(flat, next, 2 * s.gated, s.width, true),
        narrow(flat, next, s.width, s.gated, true) {}
};

// The model for one group of sequences. What the forward pass leaves for the backward pass lies in `saved`: all slots
// (keys, then values), then a record per step, in which each layer has its part at the offsets below.
template <class T>
struct Group {
  const Sizes s;
  const int d = s.width, inner = s.heads * s.head_width, gated = s.gated;
  std::vector<Layer<T>> layers;
  std::vector<Linear<T>> to_memory;  // one in the feedback model, none in the ordinary one
  // Offsets in a layer's part: its input; normed, with its scale; queries (keys, values); attention weights, by age;
  // what was read; normed again, with its scale; value, gelu(gate) and gelu'(gate) of the feed-forward.
  const int64_t input = 0, normed = d, scale = normed + d, queries = scale + 1,
                attention = queries + inner * (s.causal ? 3 : 1), read = attention + s.heads * s.columns,
                normed_again = read + inner, scale_again = normed_again + d, wide = scale_again + 1,
                slope = wide + 2 * gated, part = slope + gated;
  // In a step's record, behind the layers: the top, and the memory vector.
  const int64_t top = part * s.layers, mixture = top + d, record = mixture + d;
  const int64_t slots = s.causal ? 0 : s.incoming + s.steps, size = slots * 2 * inner + s.steps * record;

  explicit Group(const Sizes& sizes) : s(sizes) {}
  Group(const Sizes& sizes, const T* flat) : s(sizes) {
    int64_t next = 0;
    for (int l = 0; l < s.layers; ++l) layers.emplace_back(s, flat, next);
    if (!s.causal) to_memory.emplace_back(flat, next, 2 * inner, d, false);
  }

  // A query of step t sees `window(t)` slots, the newest last; in every row by age its weights are the last ones.
  int window(int64_t t) const { return s.causal ? t + 1 : std::min(s.incoming + t, s.memory_size); }
  int64_t slot_stride() const { return s.causal ? record : 2 * inner; }
  template <class Pointer>
  Pointer step(Pointer saved, int64_t t) const { return saved + slots * 2 * inner + t * record; }
  const Row<T>* first_key(const Row<T>* saved, int64_t t, int l) const {
    if (s.causal) return saved + l * part + queries + inner;
    return saved + (s.incoming + t - window(t)) * 2 * inner;
  }

  void forward(int64_t first, const T* embedded, const T* keys, const T* values, const T* bias, const T* shares, T* tops,
               T* keys_out, T* values_out, Row<T>* saved) const {
    spread(keys, first, s.batch, s.incoming, inner, saved, 2 * inner);
    spread(values, first, s.batch, s.incoming, inner, saved + inner, 2 * inner);
    spread(embedded, first, s.batch, s.steps, d, step(saved, 0), record);
    std::vector<Row<T>> middle(d), product_of_gate(gated);
    for (int64_t t = 0; t < s.steps; ++t) {
      Row<T>* now = step(saved, t);
      for (int l = 0; l < s.layers; ++l) {
        Row<T>* at = now + l * part;
        at[scale] = normalise(at + input, d, at + normed);
        layers[l].inputs.apply(at + normed, at + queries);
        std::fill_n(at + read, inner, Row<T>(0));
        if (window(t)) {
          attend(saved, t, l, bias);
          layers[l].output.apply(at + read, middle.data(), at + input);
        } else {  // without any slot attention adds nothing, its bias included
          std::copy_n(at + input, d, middle.data());
        }
        at[scale_again] = normalise(middle.data(), d, at + normed_again);
        layers[l].widen.apply(at + normed_again, at + wide);
        for (int i = 0; i < gated; ++i) {
          Row<T>* gate = at + wide + gated + i;
          gelu_and_slope(*gate, *gate, at[slope + i]);
          product_of_gate[i] = at[wide + i] * *gate;
        }
        layers[l].narrow.apply(product_of_gate.data(), at + part, middle.data());
      }
      if (!s.causal) {
        std::fill_n(now + mixture, d, Row<T>(0));
        for (int l = 0; l <= s.layers; ++l)
          for (int i = 0; i < d; ++i) add_product(now[mixture + i], shares[l], now[l * part + i]);
        to_memory[0].apply(now + mixture, saved + (s.incoming + t) * 2 * inner);
      }
    }
    gather(step(saved, 0) + top, record, first, s.batch, s.steps, d, tops);
    const Row<T>* left = saved + (slots - s.returned) * 2 * inner;
    gather(left, 2 * inner, first, s.batch, s.returned, inner, keys_out);
    gather(left + inner, 2 * inner, first, s.batch, s.returned, inner, values_out);
  }

  void attend(Row<T>* saved, int64_t t, int l, const T* bias) const {
    const int e = s.head_width, count = window(t);
    Row<T>* at = step(saved, t) + l * part;
    const Row<T>* key = first_key(saved, t, l);
    for (int h = 0; h < s.heads; ++h) {
      const int64_t row = (h + 1) * s.columns - count;
      compare(at + queries + h * e, key + h * e, slot_stride(), count, e, bias + row, at + attention + row);
      softmax(at + attention + row, count);
      mix(at + attention + row, 1, key + inner + h * e, slot_stride(), count, at + read + h * e, e);
    }
  }

  // The backward pass fills rows of its own: gradients of all slots, of the residual stream at every step, of scores
  // and of what was read; and, for a chunk of steps, the outer factors of all weight gradients.
  const int64_t score_part = s.heads * s.columns;
  const int64_t of_inputs = 0, of_output = inner * (s.causal ? 3 : 1), of_wide = of_output + d,
                of_narrow = of_wide + 2 * gated, product_of_gate = of_narrow + d, chunk_part = product_of_gate + gated;
  struct Work {
    Row<T>*slots, *stream, *scores, *reads, *chunk, *bias, *shares, *end;
    Work(const Group& g, Row<T>* rows) {
      const int64_t layer_steps = g.s.steps * g.s.layers;
      slots = rows;
      stream = slots + g.slots * 2 * g.inner;
      scores = stream + g.s.steps * g.d;
      reads = scores + layer_steps * g.score_part;
      chunk = reads + layer_steps * g.inner;
      bias = chunk + CHUNK * g.s.layers * g.chunk_part;
      shares = bias + g.score_part;
      end = shares + g.s.layers + 1 + BLOCK;
    }
  };

  void backward(int64_t first, const Row<T>* saved, const T* shares, const T* of_tops, const T* of_keys_out,
                const T* of_values_out, T* of_flat, T* of_embedded, T* of_keys, T* of_values, T* of_bias, T* of_shares,
                const Work& work) const {
    const int64_t chunk_record = s.layers * chunk_part;
    std::vector<Row<T>> back(d), of_mixture(d);
    std::fill_n(work.slots, slots * 2 * inner, Row<T>(0));
    std::fill_n(work.bias, score_part + s.layers + 1, Row<T>(0));
    Row<T>* left = work.slots + (slots - s.returned) * 2 * inner;
    spread(of_keys_out, first, s.batch, s.returned, inner, left, 2 * inner);
    spread(of_values_out, first, s.batch, s.returned, inner, left + inner, 2 * inner);
    spread(of_tops, first, s.batch, s.steps, d, work.stream, d);
    for (int64_t t = s.steps - 1; t >= 0; --t) {
      const Row<T>* now = step(saved, t);
      Row<T>* stream = work.stream + t * d;
      auto add_share = [&](int l) {  // what the memory vector hands back to layer l
        for (int i = 0; i < d && !s.causal; ++i) {
          add_product(stream[i], shares[l], of_mixture[i]);
          add_product(work.shares[l], of_mixture[i], now[l * part + i]);
        }
      };
      if (!s.causal) {
        Row<T>* slot = work.slots + (s.incoming + t) * 2 * inner;
        pull(saved, work, s.incoming + t, 0, s.layers, slot);
        to_memory[0].apply_transposed(slot, of_mixture.data());
      }
      add_share(s.layers);
      for (int l = s.layers - 1; l >= 0; --l) {
        const Layer<T>& layer = layers[l];
        const Row<T>* at = now + l * part;
        Row<T>* outer = work.chunk + t % CHUNK * chunk_record + l * chunk_part;
        std::copy_n(stream, d, outer + of_narrow);
        Row<T>* gate = outer + product_of_gate;
        layer.narrow.apply_transposed(stream, gate);
        for (int i = 0; i < gated; ++i) {
          const Row<T> value = at[wide + i], gelu = at[wide + gated + i];
          outer[of_wide + i] = gate[i] * gelu;
          outer[of_wide + gated + i] = gate[i] * value * at[slope + i];
          gate[i] = value * gelu;
        }
        layer.widen.apply_transposed(outer + of_wide, back.data());
        add_norm_gradient(back.data(), at + normed_again, at[scale_again], d, stream);
        if (window(t)) {
          std::copy_n(stream, d, outer + of_output);
          layer.output.apply_transposed(stream, work.reads + (t * s.layers + l) * inner);
          attend_backward(saved, work, t, l, outer + of_inputs);
          layer.inputs.apply_transposed(outer + of_inputs, back.data());
          add_norm_gradient(back.data(), at + normed, at[scale], d, stream);
        } else {
          std::fill_n(outer, of_wide, Row<T>(0));
        }
        add_share(l);
      }
      if (t % CHUNK == 0) add_weight_gradients(now, work.chunk, std::min<int64_t>(CHUNK, s.steps - t), of_flat);
    }
    if (!s.causal) {
      for (int64_t slot = 0; slot < s.incoming; ++slot)
        pull(saved, work, slot, 0, s.layers, work.slots + slot * 2 * inner);
      to_memory[0].add_gradient(work.slots + s.incoming * 2 * inner, 2 * inner, step(saved, 0) + mixture, record,
                                s.steps, of_flat);
    }
    gather(work.stream, d, first, s.batch, s.steps, d, of_embedded);
    gather(work.slots, 2 * inner, first, s.batch, s.incoming, inner, of_keys);
    gather(work.slots + inner, 2 * inner, first, s.batch, s.incoming, inner, of_values);
    for (int64_t i = 0; i < score_part; ++i) of_bias[i] += sum_of_lanes(work.bias[i]);
    for (int l = 0; l <= s.layers && !s.causal; ++l) of_shares[l] += sum_of_lanes(work.shares[l]);
  }

  // From the gradient of what was read to those of scores, bias and queries (in the ordinary model, of the step's own
  // key and value too, which later queries have read and this one has just as well).
  void attend_backward(const Row<T>* saved, const Work& work, int64_t t, int l, Row<T>* of_queries) const {
    const int e = s.head_width, count = window(t);
    const Row<T>*weights = step(saved, t) + l * part + attention, *key = first_key(saved, t, l);
    const Row<T>* of_read = work.reads + (t * s.layers + l) * inner;
    Row<T>* scores = work.scores + (t * s.layers + l) * score_part;
    std::fill_n(of_queries, of_output, Row<T>(0));
    for (int h = 0; h < s.heads; ++h) {
      const int64_t row = (h + 1) * s.columns - count;
      compare<T>(of_read + h * e, key + inner + h * e, slot_stride(), count, e, nullptr, scores + row);
      softmax_gradient(weights + row, scores + row, count);
      for (int64_t j = row; j < row + count; ++j) work.bias[j] = work.bias[j] + scores[j];
      mix(scores + row, 1, key + h * e, slot_stride(), count, of_queries + h * e, e);
    }
    if (s.causal) pull(saved, work, t, l, l + 1, of_queries + inner);
  }

  // Adds to the gradient of a slot what all queries that read it hand back; they are later, so all theirs is there.
  void pull(const Row<T>* saved, const Work& work, int64_t slot, int first_layer, int last_layer, Row<T>* out) const {
    const int64_t written = slot - s.incoming, begin = std::max<int64_t>(0, written + !s.causal);
    const int64_t end = s.causal ? s.steps : std::min(s.steps, written + s.memory_size + 1);
    const int64_t column = s.columns - (begin - written) - s.causal, turn = begin * s.layers;
    for (int l = first_layer; l < last_layer && begin < end; ++l)
      for (int h = 0; h < s.heads; ++h) {
        const int e = s.head_width;
        const Row<T>* at = step(saved, begin) + l * part;
        const Row<T>* scores = work.scores + (turn + l) * score_part + h * s.columns + column;
        const Row<T>* weights = at + attention + h * s.columns + column;  // one step later the slot is one older
        mix(scores, s.layers * score_part - 1, at + queries + h * e, record, end - begin, out + h * e, e);
        mix(weights, record - 1, work.reads + (turn + l) * inner + h * e, s.layers * inner, end - begin,
            out + inner + h * e, e);
      }
  }

  void add_weight_gradients(const Row<T>* now, const Row<T>* chunk, int steps, T* of_flat) const {
    const int64_t stride = s.layers * chunk_part;
    for (int l = 0; l < s.layers; ++l, chunk += chunk_part, now += part) {
      layers[l].inputs.add_gradient(chunk + of_inputs, stride, now + normed, record, steps, of_flat);
      layers[l].output.add_gradient(chunk + of_output, stride, now + read, record, steps, of_flat);
      layers[l].widen.add_gradient(chunk + of_wide, stride, now + normed_again, record, steps, of_flat);
      layers[l].narrow.add_gradient(chunk + of_narrow, stride, chunk + product_of_gate, stride, steps, of_flat);
    }
  }
};

template <class T>
void forward(const Sizes& s, const T* flat, const T* embedded, const T* keys, const T* values, const T* bias,
             const T* shares, T* tops, T* keys_out, T* values_out, T* saved) {
  const Group<T> group(s, flat);
  Row<T>* rows = reinterpret_cast<Row<T>*>(saved);
  for (int64_t first = 0; first < s.batch; first += Row<T>::LANES, rows += s.keep ? group.size : 0)
    group.forward(first, embedded, keys, values, bias, shares, tops, keys_out, values_out, rows);
}

template <class T>
void backward(const Sizes& s, const T* flat, const T* shares, const T* saved, const T* of_tops, const T* of_keys_out,
              const T* of_values_out, T* of_flat, T* of_embedded, T* of_keys, T* of_values, T* of_bias, T* of_shares) {
  const Group<T> group(s, flat);
  const std::unique_ptr<Row<T>[]> room(new Row<T>[typename Group<T>::Work(group, nullptr).end - (Row<T>*)nullptr]);
  const typename Group<T>::Work work(group, room.get());
  const Row<T>* rows = reinterpret_cast<const Row<T>*>(saved);
  for (int64_t first = 0; first < s.batch; first += Row<T>::LANES, rows += group.size)
    group.backward(first, rows, shares, of_tops, of_keys_out, of_values_out, of_flat, of_embedded, of_keys, of_values,
                   of_bias, of_shares, work);
}

// How many numbers `saved` holds.
template <class T>
int64_t saved_size(const Sizes& s) {
  const int64_t groups = (s.batch + Row<T>::LANES - 1) / Row<T>::LANES;
  return (Group<T>(s).size * (s.keep ? groups : 1) + BLOCK) * Row<T>::LANES;
}

}  // namespace

#define FUNCTIONS(T, NAME)                                                                                           \
  extern "C" int64_t saved_size_##NAME(const Sizes* s) { return saved_size<T>(*s); }                                 \
  extern "C" void forward_##NAME(const Sizes* s, const T* flat, const T* embedded, const T* keys, const T* values,   \
                                 const T* bias, const T* shares, T* tops, T* keys_out, T* values_out, T* saved) {    \
    forward<T>(*s, flat, embedded, keys, values, bias, shares, tops, keys_out, values_out, saved);                   \
  }                                                                                                                  \
  extern "C" void backward_##NAME(const Sizes* s, const T* flat, const T* shares, const T* saved, const T* of_tops,  \
                                  const T* of_keys_out, const T* of_values_out, T* of_flat, T* of_embedded,          \
                                  T* of_keys, T* of_values, T* of_bias, T* of_shares) {                              \
    backward<T>(*s, flat, shares, saved, of_tops, of_keys_out, of_values_out, of_flat, of_embedded, of_keys,         \
                of_values, of_bias, of_shares);                                                                      \
  }
FUNCTIONS(float, float32)
FUNCTIONS(double, float64)
